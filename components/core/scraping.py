"""What a PodMonitor or ServiceMonitor says, by what the fold knows of the port: its scheme, its certificate, and who gets through."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from . import checks
from .monitor import Monitor
from .patch import Wire
from .view import BoundPort

CA = "ca.crt"
"""Key of the authority's certificate in its ConfigMap."""

SCRAPED = "pod-patterns/scraped"
"""Label of the Service that a ServiceMonitor looks for, with its name."""


def monitored(ports: Sequence[BoundPort]) -> list[tuple[BoundPort, Monitor]]:
    """The ports that have a monitor."""
    return [(port, port.declaration.monitor) for port in ports if port.declaration.monitor is not None]


def certificate_of(port: BoundPort, certificates: Sequence[Any]) -> Any:
    """The certificate that clients of the port verify; None if nobody says."""
    return next((c for c in certificates if port.name in getattr(c, "ports", ())), None)


def problems(ports: Sequence[BoundPort], certificates: Sequence[Any]) -> Iterator[str]:
    """A line for everything that keeps Prometheus from verifying a port, or from getting through."""
    for port, monitor in monitored(ports):
        where = f"{port.owner}: port {port.name!r}"
        if not port.is_secure:
            for name in ("tls_config", "client_certificate_secret"):
                if getattr(monitor, name) is not None:
                    yield f"{name} is set, but {where} is not behind TLS; leave it out, or add the port to target_ports= of TlsAmbassador"
        elif monitor.tls_config is None:
            yield from (f"{where} {line}" for line in _unverified(monitor, certificate_of(port, certificates)))
        elif monitor.client_certificate_secret is not None:
            yield f"{where} has tls_config and client_certificate_secret both; name the Secret in tls_config as well"


def _unverified(monitor: Monitor, certificate: Any) -> Iterator[str]:
    if certificate is None:
        yield "speaks TLS with a certificate that is not known here; set tls_config="
        return
    if certificate.ca_pem is None:
        yield "has a certificate that somebody else keeps, and who signed it is not known; set ca_pem= of TlsAmbassador, or tls_config="
    if not _server_names(certificate):
        yield "has a certificate that somebody else keeps, and its names are not known; set dns_names= of TlsAmbassador, or tls_config="
    if certificate.client_auth == "required" and monitor.client_certificate_secret is None:
        yield (
            "lets only clients with a certificate through (client_auth); set client_certificate_secret= to a Secret with Prometheus', e.g. "
            "authority.issue_client(...).secret_name"
        )


def _server_names(certificate: Any) -> list[pulumi.Input[str]]:
    names = certificate.dns_names or ()
    return [name for name in names if not (isinstance(name, str) and name.startswith("*"))]


def unnamed(name: str, ports: Sequence[BoundPort]) -> Iterator[str]:
    """A line for every Service of a monitor that cannot be called as it would be. name: of the workload or injection."""
    for port, monitor in monitored(ports):
        if monitor.kind == "ServiceMonitor":
            yield from checks.service_name(f"the Service for the ServiceMonitor of port {port.name!r}, called", f"{name}-{port.name}")


def endpoint(port: BoundPort, monitor: Monitor, certificates: Sequence[Any], ca_config_map: str) -> dict[str, Any]:
    """The endpoint in the monitor. ca_config_map: metadata.name of what has the authority's certificate."""
    found = {
        # by name: whoever listens on the pod's address, the exporter or an ambassador, declares the port under it
        "port": port.name,
        "path": monitor.path,
        "interval": monitor.interval,
        "scrapeTimeout": monitor.interval,
    }
    if not port.is_secure:
        return found
    if monitor.tls_config is not None:
        return {**found, "scheme": "https", "tlsConfig": dict(monitor.tls_config)}
    secret = monitor.client_certificate_secret
    shown = {
        "cert": {"secret": {"name": secret, "key": "tls.crt"}},
        "keySecret": {"name": secret, "key": "tls.key"},
    }
    tls = {
        "ca": {"configMap": {"name": ca_config_map, "key": CA}},
        "serverName": _server_names(certificate_of(port, certificates))[0],
        **({} if secret is None else shown),
    }
    return {**found, "scheme": "https", "tlsConfig": tls}


def ca_of(port: BoundPort, monitor: Monitor, certificates: Sequence[Any]) -> pulumi.Input[str] | None:
    """What Prometheus verifies the port with, PEM; None if the monitor says so itself, or there is no TLS."""
    if not port.is_secure or monitor.tls_config is not None:
        return None
    pem: pulumi.Input[str] = certificate_of(port, certificates).ca_pem
    return pem


def manifests(
    name: str, ports: Sequence[BoundPort], certificates: Sequence[Any], *, metadata: Wire, selector: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The monitors, and in front of each the ConfigMap with what it verifies and the Service that it looks for, if there are such.

    metadata: their namespace and labels. selector: labels of the pods.
    """
    found = []
    for port, monitor in monitored(ports):
        own = f"{name}-{port.name}"
        pem, ca = ca_of(port, monitor, certificates), f"{own}-ca"
        if pem is not None:
            found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ca, **metadata}, "data": {CA: pem}})
        asked = [endpoint(port, monitor, certificates, ca)]
        spec: dict[str, Any] = {"selector": {"matchLabels": dict(selector)}, "podMetricsEndpoints": asked}
        if monitor.kind == "ServiceMonitor":
            found.append(_service(own, port, metadata, selector))
            spec = {"selector": {"matchLabels": {SCRAPED: own}}, "endpoints": asked}
        labels = {**metadata.get("labels", {}), **monitor.labels}
        found.append(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": monitor.kind,
                "metadata": {"name": own, **metadata, **({"labels": labels} if labels else {})},
                "spec": spec,
            }
        )
    return found


def _service(name: str, port: BoundPort, metadata: Wire, selector: Mapping[str, Any]) -> dict[str, Any]:
    """A Service with that port alone. Another monitor that looks for the workload's labels must not find it."""
    number = port.outer_number
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **metadata, "labels": {SCRAPED: name}},
        "spec": {
            "clusterIP": "None",
            "selector": dict(selector),
            "ports": [{"name": port.name, "port": number, "targetPort": number, "protocol": "TCP", "appProtocol": port.app_protocol}],
        },
    }
