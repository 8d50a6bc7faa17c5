"""MetricsAdapter: an exporter beside the app that turns its figures into Prometheus metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pulumi

from ..core import placeholders, rules
from ..core.app import Port, SecretKey
from ..core.environment import environment
from ..core.errors import refuse
from ..core.identity import restricted
from ..core.monitor import Duration, Monitor
from ..core.patch import PodPatch, UndeclaredPort, sidecar
from ..core.plug import PatternArgs
from ..core.quantities import sized
from ..core.rules import DataKey, Image, Label, LabelKey, LabelValue, Manifest, ObjectName, Path, PortName, PortNumber, Resources, Text, Uid
from ..core.view import ALL_ADDRESSES, LOOPBACK, BoundPort, PodView
from .shared.exporters import EXPORTERS, Exporter
from .shared.scripts import script

_SUPERVISED = script(__package__, "metrics_adapter.sh")


@dataclass(frozen=True, kw_only=True)
class MetricsAdapterArgs(PatternArgs):
    """Arguments of MetricsAdapter."""

    exporter: Literal["elasticsearch", "redis", "nginx"] | Exporter = "elasticsearch"
    """`elasticsearch`, `redis`, `nginx`, or an Exporter of your own for any app. Default: elasticsearch."""
    image: pulumi.Input[Image] | None = None
    """Image in place of the exporter's, with the program at the same path. Default: None."""
    extra_args: Sequence[pulumi.Input[Text]] = ()
    """Arguments after the exporter's own, e.g. `--collector.clustersettings`. Default: none."""
    target_port: PortName = "http"
    """Name of the app's port that is measured; followed to wherever ambassadors moved it. Default: http."""
    port: PortNumber = 9114
    """Port number of the metrics on the pod's address and in the Service. Default: 9114."""
    port_name: PortName = "http-prometheus"
    """Name of that port. Default: http-prometheus."""
    path: Path = "/metrics"
    """Path of the metrics. Default: /metrics."""
    credentials_secret: pulumi.Input[ObjectName] | None = None
    """metadata.name of a Secret with the app's user name and password. Default: None, no credentials."""
    username_key: DataKey | None = "username"
    """Key of the user name in that Secret; None if the app has no user names. Default: username."""
    password_key: DataKey = "password"
    """Key of the password in that Secret. Default: password."""
    scrape: Literal["annotations", "pod_monitor", "service_monitor", "none"] = "annotations"
    """How Prometheus finds it. `annotations`: prometheus.io/* on the pod; `pod_monitor`: a PodMonitor of the Prometheus Operator, which
    the workload makes, and whose CRD must be there; `service_monitor`: a ServiceMonitor, for a Prometheus that looks for those alone, and a
    headless Service for it; `none`. Default: annotations."""
    interval: Duration = "30s"
    """For the monitors: time between two scrapes, and the longest a scrape may take. Default: 30s."""
    pod_monitor_labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """For the monitors: labels by which Prometheus selects it (podMonitorSelector, serviceMonitorSelector), e.g.
    `{"release": "prometheus"}`. Default: none."""
    client_certificate_secret: pulumi.Input[ObjectName] | None = None
    """For the monitors, if the port is behind mutual TLS: metadata.name of a kubernetes.io/tls Secret, in the workload's namespace, with
    the certificate that Prometheus presents, e.g. `authority.issue_client(...).secret_name`. Default: None."""
    tls_config: Manifest | None = None
    """For the monitors, if the port is behind TLS: how Prometheus verifies it, in manifest form. Default: None: what the workload knows of
    the certificate, by the name of its Service and with the authority's certificate in a ConfigMap."""
    container_name: Label = "prometheus-exporter"
    """Default: prometheus-exporter."""
    uid: Uid | None = 65534
    """User id of the exporter; None leaves it to the cluster (OpenShift). Default: 65534, nobody."""
    resources: Resources = sized("10m", "32Mi", "128Mi")
    """Requests and limits. Default: 10m, 32Mi to 128Mi."""

    def plan(self) -> "_Adapter":
        """The adapter."""
        return _Adapter(self)

    def chosen(self) -> Exporter:
        """The exporter, by name or as given. Raises KeyError for an unknown name."""
        return EXPORTERS[self.exporter] if isinstance(self.exporter, str) else self.exporter

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        exporter = EXPORTERS.get(self.exporter) if isinstance(self.exporter, str) else self.exporter
        if exporter is not None and self.credentials_secret is not None:
            if self.username_key is not None and exporter.username_env is None:
                found.append("credentials_secret: the exporter reads no user name; set Exporter.username_env, or username_key=None")
            if exporter.password_env is None:
                found.append("credentials_secret: the exporter reads no password; set Exporter.password_env")
        return found


