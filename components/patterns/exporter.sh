trap 'kill $!; exit 0' TERM
begun=$(date +%s)
while :; do
  "$@" &
  wait $!
  status=$?
  [ $(($(date +%s) - begun)) -ge 10 ] || exit $status
  echo "$1 ended with $status; starting it again" >&2
  sleep 5 &
  wait $!
done
