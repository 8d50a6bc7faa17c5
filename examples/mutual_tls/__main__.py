"""Two workloads that talk to each other over mutual TLS, with nothing but certificates of this program."""

import pulumi
from pod_patterns import (
    App,
    CertificateAuthority,
    ClientCertificateArgs,
    Port,
    Rebind,
    TlsAmbassadorArgs,
    Workload,
    WorkloadArgs,
)

NAMESPACE = "shop"
authority = CertificateAuthority("shop")


def service(name: str, peer: str) -> Workload:
    """A web application that only its peer may call, and that calls its peer."""
    certificate = authority.issue_client(name, ClientCertificateArgs(common_name=name, namespace=NAMESPACE))
    app = App(
        name=name,
        image=f"ghcr.io/acme/{name}:1.4",
        ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"}))],
        # tls.crt and tls.key for its peer, and ca.crt that its peer is verified with
        env={"PEER_URL": f"https://{peer}.{NAMESPACE}.svc:8080", "PEER_TLS": "/peer-tls"},
        volumes=[{"name": "peer-tls", "secret": {"secretName": certificate.secret_name, "defaultMode": 0o440}}],
        volume_mounts=[{"name": "peer-tls", "mountPath": "/peer-tls", "readOnly": True}],
        # the kubelet has no certificate; these go through a plain port that knows this one path
        readiness_probe={"httpGet": {"path": "/ready", "port": "http"}},
    )
    tls = TlsAmbassadorArgs(client_auth="required", client_names=[peer])
    return Workload(name, WorkloadArgs(app=app, namespace=NAMESPACE, patterns=[tls], authority=authority))


orders, billing = service("orders", "billing"), service("billing", "orders")
pulumi.export("orders", orders.endpoints["http"])
pulumi.export("billing", billing.endpoints["http"])
