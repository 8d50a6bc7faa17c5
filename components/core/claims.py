"""Claims: what only one owner in a pod may have."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import checks
from .patch import PodPatch, Wire
from .view import APP, BoundPort, PodView


@dataclass(frozen=True)
class Claim:
    """Something that only one owner in a pod may have."""

    kind: str
    key: object
    phrase: str
    owner: str
    hint: str
    verb: str = "taken"
    value: object = None
    """What it is set to, where two that set it to the same thing are no conflict."""


def of_port_name(name: object, owner: str, kind: str) -> Claim:
    """kind: what carries the name; a container's port and the Service's are different things."""
    return Claim(kind, name, f"port name {name!r} of {owner}", owner, "set Port.name" if owner == APP else "set port_name=")


def of_service_port(port: BoundPort) -> Claim:
    """A number of the Service that a port names itself."""
    number, protocol = port.service_number, port.declaration.protocol
    return Claim("service port", (number, protocol), f"the Service's port {number} of {port.owner}", port.owner, "set Port.service_number")


def of_container(container: Wire, owner: str) -> Iterator[Claim]:
    """The claims of one container: its name, ports, port names, env names and mount paths."""
    name = container.get("name")
    yield Claim("container", name, f"container name {name!r} of {owner}", owner, "set container_name=")
    for port in container.get("ports") or ():
        number, protocol = port.get("containerPort"), port.get("protocol", "TCP")
        yield Claim("port", (number, protocol), f"port {number} of {owner}", owner, "set Port.number" if owner == APP else "set port=")
        if "name" in port:
            yield of_port_name(port["name"], owner, "container's port name")
    yield from of_env(name, container.get("env") or (), owner)
    yield from of_mounts(name, container.get("volumeMounts") or (), owner)


def of_env(container: object, env: Iterable[Wire], owner: str) -> Iterator[Claim]:
    for variable in env:
        name = variable.get("name")
        phrase = f"env {name!r} of {owner} in container {container!r}"
        yield Claim("env", (container, name), phrase, owner, "remove one of them", "set")


def of_mounts(container: object, mounts: Iterable[Wire], owner: str) -> Iterator[Claim]:
    for mount in mounts:
        path = mount.get("mountPath")
        key = re.sub("/+", "/", path).rstrip("/") if isinstance(path, str) else path
        phrase = f"mount path {path!r} of {owner} in container {container!r}"
        yield Claim("mount", (container, key), phrase, owner, "set mount_path=")


def of_volume(name: object, owner: str) -> Claim:
    return Claim("volume", name, f"volume {name!r} of {owner}", owner, "set volume_name=", "defined")


def of_pair(kind: str, key: object, owner: str) -> Claim:
    """An annotation, a label or a sysctl."""
    return Claim(kind, key, f"{kind} {key!r} of {owner}", owner, "remove one of them", "set")


def of_hidden_ports(pod: PodView) -> Iterator[Claim]:
    """What the app listens on without declaring it: on loopback, where ambassadors moved it, or because it always does."""
    for number in pod.app.loopback_ports:
        yield Claim("port", (number, "TCP"), f"port {number} of {APP}", APP, "set Port.number")
    for port in pod.ports:
        if port.frontend and port.owner == APP and not port.keeps_number:
            phrase = f"port {port.number}, to which an ambassador moved {port.name!r} of {APP},"
            yield Claim("port", (port.number, "TCP"), phrase, APP, "set inner_port=")


def of_patch(patch: PodPatch, owner: str, app_container: str) -> Iterator[Claim]:
    """Everything in a patch that must be unique in one pod. A new kind of conflict is one line here."""
    for container in (*patch.init_containers, *patch.containers):
        yield from of_container(container, owner)
    yield from of_env(app_container, patch.app_env, owner)
    yield from of_mounts(app_container, patch.app_mounts, owner)
    for listen in patch.undeclared_ports:
        yield Claim("port", (listen.number, "TCP"), f"port {listen.number} of {owner}", owner, f"set {listen.argument}=")
    for name in (*(v.get("name") for v in patch.volumes), *(c.name for c in patch.config_files)):
        yield of_volume(name, owner)
    for kind, pairs in (("annotation", patch.annotations), ("label", patch.labels), ("sysctl", patch.sysctls)):
        for key, _ in pairs:
            yield of_pair(kind, key, owner)
    for account in patch.service_account:
        yield of_service_account(account, owner)


def of_service_account(account: object, owner: str) -> Claim:
    phrase = f"service account {account!r} of {owner}" if checks.is_plain(account) else f"the service account of {owner}"
    return Claim("service account", "", phrase, owner, "a pod has one: set service_account= on one of them only", "set", account)


def conflicts(claims: Iterable[Claim], facts: Iterable[Claim] = ()) -> Iterator[str]:
    """A line for every claim on something that an earlier one took. An owner collides with itself too; facts do not."""
    first: dict[tuple[str, object], Claim] = {(fact.kind, fact.key): fact for fact in facts if _is_hashable(fact.key)}
    for claim in claims:
        # anything else is reported by its shape
        if not _is_hashable(claim.key):
            continue
        earlier = first.setdefault((claim.kind, claim.key), claim)
        if earlier is not claim and not _agree(claim.value, earlier.value):
            yield f"{claim.phrase} is already {claim.verb} by {earlier.owner}; {claim.hint}"


def _agree(one: object, other: object) -> bool:
    """Whether both set the same thing to the same value; of two Outputs nobody knows yet."""
    return one is not None and (one is other or (isinstance(one, str) and isinstance(other, str) and one == other))


def _is_hashable(key: object) -> bool:
    return all(isinstance(part, str | int) for part in (key if isinstance(key, tuple) else (key,)))
