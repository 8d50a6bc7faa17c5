"""Mocks that answer like the kubernetes and tls providers and the API server."""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import rpc

from . import issuer
from .key_file import KeyFile
from .recording import UNKNOWN

_CLUSTER_SCOPED = """
    APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle ComponentStatus
    CustomResourceDefinition DeviceClass FlowSchema IPAddress IngressClass MutatingAdmissionPolicy MutatingAdmissionPolicyBinding
    MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass PriorityLevelConfiguration ResourceSlice
    RuntimeClass SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass StorageVersion
    SubjectAccessReview TokenReview ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
    VolumeAttachment VolumeAttributesClass
"""
# where a change means a new object, and a new name if the provider chose it (its diff.go); every other kind keeps its name
_REPLACING = {
    "ConfigMap": ("data", "binaryData", "immutable"),
    "Secret": ("data", "stringData", "type", "immutable"),
    "Job": ("spec",),
    "Pod": ("spec",),
}


def secret(value: Any) -> Any:
    """Marks a value that `Mocks.new_resource` answers as secret."""
    return rpc.wrap_rpc_secret(value)


class Mocks(pulumi.runtime.Mocks):
    """Answers like the kubernetes and tls providers and the API server; of any other provider, with the resource's own inputs.

    - Kubernetes objects without a name get `<logical name>-<8 hex digits>`. The digits follow from the contents where a change
      replaces the object (ConfigMap, Secret, Job, Pod), and from type and logical name otherwise. Unlike the provider's random ones
      they are the same in every run; like those of kustomize they would let a short password in a Secret be guessed.
    - Keys and certificates are real.
    - In a preview the answer lacks what the provider cannot know before: ids, status, keys, certificates.

    Subclass it to answer for further providers, or for the `children` of remote components; wrap secrets in `secret()`, Outputs are not
    allowed in an answer.
    """

    def __init__(self, *, keys: Path | None = None, now: Callable[[], datetime] | None = None, status: bool = True) -> None:
        """`keys` is a file in which keys and certificates last from run to run (default: they last for one run), `now` the clock that
        certificates go by (default: the real one), `status` whether objects have the status of a cluster where all is well."""
        self._keys = KeyFile(keys)
        self._now = (now or (lambda: datetime.now(UTC)))()
        self._status = status

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """The arguments, for want of the function."""
        if args.token.startswith("kubernetes:"):
            raise pulumi.RunError(f"{args.token} needs the Kubernetes provider; it cannot be answered without an engine")
        return args.args

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """The id and the outputs of a resource."""
        if not args.custom and not args.resource_id:
            return None, args.inputs
        if args.typ.startswith("kubernetes:"):
            return self._kubernetes(args)
        if args.typ.startswith("tls:index/"):
            return self._tls(args)
        return "" if pulumi.runtime.is_dry_run() else f"{args.name}-id", args.inputs

    def children(self, args: pulumi.runtime.MockResourceArgs) -> Iterable[tuple[str, str, dict[str, Any]]]:  # noqa: ARG002
        """Type, name and inputs of what the provider of a remote component (helm.v4.Chart, yaml.v2.ConfigGroup ...) makes of it: none,
        for want of the provider. Transforms of the component and of its parents reach them."""
        return ()

    def save(self, project: str, stack: str) -> None:
        """Writes the key file, if there is one; `run` does it after a successful update."""
        self._keys.save(project, stack)

    def _tls(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {name: rpc.unwrap_rpc_secret(value) for name, value in args.inputs.items()}
        urn = getattr(args, "urn", f"{args.typ}::{args.name}")
        kind = args.typ.split(":")[-1]
        unknown = dict.fromkeys(issuer.KEY_OUTPUTS, UNKNOWN) if kind == "PrivateKey" else {}
        made = self._keys.answer(urn, kind, inputs, self._now, issue=not pulumi.runtime.is_dry_run())
        made_id, outputs = made or ("", unknown)
        return made_id, {**args.inputs, **{name: secret(v) if name in issuer.KEY_OUTPUTS else v for name, v in outputs.items()}}

    def _kubernetes(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        plain = {name: rpc.unwrap_rpc_secret(value) for name, value in args.inputs.items()}
        kind, metadata = args.typ.split(":")[-1], plain.get("metadata", {})
        if not isinstance(metadata, dict):  # unknown
            return "", args.inputs
        known = dict(metadata)
        if args.resource_id:
            known |= dict(zip(("name", "namespace"), reversed(args.resource_id.split("/")), strict=False))
        if kind not in _CLUSTER_SCOPED.split():
            known.setdefault("namespace", "default")
        if not known.get("name"):
            content = [args.typ, args.name, known.get("namespace"), *(plain.get(name) for name in _REPLACING.get(kind, ()))]
            digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=lambda _: UNKNOWN).encode()).hexdigest()
            known["name"] = f"{metadata.get('generateName', args.name + '-')}{digest[:8]}"
        outputs = {**args.inputs, "metadata": secret(known) if rpc.is_rpc_secret(args.inputs.get("metadata")) else known}
        if pulumi.runtime.is_dry_run():
            return "", outputs
        if self._status and isinstance(plain.get("spec"), dict):
            outputs |= _in_cluster(kind, plain["spec"])
        return "/".join(known[part] for part in ("namespace", "name") if part in known), outputs


def _in_cluster(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """What the API server and the controllers add to an object, as far as programs read it; addresses are those for documentation."""
    balancer = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    if kind == "Service":
        given = spec if spec.get("type") == "ExternalName" else {"clusterIP": "192.0.2.2", **spec}
        return {"spec": given, "status": balancer if spec.get("type") == "LoadBalancer" else {}}
    if kind == "Ingress":
        return {"status": balancer}
    if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        return {"status": dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), spec.get("replicas", 1))}
    return {"status": {"succeeded": 1}} if kind == "Job" else {}
