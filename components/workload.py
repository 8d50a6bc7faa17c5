"""Workload: the one place that builds an object with pods, and its Services, from an app and its patterns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import pulumi

from .carriers import Deployment, Kind
from .carriers.carrier import TIMEOUT, Composed, Parts
from .carriers.service_args import ServiceArgs, carried
from .carriers.services import headless_service, service
from .certificates import CertificateAuthority
from .core import checks, namespaces, plug, rules, scraping
from .core.app import App
from .core.cluster import DEFAULT_KUBERNETES, IpFamily, Version
from .core.errors import refuse
from .core.fold import compose
from .core.images import Registries
from .core.plug import Pattern
from .core.rollout import Strategy
from .core.rules import Elsewhere, Label, LabelKey, LabelValue, Manifest, NotNegative, Positive, ServiceName, Text
from .core.summary import summary
from .kubernetes_object import KubernetesObject, register
from .metadata import OWN_LABELS, PodMetadata, own_labels
from .network import policy
from .network.policy import NetworkPolicyArgs
from .picture.picture import Picture

_ELSEWHERE = "set namespace= on it, or write its arguments in the list of patterns"


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """Arguments of Workload."""

    app: Annotated[App, Elsewhere]
    """The application."""
    patterns: Annotated[Sequence[Pattern], Elsewhere] = ()
    """What is added to its pod; the order is the start order, and of ambassadors the first is the outermost. Arguments stand for their
    pattern: `TlsAmbassadorArgs()` becomes a TlsAmbassador of this workload, with its service name, namespace and authority. A component
    made by hand can be shared, or asked for its outputs. Default: none."""
    kind: Kind = field(default_factory=Deployment)
    """What carries the pods: a Deployment, StatefulSet, DaemonSet, Job or CronJob; in a stack file `{kind: StatefulSet, claims: [...]}`.
    Default: Deployment()."""
    namespace: pulumi.Input[Label] = "default"
    """Namespace of everything. Default: default."""
    service_name: ServiceName | None = None
    """Name of the Service. Default: None, the app's name."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """ClusterIP, NodePort or LoadBalancer. Default: ClusterIP."""
    service: ServiceArgs = field(default_factory=ServiceArgs)
    """What else the Service says. Default: ServiceArgs()."""
    replicas: NotNegative | None = 1
    """Number of pods; None leaves it to an autoscaler. Default: 1."""
    strategy: Strategy | None = None
    """How new pods take the place of old ones: a RollingUpdate, or `Recreate`, which ends the old ones first. It must be chosen for a pod
    with something that perhaps no two pods can have: a volume, a device, a port of the node. Default: None, RollingUpdate(), where a pod
    goes only when its successor is ready."""
    kubernetes_version: Version = DEFAULT_KUBERNETES
    """The oldest cluster it runs on; before 1.30 the app's image needs a `sleep`, before 1.29 sidecars must be classic. Default: 1.30."""
    sidecars: Literal["native", "classic"] = "native"
    """`native` (init containers that keep running), or `classic` for clusters before 1.29. Default: native."""
    ip_families: Sequence[IpFamily] = ("IPv4",)
    """Families of the pods' addresses, the preferred one first: IPv4, IPv6, or both in a dual-stack cluster. The patterns listen on
    all of them; with both, the Service has an address of each. Default: IPv4."""
    image_registry: Registries | None = None
    """Registry, with an optional path, put in place of every image's own, e.g. `registry.example.com/mirror`; or, for mirrors that keep
    them apart (Harbor, ECR), what stands in for each: `{"docker.io": "mirror.example.com/hub", "quay.io": "mirror.example.com/quay"}`.
    Names are expanded as container runtimes do, `nginx:1` to library/nginx:1; an image that is there already stays. Default: None."""
    authority: CertificateAuthority | None = None
    """Issues the certificates of patterns that are written as arguments and name none. Default: None, they are self-signed."""
    network_policy: NetworkPolicyArgs | None = None
    """A NetworkPolicy of the pods: what the Service carries, metrics and probes come in, and what the patterns and the app connect to goes
    out. Default: None, there is none."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Further labels of every object and the pods; never part of the selector. Default: none."""
    annotations: Mapping[LabelKey, pulumi.Input[Text]] = field(default_factory=dict)
    """Annotations of the object that carries the pods. Default: none."""
    pod_labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels of the pods alone. Default: none."""
    pod_annotations: Mapping[LabelKey, pulumi.Input[Text]] = field(default_factory=dict)
    """Annotations of the pods; one that changes replaces them. Default: none."""
    pod_spec: Manifest = field(default_factory=dict)
    """Further fields of the PodSpec in manifest form (nodeSelector, tolerations, imagePullSecrets ...). Default: none."""
    rollout_timeout_seconds: Positive = 600
    """How long `pulumi up` waits for the pods to be ready, or for a Job to be done, and when the rollout of a Deployment counts as failed.
    Default: 600, as Pulumi's own."""

    def problems(self) -> list[str]:
        """What is wrong between the fields, the app and the patterns left out."""
        # an app whose name is no name at all is composing's to refuse
        named = self.service_name is not None or checks.label("", self.app.name)
        derived = [] if named else checks.service_name("service_name", self.app.name)
        given = {"labels": self.labels, "pod_labels": self.pod_labels, "service.labels": self.service.labels}
        found = derived + [line for whose, labels in given.items() for line in own_labels(whose, labels)]
        if TIMEOUT in self.annotations:
            found.append(f"annotation {TIMEOUT!r} is set by the workload itself; set rollout_timeout_seconds=")
        return [*found, *self.service.refusals(self.service_type), *self.kind.refusals(self)]


