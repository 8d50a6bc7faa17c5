#!/bin/sh
# MigrationInit: runs a database migration, under an advisory lock of PostgreSQL if asked to. Its exit code is the migration's.
#
# Arguments: the migration's program and its arguments.
# Environment:
#   MIGRATION_TIMEOUT_SECONDS  seconds the migration may take
#   MIGRATION_LOCK             `postgresql`, or `none`; the others are for `postgresql` only
#   MIGRATION_DATABASE         host:port of the database
#   MIGRATION_WAIT_SECONDS     seconds to wait for the database
#   MIGRATION_LOCK_NAME        name of the lock, for messages
#   MIGRATION_LOCK_KEY         number of the lock, a bigint
#   MIGRATION_LOCK_SECONDS     seconds to wait for the lock
#   MIGRATION_SKIP_IF          SQL for one boolean; the migration is not run if it is true. May be empty
# Programs: date, timeout with -k; for the lock also grep, mkfifo, mktemp, psql 11 or later, sed, tail.
#
# The migration is a child of this shell, which passes SIGTERM on.
#
# The lock belongs to a session of psql that stays open beside the migration. When the session ends, for whatever reason, the server
# releases the lock; keep-alives detect a crashed node within a minute. The lock is polled: a statement that waits in the server holds a
# snapshot, and CREATE INDEX CONCURRENTLY in the migration would wait for that snapshot for ever.

set -u
umask 077

fail() {
  echo "$1" >&2
  exit 1
}

since() { echo $(($(date +%s) - $1)); }

child=''
stop() {
  [ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child"; }
  exit 143
}

# --- the lock

session() { PGCONNECT_TIMEOUT=5 PGAPPNAME="migration of $MIGRATION_LOCK_NAME" psql "$@"; }

# The last line that psql wrote into a file.
said() { sed -e 's/^psql: //' -e 's/^error: //' "$1" | grep . | tail -n 1; }

# Sends SQL to the session and reads one line into `reply`. The subshell dies of SIGPIPE in place of this shell if psql has exited.
ask() { (printf '%s\n' "$1" >&3) && IFS= read -r reply <&4; }

lost() { fail "the session that holds lock '$MIGRATION_LOCK_NAME' at $MIGRATION_DATABASE was lost $1: $(said "$tmp/psql")"; }

wait_for_database() {
  begun=$(date +%s)
  until session -XqAtc 'select 1' >/dev/null 2>"$tmp/wait"; do
    if [ $(($(since "$begun") + 2)) -ge "$MIGRATION_WAIT_SECONDS" ]; then
      fail "database $MIGRATION_DATABASE cannot be used after $(since "$begun") s: $(said "$tmp/wait")"
    fi
    sleep 2
  done
}

take_lock() {
  mkfifo "$tmp/ask" "$tmp/answer"
  session -XqAt -v ON_ERROR_STOP=1 <"$tmp/ask" >"$tmp/answer" 2>"$tmp/psql" &
  exec 3>"$tmp/ask" 4<"$tmp/answer"
  ask "
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3;
select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout' \\g /dev/null
select pg_try_advisory_lock($MIGRATION_LOCK_KEY);" || lost 'before it got the lock'
  begun=$(date +%s)
  [ "$reply" = t ] || echo "another pod holds lock '$MIGRATION_LOCK_NAME'; waiting for it"
  while [ "$reply" != t ]; do
    if [ "$(since "$begun")" -ge "$MIGRATION_LOCK_SECONDS" ]; then
      fail "another pod still holds lock '$MIGRATION_LOCK_NAME' at $MIGRATION_DATABASE after $MIGRATION_LOCK_SECONDS s"
    fi
    sleep 1
    ask "select pg_try_advisory_lock($MIGRATION_LOCK_KEY);" || lost 'before it got the lock'
  done
}

# Ends the script if MIGRATION_SKIP_IF is true.
skip_if_done() {
  [ "$MIGRATION_SKIP_IF" ] || return 0
  # without ON_ERROR_STOP, because the first migration may create the table that the query reads
  ask "
\\set ON_ERROR_STOP off
select case when ($MIGRATION_SKIP_IF
) then 'skip' else 'run' end;
\\echo :SQLSTATE
\\set ON_ERROR_STOP on" || lost 'before the migration'
  case $reply in
    skip)
      echo "nothing to do: skip_if is true"
      exit 0
      ;;
    run) read -r reply <&4 ;;
    42P01 | 3F000) ;; # undefined table or schema
    *) fail "skip_if failed: $(said "$tmp/psql")" ;;
  esac
}

# A pooler that gives every statement another session is found out here.
release_lock() {
  if ! ask "select pg_advisory_unlock($MIGRATION_LOCK_KEY);" || [ "$reply" != t ]; then
    lost 'while the migration ran; it will be run again'
  fi
}

# --- the migration

trap stop TERM INT
timeout -k 1 1 true 2>/dev/null || fail "the image has no timeout with -k (GNU, or BusyBox 1.34 and later); use another image"

if [ "$MIGRATION_LOCK" = postgresql ]; then
  command -v psql >/dev/null || fail "lock='postgresql' needs psql in the image; add the PostgreSQL client to it, or set lock='none'"
  host=${MIGRATION_DATABASE%:*} host=${host#[} host=${host%]}
  export PGHOST="${PGHOST:-$host}" PGPORT="${PGPORT:-${MIGRATION_DATABASE##*:}}"
  tmp=$(mktemp -d)
  wait_for_database
  take_lock
  skip_if_done
fi

begun=$(date +%s)
timeout -k 10 "$MIGRATION_TIMEOUT_SECONDS" "$@" 3>&- 4<&- &
child=$!
wait "$child" 2>/dev/null # some shells say here that a signal killed their child
status=$?
took=$(since "$begun")
# GNU's timeout exits with 124, that of BusyBox with the migration's own code: only the time that it took tells
if [ "$took" -ge "$MIGRATION_TIMEOUT_SECONDS" ] && [ "$status" -ne 0 ]; then
  echo "the migration was stopped after $MIGRATION_TIMEOUT_SECONDS s; raise timeout_seconds" >&2
  exit 124
elif [ "$status" -ne 0 ]; then
  echo "the migration failed with exit code $status after $took s" >&2
  exit "$status"
fi

[ "$MIGRATION_LOCK" != postgresql ] || release_lock
echo "migrated in $took s"
