#!/bin/sh
# Runs nginx, and a second one that answers the kubelet. With arguments it reloads the first when the files there have changed; with LISTEN
# that one listens on the pod's own addresses alone, because the app has the same number on 127.0.0.1.
#
# Arguments: directories where Secrets and ConfigMaps are mounted; may be none.
# Environment:
#   CHECKED    NAME:NUMBER for each port of which the kubelet wants to know whether a process listens behind nginx, NUMBER with four
#              hexadecimal digits; may be unset
#   CONFIG     path of the nginx.conf
#   HEALTH     path of the configuration of the one for the kubelet
#   DRAINING   file that makes every answer close its connection; the container's preStop creates it
#   LISTEN     NUMBER:PARAMETERS for each port on the pod's own addresses, PARAMETERS of its listen directive may be none, and end in
#              /http2; may be unset
#   LISTEN_DIRECTORY  where listen-NUMBER.conf is written
#   LISTENING  beginning of the files that say so, with NAME behind it; unless CHECKED is unset
#   MEMORY     KiB that a process may take
#   POD_IPS    the pod's addresses, separated by commas
#   RELOADING  the same as DRAINING while certificates are reloaded. It is another file, so that the end of a reload does not end the draining
# Programs: cat, cksum, grep, nginx, readlink, rm, sed, sleep, touch.
#
# The kubelet swaps the link `..data` when it has written the files of a changed Secret; in other volumes the files themselves change. A worker that is replaced hangs up on its clients,
# also on those that are just sending a request. So clients are first made to open a connection for each request, and still are while the
# old worker may have a connection that it accepted at the last moment.

# -e, because until it has read its configuration nginx logs to a path of its build, which may not be writable
run() { nginx -e stderr -c "$CONFIG" "$@"; }

state() { for directory; do readlink "$directory/..data" || cat "$directory"/* 2>/dev/null | cksum; done; }

# /tmp outlives the container: one that its liveness probe restarted would go on draining
rm -f "$DRAINING" "$RELOADING" ${LISTENING:+"$LISTENING"*} /tmp/*.pid /tmp/*.sock

# nginx 1.25.1 made a directive of a parameter, about which it warns since then
http2=' http2' edits=
case $(nginx -v 2>&1) in
  */1.19.* | */1.2[0-4].* | */1.25.0*) ;;
  *) edits='s/ http2;$/;/; s/# http2 on;/http2 on;/;' http2= ;;
esac
# OpenSSL 3.5 has a key exchange that withstands quantum computers; an earlier one, and another library, rejects its name
case $(nginx -V 2>&1) in
  *'OpenSSL 3.'[5-9].* | *'OpenSSL 3.'[1-9][0-9].* | *'OpenSSL '[4-9].*) edits="$edits s/ssl_ecdh_curve /&X25519MLKEM768:/;" ;;
esac
if [ -n "$edits" ]; then
  sed "$edits" "$CONFIG" >/tmp/nginx.conf
  CONFIG=/tmp/nginx.conf
fi

for port in ${LISTEN:-}; do
  case $port in */http2) parameter=$http2 ;; *) parameter= ;; esac
  number=${port%%:*} parameters=${port#*:}
  parameters=${parameters%/http2}
  IFS=,
  for address in $POD_IPS; do
    case $address in *:*) address="[$address]" ;; esac
    echo "listen $address:$number${parameters:+ $parameters}$parameter;"
  done >"$LISTEN_DIRECTORY/listen-$number.conf"
  unset IFS
done

# what a worker cannot have, it does without, and closes a connection; the kernel would kill it, and with it all of them
# shellcheck disable=SC3045  # dash and busybox have it
ulimit -d "$MEMORY"

# it answers from the moment when the first has its ports; the app waits for that
{
  while [ ! -s /tmp/nginx.pid ]; do sleep 0.1; done
  exec nginx -e stderr -c "$HEALTH"
} &

# The containers of a pod share its network, and so the kernel's list of sockets: local address, remote address, 0A for one that listens.
# An address is as the machine's words lie in memory; in tcp6 an IPv4 one has FFFF in front.
if [ -n "${CHECKED:-}" ]; then
  while :; do
    for port in $CHECKED; do
      if grep -qsE "^ *[0-9]+: (0+|[0F]*(0100007F|7F000001)):${port#*:} 0+:0+ 0A " /proc/net/tcp /proc/net/tcp6; then
        : >"$LISTENING${port%%:*}"
      else
        rm -f "$LISTENING${port%%:*}"
      fi
    done
    sleep 1
  done &
fi

if [ $# -gt 0 ]; then
  known=$(state "$@")
  while sleep 1; do
    now=$(state "$@")
    [ "$now" != "$known" ] || continue
    known=$now
    if run -t -q; then
      touch "$RELOADING"
      # nginx looks for it once a second
      sleep 4
      run -s reload && echo "the mounted files have changed; nginx reloaded them"
      sleep 2
      rm -f "$RELOADING"
    else
      echo "nginx rejected the changed files; it keeps the previous ones" >&2
    fi
  done &
fi
exec nginx -e stderr -c "$CONFIG"
