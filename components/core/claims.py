"""Claims: what only one owner in a pod may have, and the shapes that parts of a pod must have."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import checks
from .patch import PodPatch, Wire

APP = "the app"
"""How messages call the app itself."""

# fields whose keys are names that the user chooses, not fields of Kubernetes' API
_FREE = ("resources", "volumeAttributes", "metadata", "selector", "options")


@dataclass(frozen=True)
class Claim:
    """Something that only one owner in a pod may have."""

    kind: str
    key: object
    phrase: str
    owner: str
    hint: str
    verb: str = "taken"


def of_port_name(name: object, owner: str, kind: str) -> Claim:
    """kind: what carries the name; a container's port and the Service's are different things."""
    return Claim(kind, name, f"port name {name!r} of {owner}", owner, "set Port.name" if owner == APP else "set port_name=")


def of_container(container: Wire, owner: str) -> Iterator[Claim]:
    """The claims of one container: its name, ports, port names, env names and mount paths."""
    name = container.get("name")
    yield Claim("container", name, f"container name {name!r} of {owner}", owner, "set container_name=")
    for port in container.get("ports", ()):
        number, protocol = port.get("containerPort"), port.get("protocol", "TCP")
        yield Claim("port", (number, protocol), f"port {number} of {owner}", owner, "set Port.number" if owner == APP else "set port=")
        if "name" in port:
            yield of_port_name(port["name"], owner, "container's port name")
    yield from of_env(name, container.get("env", ()), owner)
    yield from of_mounts(name, container.get("volumeMounts", ()), owner)


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


def of_patch(patch: PodPatch, owner: str, app_container: str) -> Iterator[Claim]:
    """Everything in a patch that must be unique in one pod. A new kind of conflict is one line here."""
    for container in (*patch.init_containers, *patch.containers):
        yield from of_container(container, owner)
    yield from of_env(app_container, patch.app_env, owner)
    yield from of_mounts(app_container, patch.app_mounts, owner)
    for listen in patch.listens:
        yield Claim("port", (listen.number, "TCP"), f"port {listen.number} of {owner}", owner, f"set {listen.argument}=")
    for name in (*(v.get("name") for v in patch.volumes), *(c.name for c in patch.config_files)):
        yield Claim("volume", name, f"volume {name!r} of {owner}", owner, "set volume_name=", "defined")
    for kind, pairs in (("annotation", patch.annotations), ("label", patch.labels), ("sysctl", patch.sysctls)):
        for key, _ in pairs:
            yield Claim(kind, key, f"{kind} {key!r} of {owner}", owner, "remove one of them", "set")
    for account in patch.service_account:
        phrase = f"service account {account!r} of {owner}" if checks.is_plain(account) else f"the service account of {owner}"
        yield Claim("service account", "", phrase, owner, "a pod has one: set service_account= on one of them only", "set")


def conflicts(all_claims: Iterable[Claim]) -> Iterator[str]:
    """A line for every claim on something that an earlier claim took; an owner collides with itself too."""
    first: dict[tuple[str, object], Claim] = {}
    for claim in all_claims:
        parts = claim.key if isinstance(claim.key, tuple) else (claim.key,)
        # anything else is reported by its shape
        if not all(isinstance(part, str | int) for part in parts):
            continue
        earlier = first.setdefault((claim.kind, claim.key), claim)
        if earlier is not claim:
            yield f"{claim.phrase} is already {claim.verb} by {earlier.owner}; {claim.hint}"


def container_shape(container: Wire, owner: str, *, plain_init: bool = False) -> Iterator[str]:
    """What must be plain, named well and present in one container; `plain_init`: it runs to completion before the app."""
    name = container.get("name")
    where = f"container {name!r} of {owner}" if isinstance(name, str) else f"a container of {owner}"
    yield from checks.label(f"container name of {owner}:", name)
    for key in not_wire(container):
        yield f"{where}: {key!r} is not in wire form; write it as in a manifest, e.g. volumeMounts"
    if container.get("image") in (None, ""):
        yield f"{where}: image is missing"
    for port in container.get("ports", ()):
        yield from checks.port(f"{where}: containerPort", port.get("containerPort"))
        if "name" in port:
            yield from checks.port_name(f"{where}: port name", port["name"])
    yield from env_shape(container.get("env", ()), where)
    for mount in container.get("volumeMounts", ()):
        yield from mount_shape(mount, where)
    for field in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        if plain_init and field in container:
            yield f"{where}: {field} on a plain init container; wrap the container in sidecar(), or remove the {field}"
    for field, handlers in _handlers(container):
        for kind in ("httpGet", "tcpSocket"):
            if "host" in handlers.get(kind, {}):
                yield f"{where}: {field}.{kind}.host is refused by the baseline Pod Security Standard; remove it"
        if "sleep" in handlers:
            yield from checks.at_least(f"{where}: {field}.sleep.seconds", handlers["sleep"].get("seconds"), 0)
    yield from checks.resources(f"{where}: resources", container.get("resources", {}))


def _handlers(container: Wire) -> Iterator[tuple[str, Wire]]:
    """Every probe and lifecycle handler, by where it stands."""
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield probe, container.get(probe) or {}
    for hook, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, Mapping):  # stopSignal is none
            yield f"lifecycle.{hook}", handler


def not_wire(value: object) -> Iterator[str]:
    """Keys, at any depth, that are not as in a manifest. Pulumi would accept them, but none of the checks here sees what they hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not re.fullmatch("[a-z][A-Za-z]*", str(key)):
                yield str(key)
            elif key not in _FREE:
                yield from not_wire(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from not_wire(inner)


def env_shape(env: Iterable[Wire], where: str) -> Iterator[str]:
    for variable in env:
        name, value = variable.get("name"), variable.get("value", "")
        yield from checks.env_name(f"{where}: env name", name)
        if checks.is_plain(value) and not isinstance(value, str):
            yield f"{where}: value of env {name!r} must be text, but is {value!r}; put it in quotes"


def mount_shape(mount: Wire, where: str) -> Iterator[str]:
    yield from checks.label(f"{where}: volume name of a mount", mount.get("name"))
    yield from checks.path(f"{where}: mountPath", mount.get("mountPath"))
    if "subPath" in mount:
        yield from checks.relative_path(f"{where}: subPath", mount["subPath"])


def patch_shape(patch: PodPatch, owner: str) -> Iterator[str]:
    """What must be plain and named well in a patch."""
    for container in patch.init_containers:
        yield from container_shape(container, owner, plain_init=container.get("restartPolicy") != "Always")
    for container in patch.containers:
        yield from container_shape(container, owner)
        if "restartPolicy" in container:
            yield f"container {container.get('name')!r} of {owner}: a sidecar() belongs in init_containers, not in containers"
    for mount in patch.app_mounts:
        yield from mount_shape(mount, f"mount of {owner} in the app's container")
    yield from env_shape(patch.app_env, f"{owner}, in the app's container")
    for volume in patch.volumes:
        yield from checks.label(f"volume name of {owner}:", volume.get("name"))
        for key in not_wire(volume):
            yield f"volume {volume.get('name')!r} of {owner}: {key!r} is not in wire form; write it as in a manifest, e.g. emptyDir"
    for config in patch.config_files:
        yield from checks.label(f"volume name of {owner}:", config.name)
        for name in config.files:
            yield from checks.file_name(f"file of {owner} in volume {config.name!r}:", name)
    for listen in patch.listens:
        yield from checks.port(f"{listen.argument} of {owner}:", listen.number)


def dangling_mounts(mounts: Iterable[tuple[str, object, Wire]], volumes: Iterable[object]) -> Iterator[str]:
    """A line for every (owner, container, mount) whose volume nobody defines."""
    defined = [v for v in volumes if isinstance(v, str)]
    for owner, container, mount in mounts:
        name = mount.get("name")
        if isinstance(name, str) and name not in defined:
            known = ", ".join(sorted(defined)) or "none"
            where = f"mounted by {owner} in container {container!r}"
            yield f"volume {name!r}, {where}, is defined by nobody; add it to volumes (defined: {known})"
