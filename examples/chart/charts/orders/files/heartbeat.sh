#!/bin/sh
# Calls the app every INTERVAL seconds and prints its status and how long it took.
set -u
trap 'exit 0' TERM
while :; do
  curl --silent --show-error --output /dev/null --max-time 5 --write-out '%{http_code} %{time_total} s\n' "$ORDERS_URL/healthz" || true
  sleep "$INTERVAL" &
  wait $!
done
