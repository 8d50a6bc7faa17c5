"""What is asked of a pod that somebody else wrote, besides what is asked of every sum."""

import re
from collections.abc import Iterator
from typing import Any

from .assembly import Sum
from .base import Base
from .patch import Wire
from .pod_security import containers
from .view import APP

_SPEAKS = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\]):([0-9]+)")


def problems(base: Base, found: Sum) -> Iterator[str]:
    """A line for everything of that pod that what is added cannot work with."""
    yield from _of_node(base, found)
    yield from _refronted(base, found)
    yield from _cut_off(base, found)
    yield from _nobody(base, found)


def _of_node(base: Base, found: Sum) -> Iterator[str]:
    """Why a pod of such a node, or on the network of its node, cannot have what is added."""
    spec = base.spec
    if (spec.get("os") or {}).get("name") == "windows" or (spec.get("nodeSelector") or {}).get("kubernetes.io/os") == "windows":
        yield "the pod runs on Windows nodes, and what patterns add needs Linux; take it out of the target"
    if not spec.get("hostNetwork"):
        return
    why = "the pod is on its node's network (hostNetwork), where"
    for port in found.pod.ports:
        if port.frontend:
            yield f"port {port.name!r} of {port.owner}: {why} 127.0.0.1 is open to the whole node, past the ambassador; leave it out"
    for owner, patch in found.owned:
        declared = [p for c in (*patch.init_containers, *patch.containers) for p in c.get("ports") or ()]
        if declared or patch.undeclared_ports or patch.sysctls:
            yield f"{owner}: {why} its ports and sysctls would be the node's; leave it out"


def _refronted(base: Base, found: Sum) -> Iterator[str]:
    """A line for every port that was behind an ambassador, and would have to move once more."""
    for port in base.fronted:
        if found.pod.port(port.name) != port:
            yield f"port {port.name!r} of the app is behind an ambassador already; list all its ambassadors in one injection"


def _cut_off(base: Base, found: Sum) -> Iterator[str]:
    """A line for every container that asks the app where an ambassador answers now."""
    moved = {p.outer_number: p for p in found.pod.ports if p.has_moved and not p.keeps_number and p not in base.fronted}
    for container in containers(base.spec):
        for place, text in _texts(container):
            for number in dict.fromkeys(map(int, _SPEAKS.findall(text))):
                if number in moved:
                    port = moved[number]
                    yield (
                        f"{place} of container {container['name']!r} asks 127.0.0.1:{number}, where the ambassador of port {port.name!r} "
                        f"answers with {port.outer_scheme} now; use a rebind without {{port}}, so that the app keeps its number there, or "
                        "list TrafficRedirectInit before the ambassador"
                    )


def _texts(container: Wire) -> Iterator[tuple[str, str]]:
    """Every text of a container in which an address may stand, and its place."""
    for field in ("command", "args"):
        yield from ((field, word) for word in container.get(field) or () if isinstance(word, str))
    for variable in container.get("env") or ():
        if isinstance(variable.get("value"), str):
            yield f"env {variable.get('name')!r}", variable["value"]
    handlers: dict[str, Any] = {name: container.get(name) for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    handlers |= {f"lifecycle.{name}": handler for name, handler in (container.get("lifecycle") or {}).items()}
    for place, handler in handlers.items():
        command = ((handler or {}).get("exec") or {}).get("command") if not isinstance(handler, str) else ()
        yield from ((place, word) for word in command or () if isinstance(word, str))


def _nobody(base: Base, found: Sum) -> Iterator[str]:
    """A line for every container of ours that must not be root and whose user nobody knows: the kubelet would not start it."""
    if (base.spec.get("securityContext") or {}).get("runAsUser") is not None:
        return
    for owner, patch in found.owned:
        for container in (*patch.init_containers, *patch.containers):
            context = container.get("securityContext") or {}
            if context.get("runAsNonRoot") and context.get("runAsUser") is None:
                yield (
                    f"container {container.get('name')!r} of {owner} runs as the user of {APP}, which the workload does not say; set uid= "
                    "of the target to the user of the app's image"
                )
