
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
trap stop TERM INT
timeout -k 1 1 true 2>/dev/null || fail "the image has no timeout with -k (GNU, or BusyBox 1.34 and later); use another image"
