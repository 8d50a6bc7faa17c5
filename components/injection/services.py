"""The Services of a workload, and the names that they give it."""

from collections.abc import Iterator, Mapping, Sequence

from ..core.namespaces import pod_names, service_names
from ..core.patch import Wire
from ..core.view import BoundPort


def hosts(
    ports: Sequence[BoundPort], *, labels: Mapping[str, str], namespace: object, beside: Sequence[Wire], headless: str | None
) -> list[str]:
    """The names by which clients reach the ports that are behind TLS now.

    labels: of the pods. namespace: theirs, None where the manifest names none. beside: the manifests among which their Services are.
    headless: the Service that gives each pod a name, whatever ports it has; None if there is none.
    """
    secured = [port for port in ports if port.frontend and port.is_secure]
    found: list[str] = []
    for service in services(secured, labels=labels, namespace=namespace, beside=beside):
        metadata = service["metadata"]
        found += service_names(metadata["name"], metadata.get("namespace") or namespace or None)
    if secured and headless:
        found += pod_names(headless, namespace or None)
    return list(dict.fromkeys(found))


def services(ports: Sequence[BoundPort], *, labels: Mapping[str, str], namespace: object, beside: Sequence[Wire]) -> Iterator[Wire]:
    """The Services that select the pods, and reach one of those ports."""
    for manifest in beside:
        metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
        selector, theirs = spec.get("selector") or {}, metadata.get("namespace")
        if manifest.get("kind") != "Service" or not selector or not selector.items() <= labels.items():
            continue
        if theirs and namespace and theirs != namespace:
            continue
        targets = [port.get("targetPort") or port.get("port") for port in spec.get("ports") or ()]
        if any(target in (port.name, port.outer_number) for target in targets for port in ports):
            yield manifest
