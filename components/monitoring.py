"""What stands beside a workload, as resources: monitors, what they look for and what they verify with; a NetworkPolicy."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from .core.patch import Wire


def register(manifests: Sequence[Wire], opts: pulumi.ResourceOptions | None) -> None:
    """Makes them, from manifest form."""
    for manifest in manifests:
        name, metadata = manifest["metadata"]["name"], dict(manifest["metadata"])
        if manifest["kind"] == "ConfigMap":
            kubernetes.core.v1.ConfigMap(name, metadata=metadata, data=dict(manifest["data"]), opts=opts)
        elif manifest["kind"] == "NetworkPolicy":
            kubernetes.networking.v1.NetworkPolicy(name, metadata=metadata, spec=dict(manifest["spec"]), opts=opts)
        elif manifest["kind"] == "Service":
            kubernetes.core.v1.Service(name, metadata=metadata, spec=dict(manifest["spec"]), opts=opts)
        else:
            kubernetes.apiextensions.CustomResource(
                name, api_version=manifest["apiVersion"], kind=manifest["kind"], metadata=metadata, spec=manifest["spec"], opts=opts
            )
