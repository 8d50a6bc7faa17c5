"""Offline rendering: the manifests that a program would apply, without an engine, a provider or a cluster."""

import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.errors import ProblemsError, refuse
from . import files
from .mocks import Mocks
from .order import ordered
from .printing import printed
from .recording import Recording, Registration
from .run import Program, run

# Kinds in the order in which they must be applied; the place is the number that a file name begins with.
_ORDER = (
    ("Namespace",),
    ("CustomResourceDefinition", "PriorityClass", "RuntimeClass", "StorageClass", "LimitRange", "ResourceQuota"),
    ("ServiceAccount",),
    ("Secret",),
    ("ConfigMap",),
    ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    ("PersistentVolume", "PersistentVolumeClaim"),
    ("Service",),
    ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"),
)
_RANKS = {kind: rank for rank, kinds in enumerate(_ORDER, 1) for kind in kinds}
_REST = len(_ORDER) + 1

_HEADER = "# Written by pod-patterns; the next rendering overwrites it.\n"
_OURS = re.compile(r"\d\d-[a-z0-9.]+-[A-Za-z0-9._:-]+\.yaml")
# what the API server takes as a name or a namespace, which all fit a file name (validation/path: IsValidPathSegmentName)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")
_KIND = re.compile(r"[A-Za-z0-9]+")


class OfflineError(ProblemsError):
    """The program cannot be rendered offline."""


def manifests(source: Program | Recording, **settings: Any) -> list[dict[str, Any]]:
    """The Kubernetes objects in apply order; `settings` are those of `run` if the source is a program.

    As `kubectl apply` needs them: Secrets revealed, in base64; nothing of Pulumi's; a namespace only where the program gives one.
    Raises OfflineError.
    """
    recording = source if isinstance(source, Recording) else record(source, **settings)
    return [manifest for _, manifest, _ in _rendered(recording)]


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """What `render` did."""

    recording: Recording
    """What the program did."""
    files: tuple[Path, ...]
    """Every manifest, in apply order."""
    written: tuple[Path, ...]
    """Those of them that are new or changed."""
    removed: tuple[Path, ...]
    """Manifests of an earlier rendering that nothing corresponds to any more."""


