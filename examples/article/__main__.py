"""The article's pod: Elasticsearch, and five patterns that know nothing of each other."""

import pulumi
from pod_patterns import (
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    SysctlInitArgs,
    TlsAmbassadorArgs,
    VaultInitArgs,
    VaultSecret,
    Workload,
    WorkloadArgs,
    elasticsearch,
)

secret = VaultInitArgs(
    address="https://vault.vault.svc:8200",
    role="elasticsearch",
    secrets=[VaultSecret(path="my-secret", format="json", file="my-secret.json")],
)
patterns = [SysctlInitArgs(), secret, LogTailSidecarArgs(), TlsAmbassadorArgs(), MetricsAdapterArgs()]
search = Workload("search", WorkloadArgs(app=elasticsearch(), patterns=patterns))
pulumi.export("url", search.endpoints["http"])
pulumi.export("ca", search.ca_pem)
pulumi.export("summary", search.summary)
