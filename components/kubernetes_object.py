"""KubernetesObject: an object of the cluster, as a resource, from its manifest."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi_kubernetes import _utilities as sdk

_SECRET = ("data", "stringData")


class KubernetesObject(pulumi.CustomResource):
    """An object of the cluster. To the engine it is what the class of its kind in pulumi_kubernetes would be: type, inputs, version of the
    provider, secrets.

    Those classes are not used because they need their package's types, which take a third of a second to import, and translate every field
    of what is a manifest already.
    """

    metadata: pulumi.Output[Mapping[str, Any]]
    """What the cluster has as its metadata."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        kind, version = manifest["kind"], manifest["apiVersion"]
        own, hidden = pulumi.ResourceOptions(version=sdk.get_version()), {}
        if (kind, version) == ("Secret", "v1"):
            own.additional_secret_outputs = list(_SECRET)
            hidden = {field: pulumi.Output.secret(manifest[field]) for field in _SECRET if manifest.get(field) is not None}
        group = version if "/" in version else f"core/{version}"
        super().__init__(f"kubernetes:{group}:{kind}", name, {**manifest, **hidden}, pulumi.ResourceOptions.merge(own, opts))
        # an unknown namespace must not keep the name unknown
        self.object_name: pulumi.Output[str] = self.metadata.apply(_name, run_with_unknowns=True)
        """metadata.name, given or made by the provider."""


def _name(metadata: Any) -> Any:
    """The name in it; none if mocks answer with what they were given."""
    return metadata if isinstance(metadata, Unknown) else metadata.get("name")


def register(manifests: Iterable[Mapping[str, Any]], opts: pulumi.ResourceOptions | None) -> None:
    """Makes objects that have their names."""
    for manifest in manifests:
        KubernetesObject(manifest["metadata"]["name"], manifest, opts)