def render(source: Program | Recording, directory: Path, *, keys: Path | None, **settings: Any) -> Rendering:
    """Writes a file for every object the program would apply; `kubectl apply -f DIRECTORY` applies them in order.

    The same program gives the same bytes, and an unchanged file is not touched. Files of an earlier rendering go when their object
    does; other files in the directory are left alone. Files with secrets, and `keys`, are readable by their owner only. `keys` is
    where private keys and certificates last between renderings, a file outside the directory; whoever deletes it gets new ones, and with
    None every rendering does. `settings` are those of `run` if the source is a program.

    Raises OfflineError, KeyFileError, and what the program raises; nothing in the directory is changed then.
    """
    where = f"rendering to {directory}"
    if keys is not None and keys.resolve().is_relative_to(directory.resolve()):
        refuse(where, [f"keys {str(keys)!r} lies in the directory, whose files are meant to be applied and handed on; put it elsewhere"])
    recording = source if isinstance(source, Recording) else record(source, keys=keys, **settings)
    wanted = {directory / name: (_text(manifest), 0o600 if private else 0o644) for name, manifest, private in _rendered(recording)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        foreign = [path.name for path in wanted if os.path.lexists(path) and not _is_ours(path)]
        if foreign:
            raise OfflineError(where, [f"{name} is in the way and was not written by a rendering; move it" for name in foreign])
        written = [path for path, (text, mode) in wanted.items() if files.replace(path, text.encode(), mode)]
        removed = [path for path in sorted(directory.iterdir()) if path not in wanted and _is_ours(path)]
        for path in removed:
            path.unlink()
    except OSError as error:
        raise OfflineError(where, [str(error)]) from None
    return Rendering(
        recording=recording,
        files=tuple(wanted),
        written=tuple(written),
        removed=tuple(path for path in removed if _OURS.fullmatch(path.name)),
    )


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    if path.name.startswith(files.TEMPORARY):
        return True
    return bool(_OURS.fullmatch(path.name)) and path.read_bytes().startswith(_HEADER.encode())


def record(program: Program, *, keys: Path | None = None, now: Callable[[], datetime] | None = None, **settings: Any) -> Recording:
    """What the program does, for manifests; `settings` are those of `run`."""
    # no status: an address that only a cluster could assign must not get into a manifest
    return run(program, mocks=Mocks(keys=keys, now=now, status=False), **settings)


def by_urn(recording: Recording) -> dict[str, dict[str, Any]]:
    """The Kubernetes objects in apply order, by the URN of their resource. Raises OfflineError."""
    return {registration.urn: manifest for _, (registration, manifest) in _found(recording)}


def _rendered(recording: Recording) -> list[tuple[str, dict[str, Any], bool]]:
    """File name, object, and whether it holds secrets, in apply order."""
    return [(name, manifest, manifest["kind"] == "Secret" or bool(r.secrets)) for name, (r, manifest) in _found(recording)]


def _found(recording: Recording) -> list[tuple[str, tuple[Registration, dict[str, Any]]]]:
    """File name, resource and object, in apply order."""
    if recording.preview:
        raise OfflineError("offline rendering", ["it was a preview, which does not know every value; run it as an update"])
    problems = [line for transform in recording.transforms for line in _unmet(transform)]
    found: dict[str, tuple[Registration, dict[str, Any]]] = {}
    for registration in recording.registrations:
        refusals = list(_refusals(registration))
        problems += refusals
        if refusals or not registration.type.startswith("kubernetes:"):
            continue
        manifest = _manifest(registration)
        earlier, _ = found.setdefault(_file_name(manifest), (registration, manifest))
        if earlier is not registration:
            name = manifest["metadata"]["name"]
            problems.append(f"{earlier.urn} and {registration.urn} are the same object, {manifest['kind']} {name!r}")
    if problems:
        raise OfflineError("offline rendering", problems)
    return sorted(found.items(), key=lambda item: item[0])


def _unmet(transform: Any) -> list[str]:
    """What an injection says whose transform did not meet its workload; other transforms say nothing."""
    injection: Any = getattr(transform, "__self__", None)
    return [f"injection {injection.name!r} {line}" for line in injection.unmet()] if hasattr(injection, "unmet") else []


def _refusals(registration: Registration) -> Iterator[str]:
    what = f"{registration.type} {registration.name!r}"
    if not registration.type.startswith("kubernetes:"):
        if registration.request.remote:
            yield f"{what} is made by a provider, which alone knows what is in it; use pulumi up"
        return
    kind, metadata = registration.inputs.get("kind"), registration.outputs.get("metadata")
    # the type of a DeploymentPatch, say, differs from its kind; charts and YAML files have none
    if not metadata or registration.type.split(":")[-1] != kind or "items" in registration.inputs:
        yield f"{what} is not an object of its own, but one that the Kubernetes provider works out; use pulumi up"
        return
    for field, value, shape in (("kind", kind, _KIND), ("name", metadata["name"], _NAME), ("namespace", metadata.get("namespace"), _NAME)):
        if value is not None and not shape.fullmatch(str(value)):
            yield f"{what}: {field} {value!r} is not allowed: letters, digits, '.', ':' and '-'"


def _manifest(registration: Registration) -> dict[str, Any]:
    manifest = {name: value for name, value in registration.inputs.items() if name != "status"}
    metadata = {**manifest.get("metadata", {}), "name": registration.outputs["metadata"]["name"]}
    # for Pulumi's await logic and the like
    annotations = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if not name.startswith("pulumi.com/")}
    manifest["metadata"] = {**metadata, "annotations": annotations} if annotations else metadata
    if manifest["kind"] == "Secret" and "stringData" in manifest:
        encoded = {name: b64encode(text.encode()).decode() for name, text in manifest.pop("stringData").items()}
        manifest["data"] = {**manifest.get("data", {}), **encoded}
    return manifest


def _file_name(manifest: Mapping[str, Any]) -> str:
    """Unique for every object, and in apply order; `_` is in no name or namespace."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    group = manifest["apiVersion"].rpartition("/")[0]
    # the built-in groups are apps, batch ... and those below k8s.io
    custom = f".{group}" if "." in group and not group.endswith(".k8s.io") else ""
    namespace = f"{metadata['namespace']}_" if "namespace" in metadata else ""
    return f"{_REST if custom else _RANKS.get(kind, _REST):02d}-{kind.lower()}{custom}-{namespace}{metadata['name']}.yaml"


def _text(manifest: Mapping[str, Any]) -> str:
    return _HEADER + printed(ordered(manifest))
