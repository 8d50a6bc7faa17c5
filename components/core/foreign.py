"""What is asked of a pod that somebody else wrote, besides what is asked of every sum."""

from collections.abc import Iterator

from .assembly import Sum
from .base import Base
from .view import APP


def problems(base: Base, found: Sum) -> Iterator[str]:
    """A line for everything of that pod that what is added cannot work with."""
    yield from _of_node(base, found)
    yield from _refronted(base, found)
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
