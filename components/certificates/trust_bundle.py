"""TrustBundle: what clients verify a server with, in their own namespaces."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from ..core import checks, rules
from ..core.errors import refuse
from ..core.rules import DataKey, Label, ObjectName, Pem
from ..kubernetes_object import KubernetesObject


@dataclass(frozen=True, kw_only=True)
class TrustBundleArgs:
    """Arguments of TrustBundle."""

    ca_pem: pulumi.Input[Pem]
    """The certificates, PEM: `CertificateAuthority.trust_bundle_pem` or `Workload.ca_pem`."""
    namespaces: Sequence[Label]
    """Namespaces of the clients; a ConfigMap in each."""
    config_map_name: ObjectName
    """metadata.name of the ConfigMaps; it stays when the certificates change, so that clients can name it."""
    key: DataKey = "ca.crt"
    """Key in their data. Default: ca.crt."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        if not self.namespaces:
            return ["namespaces is empty; name the namespaces of the clients"]
        twice = sorted({n for n in self.namespaces if list(self.namespaces).count(n) > 1})
        return [f"namespaces has {name!r} more than once; write each once" for name in twice]


class TrustBundle(pulumi.ComponentResource):
    """A ConfigMap with an authority's certificates in each namespace of its clients: a Secret is visible in its own namespace only.

    A mounted ConfigMap follows within the kubelet's sync period, about a minute. A provider of pulumi-kubernetes changes one in place with
    `enable_config_map_mutable`; any other deletes it before it makes it again, and a pod that starts in between waits.

    Raises ArgumentError.
    """

    config_map_name: pulumi.Output[str]
    """metadata.name of the ConfigMaps, known once they are there."""

    def __init__(self, name: str, args: TrustBundleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wrong = rules.misplaced(TrustBundleArgs, args)
        refuse(f"TrustBundle {name!r}", wrong or [*checks.label("name", name), *rules.problems(args)])
        super().__init__("pod-patterns:index:TrustBundle", name, {}, opts)
        made = [
            KubernetesObject(
                f"{name}-{namespace}",
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": args.config_map_name, "namespace": namespace},
                    "data": {args.key: args.ca_pem},
                },
                pulumi.ResourceOptions(parent=self),
            )
            for namespace in args.namespaces
        ]
        self.config_map_name = pulumi.Output.all(*(config_map.object_name for config_map in made)).apply(lambda names: str(names[0]))
        self.register_outputs({"config_map_name": self.config_map_name})
