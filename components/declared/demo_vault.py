"""DemoVault: a Vault for clusters that have none, so that the `dev` stack can show VaultInit. For demonstration, NEVER for production.

It keeps everything in memory and forgets it when it restarts, has one replica, never seals, and the secret in it is random.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from ..certificates import SelfSignedCertificate, ServerCertificateArgs
from ..core import rules
from ..core.errors import refuse
from ..core.identity import restricted
from ..core.patch import Wire
from ..core.rules import Image, Label, SomeText
from ..kubernetes_object import KubernetesObject

ADDRESS = "https://demo-vault:8200"
"""Stands for the address of the demonstration Vault until that is made."""

PORT = 8200
_LOOPBACK = "127.0.0.1:8202"
_HOME = "/vault/home"
# Both: before the server's first start there is no token, and whenever it has forgotten everything there is one again.
_CONFIGURED = f"[ -e {_HOME}/.configured ] && [ ! -e {_HOME}/.vault-token ]"
_UID, _GID = 100, 1000  # the image's user `vault`

# The dev server's own listener is plaintext; it stays on loopback, for the container beside it.
_LISTENER = {"listener": [{"tcp": {"address": f"0.0.0.0:{PORT}", "tls_cert_file": "tls/tls.crt", "tls_key_file": "tls/tls.key"}}]}

_CONFIGURE = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class DemoVaultArgs:
    """Arguments of DemoVault."""

    namespace: Label = "default"
    """Namespace of Vault, and of the app that logs in to it. Default: default."""
    service_name: Label = "vault"
    """Name of the Deployment and the Service. Default: vault."""
    role: Label = "elasticsearch"
    """Role that it knows, at auth/kubernetes. Default: elasticsearch."""
    service_account: Label = "default"
    """The app's service account, which alone may take that role. Default: default."""
    audience: SomeText = "vault"
    """Audience of the app's token. Default: vault."""
    secret_path: Label = "my-secret"
    """Path of the one secret, with the fields `username` and `password`, in the KV v2 mount `secret`. Default: my-secret."""
    image: pulumi.Input[Image] = "hashicorp/vault:1.21.1"
    """Default: hashicorp/vault:1.21.1."""


class DemoVault(pulumi.ComponentResource):
    """A dev-mode Vault with one role and one secret, behind TLS. For demonstration, never for production.

    Raises ArgumentError.
    """

    address: pulumi.Output[str]
    """URL of its Service; known once it answers there."""
    ca_pem: pulumi.Output[str]
    """What clients verify it with."""

    def __init__(self, name: str, args: DemoVaultArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        args = args or DemoVaultArgs()
        refuse(f"DemoVault {name!r}", rules.problems(args))
        super().__init__("pod-patterns:index:DemoVault", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespaced = {"namespace": args.namespace}

        def made(
            suffix: str, api_version: str, kind: str, metadata: Wire, depends_on: Sequence[pulumi.Resource] = (), **fields: Any
        ) -> KubernetesObject:
            manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
            opts = pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))
            return KubernetesObject(f"{name}-{suffix}", manifest, opts)

        certificate = SelfSignedCertificate(name, ServerCertificateArgs(service_name=args.service_name, namespace=args.namespace), child)
        account = made("account", "v1", "ServiceAccount", namespaced)
        reviewer = made(
            "token-review",
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            {},
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
            subjects=[{"kind": "ServiceAccount", "name": account.object_name, **namespaced}],
        )
        files = {"listener.json": json.dumps(_LISTENER), "configure.sh": _CONFIGURE}
        config = made("config", "v1", "ConfigMap", namespaced, data=files, immutable=True)
        labels = {"app.kubernetes.io/name": "vault", "app.kubernetes.io/instance": args.service_name}
        metadata = {"name": args.service_name, "labels": labels, **namespaced}
        pod = {
            "serviceAccountName": account.object_name,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "fsGroup": _GID, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [_server(args), _configure(args)],
            "volumes": [
                {"name": "home", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
                {"name": "config", "configMap": {"name": config.object_name}},
                {"name": "tls", "secret": {"secretName": certificate.secret_name, "defaultMode": 0o440}},
            ],
        }
        made(
            "deployment",
            "apps/v1",
            "Deployment",
            metadata,
            spec={
                "replicas": 1,
                # two of them would answer with two different secrets
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
            depends_on=[reviewer],
        )
        ports = [{"name": "https", "port": PORT, "targetPort": PORT}]
        service = made("service", "v1", "Service", metadata, spec={"selector": labels, "ports": ports})
        self.address = pulumi.Output.concat("https://", service.object_name, ".", args.namespace, f".svc:{PORT}")
        self.ca_pem = certificate.ca_pem
        self.register_outputs({"address": self.address, "ca_pem": self.ca_pem})


def _server(args: DemoVaultArgs) -> dict[str, Any]:
    command = ["vault", "server", "-dev", f"-dev-listen-address={_LOOPBACK}", "-config=config/listener.json"]
    return {
        **_container(args, "vault", "512Mi", command, {"name": "tls", "mountPath": "/vault/tls", "readOnly": True}),
        "env": [{"name": "HOME", "value": _HOME}],
        "ports": [{"name": "https", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/v1/sys/health", "port": PORT, "scheme": "HTTPS"}, "periodSeconds": 2},
    }


def _configure(args: DemoVaultArgs) -> dict[str, Any]:
    environment = {
        "VAULT_ADDR": f"http://{_LOOPBACK}",
        "ROLE": args.role,
        "SERVICE_ACCOUNT": args.service_account,
        "NAMESPACE": args.namespace,
        "AUDIENCE": args.audience,
        "SECRET_PATH": args.secret_path,
    }
    return {
        **_container(args, "configure", "384Mi", ["/bin/sh", "config/configure.sh"]),
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "readinessProbe": {"exec": {"command": ["sh", "-c", _CONFIGURED]}, "periodSeconds": 2},
    }


def _container(args: DemoVaultArgs, name: str, memory: str, command: list[str], *mounts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": args.image,
        "command": command,
        "workingDir": "/vault",
        "volumeMounts": [
            {"name": "home", "mountPath": _HOME},
            {"name": "config", "mountPath": "/vault/config", "readOnly": True},
            *mounts,
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": memory}},
        "securityContext": restricted(_UID, _GID),
    }


def wanted(patterns: Iterable[Any], namespace: Any) -> set[DemoVaultArgs]:
    """What the patterns that name no address want of the demonstration Vault; it can be only one."""
    return {
        DemoVaultArgs(
            namespace=namespace,
            role=args.role,
            audience=args.audience,
            service_account=args.service_account or "default",
            secret_path=_path(source, args.auth_mount),
        )
        for args in (args for args in patterns if getattr(args, "address", None) == ADDRESS)
        for source in args.sources
    }


def _path(source: Any, auth_mount: str) -> str:
    """The path of the secret, if the demonstration Vault can have it."""
    kv_version = getattr(source, "kv_version", None)
    return source.path if (source.mount, kv_version, auth_mount) == ("secret", 2, "kubernetes") else ""


def wanted_problems(found: set[DemoVaultArgs]) -> list[str]:
    if len(found) > 1 or any(args.secret_path == "" for args in found):
        return ["demo_vault: has one role at auth/kubernetes and one secret in the KV v2 mount secret/; want no more, or set address:"]
    return [line for args in found for line in rules.problems(args, "demo_vault: ")]
