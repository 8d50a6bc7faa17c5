"""NetworkPolicies that keep everybody from a port that patterns opened."""

from collections.abc import Iterator
from typing import Any

from ..core.patch import Wire
from ..core.view import APP
from .index import Index
from .reached import Change, selects


def closed(change: Change, before: Index) -> Iterator[str]:
    """A line for every port of the patterns that no policy admits. The kubelet's need none: a node always reaches its pods."""
    policies = [m for m in before.of_kind("NetworkPolicy") if change.is_here(m) and _selects(m, change)]
    if not policies:
        return
    names = ", ".join(repr((m.get("metadata") or {}).get("name")) for m in policies)
    rules = [rule or {} for policy in policies for rule in (policy.get("spec") or {}).get("ingress") or ()]
    for port in change.pod.ports:
        if port.owner != APP and not any(_admits(rule, port.outer_number, port.name) for rule in rules):
            yield (
                f"NetworkPolicy {names}: admits nobody to port {port.outer_number} ({port.name}) of {port.owner}; add a rule to "
                "spec.ingress for whoever connects to it"
            )


def _selects(policy: Wire, change: Change) -> bool:
    spec = policy.get("spec") or {}
    return "Ingress" in (spec.get("policyTypes") or ["Ingress"]) and selects(spec.get("podSelector"), change.labels)


def _admits(rule: Wire, number: int, name: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(_is(entry, number, name) for entry in ports)


def _is(entry: Any, number: int, name: str) -> bool:
    first = entry.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return first == name
    return bool(int(first) <= number <= int(entry.get("endPort") or first))
