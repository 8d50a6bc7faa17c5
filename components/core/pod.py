"""A pod as the sum of what its patterns add. Pure and synchronous: every check runs before anything is registered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pulumi

from . import checks, claims
from .app import App, Port
from .claims import APP
from .container import app_container, pre_stop, pre_stop_seconds
from .patch import ConfigFiles, PodPatch, Wire, restricted
from .secrecy import GUARDED, guarded, secret_guard

DEFAULT_KUBERNETES = "1.30"
"""The oldest cluster that the defaults suit: native sidecars (1.29) and the preStop sleep action (1.30)."""

OWN_FIELDS = (
    "automountServiceAccountToken",
    "containers",
    "enableServiceLinks",
    "initContainers",
    "restartPolicy",
    "securityContext",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "volumes",
)
"""Fields of the PodSpec that composing writes."""

SLACK_SECONDS = 10
"""Added to the grace period, for sidecars that stop one after another when the app is gone."""


class CompositionError(checks.ProblemsError):
    """The patterns of one workload contradict each other, the app, or a rule; `problems` names every case."""

    noun = "conflict"


class Pattern(Protocol):
    """Anything that adds to a pod; it has one or more of these three members.

    ports -- the named ports it serves itself, a tuple of Port; ambassadors can stand in front of them too.
    wrap(app) -> (app, PodPatch) -- an ambassador: takes over a port and moves its process inwards with `App.move`.
    patch(app) -> PodPatch -- everything else: sees the app, and every port, as it finally is.
    """


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A composed pod, ready for whatever kind of workload carries it."""

    app: App
    """The app, and the ports of the whole pod, as the fold left them."""
    spec: Mapping[str, Any]
    """PodSpec in wire form, without the volumes of `config_files`: see `pod_spec`."""
    annotations: Mapping[str, pulumi.Input[str]]
    """Annotations of the pod."""
    labels: Mapping[str, str]
    """Labels of the pod besides the workload's."""
    config_files: tuple[ConfigFiles, ...]
    """ConfigMaps to create, in the pod's namespace, before it."""
    certificates: tuple[Any, ...]
    """What clients of the pod verify."""
    health_ports: Mapping[int, tuple[str, ...]]
    """Ports open on the pod's address for the kubelet, over plain HTTP, and all the paths that each answers."""

    def pod_spec(self, config_maps: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
        """The whole PodSpec; `config_maps` has the metadata.name of each ConfigMap, by `ConfigFiles.name`."""
        configs = [{"name": c.name, "configMap": {"name": config_maps[c.name]}} for c in self.config_files]
        return {**self.spec, "volumes": [*self.spec["volumes"], *configs]}


def label(pattern: object) -> str:
    """How messages call a pattern: its class and its name."""
    name = getattr(pattern, "pulumi_resource_name", None) or getattr(pattern, "name", None)
    return f"{type(pattern).__name__} {name!r}" if isinstance(name, str) else type(pattern).__name__


def version(text: str) -> tuple[int, int]:
    """A Kubernetes version such as 1.30 or v1.30.2 as (major, minor). Raises ValueError if it is none."""
    # a number would have lost its last zero
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\..*)?", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is no Kubernetes version; write it as '1.30'")
    return int(found.group(1)), int(found.group(2))


def _fold(app: App, patterns: Sequence[Any]) -> tuple[App, list[PodPatch]]:
    """The app as the ambassadors leave it, and what each pattern adds, in list order."""
    patches = [PodPatch()] * len(patterns)
    for index, pattern in enumerate(patterns):
        if hasattr(pattern, "wrap"):
            app, patches[index] = pattern.wrap(app)
    for index, pattern in enumerate(patterns):
        if hasattr(pattern, "patch"):
            patches[index] += pattern.patch(app)
    return app, patches


def _kubernetes(kubernetes_version: str, sidecars: str, problems: list[str]) -> tuple[int, int]:
    problems += checks.one_of("sidecars", sidecars, ("native", "classic"))
    try:
        kubernetes = version(kubernetes_version)
    except ValueError as error:
        problems.append(f"kubernetes_version {error}")
        return version(DEFAULT_KUBERNETES)
    if sidecars == "native" and kubernetes < (1, 29):
        problems.append(f"native sidecars need Kubernetes 1.29, but kubernetes_version is {kubernetes_version}; set sidecars='classic'")
    return kubernetes


def _field_problems(fields: Mapping[str, Any]) -> list[str]:
    found = [f"pod field {key!r} is set by the composition itself; remove it" for key in fields if key in OWN_FIELDS]
    if fields.get("hostNetwork"):
        found.append(
            "pod field 'hostNetwork' shares the node's network, so that what listens on 127.0.0.1 is no longer the pod's own; remove it"
        )
    wrong = claims.not_wire(dict.fromkeys(fields))
    return found + [f"pod field {key!r} is not in wire form; write it as in a manifest, e.g. nodeSelector" for key in wrong]


