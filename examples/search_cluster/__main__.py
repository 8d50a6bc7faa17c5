"""Three Elasticsearch nodes with a volume each, TLS in front of them, and a nightly look at their health."""

import pulumi
from pod_patterns import (
    App,
    CertificateAuthority,
    CronJob,
    EgressTarget,
    EgressTlsTunnelArgs,
    SysctlInitArgs,
    TlsAmbassadorArgs,
    Workload,
    WorkloadArgs,
    elasticsearch_cluster,
)

authority = CertificateAuthority("search-ca")
search = Workload(
    "search",
    elasticsearch_cluster(
        size="50Gi",
        namespace="search",
        authority=authority,
        patterns=[SysctlInitArgs(), TlsAmbassadorArgs()],
    ),
)
pulumi.export("url", search.endpoints["http"])  # https://elasticsearch.search.svc:9200

health = EgressTarget(
    name="search",
    host="elasticsearch.search.svc.cluster.local",
    port=9200,
    ca_pem=authority.trust_bundle_pem,
    env={"HEALTH": "http://{host}:{port}/_cluster/health"},
)
Workload(
    "health",
    WorkloadArgs(
        app=App(name="health", image="busybox:1.37", command=["sh", "-c", 'wget -qO- "$HEALTH"']),
        namespace="search",
        kind=CronJob(schedule="30 3 * * *", time_zone="Europe/Berlin"),
        patterns=[EgressTlsTunnelArgs(targets=[health])],
    ),
)
