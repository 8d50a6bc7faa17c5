"""Whoever scrapes a port that speaks TLS now, and does not know."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.patch import Wire
from .index import Index
from .reached import Change, selects

_WAY_OUT = "set scheme: https, and tlsConfig to trust the certificate"


def monitors(change: Change, before: Index) -> Iterator[str]:
    """A line for every endpoint of a ServiceMonitor or PodMonitor that asks over plain HTTP."""
    for manifest in before.of_kind("ServiceMonitor", "PodMonitor"):
        spec, metadata = manifest.get("spec") or {}, manifest.get("metadata") or {}
        if not _looks_into(spec, manifest, change):
            continue
        found = _of_services(spec, change) if manifest["kind"] == "ServiceMonitor" else _of_pods(spec, change)
        for place, what in found:
            yield f"{manifest['kind']} {metadata.get('name')!r}: {place} scrapes {what} over plain HTTP, but it speaks TLS now; {_WAY_OUT}"


def scrapes(change: Change) -> Iterator[str]:
    """A line for every annotation prometheus.io/... by which a port is scraped over plain HTTP."""
    places = [(f"{change.manifest.get('kind')} {change.injection.target.name!r}: its pod template", change.template.get("metadata"))]
    places += [(f"Service {reached.service!r}", reached.wire.get("metadata")) for reached in change.reached]
    numbers = {str(port.outer_number) for port in change.secured}
    for place, metadata in places:
        annotations = (metadata or {}).get("annotations") or {}
        port = str(annotations.get("prometheus.io/port"))
        if (
            str(annotations.get("prometheus.io/scrape")) == "true"
            and port in numbers
            and annotations.get("prometheus.io/scheme") != "https"
        ):
            yield f"{place} is annotated prometheus.io/port: {port}, which speaks TLS now; set prometheus.io/scheme: https"


def _looks_into(spec: Wire, manifest: Wire, change: Change) -> bool:
    """Whether it looks into the workload's namespace, as far as both say."""
    chosen = spec.get("namespaceSelector") or {}
    if chosen.get("any"):
        return True
    names = chosen.get("matchNames")
    return change.is_here(manifest) if not names else change.namespace is None or change.namespace in names


def _of_services(spec: Wire, change: Change) -> Iterator[tuple[str, str]]:
    for index, endpoint in enumerate(spec.get("endpoints") or ()):
        for reached in change.reached:
            labels = (reached.wire.get("metadata") or {}).get("labels") or {}
            is_meant = endpoint.get("port") == reached.name if endpoint.get("port") else _is(endpoint.get("targetPort"), reached.port)
            if selects(spec.get("selector"), labels) and is_meant and _is_plain(endpoint):
                yield f"endpoints[{index}]", str(reached)


def _of_pods(spec: Wire, change: Change) -> Iterator[tuple[str, str]]:
    if not selects(spec.get("selector"), change.labels):
        return
    for index, endpoint in enumerate(spec.get("podMetricsEndpoints") or ()):
        for port in change.secured:
            wanted = next((endpoint[key] for key in ("port", "portNumber", "targetPort") if endpoint.get(key) is not None), None)
            if _is(wanted, port) and _is_plain(endpoint):
                yield f"podMetricsEndpoints[{index}]", f"port {port.name!r}"


def _is(wanted: Any, port: Any) -> bool:
    return wanted is not None and wanted in (port.name, port.outer_number)


def _is_plain(endpoint: Mapping[str, Any]) -> bool:
    return str(endpoint.get("scheme", "http")).lower() != "https"
