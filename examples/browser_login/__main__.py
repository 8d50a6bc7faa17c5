"""An application for people, who sign in with a browser, and for programs, which bring a token."""

import pulumi
from pod_patterns import App, JwtAmbassadorArgs, Port, Rebind, SecretKey, TlsAmbassadorArgs, Workload, WorkloadArgs

app = App(
    name="reports",
    image="ghcr.io/acme/reports:1.4",
    uid=1000,
    ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"}))],
    readiness_probe={"httpGet": {"path": "/ready", "port": "http"}},
)
login = JwtAmbassadorArgs(
    issuer="https://login.acme.example/realms/staff",
    audience="reports",
    allowed_groups=["analysts"],
    # whoever has no token is sent to the issuer, and comes back with a session
    client_secret=SecretKey(name="reports-login", key="client-secret"),
    redirect_url="https://reports.acme.example/oauth2/callback",
    public_routes=["GET /favicon.ico"],
)
reports = Workload(
    "reports",
    # the outermost ambassador first: TLS ends there, then the token is looked at
    WorkloadArgs(app=app, namespace="reports", patterns=[TlsAmbassadorArgs(), login]),
)
pulumi.export("url", reports.endpoints["http"])
pulumi.export("ca", reports.ca_pem)
