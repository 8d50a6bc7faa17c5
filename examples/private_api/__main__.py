"""An API of your own behind TLS from your own authority, with a client certificate for whoever calls it."""

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

authority = CertificateAuthority("acme")
api = App(
    name="api",
    image="ghcr.io/acme/api:1.4",
    ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"}))],
    readiness_probe={"httpGet": {"path": "/ready", "port": "http"}},
)
workload = Workload(
    "api",
    WorkloadArgs(
        app=api,
        replicas=3,
        namespace="acme",
        patterns=[TlsAmbassadorArgs()],
        authority=authority,
    ),
)
client = authority.issue_client("billing", ClientCertificateArgs(common_name="billing", namespace="acme"))
pulumi.export("url", workload.endpoints["http"])
pulumi.export("trust", authority.trust_bundle_pem)
pulumi.export("billing_secret", client.secret_name)