def _uncovered(owned: Sequence[tuple[str, PodPatch]], hosts: Sequence[str]) -> list[str]:
    """A line for every certificate that does not cover a name by which clients reach the pod."""
    found = []
    for owner, patch in owned:
        for certificate in patch.certificates:
            names = certificate.dns_names
            if names is None:
                continue
            # those in a namespace that is known only later cannot be compared
            comparable = hosts if all(checks.is_plain(n) for n in names) else [h for h in hosts if "." not in h]
            missing = [h for h in comparable if h not in names and f"*.{h.partition('.')[2]}" not in names]
            if missing:
                found.append(f"the certificate of {owner} does not cover {', '.join(missing)}; set service_name=, namespace= or dns_names=")
    return found


def _unmoved(app: App, owned: Sequence[tuple[str, PodPatch]]) -> list[str]:
    """A line for every port that an ambassador took over from a pattern that does not say that it listens on loopback now."""
    listens = {(owner, listen.number) for owner, patch in owned for listen in patch.listens if not listen.paths}
    return [
        f"{port.owner}: port {port.name!r} is behind an ambassador, so that it must listen on 127.0.0.1:{port.number} now; follow "
        f"app.port({port.name!r}) in patch(), and add listens=(Listen(number={port.number}),)"
        for port in app.ports
        if port.front and port.owner != APP and (port.owner, port.number) not in listens
    ]


def compose(
    app: App,
    patterns: Sequence[object] = (),
    *,
    workload: str | None = None,
    hosts: Sequence[str] = (),
    sidecars: str = "native",
    kubernetes_version: str = DEFAULT_KUBERNETES,
    image_registry: str | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Pod:
    """Adds the patterns to the app. The list order is the start order; of ambassadors, the first is the outermost.

    workload: its name, for messages (default: the app's). hosts: names by which clients verify the pod, which every certificate
    must cover (default: none). sidecars: `native`, or `classic` for clusters before 1.29 (default: native).
    kubernetes_version: the oldest cluster it runs on (default: 1.30). image_registry: put in place of every image's own registry
    (default: none). fields: further fields of the PodSpec in wire form (default: none).

    Raises CompositionError with every conflict, before anything is registered. An app that is wrong by itself is refused first.
    """
    where = f"workload {workload or app.name!r}"
    problems: list[str] = []
    kubernetes = _kubernetes(kubernetes_version, sidecars, problems)
    owners = [label(p) for p in patterns]
    for pattern, owner in zip(patterns, owners, strict=True):
        if not any(hasattr(pattern, member) for member in ("ports", "wrap", "patch")):
            problems.append(f"{owner} is no pattern: it has neither patch(app) nor wrap(app)")

    problems += _field_problems(fields or {})
    served = [replace(port, owner=owner) for p, owner in zip(patterns, owners, strict=True) for port in getattr(p, "ports", ())]
    app = replace(app, ports=(*app.ports, *served))
    wrong = app.problems()
    if wrong:
        # no pattern can build on it
        raise CompositionError(where, [*problems, *wrong])

    hidden = app.reserved
    app, patches = _fold(app, patterns)
    container, brought = app_container(app, kubernetes, problems)
    owned = [(APP, brought), *zip(owners, patches, strict=True)]
    total = sum((patch for _, patch in owned), PodPatch())

    problems += [f"{owner}: {problem}" for owner, patch in owned for problem in patch.problems]
    # what the app listens on without declaring it
    hidden += tuple(p.number for p in app.ports if p.front and p.owner == APP)
    undeclared = [claims.Claim("port", (number, "TCP"), f"port {number} of the app", APP, "set Port.number") for number in hidden]
    patch_claims = [claim for owner, patch in owned for claim in claims.of_patch(patch, owner, app.name)]
    named = [claims.of_port_name(p.name, p.owner, "Service's port name") for p in app.ports]
    problems += claims.conflicts([*claims.of_container(container, APP), *undeclared, *patch_claims, *named])
    problems += claims.container_shape(container, APP)
    problems += [line for owner, patch in owned for line in claims.patch_shape(patch, owner)]
    mounts: list[tuple[str, object, Wire]] = [(APP, app.name, m) for m in container["volumeMounts"]]
    mounts += [(owner, app.name, m) for owner, patch in owned for m in patch.app_mounts]
    mounts += [(o, c.get("name"), m) for o, p in owned for c in (*p.init_containers, *p.containers) for m in c.get("volumeMounts", ())]
    problems += claims.dangling_mounts(mounts, [*(v.get("name") for v in total.volumes), *(c.name for c in total.config_files)])
    problems += _unmoved(app, owned) + _uncovered(owned, hosts)
    if problems:
        raise CompositionError(where, dict.fromkeys(problems))
    pod = _pod(where, app, container, total, classic=sidecars == "classic", kubernetes=kubernetes, image_registry=image_registry)
    return replace(pod, spec={**pod.spec, **(fields or {})})


def mirrored(image: pulumi.Input[str], registry: str) -> pulumi.Input[str]:
    """The image in another registry: its own registry, if it names one, is replaced."""
    if not isinstance(image, str):
        known: pulumi.Output[str] = pulumi.Output.from_input(image)
        return known.apply(lambda plain: mirrored(plain, registry))
    host, slash, rest = image.partition("/")
    # the rule of container runtimes: the first part is a registry if it has a dot or a port, or is localhost
    named = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry}/{rest if named else image}"


