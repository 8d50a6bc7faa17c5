#!/bin/sh
# FetchInit: fetches one object, verifies it, and puts it in place by a rename.
#
# Environment:
#   SOURCE           s3://bucket/key, gs://bucket/object or https://host/path
#   NAME             name of the file, or of the directory that it is unpacked to, in the working directory
#   SHA256           checksum of the object; empty: it is not verified
#   UNPACK           `tar.gz` or `zip`; empty: the object stays as it is
#   LIMIT            bytes that may be fetched, archive and contents together
#   TIMEOUT_SECONDS  seconds for all of it
#   SHARED           not empty: other pods may use the volume at the same time
#   ENDPOINT         URL of a server that is not the vendor's; may be empty
#   REGION           region of the bucket; may be empty
#   IDENTITY         not empty: use the pod's own identity
#   PROTOCOLS        what curl may speak: `https`, or `http`
#   CA_FILE          authority of the server's certificate; may be empty
#   ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, AUTHORIZATION  credentials; may be unset
# Programs: those of BusyBox, curl 7.88 or later, and flock for SHARED.
#
# It works in .fetch of the volume, so that a rename puts the result in place, and an interrupted part is still there for the next
# container. Credentials reach curl on its standard input; `printf` is part of the shell, so they are in no command line.

set -u
umask 022
end=$(($(date +%s) + TIMEOUT_SECONDS))
work=.fetch/$NAME
part=$work.part stamp=$work.sha256 new=$work.new err=$work.err head=$work.head

fail() {
  echo "$1" >&2
  exit 1
}
left() {
  seconds=$((end - $(date +%s)))
  echo $((seconds > 0 ? seconds : 1)) # curl takes 0 for never
}
bytes() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
digest() { sha256sum <"$1" | cut -d' ' -f1; }
free() { df -Pk . | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'; }
reason() {
  # curl explains at length what it has said in one line
  said=$({ grep '^curl: ' "$err" || grep . "$err"; } | tail -n 1 | tr -cd ' -~' | cut -c 1-300)
  echo "${said:-no answer in time}"
}

trap 'exit 143' TERM INT
mkdir -p .fetch 2>/dev/null || fail "the volume at $PWD cannot be written by uid $(id -u); give it to group $(id -g)"
if [ "$SHARED" ]; then
  exec 9>"$work.lock"
  until flock -n 9; do
    [ "$(date +%s)" -lt "$end" ] || fail "another pod has been fetching $NAME for $TIMEOUT_SECONDS s, or the volume knows no locks"
    sleep 1
  done
fi

trap 'rm -f "$err" "$head" "$work.status"' EXIT

present() {
  if [ "$UNPACK" ]; then
    [ -d "$NAME" ] && [ "$(cat "$stamp" 2>/dev/null)" = "${SHA256:-unverified}" ]
  else
    [ -f "$NAME" ] && { [ -z "$SHA256" ] || [ "$(digest "$NAME")" = "$SHA256" ]; }
  fi
}
if present; then
  echo "$NAME is there already"
  exit 0
fi
[ "$UNPACK" ] || [ ! -d "$NAME" ] || fail "$NAME is a directory on the volume; set path= to another name"
# parts of two versions could end up in one file, and nobody would know
[ "$SHA256" ] || rm -f "$part"

# what must not be seen, in the form of curl's configuration: setting NAME VALUE
setting() { printf '%s = "%s"\n' "$1" "$(printf %s "$2" | sed 's/[\\"]/\\&/g')"; }
ask() { curl -sS --fail --connect-timeout 5 --max-time 20 --config - "$@" 2>"$err"; }
between() { printf %s "$answer" | tr -d '\n' | sed -n "s/.*$1\([^<\"]*\).*/\1/p"; }
region=${REGION:-${AWS_REGION:-us-east-1}}

# the pod's own identity, as a key or a token; on stdout what curl needs of it
identity() {
  if [ "$SOURCE" != "${SOURCE#gs://}" ]; then
    answer=$(setting header 'Metadata-Flavor: Google' |
      ask "http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1/instance/service-accounts/default/token") || return 1
    ACCESS_TOKEN=$(between '"access_token" *: *"')
    [ "$ACCESS_TOKEN" ]
    return
  fi
  if [ "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ]; then
    # IRSA
    answer=$(setting data-urlencode "WebIdentityToken@$AWS_WEB_IDENTITY_TOKEN_FILE" |
      ask -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 -d RoleSessionName=fetch --data-urlencode "RoleArn=$AWS_ROLE_ARN" \
        "${AWS_ENDPOINT_URL_STS:-https://sts.$region.amazonaws.com}/") || return 1
    id='<AccessKeyId>' key='<SecretAccessKey>' token='<SessionToken>'
  elif [ "${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}" ]; then
    # EKS Pod Identity
    answer=$(setting header "Authorization: $(cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")" |
      ask "$AWS_CONTAINER_CREDENTIALS_FULL_URI") || return 1
    id='"AccessKeyId" *: *"' key='"SecretAccessKey" *: *"' token='"Token" *: *"'
  else
    fail "the cluster gives this pod no identity for S3; set service_account= to one that has a role (IRSA, EKS Pod Identity)"
  fi
  ACCESS_KEY_ID=$(between "$id") SECRET_ACCESS_KEY=$(between "$key") SESSION_TOKEN=$(between "$token")
  [ "$ACCESS_KEY_ID" ] && [ "$SECRET_ACCESS_KEY" ]
}

case $SOURCE in
  s3://*) url=${ENDPOINT:-https://s3.$region.amazonaws.com}/${SOURCE#s3://} ;;
  gs://*) url=${ENDPOINT:-https://storage.googleapis.com}/${SOURCE#gs://} region=auto ;;
  *) url=$SOURCE ;;
