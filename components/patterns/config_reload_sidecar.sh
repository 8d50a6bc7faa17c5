
trap 'exit 0' TERM INT

# the files by content: a swap may bring nothing new. False while a swap is under way
link=
look() {
  now=$(readlink "$WATCHED/..data") || return 1
  [ "$now" != "$link" ] || return 0
  sums=$(cd "$WATCHED/$now" && find . -type f -exec sha256sum {} + | sort) || return 1
  link=$now
  files=$(echo "$sums" | sha256sum)
}

until look; do sleep 1; done
[ -s "$TOLD" ] || echo "$files" >"$TOLD"
settled=$files since=0
while :; do
  sleep 1
  look || continue
  if [ "$files" != "$settled" ]; then
    settled=$files since=$(date +%s) due=0 pause=1
  fi
  [ $(($(date +%s) - since)) -lt "$DEBOUNCE_SECONDS" ] || inform "$files" "$@"
done
