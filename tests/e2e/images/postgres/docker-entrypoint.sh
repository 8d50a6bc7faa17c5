#!/bin/sh
set -e
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  # as in the public image: the superuser's password comes from the environment, and the network has to show it
  umask 077
  printf %s "${POSTGRES_PASSWORD:?}" >/tmp/password
  initdb -U postgres --pwfile=/tmp/password --auth=scram-sha-256 --locale=C --encoding=UTF8
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  set -- "$@" -c 'listen_addresses=*'
fi
exec "$@"
