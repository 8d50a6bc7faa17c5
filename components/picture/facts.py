"""The facts of a composed pod that are drawn, found in what the fold knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core import scraping
from ..core.contribution import Contribution
from ..core.handlers import HANDLERS, handlers_of
from ..core.patch import Wire
from ..core.pod import Pod
from ..core.pod_security import containers
from ..core.provenance import added_containers, movers
from ..core.summary import volume_kind
from ..core.view import APP, BoundPort
from . import words
from .model import CLIENTS, HEALTH, KUBELET, PEERS, PROMETHEUS, Box, Listener, Model, Volume
from .remote import Remote, remote

# the kubelet mounts these read-only, whatever a mount says
_READ_ONLY = ("configMap", "secret", "downwardAPI", "projected", "image")


@dataclass
class _Found:
    """What is found step by step, by container."""

    listeners: dict[str, list[Listener]] = field(default_factory=dict)
    asks: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    remotes: dict[str, list[Remote]] = field(default_factory=dict)

    def listen(self, container: str, listener: Listener) -> None:
        self.listeners.setdefault(container, []).append(listener)

    def ask(self, source: str, target: str, number: int) -> None:
        asks = self.asks.setdefault(source, [])
        if source != target and (target, number) not in asks:
            asks.append((target, number))

    def holder(self, number: int) -> str | None:
        """Who listens on that number inside the pod: on 127.0.0.1 if somebody does."""
        found = [
            (listener.is_open, name) for name, listeners in self.listeners.items() for listener in listeners if listener.number == number
        ]
        return min(found)[1] if found else None


def model(pod: Pod, *, service: str | None = None) -> Model:
    """What is to be drawn of a pod. service: name of its Service, empty for none (default: the app's name)."""
    every = containers(pod.spec)
    name = pod.app.name if service is None else service
    found = _Found()
    for port in pod.ports:
        _bound(pod, port, found, is_served=bool(name))
    _unbound(pod, found)
    _probed(every, found)
    for container in every:
        for number in words.local_numbers(container, pod.config_files):
            holder = found.holder(number)
            if holder:
                found.ask(container["name"], holder, number)
    for contribution in pod.contributions:
        _connected(pod, contribution, found)
    boxes = tuple(
        replace(
            _box(pod, container),
            listeners=tuple(
                sorted(found.listeners.get(container["name"], ()), key=lambda one: (not one.is_open, one.name == HEALTH, one.number))
            ),
            asks=tuple(found.asks.get(container["name"], ())),
            remotes=tuple(dict.fromkeys(found.remotes.get(container["name"], ()))),
        )
        for container in every
    )
    served = name if any(listener.service_number for box in boxes for listener in box.listeners) else ""
    return Model(title=pod.app.name, level=pod.security_level, service=served, boxes=boxes, volumes=tuple(_volumes(pod, every)))


def _box(pod: Pod, container: Wire) -> Box:
    name = container["name"]
    owner = next((c for c in pod.contributions if any(a["name"] == name for a in added_containers(c.patch))), None)
    is_init = any(container is c for c in pod.spec.get("initContainers") or ()) and container.get("restartPolicy") != "Always"
    return Box(
        name=name,
        kind="app" if name == pod.app.name else "init" if is_init else "sidecar",
        owner=owner.kind if owner else "",
        image=words.image(container.get("image")),
        privilege=_privilege(container) if name in pod.privileged_containers else "",
    )


def _privilege(container: Wire) -> str:
    context = container.get("securityContext") or {}
    if context.get("privileged"):
        return "privileged"
    added = (context.get("capabilities") or {}).get("add") or ()
    return ", ".join(map(str, added)) or "privileges"


def _bound(pod: Pod, port: BoundPort, found: _Found, *, is_served: bool) -> None:
    """The listeners of a port, from the outermost ambassador to the process, each of which asks the next."""
    moves = [(c, old, new) for c in movers(pod, port.name) for old, new in c.moves if old.name == port.name]
    steps = [(c, old, new) for c, old, new in moves if (new.frontend, new.number) != (old.frontend, old.number)]
    certificate = scraping.certificate_of(port, pod.certificates)
    outer = Listener(
        number=port.outer_number,
        is_open=True,
        scheme=port.outer_scheme,
        name=port.name,
        is_secure=port.is_secure,
        client_auth=getattr(certificate, "client_auth", None) if port.frontend else None,
        redirected_to=port.redirect if port.frontend else None,
        service_number=port.service_number if is_served and port.declaration.service else None,
        callers=tuple(_callers(port, is_served=is_served)),
    )
    process = pod.app.name if port.owner == APP else _holder(pod, _owner(pod, port.owner), port.number)
    if port.frontend is None:
        found.listen(process, outer)
        return
    inner = Listener(
        number=port.number, is_open=False, scheme=port.scheme, name=port.name, is_secure=port.scheme in ("https", "grpcs", "tls")
    )
    found.listen(process, inner)
    holders = [
        _holder(pod, c, new.frontend.number if index == 0 else old.number) for index, (c, old, new) in enumerate(steps) if new.frontend
    ]
    # those of an earlier injection are somebody else's
    holders = holders or [_holder(pod, None, port.outer_number)]
    found.listen(holders[0], outer)
    for holder, (_, old, _) in zip(holders[1:], steps[1:], strict=True):
        found.listen(holder, Listener(number=old.number, is_open=False, scheme=old.scheme, name=port.name))
    numbers = [*(new.number for _, _, new in steps), port.number][: len(holders)]
    for source, target, number in zip(holders, [*holders[1:], process], numbers, strict=True):
        found.ask(source, target, number)


def _callers(port: BoundPort, *, is_served: bool) -> Iterator[str]:
    if is_served and port.declaration.service:
        yield CLIENTS
    if port.declaration.metrics or port.declaration.monitor:
        yield PROMETHEUS
    if port.declaration.peers:
        yield PEERS


def _owner(pod: Pod, owner: str) -> Contribution | None:
    return next((c for c in pod.contributions if c.owner == owner), None)


def _holder(pod: Pod, contribution: Contribution | None, number: int) -> str:
    """The container of a pattern that listens on a number: that which declares it, or speaks of it; else the first that keeps running.
    Without a pattern, any container but the app's own."""
    every = containers(pod.spec)
    own = {c["name"] for c in added_containers(contribution.patch)} if contribution else {c["name"] for c in every} - {pod.app.name}
    init = [c["name"] for c in pod.spec.get("initContainers") or () if c.get("restartPolicy") != "Always"]
    candidates = [c for c in every if c["name"] in own] or every
    return str(max(candidates, key=lambda c: (c["name"] not in init, words.weight(c, str(number), pod.config_files)))["name"])


def _unbound(pod: Pod, found: _Found) -> None:
    """What is listened on besides the bound ports."""
    taken = {port.redirect for port in pod.ports} | {listener.number for listeners in found.listeners.values() for listener in listeners}
    for contribution in pod.contributions:
        for listen in contribution.patch.undeclared_ports:
            if listen.number not in taken and added_containers(contribution.patch):
                is_health = bool(listen.paths)
                listener = Listener(
                    number=listen.number, is_open=is_health, scheme="http" if is_health else "", name=HEALTH if is_health else ""
                )
                found.listen(_holder(pod, contribution, listen.number), listener)
    for number in pod.app.loopback_ports:
        found.listen(pod.app.name, Listener(number=number, is_open=False))
    known = taken | {port.declaration.number for port in pod.ports}
    for container in containers(pod.spec):
        for declared in container.get("ports") or ():
            if declared.get("containerPort") not in known:
                scheme = str(declared.get("protocol", "")).lower()
                listener = Listener(number=int(declared["containerPort"]), is_open=True, scheme=scheme, name=str(declared.get("name", "")))
                found.listen(container["name"], listener)


def _probed(every: Sequence[Wire], found: _Found) -> None:
    """The open listeners that the kubelet asks."""
    asked = set()
    for container in every:
        names = {p["name"]: p["containerPort"] for p in container.get("ports") or () if "name" in p}
        for _, handlers in handlers_of(container):
            ports = [handlers[kind].get("port") for kind in HANDLERS if handlers.get(kind)]
            asked |= {names.get(port, port) for port in ports}
    for name, listeners in found.listeners.items():
        found.listeners[name] = [
            replace(one, callers=(*one.callers, KUBELET)) if one.is_open and one.number in asked else one for one in listeners
        ]


def _connected(pod: Pod, contribution: Contribution, found: _Found) -> None:
    """The servers that the containers of a pattern connect to."""
    own = added_containers(contribution.patch)
    for there in (remote(connection) for connection in contribution.patch.connects if own):
        # of several that may be it the first
        source = max(own, key=lambda c: words.weight(c, there.host, pod.config_files))["name"]
        if there.local_number is None:
            found.remotes.setdefault(source, []).append(there)
        elif holder := found.holder(there.local_number):
            found.ask(source, holder, there.local_number)


def _volumes(pod: Pod, every: Sequence[Wire]) -> Iterator[Volume]:
    kinds: dict[str, tuple[str, bool]] = {}
    for volume in pod.spec.get("volumes") or ():
        kinds[volume["name"]] = (volume_kind(volume), any(key in volume for key in _READ_ONLY))
    kinds |= {config.name: ("configMap", True) for config in pod.config_files}
    mounts: list[tuple[str, Any]] = [(c["name"], m) for c in every for m in c.get("volumeMounts") or ()]
    # claim templates of a StatefulSet are in no PodSpec
    kinds |= {mount["name"]: ("claim of each pod", False) for _, mount in mounts if mount["name"] not in kinds}
    for name, (kind, is_read_only) in kinds.items():
        here = [(container, m) for container, m in mounts if m["name"] == name]
        writers = tuple(dict.fromkeys(c for c, m in here if not is_read_only and not m.get("readOnly")))
        readers = tuple(dict.fromkeys(c for c, _ in here if c not in writers))
        yield Volume(name=name, kind=kind, writers=writers, readers=readers)
