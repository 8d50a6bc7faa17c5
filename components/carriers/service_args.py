"""What can be said of the Service of a workload."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pulumi

from ..core import checks
from ..core.rules import Cidr, LabelKey, LabelValue, Text
from ..core.view import BoundPort

AffinitySeconds = Annotated[int, checks.whole(1, 86400)]


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What the Service says besides its name, type and ports."""

    annotations: Mapping[LabelKey, pulumi.Input[Text]] = field(default_factory=dict)
    """Annotations, which many load balancers read. Default: none."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels besides the workload's. Default: none."""
    headless: bool = False
    """Whether its name leads to the pods' own addresses, and not to one of the Service (clusterIP None). Default: False."""
    session_affinity_seconds: AffinitySeconds | None = None
    """For how long after its last connection a client, by its address, stays with one pod; a day at most. Default: None, each connection
    is on its own."""
    internal_traffic_policy: Literal["Cluster", "Local"] | None = None
    """`Local`: clients in the cluster reach pods of their own node alone. Default: None, the cluster's, Cluster."""
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    """`Local`: what comes from outside is carried by nodes with a pod alone, and keeps the client's address. Default: None, the cluster's,
    Cluster."""
    load_balancer_class: LabelKey | None = None
    """Who makes the load balancer, e.g. `service.k8s.aws/nlb`; it can never change. Default: None, the cloud's own."""
    load_balancer_source_ranges: Sequence[Cidr] = ()
    """Addresses of the clients that a load balancer lets in, where the cloud can do so. Default: none, all."""

    def refusals(self, service_type: str) -> Iterator[str]:
        """Why a Service of that type cannot be so."""
        if self.headless and service_type != "ClusterIP":
            yield f"service.headless is set, but a Service of type {service_type} has an address of its own; leave one of them out"
        for name in ("session_affinity_seconds", "internal_traffic_policy"):
            if self.headless and getattr(self, name) is not None:
                yield f"service.{name} is set, but no connection goes through a headless Service; leave one of them out"
        for name in ("load_balancer_class", "load_balancer_source_ranges"):
            if getattr(self, name) and service_type != "LoadBalancer":
                yield f"service.{name} is set, but service_type is {service_type}; set it to LoadBalancer"
        if self.external_traffic_policy is not None and service_type == "ClusterIP":
            yield "service.external_traffic_policy is set, but nothing comes from outside to a ClusterIP; set service_type="

    def unfit(self, ports: Sequence[BoundPort]) -> list[str]:
        """Why it cannot carry the composed pod's ports."""
        other = [port for port in carried(ports) if self.headless and port.service_number != port.outer_number]
        return [
            f"port {port.name!r} of {port.owner} has service_number {port.service_number}, but a headless Service leads to the pods' own "
            f"{port.outer_number}; leave service_number out"
            for port in other
        ]

    def fields(self) -> dict[str, Any]:
        """Fields of its spec."""
        affinity = {
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": self.session_affinity_seconds}},
        }
        said = {
            "internalTrafficPolicy": self.internal_traffic_policy,
            "externalTrafficPolicy": self.external_traffic_policy,
            "loadBalancerClass": self.load_balancer_class,
            "loadBalancerSourceRanges": list(self.load_balancer_source_ranges) or None,
        }
        return {
            **({"clusterIP": "None"} if self.headless else {}),
            **({} if self.session_affinity_seconds is None else affinity),
            **{name: value for name, value in said.items() if value is not None},
        }


def carried(ports: Sequence[BoundPort]) -> list[BoundPort]:
    """The ports that the Service carries."""
    return [port for port in ports if port.declaration.service]
