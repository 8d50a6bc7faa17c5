"""WorkloadArgs: what a workload is asked to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pulumi

from ..carriers import Deployment, Kind
from ..carriers.carrier import TIMEOUT
from ..carriers.service_args import ServiceArgs
from ..certificates import CertificateAuthority
from ..core import checks
from ..core.app import App
from ..core.cluster import DEFAULT_KUBERNETES, IpFamily, Version
from ..core.images import Registries
from ..core.plug import Pattern
from ..core.rollout import Strategy
from ..core.rules import Elsewhere, Label, LabelKey, LabelValue, Manifest, NotNegative, Positive, ServiceName, Text
from ..network.policy import NetworkPolicyArgs
from .metadata import own_labels


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """Arguments of Workload: an object with pods, and its Service, composed from an app and patterns."""

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
        if self.kind.is_served and "activeDeadlineSeconds" in self.pod_spec:
            kind = type(self.kind).__name__
            found.append(
                f"pod field 'activeDeadlineSeconds' ends pods, and Kubernetes lets none of a {kind} end; remove it, or set kind=Job()"
            )
        return [*found, *self.service.refusals(self.service_type), *self.kind.refusals(self)]
