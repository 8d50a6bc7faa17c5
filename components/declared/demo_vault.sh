#!/bin/sh
# DemoVault: configures a Vault in dev mode with one role and one secret, whenever it has started.
#
# Environment:
#   VAULT_ADDR       URL of the server
#   ROLE             role at auth/kubernetes; also the name of its policy
#   SERVICE_ACCOUNT  service account that may take the role
#   NAMESPACE        its namespace
#   AUDIENCE         audience of its token
#   SECRET_PATH      path of the secret
# Programs: grep, od, rm, sleep, tr, vault.
#
# A dev server writes a new root token into its home whenever it starts, before it listens; it has forgotten everything by then. The
# token, which is in the server's log too, is revoked as soon as everything is configured.

set -u
HOME=$PWD/home
export HOME
trap 'exit 0' TERM INT

configure() {
  { vault auth list | grep -q '^kubernetes/' || vault auth enable kubernetes; } &&
    vault write auth/kubernetes/config "kubernetes_host=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT" &&
    printf 'path "secret/data/%s" { capabilities = ["read"] }' "$SECRET_PATH" | vault policy write "$ROLE" - &&
    vault write "auth/kubernetes/role/$ROLE" "bound_service_account_names=$SERVICE_ACCOUNT" \
      "bound_service_account_namespaces=$NAMESPACE" "audience=$AUDIENCE" "token_policies=$ROLE" token_ttl=5m &&
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | vault kv put "secret/$SECRET_PATH" username=demo password=- &&
    vault token revoke -self && : >home/.configured && rm home/.vault-token
}

while :; do
  if [ -s home/.vault-token ] && configure >/dev/null; then
    echo "configured: role $ROLE may read secret/$SECRET_PATH"
  fi
  sleep 1 &
  wait $!
done
