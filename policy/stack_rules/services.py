"""Rules about what stands between pods and their clients."""

from collections.abc import Iterator
from dataclasses import dataclass

from pod_patterns.core.protocols import SECURE
from pod_patterns.injection.addresses import Address
from pod_patterns.injection.index import Index

from .manifests import UNKNOWN, Object, Stack, Wire, is_known

Finding = tuple[Object, str]

METRICS = ("http-prometheus", "http-metrics", "metrics")
"""The ports that may be plain beside TLS by default."""


@dataclass(frozen=True, eq=False)
class Published:
    """A port of a Service, and the pods that it leads to."""

    service: Object
    entry: Wire
    workload: Object

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken there, as it says."""
        return str(self.entry.get("appProtocol")) in (*SECURE, "kubernetes.io/wss")

    @property
    def target(self) -> object:
        """The pod's port: its number, or its name where no container declares that."""
        target = self.entry.get("targetPort") or self.entry.get("port")
        ports = self.workload.ports
        return UNKNOWN if ports is None else {p.get("name"): p.get("containerPort") for p in ports}.get(target, target)

    def __str__(self) -> str:
        name = f" ({self.entry['name']})" if self.entry.get("name") else ""
        return f"port {self.entry.get('port')}{name} of {self.service}"


def _published(stack: Stack) -> list[Published]:
    return [
        Published(service, entry, workload)
        for service in stack.of_kind("Service")
        for workload in stack.selected(service)
        for entry in service.spec.get("ports") or ()
        if is_known(entry)
    ]


def reach(stack: Stack, _: Wire) -> Iterator[Finding]:
    """Services that select nobody, or lead to a port that nobody declares."""
    for service in stack.of_kind("Service"):
        selector = service.spec.get("selector")
        if selector and stack.knows_selected(service) and not stack.selected(service):
            asked = ", ".join(f"{key}={value}" for key, value in selector.items())
            yield service, f"{service}: its selector {asked} selects no pods of this stack; write the labels of a pod template"
    for port in _published(stack):
        if port.target != UNKNOWN and port.target not in [p.get("containerPort") for p in port.workload.ports or ()]:
            yield (
                port.service,
                f"{port} leads to {port.target!r}, which no container of {port.workload} declares; correct targetPort, or declare the "
                "containerPort",
            )


def plain(stack: Stack, settings: Wire) -> Iterator[Finding]:
    """Ways past TLS, of pods that somebody put TLS in front of. settings: `plain`, names of Services' ports that may be."""
    allowed = settings.get("plain", METRICS)
    published = _published(stack)
    for port in published:
        secure = next((other for other in published if other.workload is port.workload and other.is_secure), None)
        if secure is None:
            continue
        if port is secure and port.workload.pod.get("hostNetwork"):
            yield (
                port.workload,
                f"{port.workload}: hostNetwork is true, so that what listens on 127.0.0.1 is open to the whole node, past the TLS of "
                f"{port}; leave hostNetwork out",
            )
        if port.is_secure or port.entry.get("name") in allowed:
            continue
        if port.target == secure.target:
            yield port.service, f"{port} leads to where {secure} speaks TLS, and does not say so; set its appProtocol to https or tls"
        else:
            yield (
                port.service,
                f"{port} is plain text, and leads to the pods of {port.workload} past the TLS of {secure}; put TLS in front of it, take it "
                "out of the Service, or list its name in plain",
            )


def clients(stack: Stack, _: Wire) -> Iterator[Finding]:
    """Who speaks plain text to a Service's port that speaks TLS."""
    index = Index([item.manifest for item in stack.objects])
    owners = {id(item.manifest): item for item in stack.objects}
    for port in (port for port in _published(stack) if port.is_secure):
        for ingress in stack.of_kind("Ingress"):
            yield from ((ingress, line) for line in _ingress(ingress, port) if ingress.shares_namespace(port.service))
        for manifest, path, address in index.naming(port.service.name):
            owner = owners[id(manifest)]
            if _is_of(address, port, here=owner.shares_namespace(port.service)):
                yield owner, f"{owner}: {path} names {address} without TLS, but {port} speaks TLS; write https:// or its like there"


def _is_of(address: Address, port: Published, *, here: bool) -> bool:
    # a host and a port alone may be spoken to in any way
    return (
        address.scheme is not None
        and address.port == port.entry.get("port")
        and address.names(port.service.name, port.service.namespace, here=here)
    )


def _ingress(ingress: Object, port: Published) -> Iterator[str]:
    annotations = ingress.metadata.get("annotations") or {}
    if not is_known([ingress.manifest.get("metadata"), annotations]) or str(
        annotations.get("nginx.ingress.kubernetes.io/backend-protocol", "")
    ).upper() in ("HTTPS", "GRPCS"):
        return
    backends = [("defaultBackend", ingress.spec.get("defaultBackend"))]
    for number, rule in enumerate(ingress.spec.get("rules") or ()):
        for place, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            backends.append((f"rules[{number}].http.paths[{place}]", path.get("backend")))
    for where, backend in backends:
        service = (backend or {}).get("service") or {}
        asked = service.get("port") or {}
        meant = asked.get("number") == port.entry.get("port") or (asked.get("name") and asked.get("name") == port.entry.get("name"))
        if service.get("name") == port.service.name and meant:
            yield (
                f"{ingress}: {where} sends plain HTTP to {port}, which speaks TLS; tell its controller, ingress-nginx by annotation "
                "nginx.ingress.kubernetes.io/backend-protocol: HTTPS"
            )
