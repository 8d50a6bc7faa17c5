
SLOW=', or raise timeout_seconds'

said() { grep -q -E -e "$1" home/agent; }

why() {
  path=$(sed -n 's/.*vault\.read(\([A-Za-z0-9_.@+=/-]*\)).*/\1/p' home/agent | tail -n 1)
  missing=$(sed -n 's/.*calling sprig_fail: \(no field [A-Za-z0-9_.@+ -]* in [A-Za-z0-9_.@+=/-]*\).*/\1/p' home/agent | tail -n 1)
  key=$(sed -n 's/.*map has no entry for key \\*"\([A-Za-z0-9_.@+-]*\).*/\1/p' home/agent | tail -n 1)
  name=$(sed -n 's/.*calling sprig_fail: no variable name: field \([A-Za-z0-9_.@+-]*\)\..*/\1/p' home/agent | tail -n 1)
  if [ "$missing" ]; then
    echo "Vault at $VAULT_ADDR has $missing; check field and kv_version"
  elif [ "$key" ]; then
    echo "Vault at $VAULT_ADDR has no field $key, which a template needs; check the template and kv_version"
  elif said 'no variable name: field'; then
    echo "field ${name:-(not shown)} is no name of a shell variable; use format='json', or field= for each"
  elif said 'no secret exists at'; then
    echo "Vault at $VAULT_ADDR has no secret at $path; check mount, path and kv_version"
  elif said 'Code: 403' && [ "$path" ]; then
    echo "Vault at $VAULT_ADDR does not let $as read $path: permission denied; give its policy the read capability on that path"
  elif said 'Code: 403'; then
    echo "Vault at $VAULT_ADDR does not let the token of $as look itself up; give it Vault's default policy"
  elif said 'is sealed'; then
    echo "Vault at $VAULT_ADDR is sealed; unseal it"
  elif said 'Code: 5|dial tcp|connection re|EOF|Timeout|deadline exceeded' || ! said '\[ERROR\]'; then
    echo "Vault at $VAULT_ADDR stopped answering while ${path:-a secret} was read; see its log$SLOW"
  else
    echo "the files could not be rendered from Vault at $VAULT_ADDR; \
check the templates (the reason is not shown here, because it may quote a secret)"
  fi
}
