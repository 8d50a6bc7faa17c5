"""A container that waits for other systems: what WaitForInit is, and what others put in front of their own."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from . import checks

_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_HOST = rf"({_NAME}|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_KINDS = {
    "tcp": (re.compile(f"{_HOST}:{_PORT}"), "host:port"),
    # no user: the URL is in the log
    "http": (re.compile(rf"https?://{_HOST}(:{_PORT})?(/[A-Za-z0-9._~%/?&=+,:-]*)?"), "http://host:port/path or https://, without user"),
    "dns": (re.compile(_NAME), "a name in the DNS"),
}

# `nc -z` and `wget -T` are not in every busybox; `-e true` and `timeout` are. A name is resolved by `ping`, because nslookup does not
# search the cluster's domains for a name with a dot in it, as the app will; whether the ping is answered does not matter. For https curl is
# needed: many servers and the wget of BusyBox find no cipher that both have.
_SCRIPT = r"""
set -u
trap 'exit 143' TERM INT
begun=$(date +%s)
end=$((begun + TIMEOUT_SECONDS))
since() { echo $(($(date +%s) - begun)); }

# there KIND TARGET: whether it is; `why` tells why not
there() {
  limit=$((end - $(date +%s)))
  limit=$((limit < 1 ? 1 : limit > 5 ? 5 : limit))
  case $1 in
    tcp)
      host=${2%:*} host=${host#[} host=${host%]}
      why=$(timeout "$limit" nc -w "$limit" "$host" "${2##*:}" -e true 2>&1) ;;
    http) case $2 in
      # --globoff: [::1] is an address
      https:*) why=$(curl -sS --fail --insecure --location --globoff --max-time "$limit" --output /dev/null "$2" 2>&1) ;;
      *) why=$(timeout "$limit" wget -q --spider "$2" 2>&1) ;;
    esac ;;
    dns)
      why=$(timeout "$limit" ping -c 1 -w 1 "$2" 2>&1)
      case $?:$why in 124:* | 143:* | *'bad address'*) false ;; esac ;;
  esac
  status=$?
  why=$(echo "$why" | tail -n 1 | tr -cd ' -~' | cut -c 1-200)
  why=${why#*: } why=${why#*: } # less "nc: can't connect to remote host (10.0.0.1): "
  return $status
}

while :; do
  missing=''
  for target; do
    shift
    if there ${target%% *} "${target#* }"; then
      echo "$target: there after $(since) s"
    else
      missing="$missing${missing:+, }$target (${why:-no answer in time})"
      set -- "$@" "$target"
    fi
  done
  [ $# -gt 0 ] || exit 0
  if [ $(($(date +%s) + INTERVAL_SECONDS)) -ge "$end" ]; then
    echo "still missing after $(since) s: $missing" >&2
    exit 1
  fi
  sleep "$INTERVAL_SECONDS"
done
"""


def target_problems(kind: str, target: Any) -> list[str]:
    """What is wrong with a target that is known; kind: tcp, http or dns."""
    shape, rule = _KINDS[kind]
    return [] if isinstance(target, str) and shape.fullmatch(target) else [f"{kind} {target!r} is not allowed: {rule}"]


def wait_container(
    where: str,
    name: str,
    targets: Sequence[tuple[str, pulumi.Input[str]]],
    *,
    image: pulumi.Input[str],
    timeout_seconds: int,
    resources: Mapping[str, Any],
    security: Mapping[str, Any],
    interval_seconds: int = 2,
) -> dict[str, Any]:
    """An init container that ends when every target has been there; each is a kind and what to look for.

    `where` names the owner to whom a target is refused that is known only later.
    """
    arguments: list[pulumi.Input[str]] = []
    for kind, target in targets:
        known = checks.when_known(where, target, partial(target_problems, kind))
        arguments.append(f"{kind} {known}" if isinstance(known, str) else pulumi.Output.concat(kind, " ", known))
    env = {"TIMEOUT_SECONDS": str(timeout_seconds), "INTERVAL_SECONDS": str(interval_seconds)}
    return {
        "name": name,
        "image": image,
        "command": ["/bin/sh", "-c", _SCRIPT.lstrip(), "wait-for", *arguments],
        "env": [{"name": variable, "value": value} for variable, value in env.items()],
        "resources": resources,
        "securityContext": security,
    }
