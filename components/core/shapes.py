"""Shapes: what every part of a pod that this package adds must look like."""

from collections.abc import Iterable, Iterator

from . import checks, pod_fields
from .handlers import PROBES, handlers_of
from .patch import PodPatch, Wire


def of_container(container: Wire, owner: str, *, plain_init: bool = False) -> Iterator[str]:
    """What must be plain, named well and present in one container; `plain_init`: it runs to completion before the app."""
    name = container.get("name")
    where = f"container {name!r} of {owner}" if isinstance(name, str) else f"a container of {owner}"
    yield from checks.label(f"container name of {owner}:", name)
    yield from (f"{where}: {line}" for line in pod_fields.of_object("Container", container))
    if container.get("image") in (None, ""):
        yield f"{where}: image is missing"
    for port in container.get("ports") or ():
        yield from checks.port(f"{where}: containerPort", port.get("containerPort"))
        if "name" in port:
            yield from checks.port_name(f"{where}: port name", port["name"])
    yield from of_env(container.get("env") or (), where)
    for mount in container.get("volumeMounts") or ():
        yield from of_mount(mount, where)
    for field in (*PROBES, "lifecycle"):
        if plain_init and field in container:
            yield f"{where}: {field} on a plain init container; wrap the container in sidecar(), or remove the {field}"
    for field, handlers in handlers_of(container):
        for kind in ("httpGet", "tcpSocket"):
            if "host" in handlers.get(kind, {}):
                yield f"{where}: {field}.{kind}.host is rejected by the baseline Pod Security Standard; remove it"
        if "sleep" in handlers:
            yield from checks.whole(0)(f"{where}: {field}.sleep.seconds", handlers["sleep"].get("seconds"))
    yield from checks.resources(f"{where}: resources", container.get("resources", {}))


def of_env(env: Iterable[Wire], where: str) -> Iterator[str]:
    for variable in env:
        name, value = variable.get("name"), variable.get("value", "")
        yield from checks.env_name(f"{where}: env name", name)
        if checks.is_plain(value) and not isinstance(value, str):
            yield f"{where}: value of env {name!r} must be text, but is {value!r}; put it in quotes"


def of_mount(mount: Wire, where: str) -> Iterator[str]:
    yield from checks.label(f"{where}: volume name of a mount", mount.get("name"))
    yield from checks.path(f"{where}: mountPath", mount.get("mountPath"))
    if isinstance(mount.get("mountPath"), str) and not mount["mountPath"].strip("/"):
        yield f"{where}: mountPath '/' would hide the whole image; mount a directory below it"
    if "subPath" in mount:
        yield from checks.relative_path(f"{where}: subPath", mount["subPath"])


def of_volume(volume: Wire, owner: str) -> Iterator[str]:
    yield from checks.label(f"volume name of {owner}:", volume.get("name"))
    yield from (f"volume {volume.get('name')!r} of {owner}: {line}" for line in pod_fields.of_object("Volume", volume))


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


def buried_mounts(containers: Iterable[Wire], volumes: Iterable[Wire], taken: Iterable[Wire] = ()) -> Iterator[str]:
    """A line for every mount below a read-only one of an emptyDir: there the runtime cannot make the directory that it is mounted on.

    taken: mounts that are there already, with which nothing is wrong (default: none).
    """
    # below ConfigMaps, Secrets and their kin the kubelet makes it (MakeNestedMountpoints), and other volumes may have it
    empty = [volume.get("name") for volume in volumes if "emptyDir" in volume]
    known = list(taken)
    for container in containers:
        mounts = [m for m in container.get("volumeMounts") or () if isinstance(m.get("mountPath"), str)]
        for mount in mounts:
            path = f"{mount['mountPath'].rstrip('/')}/"
            above = [m for m in mounts if m is not mount and path.startswith(f"{m['mountPath'].rstrip('/')}/")]
            nearest = max(above, key=lambda m: len(m["mountPath"].rstrip("/")), default=None)
            if nearest and nearest.get("readOnly") and nearest.get("name") in empty and not (mount in known and nearest in known):
                yield (
                    f"container {container.get('name')!r}: mount path {mount['mountPath']!r} lies in {nearest['mountPath']!r}, a read-only "
                    "mount of an emptyDir, where no directory can be made for it; set mount_path= of one of them"
                )
