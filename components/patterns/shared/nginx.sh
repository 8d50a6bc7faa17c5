#!/bin/sh
# TlsAmbassador with `reload`: runs nginx, and lets it reload its certificates when a mounted Secret has changed.
#
# Arguments: directories where the Secrets are mounted.
# Environment:
#   CONFIG     path of the nginx.conf
#   DRAINING   file that makes every answer close its connection; the container's preStop creates it
#   RELOADING  the same while certificates are reloaded. It is another file, so that the end of a reload does not end the draining
# Programs: nginx, readlink, rm, sleep, touch.
#
# The kubelet swaps the link `..data` when it has written the files of a changed Secret. A worker that is replaced hangs up on its clients,
# also on those that are just sending a request. So clients are first made to open a connection for each request, and still are while the
# old worker may have a connection that it accepted at the last moment.

# -e, because until it has read its configuration nginx logs to a path of its build, which may not be writable
run() { nginx -e stderr -c "$CONFIG" "$@"; }

links() { for directory; do readlink "$directory/..data"; done; }

# /tmp outlives the container: one that its liveness probe restarted would go on draining
rm -f "$DRAINING" "$RELOADING"
known=$(links "$@")
while sleep 1; do
  now=$(links "$@")
  [ "$now" != "$known" ] || continue
  known=$now
  if run -t -q; then
    touch "$RELOADING"
    sleep 3
    run -s reload && echo "the certificates have changed; nginx reloaded them"
    sleep 2
    rm -f "$RELOADING"
  else
    echo "nginx rejected the changed certificates; it keeps the previous ones" >&2
  fi
done &
exec nginx -e stderr -c "$CONFIG"
