
due=0 pause=1

# $1: the version of the files that is there; the rest: the command that tells the app. The file TOLD has the version it knows.
inform() {
  [ "$1" != "$(cat "$TOLD")" ] && [ "$(date +%s)" -ge "$due" ] || return 0
  version=$1
  shift
  if said=$(timeout "$RELOAD_TIMEOUT_SECONDS" "$@" 2>&1 </dev/null); then
    echo "$version" >"$TOLD.new"
    mv "$TOLD.new" "$TOLD"
    due=0 pause=1
    echo "the files have changed, and the app was told"
  else
    status=$?
    if [ "$pause" -eq 1 ]; then
      said=$(printf '%s\n' "$said" | tail -n 1 | tr -cd ' -~' | cut -c 1-300)
      echo "the files have changed, but the app could not be told: $1 ended with $status${said:+ ($said)}; it is tried again" >&2
    fi
    due=$(($(date +%s) + pause))
    pause=$((pause < 16 ? pause * 2 : 30))
  fi
}
