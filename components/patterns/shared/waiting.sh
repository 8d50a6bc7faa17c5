
set -u
trap 'exit 143' TERM INT
begun=$(date +%s)
end=$((begun + TIMEOUT_SECONDS))
since() { echo $(($(date +%s) - begun)); }

# there KIND TARGET: whether it is; `why` tells why not
there() {
  limit=$((end - $(date +%s)))
  limit=$((limit < 1 ? 1 : limit > 5 ? 5 : limit))
  case $1 in
    tcp)
      host=${2%:*} host=${host#[} host=${host%]}
      why=$(timeout "$limit" nc -w "$limit" "$host" "${2##*:}" -e true 2>&1) ;;
    http) case $2 in
      # --globoff: [::1] is an address
      https:*) why=$(curl -sS --fail --insecure --location --globoff --max-time "$limit" --output /dev/null "$2" 2>&1) ;;
      *) why=$(timeout "$limit" wget -q --spider "$2" 2>&1) ;;
    esac ;;
    dns)
      why=$(timeout "$limit" ping -c 1 -w 1 "$2" 2>&1)
      case $?:$why in 124:* | 143:* | *'bad address'*) false ;; esac ;;
  esac
  status=$?
  why=$(echo "$why" | tail -n 1 | tr -cd ' -~' | cut -c 1-200)
  why=${why#*: } why=${why#*: } # less "nc: can't connect to remote host (10.0.0.1): "
  return $status
}

while :; do
  missing=''
  for target; do
    shift
    if there ${target%% *} "${target#* }"; then
      echo "$target: there after $(since) s"
    else
      missing="$missing${missing:+, }$target (${why:-no answer in time})"
      set -- "$@" "$target"
    fi
  done
  [ $# -gt 0 ] || exit 0
  if [ $(($(date +%s) + INTERVAL_SECONDS)) -ge "$end" ]; then
    echo "still missing after $(since) s: $missing" >&2
    exit 1
  fi
  sleep "$INTERVAL_SECONDS"
done
