
command -v psql >/dev/null || fail "lock='postgresql' needs psql in the image; add the PostgreSQL client to it, or set lock='none'"
host=${MIGRATION_DATABASE%:*} host=${host#[} host=${host%]}
export PGHOST="${PGHOST:-$host}" PGPORT="${PGPORT:-${MIGRATION_DATABASE##*:}}"
tmp=$(mktemp -d)
session() { PGCONNECT_TIMEOUT=5 PGAPPNAME="migration of $MIGRATION_LOCK_NAME" psql "$@"; }
said() { sed -e 's/^psql: //' -e 's/^error: //' "$1" | grep . | tail -n 1; }
begun=$(date +%s)
until session -XqAtc 'select 1' >/dev/null 2>"$tmp/wait"; do
  if [ $(($(since $begun) + 2)) -ge "$MIGRATION_WAIT_SECONDS" ]; then
    fail "database $MIGRATION_DATABASE cannot be used after $(since $begun) s: $(said "$tmp/wait")"
  fi
  sleep 2
done

mkfifo "$tmp/ask" "$tmp/answer"
session -XqAt -v ON_ERROR_STOP=1 <"$tmp/ask" >"$tmp/answer" 2>"$tmp/psql" &
exec 3>"$tmp/ask" 4<"$tmp/answer"
# in a process of its own, which is killed in place of this one if psql is gone
ask() { (printf '%s\n' "$1" >&3) && IFS= read -r reply <&4; }
lost() { fail "the session that holds lock '$MIGRATION_LOCK_NAME' at $MIGRATION_DATABASE was lost $1: $(said "$tmp/psql")"; }

ask "
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3;
select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout' \\g /dev/null
select pg_try_advisory_lock($MIGRATION_LOCK_KEY);" || lost 'before it had it'
begun=$(date +%s)
[ "$reply" = t ] || echo "another pod holds lock '$MIGRATION_LOCK_NAME': waiting for it"
while [ "$reply" != t ]; do
  if [ "$(since $begun)" -ge "$MIGRATION_LOCK_SECONDS" ]; then
    fail "another pod still holds lock '$MIGRATION_LOCK_NAME' at $MIGRATION_DATABASE after $MIGRATION_LOCK_SECONDS s"
  fi
  sleep 1
  ask "select pg_try_advisory_lock($MIGRATION_LOCK_KEY);" || lost 'before it had it'
done
if [ "$MIGRATION_SKIP_IF" ]; then
  # the first migration makes the table that the query asks
  ask "
\\set ON_ERROR_STOP off
select case when ($MIGRATION_SKIP_IF
) then 'skip' else 'run' end;
\\echo :SQLSTATE
\\set ON_ERROR_STOP on" || lost 'before the migration'
  case $reply in
    skip) echo "nothing to do: skip_if is true"; exit 0 ;;
    run) read -r reply <&4 ;;
    42P01 | 3F000) ;; # undefined table or schema
    *) fail "skip_if cannot be asked: $(said "$tmp/psql")" ;;
  esac
fi
