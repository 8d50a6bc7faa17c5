trap 'sleep 2; exit 0' TERM
exec 3>&1

told() {
  while read -r line; do
    case $line in
      *'No such file or directory' | *' has become inaccessible' | *' has appeared;'* | *' has been replaced;'*) ;;
      'status '*) exit "${line#status }" ;;
      *) printf '%s\n' "$line" >&2 ;;
    esac
  done
}

(
  sleep 60
  for file; do [ -e "$file" ] || echo "$file is not there yet; check files and directory" >&2; done
) &

while :; do
  {
    tail -n +1 -q -F "$@" 2>&1 >&3
    echo "status $?"
  } | told &
  wait $!
  status=$?
  case $status in 126 | 127) exit $status ;; esac
  echo "tail ended with $status; starting it again" >&2
  sleep 1
done
