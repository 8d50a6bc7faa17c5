
finish() {
  status=$?
  trap '' TERM INT
  if [ -s home/.vault-token ] && ! timeout 15 vault token revoke -self >home/revoke 2>&1; then
    [ "$status" -ne 0 ] || echo "the token of $as could not be revoked; it ends with its TTL" >&2
  fi
  rm -rf secrets/new home/.vault-token home/login home/agent home/revoke
  exit "$status"
}

rm -rf secrets/new home/.vault-token
trap finish EXIT
trap 'exit 143' TERM INT

login

# `vault agent` may end with 0 and have rendered nothing
rendered() {
  for file in $FILES; do [ -f "secrets/new/$file" ] || return 1; done
}

mkdir secrets/new
# told to stop, it would wait for the server first
if ! timeout -s KILL "$(left)" vault agent -config=config/agent.json -log-level=warn >home/agent 2>&1 || ! rendered; then
  fail "$(why)"
fi
chmod "$DIRECTORY_MODE" secrets/new
rm -rf secrets/files
mv secrets/new secrets/files
echo "wrote$(for file in $FILES; do printf ' %s' "$MOUNT_PATH/$file"; done)"
