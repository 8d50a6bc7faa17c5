"""Monitor: how Prometheus finds a port of metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pulumi

from . import checks
from .rules import LabelKey, LabelValue, Manifest, ObjectName, Path

Duration = Annotated[str, checks.shaped("[1-9][0-9]*(ms|s|m|h)", "a number with ms, s, m or h, e.g. 30s")]


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A PodMonitor or a ServiceMonitor of the Prometheus Operator for one port, which the workload makes. If an ambassador puts TLS in
    front of the port, Prometheus verifies its certificate: by the name of the Service, with the authority's certificate in a ConfigMap
    beside it."""

    kind: Literal["PodMonitor", "ServiceMonitor"] = "PodMonitor"
    """`ServiceMonitor` for a Prometheus that looks for those alone; a headless Service comes with it, which has this port and no other.
    Default: PodMonitor."""
    path: Path = "/metrics"
    """Path of the metrics. Default: /metrics."""
    interval: Duration = "30s"
    """Time between two scrapes, and the longest a scrape may take. Default: 30s."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels by which Prometheus selects it (podMonitorSelector, serviceMonitorSelector), e.g. `{"release": "prometheus"}`. Default:
    none."""
    client_certificate_secret: pulumi.Input[ObjectName] | None = None
    """metadata.name of a kubernetes.io/tls Secret, in the workload's namespace, with the certificate that Prometheus presents, e.g.
    `authority.issue_client(...).secret_name`. Default: None."""
    tls_config: Manifest | None = None
    """How Prometheus verifies the port, in manifest form, in place of what is known here, e.g.
    `{"ca": {"configMap": {"name": "es-ca", "key": "ca.crt"}}, "serverName": "elasticsearch"}`. Default: None."""
