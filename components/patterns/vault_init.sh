#!/bin/sh
# VaultInit: logs in to Vault once, lets `vault agent` make every request once, puts the files in place by one rename, and revokes the token,
# whatever happened.
#
# Environment, besides that of vault.sh:
#   MOUNT_PATH      where the app finds them, for messages
#   DIRECTORY_MODE  mode of their directory
# Files, below the working directory:
#   config/agent.json  configuration of the agent, which renders into home/rendered
#   secrets/files      what the app sees
# Programs, besides those of vault.sh: mkdir, mv, rm.

# shellcheck source-path=SCRIPTDIR source=shared/vault.sh
. config/vault.sh

finish() {
  status=$?
  trap '' TERM INT
  if [ -s home/.vault-token ] && ! timeout 15 vault token revoke -self >home/revoke 2>&1; then
    [ "$status" -ne 0 ] || echo "the token of $as could not be revoked; it expires with its TTL" >&2
  fi
  rm -rf secrets/new home/rendered home/.vault-token home/login home/agent home/revoke
  exit "$status"
}

rm -rf secrets/new home/rendered home/.vault-token
trap finish EXIT
trap 'exit 143' TERM INT

login

# SIGKILL, because on SIGTERM it would wait for the server first
if ! timeout -s KILL "$(left)" vault agent -config=config/agent.json -log-level=warn >home/agent 2>&1 || ! all_rendered; then
  fail "$(why)"
fi
mkdir secrets/new
unpack secrets/new || fail "the files could not be written; raise size_limit"
chmod "$DIRECTORY_MODE" secrets/new
rm -rf secrets/files
mv secrets/new secrets/files
echo "wrote$(for file in $FILES; do printf ' %s' "$MOUNT_PATH/$file"; done)"
