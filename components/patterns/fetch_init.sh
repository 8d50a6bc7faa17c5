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
#
# No credential leaves the host it is for. A redirect of S3 or GCS is refused, because curl would pass x-amz-security-token on to whatever
# host it names. Web servers may redirect; curl then sends `Authorization` to their own host only.
#
# `head -c` and `wc -c` of BusyBox take 8 s each for 2 GB, so ulimit, dd and stat stand in for them.

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
bytes() { if [ -f "$1" ]; then stat -c %s "$1"; else echo 0; fi; }
digest() { sha256sum <"$1" | cut -d' ' -f1; }
free() { df -Pk . | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'; }
reason() {
  # curl says it in one line, and may explain it in more
  said=$({ grep '^curl: ' "$err" || grep . "$err"; } | tail -n 1 | tr -cd ' -~' | cut -c 1-300)
  echo "${said:-no answer in time}"
}

trap 'exit 143' TERM INT
mkdir -p .fetch 2>/dev/null || fail "uid $(id -u) cannot write to the volume at $PWD; make it writable for group $(id -g)"
if [ "$SHARED" ]; then
  exec 9>"$work.lock"
  until flock -n 9; do
    [ "$(date +%s)" -lt "$end" ] || fail "another pod has been fetching $NAME for $TIMEOUT_SECONDS s, or the volume does not support locks"
    sleep 1
  done
fi

trap 'rm -f "$err" "$head"' EXIT

present() {
  if [ "$UNPACK" ]; then
    [ -d "$NAME" ] && [ "$(cat "$stamp" 2>/dev/null)" = "${SHA256:-unverified}" ]
  else
    [ -f "$NAME" ] && { [ -z "$SHA256" ] || [ "$(digest "$NAME")" = "$SHA256" ]; }
  fi
}
if present; then
  echo "$NAME is already there"
  exit 0
fi
[ "$UNPACK" ] || [ ! -d "$NAME" ] || fail "$NAME is a directory on the volume; set path= to another name"
# without a checksum, nothing would tell that a file was made of parts of two versions
[ "$SHA256" ] || rm -f "$part"

# setting NAME VALUE: a line of curl's configuration, for what no command line may show
setting() { printf '%s = "%s"\n' "$1" "$(printf %s "$2" | sed 's/[\\"]/\\&/g')"; }
ask() { curl -sS --fail --connect-timeout 5 --max-time 20 --config - "$@" 2>"$err"; }
between() { printf %s "$answer" | tr -d '\n' | sed -n "s/.*$1\([^<\"]*\).*/\1/p"; }
region=${REGION:-${AWS_REGION:-us-east-1}}

# Sets a key or a token of the pod's own identity.
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

follow=''
case $SOURCE in
  s3://*) url=${ENDPOINT:-https://s3.$region.amazonaws.com}/${SOURCE#s3://} ;;
  gs://*) url=${ENDPOINT:-https://storage.googleapis.com}/${SOURCE#gs://} region=auto ;;
  *) url=$SOURCE follow=--location ;;
esac
configuration() {
  if [ "${ACCESS_KEY_ID:-}" ]; then
    setting aws-sigv4 "aws:amz:$region:s3"
    setting user "$ACCESS_KEY_ID:$SECRET_ACCESS_KEY"
    # that of an empty body; curl 7.88 does not add it
    setting header 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    [ -z "${SESSION_TOKEN:-}" ] || setting header "x-amz-security-token: $SESSION_TOKEN"
  elif [ "${ACCESS_TOKEN:-}" ]; then
    setting header "Authorization: Bearer $ACCESS_TOKEN"
  elif [ "${AUTHORIZATION:-}" ]; then
    setting header "Authorization: $AUTHORIZATION"
  fi
}
answered() { sed -n 's,^HTTP/[0-9.]* \([0-9]*\).*,\1,p' "$head" 2>/dev/null | tail -n 1; }
# Content-Length of the last answer; empty if it has none.
length() { tr -d '\r' <"$head" | awk 'tolower($1) == "content-length:" { n = $2 } /^HTTP\// { n = "" } END { print n }'; }

