"""Workload: an object with pods, and its Services, from an app and its patterns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pulumi

from ..carriers.carrier import Parts
from ..carriers.service_args import carried
from ..carriers.services import headless_service, service
from ..core import checks, namespaces, plug, rules, scraping
from ..core.errors import refuse
from ..core.plug import Pattern
from ..core.summary import summary
from ..kubernetes_object import KubernetesObject, register
from ..network import policy
from ..picture.picture import Picture
from .arguments import WorkloadArgs
from .metadata import OWN_LABELS
from .plan import ELSEWHERE, Plan


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
        where, wrong = f"workload {name!r}", rules.misplaced(WorkloadArgs, args)
        refuse(where, wrong or [*checks.label("name", name), *rules.problems(args)])
        plan = Plan(name=name, args=args)
        planned = plan.patterns()
        self.pod = plan.pod(planned)
        refuse(where, plan.unfit(self.pod))
        super().__init__("pod-patterns:index:Workload", name, {}, opts)
        patterns = self._created(name, planned, opts)
        if patterns != planned:
            # once more, with what exists now
            self.pod = plan.pod(patterns)
        self._served_as = plan.service_name if args.kind.is_served else ""
        own = dict(zip(OWN_LABELS, (args.app.name, name, "pulumi"), strict=True))
        namespace = namespaces.agreed(where, args.patterns, args.namespace, ELSEWHERE)
        metadata = {"namespace": namespace, "labels": {**args.labels, **own}}
        # a selector never changes
        selector = {key: own[key] for key in OWN_LABELS[:2]}
        self.selector = pulumi.Output.from_input(selector)
        self._register(plan, metadata, selector)

    def picture(self) -> Picture:
        """Its pod, drawn."""
        return Picture(self.pod, self._served_as)

    def _created(self, name: str, planned: Sequence[Pattern], opts: pulumi.ResourceOptions | None) -> Sequence[Pattern]:
        """The patterns with what they own, now that the composition stands."""
        # made by hand, as they had to be once, they were beside the workload
        before = pulumi.Alias(parent=opts.parent if opts else pulumi.ROOT_STACK_RESOURCE)
        child = pulumi.ResourceOptions(parent=self, aliases=[before])
        return [p.create(plug.owned_name(p, name), child) if plug.is_planned(p) else p for p in planned]

    def _register(self, plan: Plan, metadata: Mapping[str, Any], selector: Mapping[str, str]) -> None:
        """Makes the objects, and sets the outputs."""
        name, args, ports = plan.name, plan.args, self.pod.ports
        child = pulumi.ResourceOptions(parent=self)
        parts = self._parts(plan, metadata, selector)
        manifest = args.kind.manifest(parts)
        ends_first = pulumi.ResourceOptions(delete_before_replace=True) if args.kind.ends_first else None
        carrier = KubernetesObject(name, manifest, pulumi.ResourceOptions.merge(child, ends_first))
        if parts.headless_service:
            KubernetesObject(f"{name}-headless", headless_service(parts, parts.headless_service, ports, args.ip_families), child)
        served = None
        if args.kind.is_served and carried(ports):
            of_clients = service(parts, plan.service_name, ports, args.service_type, args.service, args.ip_families)
            served = KubernetesObject(name, of_clients, child)
        register(scraping.manifests(name, ports, self.pod.certificates, metadata=metadata, selector=selector), child)
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
        self.target = pulumi.Output.all(apiVersion=manifest["apiVersion"], kind=manifest["kind"], name=carrier.object_name)
        self._set_outputs(args, served)

    def _parts(self, plan: Plan, metadata: Mapping[str, Any], selector: Mapping[str, str]) -> Parts:
        """What the object that carries the pods is made of; makes the ConfigMaps that it names."""
        name, args, child = plan.name, plan.args, pulumi.ResourceOptions(parent=self)
        config_maps: dict[str, pulumi.Input[str]] = {}
        for config in self.pod.config_files:
            of_files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(config.files), "immutable": True}
            config_maps[config.name] = KubernetesObject(f"{name}-{config.name}", of_files, child).object_name
        labels = {**metadata["labels"], **self.pod.labels}
        return Parts(
            name=name,
            app=args.app.name,
            metadata=metadata,
            annotations=args.annotations,
            selector=selector,
            template={
                "metadata": {"labels": labels, "annotations": dict(self.pod.annotations)},
                "spec": self.pod.pod_spec(config_maps),
            },
            replicas=args.replicas,
            strategy=args.strategy,
            timeout_seconds=args.rollout_timeout_seconds,
            headless_service=plan.headless_service,
        )

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
