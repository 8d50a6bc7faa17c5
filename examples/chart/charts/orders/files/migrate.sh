#!/bin/sh
# Writes the version of the schema into the cache, unless a newer one is there.
set -eu
current=$(redis-cli -h "$CACHE_HOST" -p "$CACHE_PORT" get orders:schema)
if [ "${current:-0}" -le "$SCHEMA_VERSION" ]; then
  redis-cli -h "$CACHE_HOST" -p "$CACHE_PORT" set orders:schema "$SCHEMA_VERSION"
fi
