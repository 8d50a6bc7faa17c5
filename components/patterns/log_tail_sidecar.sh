#!/bin/sh
# LogTailSidecar: prints log files from their first line on, without headings, and follows them when they are renamed.
#
# Arguments: paths of the files; they need not exist yet.
# Environment:
#   MISSING_AFTER_SECONDS  seconds after which a file that does not exist is named; 60 if unset
# Programs: tail, sleep.
#
# What tail says of files that come and go is dropped, because a reader of JSON lines would fail on it.
# The shell is there for SIGTERM, which process 1 ignores unless it has a handler. The app has ended by then: two seconds are enough for a
# tail that looks once a second (BusyBox) to find its last lines. The shell also restarts a tail that crashed: a pod is not ready while
# one of its containers is not running. A tail that cannot be started at all (126, 127) is left to the kubelet to report.

trap 'sleep 2; exit 0' TERM
exec 3>&1

# Prints on stderr what tail says, except for the above, and exits with tail's status.
report() {
  while read -r line; do
    case $line in
      *'No such file or directory' | *' has become inaccessible' | *' has appeared;'* | *' has been replaced;'*) ;;
      'status '*) exit "${line#status }" ;;
      *) printf '%s\n' "$line" >&2 ;;
    esac
  done
}

(
  sleep "${MISSING_AFTER_SECONDS:-60}"
  for file; do [ -e "$file" ] || echo "$file does not exist yet; check files and directory" >&2; done
) &

while :; do
  {
    tail -n +1 -q -F "$@" 2>&1 >&3
    echo "status $?"
  } | report &
  wait $!
  status=$?
  case $status in 126 | 127) exit $status ;; esac
  echo "tail exited with status $status; restarting it" >&2
  sleep 1
done