resumed='' total=''
# One attempt; succeeds when the part is whole.
try() {
  [ -z "$IDENTITY" ] || identity || return 1
  have=$(bytes "$part")
  room=$(free)
  most=$((LIMIT - have < room ? LIMIT - have : room))
  [ "$have" -eq 0 ] || { resumed=1; echo "resuming at byte $have"; }
  rm -f "$head"
  {
    # the kernel stops a server that sends more than it announced, or announces nothing; curl gets an error instead of the signal.
    # 32 KiB more, because the headers are in a file too
    trap '' XFSZ
    ulimit -f $(((have + most) / 512 + 64))
    configuration | curl -sS --fail --globoff $follow --proto "=$PROTOCOLS" --proto-redir "=$PROTOCOLS" --connect-timeout 10 \
      --speed-limit 1 --speed-time 30 --max-time "$(left)" --continue-at "$have" --max-filesize "$((most + 1))" --dump-header "$head" \
      ${CA_FILE:+--cacert "$CA_FILE"} --config - --output "$part" "$url" 2>"$err"
  } &
  wait $! # in the foreground it would keep SIGTERM from the shell
  status=$?
  code=$(answered)
  case $code in 200 | 206) size=$(length) ;; *) size='' ;; esac
  [ -z "$size" ] || total=$((have + size))
  if [ "$status" = 63 ] || [ "${size:-0}" -gt "$most" ]; then
    rm -f "$part"
    [ "${total:-0}" -le "$LIMIT" ] || fail "$SOURCE has $total bytes, but size_limit is $LIMIT; raise size_limit"
    fail "$SOURCE has ${total:-too many} bytes, but the volume has room for $((have + room)); make it larger"
  elif [ "$(bytes "$part")" -gt $((have + most)) ]; then
    rm -f "$part"
    fail "$SOURCE sends more than $((have + most)) bytes, which is all there is room for; raise size_limit, or make the volume larger"
  fi
  case $status:$code in
    0:3??)
      rm -f "$part"
      fail "$SOURCE is redirected ($code), which is not followed; check region and endpoint" ;;
    0:*) return 0 ;;
    33:* | *:416)
      # the server does not know ranges, or has nothing more to send; in that case the checksum tells
      if [ "$code" = 416 ]; then return 0; fi
      rm -f "$part"
      echo "the server cannot resume there; starting again" ;;
    60:* | 77:*) fail "$SOURCE comes from a server that cannot be trusted: $(reason); set ca_pem= to the authority of its certificate" ;;
    22:408 | 22:429 | 22:5*) ;;
    22:401 | 22:403) fail "$SOURCE cannot be read: $(reason); check the credentials, their rights, and the region" ;;
    22:404) fail "$SOURCE does not exist: $(reason)" ;;
    22:*) fail "$SOURCE cannot be fetched: $(reason)" ;;
    1:* | 3:*) fail "$SOURCE cannot be fetched: $(reason)" ;;
  esac
  return 1
}

download() {
  pause=1
  until try; do
    if [ $(($(date +%s) + pause)) -ge "$end" ]; then
      fail "$SOURCE could not be fetched within $TIMEOUT_SECONDS s ($(bytes "$part") of ${total:-?} bytes arrived): $(reason)"
    fi
    sleep $pause
    pause=$((pause < 8 ? pause * 2 : 8))
  done
}

download
while [ "$SHA256" ] && got=$(digest "$part") && [ "$got" != "$SHA256" ]; do
  rm -f "$part"
  [ "$resumed" ] || fail "$SOURCE has the wrong content: its sha256 is $got, not $SHA256"
  # perhaps the object was replaced in between
  echo "the resumed file has another sha256; starting again"
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
  # one block of 64 KiB more than fits; there is always room for a part of a block
  blocks=$((most / 65536 + 1))
  case $(contents | dd bs=65536 iflag=fullblock count=$blocks 2>&1 >/dev/null) in
    "$blocks+0 "*) fail "$SOURCE unpacks to more than the $most bytes that are left beside it; raise size_limit, or make the volume larger" ;;
  esac
  rm -rf "$new"
  mkdir "$new"
  refuse() {
    chmod -R u+rwX "$new"
    rm -rf "$new" "$part"
    fail "$SOURCE cannot be unpacked: $1"
  }
  if [ "$UNPACK" = zip ]; then unzip -q "$part" -d "$new"; else tar -xzf "$part" -C "$new"; fi >/dev/null 2>"$err" || refuse "$(reason)"
  ! grep -q -i 'removing leading' "$err" || refuse "$(reason): it has a path outside its directory"
  chmod -R u+rwX "$new"
  root=$(readlink -f "$new")
  find "$new" -type l | while IFS= read -r link; do
    case $(readlink "$link") in /*) echo "$link" ;; *) case $(readlink -f "$link") in "$root"/*) ;; *) echo "$link" ;; esac ;; esac
  done >"$err"
  [ ! -s "$err" ] || refuse "link $(head -n 1 "$err" | sed "s,^$new/,,") points outside its directory, or nowhere"
  rm -rf "$stamp" "$NAME"
  mv "$new" "$NAME"
  echo "${SHA256:-unverified}" >"$stamp"
  rm -f "$part"
fi
echo "$NAME: fetched $SOURCE"
