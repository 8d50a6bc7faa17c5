"""Peer: who may reach a port."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.rules import Cidr, Label, LabelKey, LabelValue

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label that every namespace has, with its own name (Kubernetes 1.22)."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Pods, or a range of addresses. Without anything set: every pod of the workload's own namespace."""

    namespace: Label | None = None
    """Name of the pods' namespace. Default: None, the workload's."""
    namespace_labels: Mapping[LabelKey, LabelValue] | None = None
    """Labels of the pods' namespaces instead; `{}` stands for every namespace. Default: None."""
    pod_labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels of the pods. Default: none, every pod there."""
    cidr: Cidr | None = None
    """A range of addresses instead, e.g. 192.0.2.0/24. Default: None."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        if self.cidr is not None and (self.namespace is not None or self.namespace_labels is not None or self.pod_labels):
            return ["cidr is set together with pods; write a Peer each"]
        if self.namespace is not None and self.namespace_labels is not None:
            return ["namespace and namespace_labels are both set; name the namespace, or its labels"]
        return []

    def manifest(self) -> dict[str, Any]:
        """The peer in a NetworkPolicy."""
        if self.cidr is not None:
            return block(self.cidr)
        labels = {NAMESPACE_NAME: self.namespace} if self.namespace is not None else self.namespace_labels
        # an empty selector selects everything
        where = {} if labels is None else {"namespaceSelector": {"matchLabels": dict(labels)} if labels else {}}
        return {**where, "podSelector": {"matchLabels": dict(self.pod_labels)} if self.pod_labels else {}}


def block(cidr: str, without: list[str] | None = None) -> dict[str, Any]:
    """A range of addresses in a NetworkPolicy."""
    return {"ipBlock": {"cidr": cidr, **({"except": without} if without else {})}}
