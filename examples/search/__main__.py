"""Elasticsearch with TLS and metrics, in a program of your own."""

import pulumi
from pod_patterns import MetricsAdapterArgs, TlsAmbassadorArgs, Workload, WorkloadArgs, elasticsearch

search = Workload(
    "search",
    WorkloadArgs(
        app=elasticsearch(),
        patterns=[TlsAmbassadorArgs(), MetricsAdapterArgs()],
    ),
)
pulumi.export("url", search.endpoints["http"])  # https://elasticsearch.default.svc:9200
pulumi.export("ca", search.ca_pem)
