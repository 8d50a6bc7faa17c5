"""A server that needs a large file: fetched from a bucket, verified, unpacked, and only then the server starts."""

import pulumi
from pod_patterns import App, FetchInitArgs, Port, Rebind, TlsAmbassadorArgs, Workload, WorkloadArgs

model = FetchInitArgs(
    source="s3://acme-models/classifier/7.tar.gz",
    region="eu-central-1",
    # an archive with other contents is not unpacked, and the server does not start
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    unpack="tar.gz",
    mount_path="/models",
    size_limit="4Gi",
    # the pod's own identity: IRSA, EKS Pod Identity
    workload_identity=True,
    service_account="classifier",
)
app = App(
    name="classifier",
    image="ghcr.io/acme/classifier:1.4",
    uid=1000,
    args=["--model", "/models/7"],
    ports=[Port(name="grpc", number=9000, scheme="grpc", rebind=Rebind(args=["--listen={host}:{port}"]))],
    resources={"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "4Gi"}},
)
classifier = Workload(
    "classifier",
    WorkloadArgs(app=app, namespace="models", replicas=2, patterns=[model, TlsAmbassadorArgs(target_ports=["grpc"])]),
)
pulumi.export("url", classifier.endpoints["grpc"])
pulumi.export("ca", classifier.ca_pem)
