
begun=$(date +%s)
timeout -k 10 "$MIGRATION_TIMEOUT_SECONDS" "$@" 3>&- 4<&- &
child=$!
wait $child 2>/dev/null # where a shell says that its child was killed
status=$?
took=$(since $begun)
if [ $took -ge "$MIGRATION_TIMEOUT_SECONDS" ] && [ $status -ne 0 ]; then
  echo "the migration was stopped after $MIGRATION_TIMEOUT_SECONDS s; raise timeout_seconds" >&2
  exit 124
elif [ $status -ne 0 ]; then
  echo "the migration failed with exit code $status after $took s" >&2
  exit $status
fi
