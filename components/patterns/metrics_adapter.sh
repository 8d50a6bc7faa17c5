#!/bin/sh
# MetricsAdapter: runs an exporter, and restarts it inside its container when it exits.
#
# Arguments: the exporter's program and its arguments.
# Programs: date, sleep.
#
# A pod is not ready while one of its containers is not running, so a crash must not end the container. An exporter that exits within ten
# seconds of the container's start has never worked, perhaps because of a wrong argument. Then the container ends too: the kubelet
# restarts it, and the rollout stops.

trap 'kill $!; exit 0' TERM
begun=$(date +%s)
while :; do
  "$@" &
  wait $!
  status=$?
  [ $(($(date +%s) - begun)) -ge 10 ] || exit $status
  echo "$1 exited with status $status; restarting it" >&2
  sleep 5 &
  wait $!
done
