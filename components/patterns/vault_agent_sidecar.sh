#!/bin/sh
# VaultAgentSidecar: runs `vault agent`, publishes what it renders, and notifies the app of changes.
#
# Arguments: the command that notifies the app; none if nothing is to be notified.
# Environment, besides that of vault.sh and reload.sh:
#   MOUNT_PATH      where the app finds them, for messages
#   DIRECTORY_MODE  mode of their directory
#   ONCE            not empty: exit when the files are there
#   REVOKE          not empty: revoke the token at the end
# Files, below the working directory:
#   config/agent.json  configuration of the agent, which renders into home/rendered
#   secrets            what the app sees: links to files in the directory that the link ..data names
# Programs, besides those of vault.sh and reload.sh: ln, mkdir, mktemp, mv, readlink, rm, sha256sum.
#
# At the start a login outside the agent says in one line what is wrong. Once there are files, the agent waits for Vault as long as it
# takes. What it renders is private until it is complete. Then all files of the app change at once, by one link that is renamed, as the
# kubelet does it.

# shellcheck source-path=SCRIPTDIR source=shared/vault.sh
. config/vault.sh
# shellcheck source-path=SCRIPTDIR source=shared/reload.sh
. config/reload.sh

agent=''
revoke() {
  timeout 5 vault token revoke -self >home/revoke 2>&1
}

finish() {
  status=$?
  trap '' TERM INT
  # SIGKILL, because on SIGTERM it would wait for the server first
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

# Checksums of the files in a directory.
sums() {
  # shellcheck disable=SC2086 # names of files, without spaces
  (cd "$1" && sha256sum $FILES) 2>/dev/null
}

# Puts what the agent has rendered in place of the app's files, unless they are the same.
publish() {
  old=$(readlink secrets/..data)
  new=$(mktemp -d secrets/..set-XXXXXX) || return 1
  if ! unpack "$new"; then
    rm -rf "$new"
    return 1
  fi
  if [ "$old" ] && [ "$(sums "$new")" = "$(sums secrets/..data)" ]; then
    rm -rf "$new"
    return
  fi
  for file in $FILES; do
    [ -L "secrets/$file" ] || ln -s "..data/$file" "secrets/$file"
  done
  chmod "$DIRECTORY_MODE" "$new"
  rm -f secrets/..next
  ln -s "${new##*/}" secrets/..next
  mv -T secrets/..next secrets/..data
  stale=$old
  [ -z "$old" ] || [ "$TELLS" ] || echo "the files have changed"
}

trouble() {
  if said 'error authenticating'; then
    cause=$(sed -n -e 's/^ *| \* //p' -e 's/.*error authenticating: error="[A-Z][a-z]* [^ ]*: \(.*\)" backoff.*/\1/p' home/agent | shown)
    echo "Vault at $VAULT_ADDR does not accept the login of $as: ${cause:-no reason given}"
  elif said 'invalid token'; then
    echo "the token of $as ended before its TTL; the agent is logging in again"
  else
    why
  fi
}

first=1
[ "$ONCE" ] || [ ! -e secrets/..data ] || first=''
if [ "$first" ]; then
  login
  revoke
  rm -f home/.vault-token
fi
TELLS=${1:+1} known='' stale='' reported='' reported_at=0
while :; do
  if [ -z "$agent" ] || ! kill -0 "$agent" 2>/dev/null; then
    if [ "$agent" ]; then
      [ -z "$first" ] || fail "$(trouble)"
      echo "the agent exited; restarting it; the files are unchanged" >&2
      sleep 5
    fi
    : >home/agent
    vault agent -config=config/agent.json -log-level=warn >>home/agent 2>&1 &
    agent=$!
  fi
  # by then, an app that was following the old link has found its file
  sleep 1
  [ -z "$stale" ] || rm -rf "secrets/$stale"
  stale=''
  if all_rendered; then
    # what is rendered from here on is another version
    version=$(rendered | sha256sum)
    if [ "$version" = "$known" ]; then
      :
    elif publish; then
      known=$version
    elif [ "$first" ]; then
      fail "the files could not be written; raise size_limit"
    elif [ "$reported" != size ]; then
      reported=size
      echo "the changed files could not be written; raise size_limit" >&2
    fi
    if [ "$first" ]; then
      first='' SLOW=''
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
      echo "$line; the files are unchanged" >&2
    fi
    : >home/agent
  fi
done
