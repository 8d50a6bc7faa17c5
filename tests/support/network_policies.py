"""Who may reach whom by a NetworkPolicy, as the API's documentation has it (k8s.io/api/networking/v1)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Party:
    """A pod, or with no namespace something outside the cluster."""

    address: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)

    def of_namespace(self) -> dict[str, str]:
        return {"kubernetes.io/metadata.name": str(self.namespace), **self.namespace_labels}


def admits(policy: Mapping[str, Any], direction: str, party: Party, port: int, protocol: str = "TCP") -> bool:
    """Whether the pods that the policy selects may be reached from the party (Ingress) at their port, or reach it (Egress) at its."""
    spec = policy["spec"]
    if direction not in spec["policyTypes"]:
        return True
    peers, rules = {"Ingress": ("from", spec.get("ingress")), "Egress": ("to", spec.get("egress"))}[direction]
    return any(
        # without ports, every port; without peers, everybody
        (not rule.get("ports") or any(_is(p, port, protocol) for p in rule["ports"]))
        and (not rule.get(peers) or any(_matches(peer, party, policy["metadata"]["namespace"]) for peer in rule[peers]))
        for rule in rules or ()
    )


def _is(allowed: Mapping[str, Any], port: int, protocol: str) -> bool:
    assert isinstance(allowed["port"], int)
    return bool(allowed["port"] <= port <= allowed.get("endPort", allowed["port"]) and allowed.get("protocol", "TCP") == protocol)


def _matches(peer: Mapping[str, Any], party: Party, own_namespace: str) -> bool:
    if "ipBlock" in peer:
        # whether it stands for pods too is left to the plugin: the most that it may do
        assert set(peer) == {"ipBlock"}
        block, address = peer["ipBlock"], ipaddress.ip_address(party.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(c) for c in block.get("except", ())
        )
    assert peer
    if party.namespace is None:
        return False
    in_namespace = (
        _selects(peer["namespaceSelector"], party.of_namespace()) if "namespaceSelector" in peer else party.namespace == own_namespace
    )
    return in_namespace and _selects(peer.get("podSelector", {}), party.labels)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}
    return dict(selector.get("matchLabels", {})).items() <= dict(labels).items()
