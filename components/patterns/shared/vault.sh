#!/bin/sh
# A library of VaultInit and VaultAgentSidecar: logs in to Vault, unpacks what the agent has rendered, and says in one line why something
# failed.
#
# Environment:
#   COMPONENT        name of the component, for messages
#   VAULT_ADDR       URL of Vault, and the other VAULT_* variables of the vault program
#   AUTH_MOUNT       mount of the Kubernetes auth method, below auth/
#   ROLE             role to log in with
#   TIMEOUT_SECONDS  seconds from the start to the first files
#   FILES            names of the files, separated by spaces
# Files, below the working directory:
#   identity/token     the pod's service account token
#   home/.vault-token  Vault's token after `login`; the vault program reads it there, so it is in no environment and no argument
#   home/rendered      what the agent renders: for each request to Vault a file read-N, which changes by one rename, so that all that is made
#                      of one answer belongs together. It has a line for each file of the app: mode, name, and the content in base64
#   home/agent         log of the agent. It is never printed, because an error in a template may quote the secret
# Programs: base64, cat, chmod, cut, date, grep, head, od, sed, sleep, tail, timeout, tr, vault, wc.

set -u
umask 077
HOME=$PWD/home
export HOME
end=$(($(date +%s) + TIMEOUT_SECONDS))
as="role '$ROLE' at auth/$AUTH_MOUNT"
SLOW=', or raise timeout_seconds'

left() {
  seconds=$((end - $(date +%s)))
  echo $((seconds > 0 ? seconds : 1)) # `timeout 0` would never end
}

fail() {
  echo "$1" >&2
  exit 1
}

# One line of text, without what a server may have echoed of the pod's identity.
shown() {
  head -n 1 | tr -cd ' -~' | sed -E 's/(eyJ|hv[sbr]\.)[A-Za-z0-9._-]*/***/g' | cut -c 1-300
}

# Why the last login failed.
reason() {
  sed -n -e 's/^\* //p' -e 's/^Error .*": //p' -e 's/^Error [a-z ]*client: //p' home/login | shown
}

# Leaves a token in home/.vault-token, or fails with one line within TIMEOUT_SECONDS.
login() {
  pause=1
  until VAULT_MAX_RETRIES=0 VAULT_CLIENT_TIMEOUT=10s timeout "$(left)" \
    vault write -field=token "auth/$AUTH_MOUNT/login" "role=$ROLE" jwt=@identity/token >home/.vault-token 2>home/login; do
    code=$(sed -n 's/^Code: \([0-9]*\)\..*/\1/p' home/login | head -n 1)
    why=$(reason)
    case $code:$why in
      :*x509:* | :*'HTTP response to HTTPS'* | :*' tls: '* | :'tls: '*)
        fail "Vault at $VAULT_ADDR could not be verified: $why; \
set address, ca_pem (or ca_secret, ca_config_map) and tls_server_name to fit its certificate" ;;
      :*)
        if [ -s home/login ] && ! grep -q '": ' home/login; then
          fail "the vault program failed: ${why:-$(head -n 1 home/login)}; check the arguments of $COMPONENT and its image"
        fi
        problem="cannot be reached: ${why:-no answer in time}; check address, DNS and network policies" ;;
      503:*sealed*) problem="is sealed; unseal it" ;;
      412:* | 429:* | 5??:*) problem="answered the login with $code: ${why:-no reason given}; see its log" ;;
      *)
        fail "Vault at $VAULT_ADDR rejected the login of $as with $code: ${why:-no reason given}; \
check that the role exists, and allows this pod's service account, namespace and audience" ;;
    esac
    # between half the pause and all of it, so that pods that failed together do not come back together
    wait=$((pause * (500 + 2 * $(od -An -N1 -tu1 /dev/urandom))))
    if [ $(($(date +%s) + wait / 1000)) -ge "$end" ]; then
      fail "Vault at $VAULT_ADDR $problem (tried for $TIMEOUT_SECONDS s)"
    fi
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
    pause=$((pause < 8 ? pause * 2 : 8))
  done
}

