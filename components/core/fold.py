"""A pod as the sum of what its patterns add. Pure and synchronous: every check runs before anything is registered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pulumi

from . import checks, claims, plug, rules, shapes
from .app import App
from .base import Base, field_problems, own
from .cluster import DEFAULT_KUBERNETES, Cluster, cluster
from .container import follow, pre_stop, pre_stop_seconds
from .errors import CompositionError
from .identity import restricted
from .images import mirrored
from .patch import PodPatch, Wire
from .plug import Pattern
from .pod import Pod
from .secrecy import GUARDED, guarded, secret_guard
from .view import APP, BoundPort, PodView, view

SLACK_SECONDS = 10
"""Added to the grace period, for sidecars that stop one after another when the app is gone."""


@dataclass(frozen=True, kw_only=True)
class _Sum:
    """The app's container, and what every pattern adds, before and after it is checked."""

    container: Mapping[str, Any]
    pod: PodView
    owned: tuple[tuple[str, PodPatch], ...]
    """Who adds what, in list order."""

    @cached_property
    def total(self) -> PodPatch:
        return sum((patch for _, patch in self.owned), PodPatch())


def compose(
    app: App,
    patterns: Sequence[Pattern] = (),
    *,
    workload: str | None = None,
    hosts: Sequence[str] = (),
    sidecars: str = "native",
    kubernetes_version: str = DEFAULT_KUBERNETES,
    ip_families: Sequence[str] = ("IPv4",),
    image_registry: str | None = None,
    fields: Mapping[str, Any] | None = None,
    problems: Sequence[str] = (),
) -> Pod:
    """Adds the patterns to the app. The list order is the start order; of ambassadors, the first is the outermost.

    workload: its name, for messages (default: the app's). hosts: names by which clients verify the pod, which every certificate
    must cover (default: none). sidecars: `native`, or `classic` for clusters before 1.29 (default: native).
    kubernetes_version: the oldest cluster it runs on (default: 1.30). ip_families: of the pods' addresses, IPv4, IPv6 or both, the
    preferred one first (default: IPv4). image_registry: put in place of every image's own registry
    (default: none). fields: further fields of the PodSpec in manifest form (default: none). problems: what the caller found wrong, to be
    reported with the rest (default: nothing).

    Raises CompositionError with every conflict, before anything is registered. An app that is wrong by itself is refused first.
    """
    where = f"workload {workload or getattr(app, 'name', '')!r}"
    misplaced = rules.misplaced(App, app, "app")
    if misplaced:
        raise CompositionError(where, misplaced)
    target, found = cluster(kubernetes_version, sidecars, ip_families)
    problems = [*problems, *found, *field_problems(fields or {})]
    wrong = rules.problems(app, "app.")
    if wrong:
        # neither a pod nor a pattern can build on it
        raise CompositionError(where, [*problems, *plug.problems(patterns), *wrong])
    base = own(app, target, fields)
    return fold(base, app, patterns, where=where, hosts=hosts, cluster=target, image_registry=image_registry, problems=problems)


def fold(
    base: Base,
    app: App,
    patterns: Sequence[Pattern],
    *,
    where: str,
    cluster: Cluster,
    hosts: Sequence[str] = (),
    image_registry: str | None = None,
    problems: Sequence[str] = (),
) -> Pod:
    """The base pod and what the patterns add to it; `app` is what is known of its container.

    where: the workload, for messages. problems: what is wrong already, to be reported with the rest (default: nothing). The others: see
    `compose`. Raises CompositionError.
    """
    unusable = plug.problems(patterns) or plug.unplanned(patterns)
    if unusable:
        raise CompositionError(where, [*problems, *unusable])
    patterns = plug.planned(patterns)
    owners = [plug.describe(pattern) for pattern in patterns]
    ports = tuple(
        BoundPort(declaration=port, owner=owner, number=port.number)
        for owner, pattern in zip(owners, patterns, strict=True)
        for port in plug.served(pattern)
    )
    seen = replace(view(app, ports), classic=cluster.classic, kubernetes=cluster.version, ip_families=cluster.ip_families)
    pod, patches = _folded(seen, patterns)
    container, lost = follow(base.container(), pod)
    found = _Sum(container=container, pod=pod, owned=tuple(zip(owners, patches, strict=True)))
    conflicts = dict.fromkeys([*problems, *lost, *_problems(base, found, hosts)])
    if conflicts:
        raise CompositionError(where, conflicts)
    return _guarded(where, _assembled(base, found, cluster, image_registry), found)


def _folded(pod: PodView, patterns: Sequence[Pattern]) -> tuple[PodView, list[PodPatch]]:
    """The pod as the ambassadors leave it, and what each pattern adds, in list order."""
    wrapped, patches = _wrapped(pod, patterns)
    moves = {port.name: 1 - wrapped.moves_left.get(port.name, 1) for port in pod.ports if port.keeps_number}
    if any(number > 1 for number in moves.values()):
        # once more, now that it is known which ambassador is the last one
        wrapped, patches = _wrapped(replace(pod, moves_left=moves), patterns)
    for index, pattern in enumerate(patterns):
        if plug.adds(pattern):
            patches[index] += plug.added(pattern, wrapped)
    return wrapped, patches


