"""Somebody else's chart: TLS in front of its app, metrics and logs of its cache. Nothing else in it changes."""

import pulumi
import pulumi_kubernetes as kubernetes
from pod_patterns import (
    Injection,
    LogFiles,
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    Port,
    Rebind,
    Target,
    TlsAmbassador,
    TlsAmbassadorArgs,
)

NAMESPACE = "shop"

# the rest is in its manifest: the port's number, the probes, the user
app = Target(
    name="orders",
    kind="Deployment",
    namespace=NAMESPACE,
    container="orders",
    ports=[Port(name="http", number=9898, rebind=Rebind(env={"PODINFO_HOST": "{host}"}))],
)
cache = Target(
    name="orders-cache",
    kind="StatefulSet",
    namespace=NAMESPACE,
    log_files=LogFiles(directory="/var/log/redis", files=["redis.log"]),
)
tls = TlsAmbassador("orders-tls", TlsAmbassadorArgs(service_name="orders", namespace=NAMESPACE))
secured = Injection("orders", app, [tls])
observed = Injection(
    "cache",
    cache,
    [
        LogTailSidecarArgs(),
        MetricsAdapterArgs(exporter="redis", target_port="redis"),
    ],
)

chart = kubernetes.helm.v4.Chart(
    "orders",
    chart="./charts/orders",
    namespace=NAMESPACE,
    values={
        "cache": {"logFile": "/var/log/redis/redis.log"},
        # what names the port and does not speak TLS yet
        "ingress": {
            "enabled": True,
            "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"},
        },
        "report": {"enabled": False},
    },
    opts=pulumi.ResourceOptions(transforms=[secured.transform, observed.transform]),
)

pulumi.export("injected", [secured.expect(chart), observed.expect(chart)])
pulumi.export("ca_pem", tls.ca_pem)
