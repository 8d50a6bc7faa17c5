"""Provenance: who added each part of a composed pod, and who changed it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import checks
from .contribution import Contribution
from .handlers import PROBES, handlers_of
from .patch import PodPatch, Wire
from .pod import Pod
from .pod_security import containers
from .view import APP, BoundPort

_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "name"}
"""What an item of these fields of a container is called by."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a pod, and who it is from."""

    path: tuple[str, ...]
    """A container's name, and where the part is in it: a field, and the name of an item there; or the kind of another part of the pod
    (volume, port, annotation, label, sysctl), and its name."""
    owner: str
    """Who added it."""
    changed_by: tuple[str, ...] = ()
    """Who had it changed since. Default: nobody."""
    how: str = ""
    """What it is, or how it was changed, in words. Default: nothing is to be said."""


def parts(pod: Pod) -> list[Part]:
    """Every part of the pod: each is there once, so that it has one owner."""
    return [*(part for container in containers(pod.spec) for part in _of_container(pod, container)), *_beside(pod)]


def added_containers(patch: PodPatch) -> list[Wire]:
    """The containers of a patch."""
    return [*patch.init_containers, *patch.containers]


def movers(pod: Pod, port: str) -> list[Contribution]:
    """The patterns that took over or redirected the port, in list order, the outermost first."""
    return [c for c in pod.contributions if any(old.name == port for old, _ in c.moves)]


def _owner_of(pod: Pod, container: str) -> str:
    return next((c.owner for c in pod.contributions if any(a.get("name") == container for a in added_containers(c.patch))), APP)


def _of_container(pod: Pod, container: Wire) -> Iterator[Part]:
    name = container["name"]
    owner = _owner_of(pod, name)
    before = next((c for c in containers(pod.declared) if c["name"] == name), None) if owner == APP else None
    is_app = before is not None and name == pod.app.name
    image = container.get("image")
    yield Part(path=(name,), owner=owner, how=image if isinstance(image, str) else "")
    for field in container:
        if field == "name":
            continue
        key = _KEYS.get(field)
        if key is None:
            yield _field(pod, before, container, field, owner)
            continue
        for index, item in enumerate(container[field] or ()):
            # ports of somebody else's need no name
            item_name = str(item.get(key, item.get("containerPort", index)))
            yield _item(pod, before, field, item_name, item, owner) if is_app else Part(path=(name, field, item_name), owner=owner)


def _item(pod: Pod, before: Wire | None, field: str, name: str, item: Wire, owner: str) -> Part:
    """An item of the app's own container: a variable, a mount, a port."""
    path, key = (pod.app.name, field, name), _KEYS[field]
    given = {"env": "app_env", "volumeMounts": "app_mounts"}.get(field)
    for contribution in pod.contributions if given else ():
        if any(added.get(key) == item.get(key) for added in getattr(contribution.patch, str(given))):
            return Part(path=path, owner=contribution.owner)
    declared = [i for i in (before or {}).get(field) or () if i.get(key) == item.get(key)]
    if declared and _same(declared[0], item):
        return Part(path=path, owner=owner)
    rebinds = [p for p in pod.ports if p.owner == APP and p.declaration.rebind and name in p.declaration.rebind.env and p.has_moved]
    changed_by = tuple(dict.fromkeys(c.owner for port in rebinds for c in movers(pod, port.name)))
    return Part(path=path, owner=owner, changed_by=changed_by, how="; ".join(map(_rebound, rebinds)))


def _rebound(port: BoundPort) -> str:
    return f"by the rebind of port {port.name!r}, which listens on {port.host}:{port.number} now"


def _field(pod: Pod, before: Wire | None, container: Wire, field: str, owner: str) -> Part:
    """Any other field of a container."""
    path = (container["name"], field)
    if before is None or _same(before.get(field), container[field]) or not (field in PROBES or field in ("command", "args", "lifecycle")):
        return Part(path=path, owner=owner)
    ports = [p for p in pod.ports if p.owner == APP and p.frontend]
    if field in ("command", "args"):
        ports = [p for p in ports if p.declaration.rebind and (p.declaration.rebind.args or p.declaration.rebind.replace)]
        how = "; ".join(map(_rebound, ports))
    else:
        asked = [_asked(handler) for where, handler in handlers_of(before) if where.split(".")[0] == field]
        # an exec probe is told the number of the first port
        ports = [p for p in ports if any(number in (p.name, p.outer_number) for number in asked)] or ports[:1]
        how = "; ".join(f"the kubelet gets through to port {p.name!r} at {_probed(p)}" for p in ports)
    return Part(path=path, owner=owner, changed_by=tuple(dict.fromkeys(c.owner for p in ports for c in movers(pod, p.name))), how=how)


def _probed(port: BoundPort) -> str:
    assert port.frontend
    return f"{port.frontend.probe_number}, {port.frontend.probe_scheme}"


def _asked(handler: Wire) -> Any:
    return next((handler[kind].get("port") for kind in ("httpGet", "tcpSocket", "grpc") if isinstance(handler.get(kind), Mapping)), None)


def _beside(pod: Pod) -> Iterator[Part]:
    """The parts of the pod that are in no container."""
    for volume in pod.spec.get("volumes") or ():
        given = [c.owner for c in pod.contributions if any(v.get("name") == volume["name"] for v in c.patch.volumes)]
        yield Part(path=("volume", volume["name"]), owner=next(iter(given), APP))
    for contribution in pod.contributions:
        owner, patch = contribution.owner, contribution.patch
        yield from (Part(path=("volume", c.name), owner=owner, how=f"files: {', '.join(c.files)}") for c in patch.config_files)
        yield from (Part(path=("sysctl", name), owner=owner, how=value) for name, value in patch.sysctls)
        for listen in patch.undeclared_ports:
            where = f"for the kubelet alone: {', '.join(listen.paths)}" if listen.paths else "on 127.0.0.1"
            yield Part(path=("port", str(listen.number)), owner=owner, how=where)
    for kind, pairs in (("annotation", pod.annotations), ("label", pod.labels)):
        for name in pairs:
            given = [c.owner for c in pod.contributions if name in dict(getattr(c.patch, f"{kind}s"))]
            yield Part(path=(kind, name), owner=next(iter(given), APP))
    for port in pod.ports:
        yield Part(
            path=("port", port.name), owner=port.owner, changed_by=tuple(c.owner for c in movers(pod, port.name)), how=_way(pod, port)
        )
    for field in pod.spec:
        if field not in ("containers", "initContainers", "volumes"):
            given = [c.owner for c in pod.contributions if field == "serviceAccountName" and c.patch.service_account]
            yield Part(path=("pod", field), owner=next(iter(given), APP))


def _way(pod: Pod, port: BoundPort) -> str:
    """How what comes from outside gets to the process."""
    steps = []
    for contribution in movers(pod, port.name):
        old, new = next((old, new) for old, new in contribution.moves if old.name == port.name)
        if new.frontend and old.frontend is None:
            steps.append(f"{contribution.owner} listens on {new.frontend.number}, {new.frontend.scheme}")
        elif new.frontend and new.number != old.number:
            steps.append(f"{contribution.owner} on {old.host}:{old.number}")
    where = f"{port.number}" if port.frontend is None else f"{port.host}:{port.number}"
    steps.append(f"{port.owner} {'on' if steps else 'listens on'} {where}, {port.scheme}")
    return "; ".join(steps)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same; of what is known only later, whether both are such."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if not checks.is_plain(one) or not checks.is_plain(other):
        return checks.is_plain(one) == checks.is_plain(other)
    return bool(one == other)
