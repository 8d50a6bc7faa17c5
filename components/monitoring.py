"""Monitors, what they look for and what they verify with, as resources."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from .core.patch import Wire


def register(monitors: Sequence[Wire], opts: pulumi.ResourceOptions | None) -> None:
    """What `scraping.manifests` has found."""
    for manifest in monitors:
        name, metadata = manifest["metadata"]["name"], dict(manifest["metadata"])
        if manifest["kind"] == "ConfigMap":
            kubernetes.core.v1.ConfigMap(name, metadata=metadata, data=dict(manifest["data"]), opts=opts)
        elif manifest["kind"] == "Service":
            kubernetes.core.v1.Service(name, metadata=metadata, spec=dict(manifest["spec"]), opts=opts)
        else:
            kubernetes.apiextensions.CustomResource(
                name, api_version=manifest["apiVersion"], kind=manifest["kind"], metadata=metadata, spec=manifest["spec"], opts=opts
            )