def _too_many(args: WorkloadArgs) -> list[str]:
    """A line for more than one pod of an app of which each is a whole of its own."""
    if args.app.single is not True or args.replicas in (0, 1):
        return []
    reason = "replicas is None, which leaves the number to an autoscaler" if args.replicas is None else f"replicas is {args.replicas}"
    return [
        f"{reason}, but each pod of {args.app.name!r} is a whole of its own (App.single), so that clients of the Service would meet now "
        "one, now another; set replicas=1, or App.single=False if its pods know each other"
    ]


def _with_claims(args: WorkloadArgs) -> App:
    """The app with the volumes that each pod has of its own; one with a problem is left as it is, to composing."""
    mounts = [claim.mount() for claim in args.kind.volume_claims()]
    if not mounts or rules.problems(args.app):
        return args.app
    paths = [mount["mountPath"] for mount in mounts]
    scratch = {path: size for path, size in args.app.empty_dirs.items() if path not in paths}
    return replace(args.app, empty_dirs=scratch, volume_mounts=[*args.app.volume_mounts, *mounts])


class Workload(pulumi.ComponentResource):
    """A Deployment, or another kind of workload, and its Service, composed from an app and patterns.

    Raises ArgumentError and CompositionError with every problem, before anything is registered.
    """

    target: pulumi.Output[dict[str, str]]
    """What carries the pods as others refer to it, apiVersion, kind and name: `scaleTargetRef` of a HorizontalPodAutoscaler."""
    selector: pulumi.Output[dict[str, str]]
    """Labels that select the pods and never change: `matchLabels` of a PodDisruptionBudget, a NetworkPolicy, an affinity."""
    service_name: pulumi.Output[str]
    """metadata.name of the Service; empty if the pod has no port for one."""
    endpoints: pulumi.Output[dict[str, str]]
    """URL of each port of the Service, by port name, with its true scheme."""
    ca_pem: pulumi.Output[str]
    """What clients verify the endpoints with, PEM; empty without TLS."""
    certificate_expires_at: pulumi.Output[str]
    """When the first of its certificates ends, RFC 3339; empty without one that this program makes."""
    pod_security_level: pulumi.Output[str]
    """The strictest Pod Security Standard that admits the pods on `kubernetes_version`: restricted, baseline or privileged."""
    privileged_containers: pulumi.Output[list[str]]
    """Containers that the baseline standard of `kubernetes_version` would reject."""
    plaintext_ports: pulumi.Output[list[int]]
    """Ports open on the pods' address that carry application data unencrypted."""
    health_ports: pulumi.Output[dict[str, list[str]]]
    """Ports open on the pods' address for the kubelet, unencrypted: port number, as text, to all the paths that it answers, by
    GET or as gRPC."""
    summary: pulumi.Output[str]
    """The pod in words: containers in start order, ports, volumes."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wrong = rules.misplaced(WorkloadArgs, args)
        refuse(f"workload {name!r}", wrong or [*checks.label("name", name), *rules.problems(args)])
        app_name = name if checks.label("", args.app.name) else args.app.name
        service_name = args.service_name or app_name
        headless = args.kind.headless(service_name)
        composed = partial(
            compose,
            _with_claims(args),
            workload=name,
            hosts=self._hosts(args, service_name, headless),
            sidecars=args.sidecars,
            kubernetes_version=args.kubernetes_version,
            ip_families=args.ip_families,
            image_registry=args.image_registry,
            fields=args.pod_spec,
            claims=[claim.name for claim in args.kind.volume_claims()],
            problems=[*namespaces.disagreements(args.patterns, args.namespace, _ELSEWHERE), *_too_many(args)],
        )
        planned = self._planned(args, app_name, service_name, headless)
        self.pod = composed(planned)
        refuse(
            f"workload {name!r}",
            [
                *own_labels("a pattern", self.pod.labels),
                *args.kind.unfit(Composed(name=name, pod=self.pod, args=args)),
                *args.service.unfit(self.pod.ports),
                *scraping.unnamed(name, self.pod.ports),
                *(policy.problems(args.network_policy, self.pod, args.service_type) if args.network_policy else ()),
            ],
        )
        super().__init__("pod-patterns:index:Workload", name, {}, opts)
        patterns = self._created(name, planned, opts)
        if patterns != planned:
            # once more, with what exists now
            self.pod = composed(patterns)
        namespace = namespaces.agreed(f"workload {name!r}", args.patterns, args.namespace, _ELSEWHERE)
        child = pulumi.ResourceOptions(parent=self)
        own = dict(zip(OWN_LABELS, (args.app.name, name, "pulumi"), strict=True))
        # a selector never changes
        selector = {key: own[key] for key in OWN_LABELS[:2]}
        labels = {**args.labels, **own}
        metadata = {"namespace": namespace, "labels": labels}
        config_maps: dict[str, pulumi.Input[str]] = {}
        for config in self.pod.config_files:
            of_files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(config.files), "immutable": True}
            config_maps[config.name] = KubernetesObject(f"{name}-{config.name}", of_files, child).object_name
        template = {
            "metadata": {"labels": {**labels, **self.pod.labels}, "annotations": dict(self.pod.annotations)},
            "spec": self.pod.pod_spec(config_maps),
        }
        parts = Parts(
            name=name,
            app=args.app.name,
            metadata=metadata,
            annotations=args.annotations,
            selector=selector,
            template=template,
            replicas=args.replicas,
            strategy=args.strategy,
            timeout_seconds=args.rollout_timeout_seconds,
            headless_service=headless,
        )
        manifest = args.kind.manifest(parts)
        ends_first = pulumi.ResourceOptions(delete_before_replace=True) if args.kind.ends_first else None
        carrier = KubernetesObject(name, manifest, pulumi.ResourceOptions.merge(child, ends_first))
        if headless:
            KubernetesObject(f"{name}-headless", headless_service(parts, headless, self.pod.ports, args.ip_families), child)
        served = None
        if args.kind.is_served and carried(self.pod.ports):
            of_clients = service(parts, service_name, self.pod.ports, args.service_type, args.service, args.ip_families)
            served = KubernetesObject(name, of_clients, child)
        register(scraping.manifests(name, self.pod.ports, self.pod.certificates, metadata=metadata, selector=selector), child)
        if args.network_policy:
            allowed = policy.network_policy(
                f"workload {name!r}",
                args.network_policy,
                self.pod,
                is_served=args.kind.is_served,
                metadata=metadata,
                selector=selector,
                ip_families=args.ip_families,
            )
            KubernetesObject(name, allowed, child)
        self._served_as = service_name if args.kind.is_served else ""
        self.selector = pulumi.Output.from_input(selector)
        self.target = pulumi.Output.all(apiVersion=manifest["apiVersion"], kind=manifest["kind"], name=carrier.object_name)
        self._set_outputs(args, served)

    def picture(self) -> Picture:
        """Its pod, drawn."""
        return Picture(self.pod, self._served_as)

    @staticmethod
    def _planned(args: WorkloadArgs, app_name: str, service_name: str, headless: str | None) -> Sequence[Pattern]:
        """The patterns, completed with what the workload knows; those that cannot be used are left to composing, which says why."""
        facts = {
            "service_name": service_name,
            "headless_service": headless,
            "namespace": args.namespace,
            "app_name": app_name,
            "authority": args.authority,
        }
        if plug.misfits(args.patterns):
            return args.patterns
        completed = [p.completed(facts) if isinstance(p, plug.PatternArgs) else p for p in args.patterns]
        if args.pod_labels or args.pod_annotations:
            completed.append(PodMetadata(args.pod_labels, args.pod_annotations))
        return completed if plug.problems(completed) else plug.planned(completed)

    def _created(self, name: str, planned: Sequence[Pattern], opts: pulumi.ResourceOptions | None) -> Sequence[Pattern]:
        """The patterns with what they own, now that the composition stands."""
        # made by hand, as they had to be once, they were beside the workload
        before = pulumi.Alias(parent=opts.parent if opts else pulumi.ROOT_STACK_RESOURCE)
        child = pulumi.ResourceOptions(parent=self, aliases=[before])
        return [p.create(plug.owned_name(p, name), child) if plug.is_planned(p) else p for p in planned]

    @staticmethod
    def _hosts(args: WorkloadArgs, service_name: str, headless: str | None) -> list[str]:
        """The names that a certificate must cover; without the namespace's where that is known only later."""
        if not args.kind.is_served:
            return []
        own = namespaces.service_names(service_name, args.namespace)
        return [*own, *(namespaces.pod_names(headless, args.namespace) if headless else ())]

    def _set_outputs(self, args: WorkloadArgs, served: KubernetesObject | None) -> None:
        certificates = self.pod.certificates
        name = served.object_name if served else pulumi.Output.from_input("")
        ports = carried(self.pod.ports) if served else []
        self.service_name = name
        self.endpoints = pulumi.Output.all(name, args.namespace).apply(
            lambda known: {p.name: f"{p.outer_scheme}://{known[0]}.{known[1]}.svc:{p.service_number}" for p in ports}
        )
        self.ca_pem = pulumi.Output.concat(*(c.ca_pem for c in certificates if c.ca_pem))
        ends = pulumi.Output.all(*(c.expires_at for c in certificates if c.expires_at))
        self.certificate_expires_at = ends.apply(lambda times: min(times, key=datetime.fromisoformat, default=""))
        self.pod_security_level = pulumi.Output.from_input(self.pod.security_level)
        self.privileged_containers = pulumi.Output.from_input(self.pod.privileged_containers)
        self.plaintext_ports = pulumi.Output.from_input(self.pod.plaintext_ports)
        self.health_ports = pulumi.Output.from_input({str(number): list(paths) for number, paths in self.pod.health_ports.items()})
        self.summary = pulumi.Output.from_input(summary(self.pod))
        self.register_outputs({key: getattr(self, key) for key in Workload.__annotations__})
