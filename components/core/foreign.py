"""What is asked of a pod that somebody else wrote, besides what is asked of every sum."""

from collections.abc import Iterator

from .assembly import Sum
from .base import Base
from .view import APP


def problems(base: Base, found: Sum) -> Iterator[str]:
    """A line for everything of that pod that what is added cannot work with."""
    yield from _refronted(base, found)
    yield from _nobody(base, found)


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
