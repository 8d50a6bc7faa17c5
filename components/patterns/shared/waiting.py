"""A container that waits for other systems: what WaitForInit is, and what others put in front of their own."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import pulumi

from ...core import checks
from ...core.environment import environment
from ...core.patch import Connection
from .scripts import script

_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_HOST = rf"({_NAME}|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
host_port = checks.shaped(f"{_HOST}:{_PORT}", "host:port")
# no user: the URL is in the log
_url = checks.shaped(rf"https?://{_HOST}(:{_PORT})?(/[A-Za-z0-9._~%/?&=+,:-]*)?", "http://host:port/path or https://, without user")
_name = checks.shaped(_NAME, "a name in the DNS")
_KINDS = {"tcp": host_port, "http": _url, "dns": _name}
HostPort = Annotated[str, host_port]
Url = Annotated[str, _url]
HostName = Annotated[str, _name]

_SCRIPT = script(__package__, "waiting.sh")


def connections(targets: Sequence[tuple[str, pulumi.Input[str]]]) -> tuple[Connection, ...]:
    """The targets, for the fold; of a name alone, nothing but its address is needed."""
    return tuple(
        Connection(address=target, awaited="answer" if kind == "http" else "connection") for kind, target in targets if kind != "dns"
    )


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

    `where` names the owner, for the error about a target that is known only later.
    """
    arguments: list[pulumi.Input[str]] = []
    for kind, target in targets:
        known = checks.when_known(where, target, partial(_KINDS[kind], kind))
        arguments.append(f"{kind} {known}" if isinstance(known, str) else pulumi.Output.concat(kind, " ", known))
    return {
        "name": name,
        "image": image,
        "command": ["/bin/sh", "-c", _SCRIPT, "wait-for", *arguments],
        "env": environment({"TIMEOUT_SECONDS": str(timeout_seconds), "INTERVAL_SECONDS": str(interval_seconds)}),
        "resources": resources,
        "securityContext": security,
    }
