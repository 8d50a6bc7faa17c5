#!/bin/sh
# ConfigReloadSidecar: watches the files of a mounted ConfigMap or Secret, and notifies the app when they have changed.
# shared/reload.sh stands in front of it.
#
# Arguments: the command that notifies the app.
# Environment, besides that of reload.sh:
#   WATCHED           directory where the ConfigMap or Secret is mounted
#   DEBOUNCE_SECONDS  seconds without a further change before the app is notified
# Programs, besides those of reload.sh: find, readlink, sha256sum, sort.
#
# The kubelet writes a new set of files into a directory of its own, and then swaps the link `..data`. The set that the app starts with is
# recorded before the app starts, and is not notified. What the app knows outlives this container, so no change is missed while it is down.

trap 'exit 0' TERM INT

# Sets `files` to a checksum of all contents, because a swap may change nothing. Fails while a swap is under way.
link=''
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
    settled=$files since=$(date +%s)
    inform_at_once
  fi
  [ $(($(date +%s) - since)) -lt "$DEBOUNCE_SECONDS" ] || inform "$files" "$@"
done