def _finished(container: Wire, image_registry: str | None) -> dict[str, Any]:
    """The container with the defaults that every container gets; empty lists are left out."""
    defaults = {"securityContext": restricted(None), "terminationMessagePolicy": "FallbackToLogsOnError"}
    image = {"image": mirrored(container["image"], image_registry)} if image_registry and "image" in container else {}
    return {key: value for key, value in {**defaults, **container, **image}.items() if value not in ([], ())}


def _pod(
    where: str,
    app: App,
    container: dict[str, Any],
    total: PodPatch,
    *,
    classic: bool,
    kubernetes: tuple[int, int],
    image_registry: str | None,
) -> Pod:
    container = {
        **container,
        "env": [*container["env"], *total.app_env],
        "volumeMounts": [*container["volumeMounts"], *total.app_mounts],
    }
    init = [_finished(c, image_registry) for c in total.init_containers]
    containers = [_finished(c, image_registry) for c in (container, *total.containers)]
    if classic:
        moved = [{k: v for k, v in c.items() if k != "restartPolicy"} for c in init if c.get("restartPolicy") == "Always"]
        # every container gets SIGTERM at once: the sidecars wait as long as the app does
        wait = {"lifecycle": {"preStop": pre_stop(app.pre_stop_seconds, kubernetes)}} if app.pre_stop_seconds else {}
        init = [c for c in init if c.get("restartPolicy") != "Always"]
        containers = [*({**wait, **c} for c in moved), *containers]

    for c in (*init, *containers):
        waits = c.get("lifecycle", {}).get("preStop", {}).get("sleep")
        if waits:
            c["lifecycle"] = {**c["lifecycle"], "preStop": pre_stop(waits["seconds"], kubernetes)}

    guard = secret_guard(where, [*init, *containers], dict(total.annotations), total.config_files)
    for c in (*init, *containers):
        c |= {field: guarded(c[field], guard) for field in GUARDED if field in c}

    longest = max((pre_stop_seconds(c) for c in (*init, *containers)), default=0)
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if app.gid is not None and app.uid is not None:
        # mounted files belong to the app's group, and every container is a member of it
        security |= {"fsGroup": app.gid, "fsGroupChangePolicy": "OnRootMismatch"}
    if total.sysctls:
        security["sysctls"] = [{"name": name, "value": value} for name, value in total.sysctls]
    spec: dict[str, Any] = {
        **({"serviceAccountName": total.service_account[0]} if total.service_account else {}),
        "automountServiceAccountToken": False,
        # the variables of every Service in the namespace collide with app settings (ELASTICSEARCH_PORT ...)
        "enableServiceLinks": False,
        "securityContext": security,
        "terminationGracePeriodSeconds": longest + app.stop_seconds + SLACK_SECONDS,
        **({"initContainers": init} if init else {}),
        "containers": containers,
        "volumes": list(total.volumes),
    }
    return Pod(
        app=app,
        spec=spec,
        annotations={key: guard(value) for key, value in total.annotations},
        labels=dict(total.labels),
        config_files=tuple(replace(c, files={n: guard(v) for n, v in c.files.items()}) for c in total.config_files),
        certificates=total.certificates,
        health_ports={listen.number: listen.paths for listen in sorted(total.listens, key=lambda listen: listen.number) if listen.paths},
    )


def plaintext_ports(pod: Pod) -> list[int]:
    """Ports open on the pod's address that carry application data unencrypted, in ascending order."""
    named: dict[int, Port] = {p.outer_number: p for p in pod.app.ports}
    # the number to which the kernel redirects is open too
    named |= {p.redirect: p for p in pod.app.ports if p.redirect is not None}
    open_ports = set(named) | {
        port["containerPort"] for c in (*pod.spec.get("initContainers", ()), *pod.spec["containers"]) for port in c.get("ports", ())
    }
    return sorted(n for n in open_ports if n not in named or named[n].outer_scheme not in ("https", "tls"))