class _Adapter:
    """What it does to a pod."""

    kind = "MetricsAdapter"

    def __init__(self, args: MetricsAdapterArgs) -> None:
        self.args = args
        self.name = args.name

    @property
    def ports(self) -> tuple[Port, ...]:
        """The metrics port."""
        exporter = self.args.chosen()
        probed = (exporter.health_path,) if exporter.program is None else ()
        args = self.args
        kinds: dict[str, Literal["PodMonitor", "ServiceMonitor"]] = {"pod_monitor": "PodMonitor", "service_monitor": "ServiceMonitor"}
        monitor = Monitor(
            kind=kinds.get(args.scrape, "PodMonitor"),
            path=args.path,
            interval=args.interval,
            labels=args.pod_monitor_labels,
            client_certificate_secret=args.client_certificate_secret,
            tls_config=args.tls_config,
        )
        wanted = monitor if args.scrape in kinds else None
        return (Port(name=args.port_name, number=args.port, metrics=True, monitor=wanted, probe_paths=probed),)

    def patch(self, pod: PodView) -> PodPatch:
        """The exporter, following the app's port and its own to where the ambassadors left them."""
        args, exporter = self.args, self.args.chosen()
        target, own = pod.port(args.target_port), pod.port(args.port_name)
        assert own
        if target is None:
            known = pod.known_ports(without=args.port_name)
            return PodPatch(problems=(f"the app has no port {args.target_port!r} to measure; set target_port= (known: {known})",))
        places = {
            "url": target.url,
            "host": LOOPBACK,
            "port": str(target.number),
            # without a host: every address, of IPv6 too
            "listen": f":{own.number}" if own.host == ALL_ADDRESSES else f"{own.host}:{own.number}",
            "listen_host": "::" if own.host == ALL_ADDRESSES and "IPv6" in pod.ip_families else own.host,
            "listen_port": str(own.number),
            "path": args.path,
        }

        probe_port, probe_scheme = (own.frontend.probe_number, own.frontend.probe_scheme) if own.frontend else (own.number, "HTTP")
        handler = {"path": exporter.health_path, "port": probe_port, **({"scheme": "HTTPS"} if probe_scheme == "HTTPS" else {})}
        started: dict[str, Any]
        if exporter.program is None:
            # Patient: each restart makes the pod unready for a moment, and an ambassador in front may start later than the exporter
            started = {"livenessProbe": {"httpGet": handler, "periodSeconds": 30, "timeoutSeconds": 5, "failureThreshold": 5}}
        else:
            # no livenessProbe: the restarts that it asks for would take the pod out of service
            started = {"command": ["/bin/sh", "-c", _SUPERVISED, "exporter", exporter.program]}
        container: dict[str, Any] = {
            "name": args.container_name,
            "image": exporter.image if args.image is None else args.image,
            **started,
            "args": [*(placeholders.fill(a, places) for a in exporter.args), *args.extra_args],
            "env": environment({n: placeholders.fill(value, places) for n, value in exporter.env.items()}, self._credentials(exporter)),
            # where monitors look, wherever it listens itself
            "ports": [{"name": own.name, "containerPort": own.declaration.number}],
            "resources": args.resources,
            # no startupProbe: it would hold the app back until the exporter answers; without one a running process is enough
            # a number: the kubelet cannot tell whether the `nobody` of an image is root
            "securityContext": restricted(args.uid, args.uid),
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            undeclared_ports=(UndeclaredPort(number=own.number),) if own.frontend else (),
            annotations=self._annotations(own),
            problems=self._problems(exporter, own),
        )

    def _credentials(self, exporter: Exporter) -> dict[str, SecretKey]:
        args = self.args
        if args.credentials_secret is None:
            return {}
        keys = ((exporter.username_env, args.username_key), (exporter.password_env, args.password_key))
        return {env: SecretKey(name=args.credentials_secret, key=key) for env, key in keys if env is not None and key is not None}

    def _annotations(self, own: BoundPort) -> tuple[tuple[str, str], ...]:
        if self.args.scrape != "annotations":
            return ()
        values = {"scrape": "true", "port": str(own.outer_number), "path": self.args.path, "scheme": "https" if own.is_secure else "http"}
        return tuple((f"prometheus.io/{key}", value) for key, value in values.items())

    def _problems(self, exporter: Exporter, own: BoundPort) -> tuple[str, ...]:
        found = []
        said = {name for template in (*exporter.args, *exporter.env.values()) for name in placeholders.names(template)}
        moves = "listen" in said or ("listen_port" in said and ("listen_host" in said or exporter.binds_loopback))
        if own.frontend and not moves:
            found.append(
                f"port {own.name!r} is behind an ambassador, but the exporter is not told the address and the port to listen on; use "
                "{listen}, or {listen_host} and {listen_port}, in Exporter.args or Exporter.env, or set Exporter.binds_loopback=True if it "
                "listens on 127.0.0.1 by itself"
            )
        return tuple(found)


class MetricsAdapter(_Adapter, pulumi.ComponentResource):
    """An exporter in the pod, whose metrics port the Service carries too; ambassadors can stand in front of it.

    It never takes a pod out of service: it has no readiness probe, and is restarted inside its container when it crashes, because
    Kubernetes counts a pod as not ready while one of its containers is not running. Only an exporter without `program` is left to that.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: MetricsAdapterArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        args = MetricsAdapterArgs() if args is None else args
        refuse(f"MetricsAdapter {name!r}", rules.misplaced(MetricsAdapterArgs, args) or rules.problems(args))
        args = replace(args, name=name)
        pulumi.ComponentResource.__init__(self, "pod-patterns:index:MetricsAdapter", name, {}, opts)
        _Adapter.__init__(self, args)
        self.register_outputs({})
