#!/bin/sh
# WaitForInit and MigrationInit: exits when every target has been available once, or fails with one line that names what is missing.
#
# Arguments: targets, each a kind and what to look for: `tcp HOST:PORT`, `http URL`, `dns NAME`.
# Environment:
#   TIMEOUT_SECONDS   seconds for all of it
#   INTERVAL_SECONDS  seconds between two looks at what is missing
# Programs: those of BusyBox; for https:// also curl.
#
# Not every BusyBox has `nc -z` and `wget -T`, but every one has `nc -e` and `timeout`. A name is resolved by `ping`, because nslookup does
# not search the cluster's domains for a name with a dot in it, as the app will; whether the ping is answered does not matter. https:// needs
# curl, because many servers have no cipher in common with the wget of BusyBox.

set -u
trap 'exit 143' TERM INT
begun=$(date +%s)
end=$((begun + TIMEOUT_SECONDS))
since() { echo $(($(date +%s) - begun)); }

# available KIND TARGET: sets `why` if it is not.
available() {
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
  why=${why#*: } why=${why#*: } # without "nc: can't connect to remote host (10.0.0.1): "
  return $status
}

while :; do
  missing=''
  for target; do
    shift
    if available "${target%% *}" "${target#* }"; then
      echo "$target: available after $(since) s"
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
