"""Who asks the app on loopback, where an ambassador answers now."""

import re
from collections.abc import Iterator

from .assembly import Sum
from .base import Base
from .handlers import PROBES, handlers_of
from .patch import Wire
from .pod_security import containers
from .view import APP, BoundPort

_SPEAKS = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\]):([0-9]+)")


def problems(base: Base, found: Sum) -> Iterator[str]:
    """A line for every text of the pod before its patterns that asks the app where it does not listen any more."""
    moved = {p.outer_number: p for p in found.pod.ports if p.has_moved and not p.keeps_number and p not in base.fronted}
    for other in containers(base.spec):
        # as its rebinds leave it
        container = found.container if other["name"] == base.app_container else other
        for place, text in _texts(container):
            for number in dict.fromkeys(map(int, _SPEAKS.findall(text))):
                if number in moved:
                    port = moved[number]
                    yield (
                        f"{place} of container {container['name']!r} asks 127.0.0.1:{number}, where the ambassador of port {port.name!r} "
                        f"answers with {port.outer_scheme} now; {_way_out(base, found, place, port)}"
                    )


def _way_out(base: Base, found: Sum, place: str, port: BoundPort) -> str:
    first = next((p for p in found.pod.ports if p.owner == APP), None)
    filled = "write {port} in place of the number, or " if base.owned and place in PROBES and port is first else ""
    return (
        f"{filled}use a rebind without {{port}}, so that the app keeps its number there, or list TrafficRedirectInit before the ambassador"
    )


def _texts(container: Wire) -> Iterator[tuple[str, str]]:
    """Every text of a container in which an address may stand, and its place."""
    for field in ("command", "args"):
        yield from ((field, word) for word in container.get(field) or () if isinstance(word, str))
    for variable in container.get("env") or ():
        if isinstance(variable.get("value"), str):
            yield f"env {variable.get('name')!r}", variable["value"]
    for place, handler in handlers_of(container):
        command = (handler.get("exec") or {}).get("command")
        yield from ((place, word) for word in command or () if isinstance(word, str))
