#!/bin/sh
# A library of ConfigReloadSidecar and VaultAgentSidecar: notifies the app when its files have changed.
#
# Environment:
#   TOLD                    file that holds the version of the files that the app knows; it exists before the first call of `inform`
#   RELOAD_TIMEOUT_SECONDS  seconds that a notification may take
# Programs: cat, cut, date, mv, tail, timeout, tr; wget for a call to the app.

due=0 pause=1

# The next call of `inform` does not wait for the pause after an earlier failure.
inform_at_once() { due=0 pause=1; }

# inform VERSION COMMAND...: runs the command that notifies the app, unless the app knows the version. A failure is printed once and
# retried by later calls, after pauses that grow to 30 s.
inform() {
  if [ "$1" = "$(cat "$TOLD")" ] || [ "$(date +%s)" -lt "$due" ]; then return 0; fi
  version=$1
  shift
  if said=$(timeout "$RELOAD_TIMEOUT_SECONDS" "$@" 2>&1 </dev/null); then
    echo "$version" >"$TOLD.new"
    mv "$TOLD.new" "$TOLD"
    inform_at_once
    echo "the files have changed; the app was notified"
  else
    status=$?
    if [ "$pause" -eq 1 ]; then
      said=$(printf '%s\n' "$said" | tail -n 1 | tr -cd ' -~' | cut -c 1-300)
      echo "the files have changed, but the app could not be notified: $1 exited with status $status${said:+ ($said)}; retrying" >&2
    fi
    due=$(($(date +%s) + pause))
    pause=$((pause < 16 ? pause * 2 : 30))
  fi
}
