"""What fields of a pod about its node, and about all of its containers, leave to the containers that it gets."""

import math
from collections.abc import Iterator, Mapping, Sequence

from . import checks
from .assembly import Sum
from .base import Base
from .patch import Wire
from .quantities import SHAPE, amount
from .view import APP


def problems(base: Base, found: Sum) -> Iterator[str]:
    """A line for everything of the pod that a container in it cannot work with."""
    yield from _system(base)
    yield from _network(base, found)
    yield from _users(base, found)
    yield from _resources(base, found)
    yield from _devices(base)


def _system(base: Base) -> Iterator[str]:
    """Why a pod of such a node cannot have containers of Linux."""
    for field, key in (("os", "name"), ("nodeSelector", "kubernetes.io/os")):
        if _mapping(base.spec, field).get(key) != "windows":
            continue
        if base.owned:
            yield f"pod field {field!r} names Windows, and the pod has settings of Linux; remove it"
        else:
            yield "the pod runs on Windows nodes, and what patterns add needs Linux; take it out of the target"


def _network(base: Base, found: Sum) -> Iterator[str]:
    """Why a pod on the network of its node cannot have what is added; one of ours is on its own."""
    if base.owned or not base.spec.get("hostNetwork"):
        return
    why = "the pod is on its node's network (hostNetwork), where"
    for port in found.pod.ports:
        if port.frontend:
            yield f"port {port.name!r} of {port.owner}: {why} 127.0.0.1 is open to the whole node, past the ambassador; leave it out"
    for owner, patch in found.owned:
        declared = [p for c in (*patch.init_containers, *patch.containers) for p in c.get("ports") or ()]
        if declared or patch.undeclared_ports or patch.sysctls:
            yield f"{owner}: {why} its ports and sysctls would be the node's; leave it out"


def _users(base: Base, found: Sum) -> Iterator[str]:
    """A line for every container that is root of the node, in a pod whose root is not."""
    if base.spec.get("hostUsers") is not False:
        return
    way_out = "remove pod field 'hostUsers', or leave the pattern out" if base.owned else "leave the pattern out"
    for owner, patch in found.owned:
        for container in (*patch.init_containers, *patch.containers):
            if (container.get("securityContext") or {}).get("privileged"):
                yield (
                    f"container {container.get('name')!r} of {owner} must be root of the node, and root of this pod is not (hostUsers: "
                    f"false); {way_out}"
                )


def _resources(base: Base, found: Sum) -> Iterator[str]:
    """A line for everything that the containers have, and the pod as a whole does not (Kubernetes 1.34)."""
    if not base.spec.get("resources"):
        return
    where, way_out = "pod field 'resources'", "raise it"
    if not base.owned:
        where, way_out = "the pod's resources", "raise that, or leave the patterns out"
    theirs = [(APP, container) for container in base.spec.get("initContainers") or ()]
    added = [(owner, container) for owner, patch in found.owned for container in patch.init_containers]
    first = [*theirs[: base.start], *added, *theirs[base.start :]]
    then = [(APP, container) for container in base.spec["containers"]]
    then += [(owner, container) for owner, patch in found.owned for container in patch.containers]
    limits = _amounts(base.spec, "limits")
    for owner, container in (*first, *then):
        for name, value in _amounts(container, "limits").items():
            if value > limits.get(name, value):
                yield (
                    f"container {container.get('name')!r} of {owner} has a limit of {_text(name, value)} of {name}, but the whole pod one "
                    f"of {_text(name, limits[name])} ({where}); {way_out}"
                )
    for name, value in _amounts(base.spec, "requests").items():
        asked = _together(name, [container for _, container in first], [container for _, container in then])
        if asked > value:
            together = f"the containers together request {_text(name, asked)} of {name}"
            yield f"{together}, but the whole pod {_text(name, value)} ({where}); {way_out}"


def _devices(base: Base) -> Iterator[str]:
    """A line for every device that the app's container claims, and the pod does not."""
    claims = base.spec.get("resourceClaims")
    known = [claim.get("name") for claim in claims if isinstance(claim, Mapping)] if isinstance(claims, list | tuple) else []
    asked = _mapping(base.container(), "resources").get("claims")
    for claim in asked if isinstance(asked, list | tuple) else ():
        if isinstance(claim, Mapping) and claim.get("name") not in known:
            yield f"app.resources.claims: the pod has no claim {claim.get('name')!r}; add it to pod field 'resourceClaims'"


def _together(name: str, first: Sequence[Wire], then: Sequence[Wire]) -> float:
    """The most that is requested at once: an init container runs beside the sidecars that were started before it."""
    most = beside = 0.0
    for container in first:
        asked = _amounts(container, "requests").get(name, 0)
        most = max(most, beside + asked)
        beside += asked if container.get("restartPolicy") == "Always" else 0
    return max(most, beside + sum(_amounts(container, "requests").get(name, 0) for container in then))


def _amounts(holder: Wire, kind: str) -> dict[str, float]:
    """The requests or limits of a container or a pod that are known, as numbers."""
    usable = _mapping(_mapping(holder, "resources"), kind)
    return {name: amount(value) for name, value in usable.items() if checks.is_plain(value) and SHAPE.fullmatch(str(value))}


def _mapping(holder: Wire, field: str) -> Wire:
    """A field that is a mapping; one that is not is reported elsewhere."""
    value = holder.get(field)
    return value if isinstance(value, Mapping) else {}


def _text(name: str, value: float) -> str:
    """A number as a quantity: bytes of anything, or a part of a core."""
    return f"{math.ceil(value * 1000)}m" if name == "cpu" else f"{math.ceil(value / 2**20)}Mi"