esac
configuration() {
  if [ "${ACCESS_KEY_ID:-}" ]; then
    setting aws-sigv4 "aws:amz:$region:s3"
    setting user "$ACCESS_KEY_ID:$SECRET_ACCESS_KEY"
    # of an empty body; curl 7.88 leaves it out
    setting header 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    [ -z "${SESSION_TOKEN:-}" ] || setting header "x-amz-security-token: $SESSION_TOKEN"
  elif [ "${ACCESS_TOKEN:-}" ]; then
    setting header "Authorization: Bearer $ACCESS_TOKEN"
  elif [ "${AUTHORIZATION:-}" ]; then
    setting header "Authorization: $AUTHORIZATION"
  fi
}
answered() { sed -n 's,^HTTP/[0-9.]* \([0-9]*\).*,\1,p' "$head" 2>/dev/null | tail -n 1; }
# of the last answer; empty if the server does not tell
length() { tr -d '\r' <"$head" | awk 'tolower($1) == "content-length:" { n = $2 } /^HTTP\// { n = "" } END { print n }'; }

resumed='' total=''
# one try; 0 when the part is whole
try() {
  [ -z "$IDENTITY" ] || identity || return 1
  have=$(bytes "$part")
  room=$(free)
  most=$((LIMIT - have < room ? LIMIT - have : room))
  [ "$have" -eq 0 ] || { resumed=1; echo "going on from byte $have"; }
  rm -f "$head"
  {
    configuration | curl -sS --fail --globoff --location --proto "=$PROTOCOLS" --proto-redir "=$PROTOCOLS" --connect-timeout 10 \
      --speed-limit 1 --speed-time 30 --max-time "$(left)" --continue-at "$have" --max-filesize "$((most + 1))" --dump-header "$head" \
      ${CA_FILE:+--cacert "$CA_FILE"} --config - --output - "$url" 2>"$err"
    echo $? >"$work.status"
  } | head -c $((most + 1)) >>"$part" &
  wait # in the foreground it would keep SIGTERM from the shell
  status=$(cat "$work.status")
  code=$(answered)
  case $code in 200 | 206) size=$(length) ;; *) size='' ;; esac
  [ -z "$size" ] || total=$((have + size))
  if [ "$status" = 63 ] || [ "${size:-0}" -gt "$most" ]; then
    rm -f "$part"
    [ "${total:-0}" -le "$LIMIT" ] || fail "$SOURCE has $total bytes, but size_limit is $LIMIT; raise size_limit"
    fail "$SOURCE has ${total:-too many} bytes, but the volume has room for $((have + room)); make it larger"
  elif [ "$(bytes "$part")" -gt $((have + most)) ]; then
    rm -f "$part"
    fail "$SOURCE sends more than $((have + most)) bytes, and that is all there is room for; raise size_limit, or make the volume larger"
  fi
  case $status:$code in
    0:*) return 0 ;;
    33:* | *:416)
      # no ranges, or nothing more to send: the checksum tells
      if [ "$code" = 416 ]; then return 0; fi
      rm -f "$part"
      echo "the server cannot go on from there: once more from the start" ;;
    60:* | 77:*) fail "$SOURCE comes from a server that cannot be trusted: $(reason); set ca= to the authority of its certificate" ;;
    22:408 | 22:429 | 22:5*) ;;
    22:401 | 22:403) fail "$SOURCE may not be read: $(reason); check the credentials, their rights, and the region" ;;
    22:404) fail "$SOURCE is not there: $(reason)" ;;
    22:*) fail "$SOURCE cannot be fetched: $(reason)" ;;
    1:* | 3:*) fail "$SOURCE cannot be fetched: $(reason)" ;;
  esac
  return 1
}

