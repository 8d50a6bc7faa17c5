#!/bin/sh
# Ends when the cache answers.
set -u
until redis-cli -h "$CACHE_HOST" -p "$CACHE_PORT" ping 2>/dev/null | grep -q PONG; do
  echo "waiting for $CACHE_HOST:$CACHE_PORT"
  sleep 1
done
