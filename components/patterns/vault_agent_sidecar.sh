
agent=
revoke() {
  timeout 5 vault token revoke -self >home/revoke 2>&1
}

finish() {
  status=$?
  trap '' TERM INT
  # told to stop, it would wait for the server first
  [ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null
  [ -z "$REVOKE" ] || [ ! -s home/.vault-token ] || revoke
  rm -rf home/rendered home/.vault-token home/login home/agent home/revoke
  exit "$status"
}

rm -rf home/rendered home/.vault-token
mkdir home/rendered
for stale in secrets/..set-*; do
  [ "${stale##*/}" = "$(readlink secrets/..data)" ] || rm -rf "$stale"
done
trap finish EXIT
trap 'exit 0' TERM INT

# false unless every file is there
sums() {
  (cd "$1" && sha256sum $FILES) 2>/dev/null
}

publish() {
  old=$(readlink secrets/..data)
  new=$(mktemp -d secrets/..set-XXXXXX) || return 1
  for file in $FILES; do
    if ! cp -p "home/rendered/$file" "$new/" 2>/dev/null; then
      rm -rf "$new"
      return 1
    fi
    [ -L "secrets/$file" ] || ln -s "..data/$file" "secrets/$file"
  done
  chmod "$DIRECTORY_MODE" "$new"
  rm -f secrets/..next
  ln -s "${new##*/}" secrets/..next
  mv -T secrets/..next secrets/..data
  if [ "$old" ]; then
    # an app that is just on its way through the old link still finds its file
    sleep 1
    rm -rf "secrets/$old"
  fi
}

trouble() {
  if said 'error authenticating'; then
    cause=$(sed -n -e 's/^ *| \* //p' -e 's/.*error authenticating: error="[A-Z][a-z]* [^ ]*: \(.*\)" backoff.*/\1/p' home/agent | shown)
    echo "Vault at $VAULT_ADDR does not log $as in: ${cause:-no reason given}"
  elif said 'invalid token'; then
    echo "the token of $as has ended before its time; the agent logs in again"
  else
    why
  fi
}

first=1
[ "$ONCE" ] || [ ! -e secrets/..data ] || first=
if [ "$first" ]; then
  login
  revoke
  rm -f home/.vault-token
fi
known=$(sums secrets/..data) seen= reported= reported_at=0
while :; do
  if [ -z "$agent" ] || ! kill -0 "$agent" 2>/dev/null; then
    if [ "$agent" ]; then
      [ -z "$first" ] || fail "$(trouble)"
      echo "the agent has ended; it is started again, and the files stay as they are" >&2
      sleep 5
    fi
    : >home/agent
    vault agent -config=config/agent.json -log-level=warn >>home/agent 2>&1 &
    agent=$!
  fi
  sleep 1
  if now=$(sums home/rendered); then
    # settled: files of one secret are rendered one after the other
    if [ "$now" != "$known" ] && { [ "$first" ] || [ "$now" = "$seen" ]; }; then
      if publish; then
        known=$now
        [ "$first" ] || [ $# -gt 0 ] || echo "the files have changed"
      elif [ "$first" ]; then
        fail "the files could not be written; raise size_limit"
      elif [ "$reported" != size ]; then
        reported=size
        echo "the changed files could not be written; raise size_limit" >&2
      fi
    fi
    seen=$now
    if [ "$first" ]; then
      first= SLOW=
      readlink secrets/..data >"$TOLD"
      echo "wrote$(for file in $FILES; do printf ' %s' "$MOUNT_PATH/$file"; done)"
      [ -z "$ONCE" ] || exit 0
    fi
  elif [ "$first" ]; then
    if [ "$(date +%s)" -ge "$end" ] || said 'retry attempt 4 |template server error'; then fail "$(trouble)"; fi
  fi
  [ "$first" ] || [ $# -eq 0 ] || inform "$(readlink secrets/..data)" "$@"
  if [ -z "$first" ] && said '\[ERROR\]|retry attempt'; then
    sleep 1 # the entry may be half written
    line=$(trouble)
    if [ "$line" != "$reported" ] || [ $(($(date +%s) - reported_at)) -ge 300 ]; then
      reported=$line reported_at=$(date +%s)
      echo "$line; the files stay as they are" >&2
    fi
    : >home/agent
  fi
done