download() {
  pause=1
  until try; do
    if [ $(($(date +%s) + pause)) -ge "$end" ]; then
      fail "$SOURCE could not be fetched within $TIMEOUT_SECONDS s ($(bytes "$part") of ${total:-?} bytes are there): $(reason)"
    fi
    sleep $pause
    pause=$((pause < 8 ? pause * 2 : 8))
  done
}

download
while [ "$SHA256" ] && got=$(digest "$part") && [ "$got" != "$SHA256" ]; do
  rm -f "$part"
  [ "$resumed" ] || fail "$SOURCE is not what was asked for: its sha256 is $got, not $SHA256"
  # another version in between, perhaps
  echo "what was put together has another sha256: once more from the start"
  resumed=''
  download
done

if [ -z "$UNPACK" ]; then
  mv -f "$part" "$NAME"
else
  room=$(free)
  most=$((LIMIT - $(bytes "$part")))
  most=$((most < room ? most : room))
  contents() { if [ "$UNPACK" = zip ]; then unzip -p "$part"; else gzip -dc "$part"; fi 2>/dev/null; }
  if [ "$(contents | head -c $((most + 1)) | wc -c)" -gt "$most" ]; then
    fail "$SOURCE unpacks to more than the $most bytes that are left beside it; raise size_limit, or make the volume larger"
  fi
  rm -rf "$new"
  mkdir "$new"
  refuse() {
    chmod -R u+rwX "$new"
    rm -rf "$new" "$part"
    fail "$SOURCE cannot be unpacked: $1"
  }
  if [ "$UNPACK" = zip ]; then unzip -q "$part" -d "$new"; else tar -xzf "$part" -C "$new"; fi >/dev/null 2>"$err" || refuse "$(reason)"
  ! grep -q -i 'removing leading' "$err" || refuse "$(reason): it reaches out of its directory"
  chmod -R u+rwX "$new"
  root=$(readlink -f "$new")
  find "$new" -type l | while IFS= read -r link; do
    case $(readlink "$link") in /*) echo "$link" ;; *) case $(readlink -f "$link") in "$root"/*) ;; *) echo "$link" ;; esac ;; esac
  done >"$err"
  [ ! -s "$err" ] || refuse "link $(head -n 1 "$err" | sed "s,^$new/,,") leads out of its directory, or nowhere"
  rm -rf "$stamp" "$NAME"
  mv "$new" "$NAME"
  echo "${SHA256:-unverified}" >"$stamp"
  rm -f "$part"
fi
echo "$NAME: fetched $SOURCE"
