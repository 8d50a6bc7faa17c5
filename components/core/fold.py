"""A pod as the sum of what its patterns add. Pure and synchronous: every check runs before anything is registered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import checks, claims, environment, foreign, loopback, node, plug, rules, scraping, shapes, start_order
from .app import App
from .assembly import Sum, assembled
from .base import Base, field_problems, own
from .cluster import DEFAULT_KUBERNETES, Cluster, cluster
from .container import follow, follow_beside
from .contribution import Contribution
from .errors import CompositionError
from .handlers import PROBES
from .images import Registries
from .patch import PodPatch, Wire
from .plug import Pattern
from .pod import Pod
from .pod_security import containers
from .view import APP, BoundPort, PodView, view


def compose(
    app: App,
    patterns: Sequence[Pattern] = (),
    *,
    workload: str | None = None,
    hosts: Sequence[str] = (),
    sidecars: str = "native",
    kubernetes_version: str = DEFAULT_KUBERNETES,
    ip_families: Sequence[str] = ("IPv4",),
    image_registry: Registries | None = None,
    fields: Mapping[str, Any] | None = None,
    claims: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> Pod:
    """Adds the patterns to the app. The list order is the start order; of ambassadors, the first is the outermost.

    workload: its name, for messages (default: the app's). hosts: names by which clients verify the pod, which every certificate
    must cover (default: none). sidecars: `native`, or `classic` for clusters before 1.29 (default: native).
    kubernetes_version: the oldest cluster it runs on (default: 1.30). ip_families: of the pods' addresses, IPv4, IPv6 or both, the
    preferred one first (default: IPv4). image_registry: what stands in for the images' own registries
    (default: none). fields: further fields of the PodSpec in manifest form (default: none). claims: names of volumes that the pods get
    from claim templates (default: none). problems: what the caller found wrong, to be reported with the rest (default: nothing).

    Raises CompositionError with every conflict, before anything is registered. An app that is wrong by itself is rejected first.
    """
    where = f"workload {workload or getattr(app, 'name', '')!r}"
    misplaced = rules.misplaced(App, app, "app")
    if misplaced:
        raise CompositionError(where, misplaced)
    target, found = cluster(kubernetes_version, sidecars, ip_families)
    problems = [*problems, *found, *field_problems(fields or {}), *rules.of_value(Registries | None, "image_registry", image_registry)]
    wrong = rules.problems(app, "app.")
    if wrong:
        # neither a pod nor a pattern can build on it
        raise CompositionError(where, [*problems, *plug.problems(patterns), *wrong])
    base = replace(own(app, target, fields), claims=claims)
    return fold(base, app, patterns, where=where, hosts=hosts, cluster=target, image_registry=image_registry, problems=problems)


def fold(
    base: Base,
    app: App,
    patterns: Sequence[Pattern],
    *,
    where: str,
    cluster: Cluster,
    hosts: Sequence[str] | Callable[[Sequence[BoundPort]], Sequence[str]] = (),
    image_registry: Registries | None = None,
    problems: Sequence[str] = (),
) -> Pod:
    """The base pod and what the patterns add to it; `app` is what is known of its container.

    where: the workload, for messages. hosts: names by which clients verify the pod, or what finds them by its ports (default: none).
    problems: what is wrong already, to be reported with the rest (default: nothing). The others: see `compose`. Raises CompositionError.
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
    pod, contributions = _folded(_seen(base, app, ports, cluster), patterns)
    # those that stood behind ambassadors before have followed
    moving = replace(pod, ports=tuple(p for p in pod.ports if p not in base.fronted))
    container, lost = follow(base.container(), moving, owned=base.owned)
    beside = {}
    for other in base.neighbours():
        beside[other["name"]], found_beside = follow_beside(other, moving)
        lost += found_beside
    found = Sum(container=container, pod=pod, contributions=tuple(contributions), beside=beside)
    names = hosts(pod.ports) if callable(hosts) else hosts
    conflicts = dict.fromkeys([*problems, *lost, *_problems(base, found, names)])
    if conflicts:
        raise CompositionError(where, conflicts)
    return assembled(where, base, found, cluster, image_registry)


def _seen(base: Base, app: App, served: tuple[BoundPort, ...], cluster: Cluster) -> PodView:
    """The base pod as patterns see it."""
    seen = view(app, served)
    fronted = {port.name: port for port in base.fronted}
    beside = (int(port["containerPort"]) for c in base.neighbours() for port in c.get("ports") or ())
    declared = {int(port["containerPort"]) for port in base.container().get("ports") or ()}
    return replace(
        seen,
        ports=tuple(
            fronted.get(port.name) or replace(port, is_declared=port.owner != APP or port.number in declared) for port in seen.ports
        ),
        reserved=(*seen.reserved, *beside, *(port.outer_number for port in base.fronted)),
        fs_group=(base.spec.get("securityContext") or {}).get("fsGroup"),
        classic=cluster.classic,
        kubernetes=cluster.version,
        ip_families=cluster.ip_families,
        app_mounts=base.container().get("volumeMounts") or (),
        connected=tuple(_connected(base)),
    )


def _connected(base: Base) -> Iterator[object]:
    """The ports to which the kubelet only connects; of another container, a name is that container's own."""
    for container in containers(base.spec):
        for probe in (container.get(name) or {} for name in PROBES):
            port = (probe.get("tcpSocket") or {}).get("port")
            if port is not None and (container["name"] == base.app_container or not isinstance(port, str)):
                yield port


def _folded(pod: PodView, patterns: Sequence[Pattern]) -> tuple[PodView, list[Contribution]]:
    """The pod as the ambassadors leave it, and what each pattern does, in list order."""
    wrapped, wraps = _wrapped(pod, patterns)
    moves = {port.name: 1 - wrapped.moves_left.get(port.name, 1) for port in pod.ports if port.keeps_number}
    if any(number > 1 for number in moves.values()):
        # once more, now that it is known which ambassador is the last one
        wrapped, wraps = _wrapped(replace(pod, moves_left=moves), patterns)
    contributions = []
    for index, pattern in enumerate(patterns):
        before, after, patch = wraps.get(index, (wrapped, wrapped, None))
        if plug.adds(pattern):
            added = plug.added(pattern, wrapped)
            patch = added if patch is None else patch + added
        contributions.append(Contribution(pattern=pattern, patch=patch or PodPatch(), before=before, after=after))
    return wrapped, contributions


def _wrapped(pod: PodView, patterns: Sequence[Pattern]) -> tuple[PodView, dict[int, tuple[PodView, PodView, PodPatch]]]:
    """The pod as the ambassadors leave it; and by their places, the pod before and after each of them, and what it adds for that."""
    wraps = {}
    for index, pattern in enumerate(patterns):
        if plug.wraps(pattern):
            before = pod
            pod, patch = plug.wrapped(pattern, pod)
            wraps[index] = (before, pod, patch)
    return pod, wraps


def _problems(base: Base, found: Sum, hosts: Sequence[str]) -> Iterator[str]:
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
    yield from node.problems(base, found)
    if not base.owned:
        yield from foreign.problems(base, found)
    yield from loopback.problems(base, found)
    yield from _unexpanded(base, found)
    yield from _dangling(base, found)
    yield from _unmoved(found)
    yield from _cut_off(found)
    yield from start_order.problems(found, hosts)
    yield from scraping.problems(found.pod.ports, found.total.certificates)
    yield from _uncovered(found, hosts)


def _claims(base: Base, found: Sum) -> tuple[list[claims.Claim], list[claims.Claim]]:
    """What is taken as a fact, and what may collide with it and with itself."""
    theirs = base.spec.get("serviceAccountName")
    own = [
        *claims.of_container(found.container, APP),
        *(claim for c in base.neighbours() for claim in claims.of_container(c, f"container {c['name']!r}")),
        *(claims.of_volume(name, APP) for name in base.claims),
        *(claims.of_pair("label", key, APP) for key in base.labels),
        *(claims.of_volume(volume.get("name"), APP) for volume in base.spec.get("volumes") or ()),
        *(claims.of_pair("annotation", key, APP) for key in base.annotations),
        *([claims.of_service_account(theirs, APP)] if theirs else ()),
        *claims.of_hidden_ports(found.pod),
    ]
    patches = [claim for owner, patch in found.owned for claim in claims.of_patch(patch, owner, base.app_container)]
    names = [claims.of_port_name(port.name, port.owner, "Service's port name") for port in found.pod.ports]
    names += [claims.of_service_port(port) for port in found.pod.ports if port.declaration.service_number is not None]
    return ([], [*own, *patches, *names]) if base.owned else (own, [*patches, *names])


def _unexpanded(base: Base, found: Sum) -> Iterator[str]:
    """A line for every reference to an environment variable that Kubernetes would leave as it is."""
    app = found.merged(base)
    added = {str(v.get("name")): owner for owner, patch in found.owned for v in patch.app_env}
    theirs = [] if base.owned else (base.container().get("env") or ())
    ours = {str(v.get("name")) for v in app.get("env") or () if v not in theirs}
    for variable, line in environment.unexpanded(app, is_open=base.spec.get("enableServiceLinks", True)):
        if variable in ours or (variable is None and base.owned):
            yield f"container {base.app_container!r} of {APP if variable is None else added.get(variable, APP)}: {line}"
    for owner, patch in found.owned:
        for container in (*patch.init_containers, *patch.containers):
            variables = environment.ordered(container.get("env") or ())
            for _, line in environment.unexpanded({**container, "env": variables}):
                yield f"container {container.get('name')!r} of {owner}: {line}"


def _dangling(base: Base, found: Sum) -> Iterator[str]:
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
    made = (*base.claims, *(c.name for c in found.total.config_files))
    yield from shapes.dangling_mounts(mounts, [*(v.get("name") for v in volumes), *made])
    theirs = () if base.owned else (base.container().get("volumeMounts") or ())
    yield from shapes.buried_mounts([found.merged(base), *found.total.init_containers, *found.total.containers], volumes, theirs)


def _unmoved(found: Sum) -> Iterator[str]:
    """A line for every port that an ambassador took over from a pattern that does not say that it listens on loopback now."""
    listens = {(owner, listen.number) for owner, patch in found.owned for listen in patch.undeclared_ports if not listen.paths}
    for port in found.pod.ports:
        if port.frontend and port.declaration.protocol != "TCP":
            spoken = port.declaration.protocol
            yield f"port {port.name!r} of {port.owner} is a {spoken} port, and ambassadors carry TCP alone; take it out of target_ports="
        if port.frontend and port.owner != APP and (port.owner, port.number) not in listens:
            yield (
                f"{port.owner}: port {port.name!r} is behind an ambassador, so that it must listen on 127.0.0.1:{port.number} now; follow "
                f"pod.port({port.name!r}) in patch(), and add undeclared_ports=(UndeclaredPort(number={port.number}),)"
            )


def _cut_off(found: Sum) -> Iterator[str]:
    """A line for every ambassador that would stand between the pods of the workload, which speak plainly to each other."""
    for port in found.pod.ports:
        if port.frontend and port.declaration.peers:
            yield (
                f"port {port.name!r} of {port.owner} is between the pods of the workload, which an ambassador in front of it would cut off "
                "from each other; take it out of target_ports="
            )


def _uncovered(found: Sum, hosts: Sequence[str]) -> Iterator[str]:
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
                per_pod = "headless_service=, " if any(h.startswith("*.") for h in missing) else ""
                yield (
                    f"the certificate of {owner} does not cover {', '.join(missing)}; set service_name=, {per_pod}namespace= or dns_names="
                )
