"""The Services of a workload, and the names that they give it."""

from collections.abc import Sequence
from typing import Any

from ..core.patch import Wire
from ..core.view import BoundPort
from .carrier import Parts
from .service_args import ServiceArgs, carried


def service(
    parts: Parts, service_name: str, ports: Sequence[BoundPort], service_type: str, args: ServiceArgs, ip_families: Sequence[str]
) -> Wire:
    """The Service that clients connect to."""
    of_service = [_port(port, port.service_number) for port in carried(ports)]
    annotations = {"annotations": dict(args.annotations)} if args.annotations else {}
    labels = {**args.labels, **parts.metadata["labels"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service_name, **parts.metadata, "labels": labels, **annotations},
        "spec": {"type": service_type, "selector": parts.selector, "ports": of_service, **_families(ip_families), **args.fields()},
    }


def headless_service(parts: Parts, name: str, ports: Sequence[BoundPort], ip_families: Sequence[str]) -> Wire:
    """The Service that gives each pod a DNS name: early, because pods look for each other before they are ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **parts.metadata},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": parts.selector,
            # the pods' own numbers: its names lead to the pods, past what a Service translates
            **({"ports": [_port(port, port.outer_number) for port in ports]} if ports else {}),
            **_families(ip_families),
        },
    }


def _port(port: BoundPort, number: int) -> dict[str, Any]:
    protocol = port.declaration.protocol
    return {
        "name": port.name,
        "port": number,
        # never a name: named ports of native sidecars do not resolve before Kubernetes 1.32
        "targetPort": port.outer_number,
        "protocol": protocol,
        # meshes and gateways would take a port called http for plain HTTP
        **({"appProtocol": port.app_protocol} if protocol == "TCP" else {}),
    }


def _families(ip_families: Sequence[str]) -> dict[str, Any]:
    # a cluster of one family chooses it
    return {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": list(ip_families)} if len(ip_families) > 1 else {}
