"""Elasticsearch with TLS and metrics, in a program of your own."""

import pulumi
from pod_patterns import MetricsAdapter, TlsAmbassador, TlsAmbassadorArgs, Workload, WorkloadArgs, elasticsearch

search = Workload(
    "search",
    WorkloadArgs(
        app=elasticsearch(),
        patterns=[
            TlsAmbassador("search-tls", TlsAmbassadorArgs(service_name="elasticsearch")),
            MetricsAdapter("search-metrics"),
        ],
    ),
)
pulumi.export("url", search.endpoints["http"])  # https://elasticsearch.default.svc:9200
pulumi.export("ca", search.ca_pem)
