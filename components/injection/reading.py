"""Somebody else's pod template, read: the base of the fold, and the app that patterns see."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..core.app import App, Port
from ..core.base import Base
from ..core.container import pre_stop_seconds
from ..core.handlers import HANDLERS, PROBES, handlers_of
from ..core.patch import Wire
from ..core.pod_security import containers
from ..core.protocols import PROTOCOLS
from ..core.view import BoundPort
from .mark import Mark
from .target import Target

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_HTTP = ("http", "web", "www", "ui", "api", "rest", "metrics")
_CALLED = {**{name: name for name in PROTOCOLS}, "postgresql": "postgres", "pgsql": "postgres", "mongo": "mongodb"}
_FREE = ("nodeSelector", "matchLabels", "labels", "annotations", "limits", "requests", "volumeAttributes", "overhead", "driverOptions")
_HTTP_NUMBERS = (80, 3000, 8000, 8080)


class Unreadable(Exception):
    """The template cannot be used; `lines` say why."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


def base(template: Wire, target: Target, claims: tuple[str, ...], marks: Mapping[str, Mark]) -> Base:
    """The pod before its patterns; without the ports that stand behind ambassadors already. Raises Unreadable.

    claims: names of volumes that the pod gets from claim templates.
    """
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    snakes = dict.fromkeys(_snakes(spec))
    if snakes:
        raise Unreadable(*(f"key {key!r} is not in manifest form; write {_camel(key)}" for key in snakes))
    annotations = dict(metadata.get("annotations") or {})
    return Base(
        spec=spec,
        app_container=_app_container(spec, annotations, target),
        annotations=annotations,
        labels=dict(metadata.get("labels") or {}),
        claims=claims,
        first_grace=next((mark.grace for mark in marks.values() if mark.grace is not None), None),
        start=_start(spec, target, marks),
    )


def app(found: Base, target: Target) -> App:
    """What is known of the app: from its container, and from the target. Raises Unreadable."""
    container = found.container()
    waits = pre_stop_seconds(container)
    return App(
        name=found.app_container,
        image=container.get("image", ""),
        ports=tuple(_ports(found, target)),
        uid=_identity(found, "runAsUser", target.uid),
        gid=_identity(found, "runAsGroup", target.gid),
        volumes=tuple(found.spec.get("volumes") or ()),
        volume_mounts=tuple(container.get("volumeMounts") or ()),
        startup_probe=container.get("startupProbe"),
        readiness_probe=container.get("readinessProbe"),
        liveness_probe=container.get("livenessProbe"),
        pre_stop_seconds=waits,
        stop_seconds=max(1, (found.grace_seconds() if found.first_grace is None else found.first_grace) - waits),
        sysctl_alternatives=target.sysctl_alternatives,
        log_files=target.log_files,
        loopback_ports=(*target.loopback_ports, *_undeclared(found, target)),
    )


def _snakes(value: Any) -> Iterator[str]:
    """The keys that are written as in Python; those that somebody chose freely do not count."""
    if isinstance(value, str | int):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if "_" in str(key) and re.fullmatch("[a-z]+(_[a-z]+)+", str(key)):
                yield str(key)
            elif key not in _FREE:
                yield from _snakes(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _snakes(inner)


def _camel(key: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), key)


def fronted(known: App, marks: Mapping[str, Mark]) -> tuple[BoundPort, ...]:
    """The app's ports that earlier injections put behind ambassadors."""
    return tuple(mark.bound(port) for mark in marks.values() for port in known.ports if port.name in mark.fronted)


def _app_container(spec: Wire, annotations: Wire, target: Target) -> str:
    names = [str(c.get("name")) for c in spec.get("containers") or ()]
    if not names:
        raise Unreadable("its pod template has no containers")
    wanted = target.container or (names[0] if len(names) == 1 else annotations.get(_DEFAULT_CONTAINER))
    if wanted is None:
        raise Unreadable(f"it has several containers; set container= of the target to one of {', '.join(names)}")
    if wanted not in names:
        raise Unreadable(f"it has no container {wanted!r}; set container= of the target to one of {', '.join(names)}")
    return str(wanted)


def _start(spec: Wire, target: Target, marks: Mapping[str, Mark]) -> int:
    names = [c.get("name") for c in spec.get("initContainers") or ()]
    ours = [name for mark in marks.values() for name in mark.containers]
    place, _, wanted = target.place.partition(":")
    if place == "last":
        return len(names)
    if place == "after":
        if wanted not in names:
            known = ", ".join(map(str, names)) or "none"
            raise Unreadable(f"place {target.place!r}: it has no init container {wanted!r} (known: {known}); set place= of the target")
        first = names.index(wanted) + 1
    else:
        first = 0
    # behind what earlier injections put there: the order of the list is the order of the start
    return next((index for index in range(first, len(names)) if names[index] not in ours), len(names))


def _identity(found: Base, field: str, stated: int | None) -> int | None:
    places = (found.container(), found.spec)
    given = next((value for place in places if (value := (place.get("securityContext") or {}).get(field)) is not None), stated)
    return None if given is None else int(given)


def _ports(found: Base, target: Target) -> Iterator[Port]:
    """The app's TCP ports, with what the target says of them."""
    said = {port.number: port for port in target.ports}
    asked = _asked(found)
    for declared in found.container().get("ports") or ():
        if (declared.get("protocol") or "TCP") != "TCP":
            continue
        number, name = int(declared["containerPort"]), declared.get("name")
        port = said.pop(number, None)
        if port is None:
            port = Port(name=name or f"port-{number}", number=number, scheme=_scheme(name, number))
        elif name and name != port.name:
            raise Unreadable(
                f"port {number} of container {found.app_container!r} is called {name!r} there; call it so in ports= of the target"
            )
        yield replace(port, probe_paths=(*port.probe_paths, *asked.get(number, ())))
    yield from said.values()


def _scheme(name: str | None, number: int) -> Any:
    """What a port speaks, as far as its name tells: bytes are always right."""
    if name is None:
        return "http" if number in _HTTP_NUMBERS else "tcp"
    word = re.split("[-0-9]", name)[0]
    if word in ("https", "tls", "ssl", "grpcs"):
        return "tls" if word == "ssl" else word
    return "http" if word in _HTTP else _CALLED.get(word, "tcp")


def _undeclared(found: Base, target: Target) -> list[int]:
    """The port numbers that the kubelet asks, of whatever container, and nobody declares: something listens there."""
    declared = {int(p["containerPort"]) for c in containers(found.spec) for p in c.get("ports") or ()} | {p.number for p in target.ports}
    handlers = (handler for c in containers(found.spec) for _, handler in handlers_of(c))
    asked = (handler[kind]["port"] for handler in handlers for kind in HANDLERS if (handler.get(kind) or {}).get("port") is not None)
    return sorted({int(port) for port in asked if not isinstance(port, str)} - declared - {*target.loopback_ports})


def _asked(found: Base) -> dict[int, list[str]]:
    """The paths that the kubelet asks for on behalf of other containers, by port number."""
    paths: dict[int, list[str]] = {}
    for container in found.neighbours():
        for probe in PROBES:
            handler = (container.get(probe) or {}).get("httpGet") or {}
            if handler and not isinstance(handler.get("port"), str):
                paths.setdefault(int(handler["port"]), []).append(handler.get("path") or "/")
    return paths
