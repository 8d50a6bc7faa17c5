"""Certificates that somebody else renews: cert-manager, Vault, and Kubernetes itself. nginx follows them without a restart."""

import pulumi
import pulumi_kubernetes as kubernetes
from pod_patterns import (
    App,
    Port,
    Rebind,
    TlsAmbassadorArgs,
    VaultAgentSidecarArgs,
    VaultCertificate,
    Workload,
    WorkloadArgs,
)

NAMESPACE = "shop"
VAULT = "https://vault.vault.svc:8200"


def app(name: str) -> App:
    """A web application that is told its address and port."""
    rebind = Rebind(env={"HOST": "{host}", "PORT": "{port}"})
    return App(name=name, image=f"ghcr.io/acme/{name}:1.4", ports=[Port(name="http", number=8080, rebind=rebind)])


# cert-manager keeps a Secret, whose name stays when the certificate is renewed
kubernetes.apiextensions.CustomResource(
    "orders-certificate",
    api_version="cert-manager.io/v1",
    kind="Certificate",
    metadata={"name": "orders", "namespace": NAMESPACE},
    spec={"secretName": "orders-tls", "dnsNames": [f"orders.{NAMESPACE}.svc"], "issuerRef": {"kind": "ClusterIssuer", "name": "ca"}},
)
orders = Workload("orders", WorkloadArgs(app=app("orders"), namespace=NAMESPACE, patterns=[TlsAmbassadorArgs(secret_name="orders-tls")]))

# Vault's agent keeps files in a volume in memory; it is listed first, so that they are there when nginx starts. 0440: nginx is in the pod's
# group
certificate = VaultCertificate(role="billing", common_name=f"billing.{NAMESPACE}.svc", ttl_hours=24, mode="0440")
agent = VaultAgentSidecarArgs(address=VAULT, role="billing", certificates=[certificate])
billing = Workload(
    "billing",
    WorkloadArgs(app=app("billing"), namespace=NAMESPACE, patterns=[agent, TlsAmbassadorArgs(certificate_volume="vault")]),
)

# Kubernetes' pod certificates (1.35 and later): the kubelet asks a signer, and renews them
signed = {"signerName": "example.com/internal", "keyType": "ECDSAP256", "keyPath": "tls.key", "certificateChainPath": "tls.crt"}
volume = {"projected": {"sources": [{"podCertificate": signed}]}}
stock = Workload("stock", WorkloadArgs(app=app("stock"), namespace=NAMESPACE, patterns=[TlsAmbassadorArgs(certificate_volume=volume)]))

for workload in (orders, billing, stock):
    pulumi.export(workload.pulumi_resource_name, workload.endpoints["http"])
