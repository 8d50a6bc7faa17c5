"""A pod put together from its base and everything that was added, once nothing is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pulumi

from . import environment
from .app import App
from .base import Base
from .cluster import Cluster
from .container import pre_stop, pre_stop_seconds
from .identity import restricted
from .images import Registries, mirrored
from .patch import PodPatch, Wire
from .pod import Pod
from .secrecy import GUARDED, guarded, secret_guard
from .view import PodView

SLACK_SECONDS = 10
"""Added to the grace period, for sidecars that stop one after another when the app is gone."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """The app's container, and what every pattern adds, before and after it is checked."""

    container: Mapping[str, Any]
    pod: PodView
    owned: tuple[tuple[str, PodPatch], ...]
    """Who adds what, in list order."""

    @cached_property
    def total(self) -> PodPatch:
        return sum((patch for _, patch in self.owned), PodPatch())

    def merged(self, base: Base) -> dict[str, Any]:
        """The app's container with what the patterns add to it; the order of somebody else's variables is kept."""
        env = self.container.get("env") or ()
        return {
            **self.container,
            "env": environment.ordered([*env, *self.total.app_env]) if base.owned else [*env, *environment.ordered(self.total.app_env)],
            "volumeMounts": [*(self.container.get("volumeMounts") or ()), *self.total.app_mounts],
        }


def assembled(where: str, base: Base, found: Sum, cluster: Cluster, image_registry: Registries | None) -> Pod:
    """The base pod with everything that was added, as native or classic sidecars."""
    total, app = found.total, found.pod.app
    container = found.merged(base)

    def finished(of_ours: Wire) -> dict[str, Any]:
        return environment.watched(_finished(of_ours, cluster, image_registry), where, f"container {of_ours['name']!r}")

    init, classic = _sidecars(total, cluster, app)
    added_init, before, after = ([finished(c) for c in part] for part in (init, classic, total.containers))
    own = finished(container) if base.owned else container
    others = [own if c["name"] == base.app_container else c for c in base.spec["containers"]]
    containers = [*before, *others, *after]
    longest = max((pre_stop_seconds(c) for c in (*added_init, *containers)), default=0)
    init_containers = [*added_init, *(base.spec.get("initContainers") or ())]
    spec: dict[str, Any] = {
        **({"serviceAccountName": total.service_account[0]} if total.service_account else {}),
        **base.spec,
        **_security(base, total),
        "terminationGracePeriodSeconds": longest + app.stop_seconds + SLACK_SECONDS,
        **({"initContainers": init_containers} if init_containers else {}),
        "containers": containers,
        "volumes": [*(base.spec.get("volumes") or ()), *total.volumes],
    }
    pod = Pod(
        app=app,
        ports=found.pod.ports,
        spec=spec,
        kubernetes=cluster.version,
        annotations={**base.annotations, **dict(total.annotations)},
        labels=dict(total.labels),
        config_files=total.config_files,
        certificates=total.certificates,
        health_ports={
            listen.number: listen.paths for listen in sorted(total.undeclared_ports, key=lambda listen: listen.number) if listen.paths
        },
    )
    return _guarded(where, pod, found)


def _sidecars(total: PodPatch, cluster: Cluster, app: App) -> tuple[list[Wire], list[Wire]]:
    """The init containers, and the sidecars that are ordinary containers: none of them, or all."""
    if not cluster.classic:
        return list(total.init_containers), []
    moved = [{k: v for k, v in c.items() if k != "restartPolicy"} for c in total.init_containers if c.get("restartPolicy") == "Always"]
    # every container gets SIGTERM at once: the sidecars wait as long as the app does
    wait = {"lifecycle": {"preStop": pre_stop(app.pre_stop_seconds, cluster.version)}} if app.pre_stop_seconds else {}
    return [c for c in total.init_containers if c.get("restartPolicy") != "Always"], [{**wait, **c} for c in moved]


def _security(base: Base, total: PodPatch) -> dict[str, Any]:
    """The pod's security context with the sysctls that were added."""
    if not total.sysctls:
        return {}
    given = base.spec.get("securityContext") or {}
    sysctls = [*(given.get("sysctls") or ()), *({"name": name, "value": value} for name, value in total.sysctls)]
    return {"securityContext": {**given, "sysctls": sysctls}}


def _finished(container: Wire, cluster: Cluster, image_registry: Registries | None) -> dict[str, Any]:
    """The container with the defaults that every container gets; empty lists are left out."""
    defaults = {"securityContext": restricted(None), "terminationMessagePolicy": "FallbackToLogsOnError"}
    env = {"env": environment.ordered(container["env"])} if container.get("env") else {}
    finished = {key: value for key, value in {**defaults, **container, **env}.items() if value not in ([], ())}
    if image_registry and "image" in container:
        finished["image"] = mirrored(container["image"], image_registry)
    waits = finished.get("lifecycle", {}).get("preStop", {}).get("sleep")
    if waits:
        finished["lifecycle"] = {**finished["lifecycle"], "preStop": pre_stop(waits["seconds"], cluster.version)}
    return finished


def _guarded(where: str, pod: Pod, found: Sum) -> Pod:
    """The pod, in which a secret Output in a place that everybody may read fails the run."""
    ours = {found.pod.app.name, *(c["name"] for c in (*found.total.init_containers, *found.total.containers))}
    every = [c for part in ("initContainers", "containers") for c in pod.spec.get(part, ()) if c["name"] in ours]
    guard = secret_guard(where, every, dict(pod.annotations), pod.config_files)

    def checked(container: Wire) -> dict[str, Any]:
        return {**container, **{field: guarded(container[field], guard) for field in GUARDED if field in container}}

    parts = {
        part: [checked(c) if c["name"] in ours else c for c in pod.spec[part]]
        for part in ("initContainers", "containers")
        if part in pod.spec
    }
    files: list[Mapping[str, pulumi.Input[str]]] = [{n: guard(v) for n, v in c.files.items()} for c in pod.config_files]
    return replace(
        pod,
        spec={**pod.spec, **parts},
        annotations={key: guard(value) for key, value in pod.annotations.items()},
        config_files=tuple(replace(c, files=f) for c, f in zip(pod.config_files, files, strict=True)),
    )