def _wrapped(pod: PodView, patterns: Sequence[Pattern]) -> tuple[PodView, list[PodPatch]]:
    """The pod as the ambassadors leave it, and what they add for that."""
    patches = [PodPatch()] * len(patterns)
    for index, pattern in enumerate(patterns):
        if plug.wraps(pattern):
            pod, patches[index] = plug.wrapped(pattern, pod)
    return pod, patches


def _problems(base: Base, found: _Sum, hosts: Sequence[str]) -> Iterator[str]:
    """Everything that is wrong with the sum: what patterns say themselves, then shapes, then claims, then what is missing."""
    yield from (f"{owner}: {problem}" for owner, patch in found.owned for problem in patch.problems)
    facts, added = _claims(base, found)
    yield from claims.conflicts(added, facts)
    if base.owned:
        yield from shapes.of_container(found.container, APP)
        for volume in base.spec["volumes"]:
            yield from shapes.of_volume(volume, APP)
    for owner, patch in found.owned:
        yield from shapes.of_patch(patch, owner)
    yield from _dangling(base, found)
    yield from _unmoved(found)
    yield from _uncovered(found, hosts)


def _claims(base: Base, found: _Sum) -> tuple[list[claims.Claim], list[claims.Claim]]:
    """What is taken as a fact, and what may collide with it and with itself."""
    own = [
        *claims.of_container(found.container, APP),
        *(claims.of_volume(volume.get("name"), APP) for volume in base.spec.get("volumes") or ()),
        *(claims.of_pair("annotation", key, APP) for key in base.annotations),
        *claims.of_hidden_ports(found.pod),
    ]
    patches = [claim for owner, patch in found.owned for claim in claims.of_patch(patch, owner, base.app_container)]
    names = [claims.of_port_name(port.name, port.owner, "Service's port name") for port in found.pod.ports]
    return ([], [*own, *patches, *names]) if base.owned else (own, [*patches, *names])


def _dangling(base: Base, found: _Sum) -> Iterator[str]:
    """A line for every mount whose volume is not defined."""
    mounts: list[tuple[str, object, Wire]] = [(APP, base.app_container, m) for m in found.container.get("volumeMounts") or ()]
    mounts += [(owner, base.app_container, m) for owner, patch in found.owned for m in patch.app_mounts]
    mounts += [
        (owner, c.get("name"), m)
        for owner, patch in found.owned
        for c in (*patch.init_containers, *patch.containers)
        for m in c.get("volumeMounts") or ()
    ]
    volumes = (*(base.spec.get("volumes") or ()), *found.total.volumes)
    yield from shapes.dangling_mounts(mounts, [*(v.get("name") for v in volumes), *(c.name for c in found.total.config_files)])


def _unmoved(found: _Sum) -> Iterator[str]:
    """A line for every port that an ambassador took over from a pattern that does not say that it listens on loopback now."""
    listens = {(owner, listen.number) for owner, patch in found.owned for listen in patch.undeclared_ports if not listen.paths}
    for port in found.pod.ports:
        if port.frontend and port.owner != APP and (port.owner, port.number) not in listens:
            yield (
                f"{port.owner}: port {port.name!r} is behind an ambassador, so that it must listen on 127.0.0.1:{port.number} now; follow "
                f"pod.port({port.name!r}) in patch(), and add undeclared_ports=(UndeclaredPort(number={port.number}),)"
            )


def _uncovered(found: _Sum, hosts: Sequence[str]) -> Iterator[str]:
    """A line for every certificate that does not cover a name by which clients reach the pod."""
    for owner, patch in found.owned:
        for certificate in patch.certificates:
            names = certificate.dns_names
            if names is None:
                continue
            # those in a namespace that is known only later cannot be compared
            comparable = hosts if all(checks.is_plain(n) for n in names) else [h for h in hosts if "." not in h]
            missing = [h for h in comparable if h not in names and f"*.{h.partition('.')[2]}" not in names]
            if missing:
                yield f"the certificate of {owner} does not cover {', '.join(missing)}; set service_name=, namespace= or dns_names="


def _assembled(base: Base, found: _Sum, cluster: Cluster, image_registry: str | None) -> Pod:
    """The base pod with everything that was added, as native or classic sidecars."""
    total, app = found.total, found.pod.app
    container = {
        **found.container,
        "env": [*(found.container.get("env") or ()), *total.app_env],
        "volumeMounts": [*(found.container.get("volumeMounts") or ()), *total.app_mounts],
    }
    init, classic = _sidecars(total, cluster, app)
    added_init, before, after = ([_finished(c, cluster, image_registry) for c in part] for part in (init, classic, total.containers))
    own = _finished(container, cluster, image_registry) if base.owned else container
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
    return Pod(
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


def _finished(container: Wire, cluster: Cluster, image_registry: str | None) -> dict[str, Any]:
    """The container with the defaults that every container gets; empty lists are left out."""
    defaults = {"securityContext": restricted(None), "terminationMessagePolicy": "FallbackToLogsOnError"}
    finished = {key: value for key, value in {**defaults, **container}.items() if value not in ([], ())}
    if image_registry and "image" in container:
        finished["image"] = mirrored(container["image"], image_registry)
    waits = finished.get("lifecycle", {}).get("preStop", {}).get("sleep")
    if waits:
        finished["lifecycle"] = {**finished["lifecycle"], "preStop": pre_stop(waits["seconds"], cluster.version)}
    return finished


def _guarded(where: str, pod: Pod, found: _Sum) -> Pod:
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
