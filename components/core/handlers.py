"""What the kubelet does with a container: probes, and handlers of its lifecycle."""

from collections.abc import Iterator, Mapping

from .patch import Wire

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
"""The fields of a container that hold a probe."""

HANDLERS = ("httpGet", "tcpSocket", "grpc")
"""The handlers of a probe that ask a port."""


def handlers_of(container: Wire) -> Iterator[tuple[str, Wire]]:
    """Every probe and lifecycle handler that a container has, by where it stands: `readinessProbe`, `lifecycle.preStop`."""
    for name in PROBES:
        if container.get(name):
            yield name, container[name]
    for hook, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, Mapping):  # stopSignal is none
            yield f"lifecycle.{hook}", handler
