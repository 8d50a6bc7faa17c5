"""What carries the pods, as far as its manifest says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pulumi.runtime import rpc

from ..core import checks
from ..core.patch import Wire
from ..core.pod import Pod
from ..core.pod_security import containers
from .target import Target

BATCH = ("Job", "CronJob")
"""Kinds whose pods end by themselves."""

# whose template is for new pods alone
_UNROLLED = ("ReplicaSet", "ReplicationController")


def metadata_of(manifest: Wire) -> Wire:
    """Its metadata, as far as they are known."""
    return _mapping(rpc.unwrap_rpc_secret(manifest.get("metadata")))


def selector_of(manifest: Wire) -> Wire:
    """The labels by which the workload finds its own pods, as far as they are known."""
    return _mapping(_mapping(_spec(manifest).get("selector")).get("matchLabels"))


def claims_of(manifest: Wire) -> tuple[str, ...]:
    """The names of a StatefulSet's claim templates."""
    templates = _spec(manifest).get("volumeClaimTemplates")
    return tuple(str((c.get("metadata") or {}).get("name")) for c in templates or () if isinstance(c, Mapping))


def headless_service_of(manifest: Wire) -> str | None:
    """The Service that gives each pod of a StatefulSet a name, as far as it is known."""
    name = _spec(manifest).get("serviceName") if manifest.get("kind") == "StatefulSet" else None
    return name if isinstance(name, str) and not checks.service_name("", name) else None


def informed(target: Target, manifest: Wire) -> Target:
    """The target, with what its patterns have to know of the manifest before they are made."""
    return target if target.headless_service else replace(target, headless_service=headless_service_of(manifest))


def is_served(manifest: Wire) -> bool:
    """Whether clients connect to its pods."""
    return manifest.get("kind") not in BATCH


def undeclared_to(pod: Pod, template: Wire) -> list[dict[str, Any]]:
    """The ports that the containers of a template declare, and the fold does not know, as a NetworkPolicy names them."""
    known = {(port.declaration.number, port.declaration.protocol) for port in pod.ports}
    declared = [p for c in containers(template.get("spec") or {}) for p in c.get("ports") or ()]
    pairs = dict.fromkeys((int(p["containerPort"]), str(p.get("protocol") or "TCP")) for p in declared)
    return [{"protocol": protocol, "port": number} for number, protocol in pairs if (number, protocol) not in known]


def is_recreated(manifest: Wire) -> bool:
    """Whether an update of a Deployment ends all pods before new ones start."""
    return manifest.get("kind") == "Deployment" and _mapping(_spec(manifest).get("strategy")).get("type") == "Recreate"


def makes_certificate(pod: Pod) -> bool:
    """Whether a certificate of the pod is made here, and each renewal is a change of its template."""
    return any(getattr(certificate, "is_made", False) for certificate in pod.certificates)


def unrenewed(manifest: Wire, pod: Pod) -> list[str]:
    """Why a renewed certificate would not reach the pods."""
    if not makes_certificate(pod):
        return []
    kind, strategy = manifest.get("kind"), _mapping(_spec(manifest).get("updateStrategy"))
    partition = _mapping(strategy.get("rollingUpdate")).get("partition")
    existing = "let TlsAmbassador take an existing Secret (secret_name=), which nginx reloads"
    none = f"replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; {existing}"
    if kind in _UNROLLED:
        return [f"a {kind} {none}"]
    if strategy.get("type") == "OnDelete":
        return [f"updateStrategy OnDelete {none}, or set updateStrategy to RollingUpdate"]
    if isinstance(partition, int | float) and partition > 0:
        return [
            f"partition {int(partition)} of its updateStrategy keeps pods of the former version, which could not start again: a renewal "
            f"removes their certificate; set it to 0, or {existing}"
        ]
    return []


def _spec(manifest: Wire) -> Wire:
    return _mapping(manifest.get("spec"))


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, Mapping) else {}
