"""A container that waits for other systems: what WaitForInit is, and what others put in front of their own."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from ...core import checks
from .scripts import script

_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_HOST = rf"({_NAME}|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_KINDS = {
    "tcp": (re.compile(f"{_HOST}:{_PORT}"), "host:port"),
    # no user: the URL is in the log
    "http": (re.compile(rf"https?://{_HOST}(:{_PORT})?(/[A-Za-z0-9._~%/?&=+,:-]*)?"), "http://host:port/path or https://, without user"),
    "dns": (re.compile(_NAME), "a name in the DNS"),
}

_SCRIPT = script(__package__, "waiting.sh")


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
        "command": ["/bin/sh", "-c", _SCRIPT, "wait-for", *arguments],
        "env": [{"name": variable, "value": value} for variable, value in env.items()],
        "resources": resources,
        "securityContext": security,
    }