# Everything that the agent has rendered.
rendered() { cat home/rendered/read-* 2>/dev/null; }

# Whether that is every file. `vault agent` may exit with 0 and have rendered nothing.
all_rendered() { [ "$(rendered | wc -l)" -eq "$(echo "$FILES" | wc -w)" ]; }

# Writes the files into a directory.
unpack() {
  rendered | while read -r mode file content; do
    # cat, because BusyBox' base64 exits with 0 where there is no room
    if ! { printf %s "$content" | base64 -d | cat >"$1/$file" && chmod "$mode" "$1/$file"; } 2>/dev/null; then exit 1; fi
  done
}

# Whether the agent's log has a line that matches.
said() { grep -q -E -e "$1" home/agent; }

# Why the agent could not render the files.
why() {
  # of the last request that failed; warnings of Vault name a path as well
  path=$(sed -n 's/.*(view) vault\.[a-z]*(\([A-Za-z0-9_.@+=/-]*\).*/\1/p' home/agent | tail -n 1)
  request=read capability=read
  if grep '(view) vault\.' home/agent | tail -n 1 | grep -q '(view) vault\.write('; then request=write capability=update; fi
  missing=$(sed -n 's/.*calling sprig_fail: \(no field [A-Za-z0-9_.@+ -]* in [A-Za-z0-9_.@+=/-]*\).*/\1/p' home/agent | tail -n 1)
  key=$(sed -n 's/.*map has no entry for key \\*"\([A-Za-z0-9_.@+-]*\).*/\1/p' home/agent | tail -n 1)
  leased=$(sed -n 's/.*calling sprig_fail: leased at \([A-Za-z0-9_.@+=/-]*\) .*/\1/p' home/agent | tail -n 1)
  # the answer's own line: nothing of a template
  rejected=$(sed -n '/^Code: 4[0-9][0-9]\. Errors:$/{n;n;s/^\* //p;}' home/agent | tail -n 1 | sed 's/ ([a-z ]* retr.*//' | shown)
  name=$(sed -n 's/.*calling sprig_fail: no variable name: field \([A-Za-z0-9_.@+-]*\)\..*/\1/p' home/agent | tail -n 1)
  if [ "$missing" ]; then
    echo "Vault at $VAULT_ADDR has $missing; check field and kv_version"
  elif [ "$key" ]; then
    echo "Vault at $VAULT_ADDR has no field $key, which a template needs; check the template and kv_version"
  elif said 'no variable name: field'; then
    echo "field ${name:-(not shown)} is not a valid name of a shell variable; use format='json', or field= for each"
  elif [ "$leased" ]; then
    echo "Vault at $VAULT_ADDR leases what it gives at $leased, and the lease ends with the token of $COMPONENT, before the app starts; \
use VaultAgentSidecar$(case $leased in */issue/*) echo ', or set generate_lease=false on the role' ;; esac)"
  elif said 'no secret exists at'; then
    echo "Vault at $VAULT_ADDR has no secret at $path; check mount, path and kv_version"
  elif said 'Code: 403' && [ "$path" ]; then
    echo "Vault at $VAULT_ADDR does not let $as $request $path: permission denied; give its policy the $capability capability on that path"
  elif said 'Code: 403'; then
    echo "Vault at $VAULT_ADDR does not let the token of $as look itself up; give it Vault's default policy"
  elif said 'is sealed'; then
    echo "Vault at $VAULT_ADDR is sealed; unseal it"
  elif [ "$rejected" ]; then
    echo "Vault at $VAULT_ADDR rejected the $request of ${path:-a secret}: $rejected; check mount, role or path, and what the role allows"
  elif said 'Code: 5|dial tcp|connection re|EOF|Timeout|deadline exceeded' || ! said '\[ERROR\]'; then
    echo "Vault at $VAULT_ADDR stopped answering while reading ${path:-a secret}; see its log$SLOW"
  else
    echo "the files could not be rendered from Vault at $VAULT_ADDR; \
check the templates (the reason is not shown here, because it may quote a secret)"
  fi
}
