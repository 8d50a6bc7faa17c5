"""A pod put together from its base and everything that was added, once nothing is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pulumi

from . import environment
from .app import App
from .base import Base
from .cluster import Cluster
from .container import pre_stop, pre_stop_seconds
from .contribution import Contribution
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
    contributions: tuple[Contribution, ...]
    """What every pattern does, in list order."""
    beside: Mapping[str, Wire] = field(default_factory=dict)
    """Somebody else's containers that follow the app's ports, by name. Default: none."""

    @cached_property
    def owned(self) -> tuple[tuple[str, PodPatch], ...]:
        """Who adds what, in list order."""
        return tuple((contribution.owner, contribution.patch) for contribution in self.contributions)

    @cached_property
    def total(self) -> PodPatch:
        return sum((patch for _, patch in self.owned), PodPatch())

    def merged(self, base: Base) -> dict[str, Any]:
        """The app's container with what the patterns add to it; the order of somebody else's variables is kept."""
        env, mounts = self.container.get("env") or (), self.container.get("volumeMounts") or ()
        if base.owned:
            return {
                **self.container,
                "env": environment.ordered([*env, *self.total.app_env]),
                "volumeMounts": [*mounts, *self.total.app_mounts],
            }
        added = {"env": environment.ordered(self.total.app_env), "volumeMounts": list(self.total.app_mounts)}
        return {**self.container, **{key: [*(self.container.get(key) or ()), *more] for key, more in added.items() if more}}


def assembled(where: str, base: Base, found: Sum, cluster: Cluster, image_registry: Registries | None) -> Pod:
    """The base pod with everything that was added, as native or classic sidecars."""
    total, app = found.total, found.pod.app
    container = found.merged(base)

    def finished(of_ours: Wire) -> dict[str, Any]:
        return environment.watched(_finished(of_ours, cluster, image_registry), where, f"container {of_ours['name']!r}")

    init, classic = _sidecars(total, cluster, app)
    added_init, before, after = ([finished(c) for c in part] for part in (init, classic, total.containers))
    now = {**found.beside, base.app_container: finished(container) if base.owned else container}
    theirs = [now.get(c["name"], c) for c in base.spec.get("initContainers") or ()]
    containers = [*before, *(now.get(c["name"], c) for c in base.spec["containers"]), *after]
    volumes = [*(base.spec.get("volumes") or ()), *total.volumes]
    init_containers = [*theirs[: base.start], *added_init, *theirs[base.start :]]
    spec: dict[str, Any] = {
        **({"serviceAccountName": total.service_account[0]} if total.service_account else {}),
        **base.spec,
        **_security(base, total),
        **_grace(base, app, [c for c in added_init if c.get("restartPolicy") == "Always"] + before + after, containers),
        **({"initContainers": init_containers} if init_containers else {}),
        "containers": containers,
        **({"volumes": volumes} if base.owned or total.volumes else {}),
    }
    pod = Pod(
        app=app,
        ports=found.pod.ports,
        spec=spec,
        kubernetes=cluster.version,
        annotations={**base.annotations, **dict(total.annotations)},
        labels={**base.labels, **dict(total.labels)},
        config_files=total.config_files,
        certificates=total.certificates,
        connects=total.connects,
        contributions=found.contributions,
        declared=base.spec,
        health_ports={
            listen.number: listen.paths for listen in sorted(total.undeclared_ports, key=lambda listen: listen.number) if listen.paths
        },
    )
    return _guarded(where, pod, found, base)


def _sidecars(total: PodPatch, cluster: Cluster, app: App) -> tuple[list[Wire], list[Wire]]:
    """The init containers, and the sidecars that are ordinary containers: none of them, or all."""
    if not cluster.classic:
        return list(total.init_containers), []
    moved = [{k: v for k, v in c.items() if k != "restartPolicy"} for c in total.init_containers if c.get("restartPolicy") == "Always"]
    # every container gets SIGTERM at once: the sidecars wait as long as the app does
    wait = {"lifecycle": {"preStop": pre_stop(app.pre_stop_seconds, cluster.version)}} if app.pre_stop_seconds else {}
    return [c for c in total.init_containers if c.get("restartPolicy") != "Always"], [{**wait, **c} for c in moved]


def _grace(base: Base, app: App, sidecars: list[dict[str, Any]], containers: list[dict[str, Any]]) -> dict[str, Any]:
    """The grace period. Somebody else's is longer than it was, for what was added and has to end, or stays."""
    longest = max((pre_stop_seconds(c) for c in (*sidecars, *containers)), default=0)
    seconds = longest + app.stop_seconds + SLACK_SECONDS
    if base.owned:
        return {"terminationGracePeriodSeconds": seconds}
    # earlier injections had added what is added here
    return {"terminationGracePeriodSeconds": max(seconds, base.grace_seconds())} if sidecars else {}


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


def _guarded(where: str, pod: Pod, found: Sum, base: Base) -> Pod:
    """The pod, in which a secret Output of ours in a place that everybody may read fails the run."""
    ours = {c["name"] for c in (*found.total.init_containers, *found.total.containers)} | ({base.app_container} if base.owned else set())
    every = [c for part in ("initContainers", "containers") for c in pod.spec.get(part) or () if c["name"] in ours]
    # of somebody else's container, what was added to it
    added = [] if base.owned else list(found.total.app_env)
    annotations = {key: value for key, value in pod.annotations.items() if base.owned or key not in base.annotations}
    guard = secret_guard(where, [*every, {"name": base.app_container, "env": added}], annotations, pod.config_files)

    def checked(container: Wire) -> Wire:
        if container["name"] in ours:
            return {**container, **{field: guarded(container[field], guard) for field in GUARDED if field in container}}
        if container["name"] == base.app_container and added:
            names = {v["name"] for v in added}
            return {**container, "env": [guarded(v, guard) if v["name"] in names else v for v in container["env"]]}
        return container

    parts = {part: [checked(c) for c in pod.spec[part]] for part in ("initContainers", "containers") if pod.spec.get(part)}
    files: list[Mapping[str, pulumi.Input[str]]] = [{n: guard(v) for n, v in c.files.items()} for c in pod.config_files]
    return replace(
        pod,
        spec={**pod.spec, **parts},
        annotations={**pod.annotations, **{key: guard(value) for key, value in annotations.items()}},
        config_files=tuple(replace(c, files=f) for c, f in zip(pod.config_files, files, strict=True)),
    )
