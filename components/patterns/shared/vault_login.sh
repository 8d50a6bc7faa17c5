
set -u
umask 077
HOME=$PWD/home
export HOME
end=$(($(date +%s) + TIMEOUT_SECONDS))
as="role '$ROLE' at auth/$AUTH_MOUNT"

left() {
  seconds=$((end - $(date +%s)))
  echo $((seconds > 0 ? seconds : 1)) # timeout 0 would be none
}

fail() {
  echo "$1" >&2
  exit 1
}

# one line of text, without what a server may have echoed of the pod's identity
shown() {
  head -n 1 | tr -cd ' -~' | sed -E 's/(eyJ|hv[sbr]\.)[A-Za-z0-9._-]*/***/g' | cut -c 1-300
}

# why the last login failed
reason() {
  sed -n -e 's/^\* //p' -e 's/^Error .*": //p' -e 's/^Error [a-z ]*client: //p' home/login | shown
}

login() {
  pause=1
  until VAULT_MAX_RETRIES=0 VAULT_CLIENT_TIMEOUT=10s timeout "$(left)" \
    vault write -field=token "auth/$AUTH_MOUNT/login" "role=$ROLE" jwt=@identity/token >home/.vault-token 2>home/login; do
    code=$(sed -n 's/^Code: \([0-9]*\)\..*/\1/p' home/login | head -n 1)
    why=$(reason)
    case $code:$why in
      :*x509:* | :*'HTTP response to HTTPS'* | :*' tls: '* | :'tls: '*)
        fail "Vault at $VAULT_ADDR could not be verified: $why; \
set address, ca (or ca_secret, ca_config_map) and tls_server_name to fit its certificate" ;;
      :*)
        if [ -s home/login ] && ! grep -q '": ' home/login; then
          fail "the vault program failed: ${why:-$(head -n 1 home/login)}; check the arguments of $COMPONENT and its image"
        fi
        problem="cannot be reached: ${why:-no answer in time}; check address, DNS and network policies" ;;
      503:*sealed*) problem="is sealed; unseal it" ;;
      412:* | 429:* | 5??:*) problem="answers the login with $code: ${why:-no reason given}; see its log" ;;
      *)
        fail "Vault at $VAULT_ADDR refused the login of $as with $code: ${why:-no reason given}; \
check that the role exists, and allows this pod's service account, namespace and audience" ;;
    esac
    # half the pause to all of it, so that pods that failed together do not come back together
    wait=$((pause * (500 + 2 * $(od -An -N1 -tu1 /dev/urandom))))
    if [ $(($(date +%s) + wait / 1000)) -ge "$end" ]; then
      fail "Vault at $VAULT_ADDR $problem (tried for $TIMEOUT_SECONDS s)"
    fi
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
    pause=$((pause < 8 ? pause * 2 : 8))
  done
}
