"""What stands beside a workload that was injected: monitors, and a NetworkPolicy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import scraping
from ..core.patch import Wire
from ..core.pod import Pod
from ..network import policy
from ..network.policy import NetworkPolicyArgs
from . import carrier, services


@dataclass(frozen=True, kw_only=True)
class Injected:
    """A workload with the patterns in its pod."""

    name: str
    """Of the injection."""
    where: str
    """The workload, for messages."""
    manifest: Wire
    """As it was."""
    namespace: object
    labels: Mapping[str, Any]
    """Of its pods, as they were."""
    template: Wire
    """Its pod template, as it was."""
    pod: Pod
    policy: NetworkPolicyArgs | None

    @property
    def selector(self) -> Mapping[str, Any]:
        """Labels by which its pods are found."""
        return carrier.selector_of(self.manifest) or self.labels

    def problems(self, beside: Sequence[Wire]) -> Iterator[str]:
        """Why these cannot be made. beside: the manifests among which its Services are."""
        yield from scraping.unnamed(self.name, self.pod.ports)
        monitored = scraping.monitored(self.pod.ports)
        if monitored and not self.selector:
            yield f"its pods have no labels by which a {monitored[-1][1].kind} could find them; set scrape= to another"
        if self.policy is None:
            return
        if not self.selector:
            yield "its pods have no labels by which a NetworkPolicy could select them; leave network_policy out"
        found = services.services(self.pod.ports, labels=self.labels, namespace=self.namespace, beside=beside)
        types = [(service.get("spec") or {}).get("type") or "ClusterIP" for service in found]
        yield from policy.problems(self.policy, self.pod, next((kind for kind in types if kind != "ClusterIP"), "ClusterIP"))

    def objects(self, ip_families: Sequence[str]) -> list[dict[str, Any]]:
        """In manifest form. ip_families: of the pods' addresses."""
        metadata = {} if self.namespace is None else {"namespace": self.namespace}
        found = scraping.manifests(self.name, self.pod.ports, self.pod.certificates, metadata=metadata, selector=self.selector)
        if self.policy is None:
            return found
        own = policy.network_policy(
            self.where,
            self.policy,
            self.pod,
            is_served=carrier.is_served(self.manifest),
            metadata={"name": self.name, **metadata},
            selector=self.selector,
            ip_families=ip_families,
            further=carrier.undeclared_to(self.pod, self.template),
        )
        return [*found, own]
