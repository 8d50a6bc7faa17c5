"""A real Vault with its Kubernetes auth method, of which the tests hold the root token."""

import json
from collections.abc import Mapping
from typing import Any

from .cluster import Done, Namespace, kubectl

IMAGE = "hashicorp/vault:1.21.1"
ADDRESS = "http://vault:8200"
ROLE = "app"


class Vault:
    """A dev-mode server in the namespace, at ADDRESS; ROLE may read secret/* from there, with the audience `vault`."""

    def __init__(self, namespace: Namespace, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """secrets: path to fields."""
        self.namespace = namespace
        self._server()
        self.vault("audit", "enable", "file", "file_path=stdout", "hmac_accessor=false")
        self.vault("auth", "enable", "kubernetes")
        self.vault("write", "auth/kubernetes/config", "kubernetes_host=https://kubernetes.default.svc")
        self.vault("policy", "write", ROLE, "-", stdin='path "secret/data/*" { capabilities = ["read"] }')
        bound = ("bound_service_account_names=default", f"bound_service_account_namespaces={namespace}", "audience=vault")
        self.vault("write", f"auth/kubernetes/role/{ROLE}", *bound, f"token_policies={ROLE}", "token_ttl=1h")
        for path, fields in secrets.items():
            self.vault("kv", "put", f"secret/{path}", *(f"{name}={value}" for name, value in fields.items()))

    def run(self, *arguments: str, stdin: str | None = None) -> Done:
        """The vault program as root of the server, whatever comes of it."""
        return self.namespace.exec("vault", "vault", "vault", *arguments, stdin=stdin)

    def vault(self, *arguments: str, stdin: str | None = None) -> str:
        """What the vault program prints; it must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, done.text
        return done.out

    def audit(self) -> list[dict[str, Any]]:
        """The answers in the audit log, oldest first."""
        lines = [line for line in self.namespace.logs("vault", "vault").splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("type") == "response"]

    def _server(self) -> None:
        name = self.namespace.name
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{name}-token-review"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
            "subjects": [{"kind": "ServiceAccount", "name": "vault", "namespace": name}],
        }

        def unbind() -> None:
            kubectl("delete", "clusterrolebinding", f"{name}-token-review", "--ignore-not-found")

        self.namespace.undo.append(unbind)
        container = {
            "name": "vault",
            "image": IMAGE,
            "command": ["vault", "server", "-dev", "-dev-root-token-id=root", "-dev-listen-address=0.0.0.0:8200", "-dev-no-store-token"],
            "env": [{"name": "VAULT_ADDR", "value": "http://127.0.0.1:8200"}, {"name": "VAULT_TOKEN", "value": "root"}],
            "ports": [{"containerPort": 8200}],
            "readinessProbe": {"httpGet": {"path": "/v1/sys/health", "port": 8200}, "periodSeconds": 1},
            "securityContext": {"runAsUser": 100, "runAsGroup": 1000, "allowPrivilegeEscalation": False},
        }
        labels = {"app": "vault"}
        self.namespace.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "vault"}},
            binding,
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "vault"},
                "spec": {"selector": labels, "ports": [{"port": 8200, "targetPort": 8200}]},
            },
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "vault", "labels": labels},
                "spec": {"serviceAccountName": "vault", "terminationGracePeriodSeconds": 0, "containers": [container]},
            },
        )
        self.namespace.wait("pod/vault", "condition=Ready")
