"""Shapes: what every part of a pod that this package adds must look like."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from . import checks
from .patch import PodPatch, Wire

_KEY = "[a-z][A-Za-z]*"
# fields whose keys are names that the user chooses, not fields of Kubernetes' API
_FREE = ("resources", "volumeAttributes", "metadata", "selector", "options")

# k8s.io/api/core/v1 Container as of v1.37
_FIELDS = frozenset(
    """
    args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources restartPolicy
    restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices
    volumeMounts workingDir
    """.split()
)


def of_container(container: Wire, owner: str, *, plain_init: bool = False) -> Iterator[str]:
    """What must be plain, named well and present in one container; `plain_init`: it runs to completion before the app."""
    name = container.get("name")
    where = f"container {name!r} of {owner}" if isinstance(name, str) else f"a container of {owner}"
    yield from checks.label(f"container name of {owner}:", name)
    for key in not_wire(container):
        yield f"{where}: {key!r} is not in manifest form; write it as in a manifest, e.g. volumeMounts"
    for key in container:
        if re.fullmatch(_KEY, str(key)) and key not in _FIELDS:
            nearest = difflib.get_close_matches(key, _FIELDS, n=1)
            way_out = f"did you mean {nearest[0]!r}?" if nearest else "remove it"
            yield f"{where}: {key!r} is not a field of a container; {way_out}"
    if container.get("image") in (None, ""):
        yield f"{where}: image is missing"
    for port in container.get("ports") or ():
        yield from checks.port(f"{where}: containerPort", port.get("containerPort"))
        if "name" in port:
            yield from checks.port_name(f"{where}: port name", port["name"])
    yield from of_env(container.get("env") or (), where)
    for mount in container.get("volumeMounts") or ():
        yield from of_mount(mount, where)
    for field in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        if plain_init and field in container:
            yield f"{where}: {field} on a plain init container; wrap the container in sidecar(), or remove the {field}"
    for field, handlers in _handlers(container):
        for kind in ("httpGet", "tcpSocket"):
            if "host" in handlers.get(kind, {}):
                yield f"{where}: {field}.{kind}.host is refused by the baseline Pod Security Standard; remove it"
        if "sleep" in handlers:
            yield from checks.whole(0)(f"{where}: {field}.sleep.seconds", handlers["sleep"].get("seconds"))
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
            if not re.fullmatch(_KEY, str(key)):
                yield str(key)
            elif key not in _FREE:
                yield from not_wire(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from not_wire(inner)


def of_env(env: Iterable[Wire], where: str) -> Iterator[str]:
    for variable in env:
        name, value = variable.get("name"), variable.get("value", "")
        yield from checks.env_name(f"{where}: env name", name)
        if checks.is_plain(value) and not isinstance(value, str):
            yield f"{where}: value of env {name!r} must be text, but is {value!r}; put it in quotes"


def of_mount(mount: Wire, where: str) -> Iterator[str]:
    yield from checks.label(f"{where}: volume name of a mount", mount.get("name"))
    path = mount.get("mountPath")
    yield from checks.path(f"{where}: mountPath", path)
    if isinstance(path, str) and path and not path.strip("/"):
        yield f"{where}: mountPath {path!r} would hide the whole image; mount the volume at a directory below it"
    if "subPath" in mount:
        yield from checks.relative_path(f"{where}: subPath", mount["subPath"])


def of_volume(volume: Wire, owner: str) -> Iterator[str]:
    yield from checks.label(f"volume name of {owner}:", volume.get("name"))
    for key in not_wire(volume):
        yield f"volume {volume.get('name')!r} of {owner}: {key!r} is not in manifest form; write it as in a manifest, e.g. emptyDir"


def of_patch(patch: PodPatch, owner: str) -> Iterator[str]:
    """What must be plain and named well in a patch."""
    for container in patch.init_containers:
        yield from of_container(container, owner, plain_init=container.get("restartPolicy") != "Always")
    for container in patch.containers:
        yield from of_container(container, owner)
        if "restartPolicy" in container:
            yield f"container {container.get('name')!r} of {owner}: a sidecar() belongs in init_containers, not in containers"
    for mount in patch.app_mounts:
        yield from of_mount(mount, f"mount of {owner} in the app's container")
    yield from of_env(patch.app_env, f"{owner}, in the app's container")
    for volume in patch.volumes:
        yield from of_volume(volume, owner)
    for config in patch.config_files:
        yield from checks.label(f"volume name of {owner}:", config.name)
        for name in config.files:
            yield from checks.file_name(f"file of {owner} in volume {config.name!r}:", name)
    for listen in patch.undeclared_ports:
        yield from checks.port(f"{listen.argument} of {owner}:", listen.number)


def dangling_mounts(mounts: Iterable[tuple[str, object, Wire]], volumes: Iterable[object]) -> Iterator[str]:
    """A line for every (owner, container, mount) whose volume nobody defines."""
    defined = [v for v in volumes if isinstance(v, str)]
    for owner, container, mount in mounts:
        name = mount.get("name")
        if isinstance(name, str) and name not in defined:
            known = ", ".join(sorted(defined)) or "none"
            where = f"mounted by {owner} in container {container!r}"
            yield f"volume {name!r}, {where}, is not defined; add it to volumes (defined: {known})"
