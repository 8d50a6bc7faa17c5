"""What holds the app back until it is there, and whether it can be: what starts later in the same pod cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .addresses import parsed
from .assembly import Sum
from .patch import Connection
from .view import APP


@dataclass(frozen=True)
class _Listener:
    """Who listens on a port of the pod's loopback."""

    owner: str
    place: int
    """Index in the list of patterns; behind the last of them for what starts after every init container."""
    forwards_to: str = ""


def problems(found: Sum, hosts: Sequence[str]) -> Iterator[str]:
    """A line for everything that is waited for and cannot be there, or seems to be there when it is not.

    hosts: the names of the workload's own Service.
    """
    listeners = _listeners(found)
    for place, (owner, patch) in enumerate(found.owned):
        for need in (c for c in patch.connects if c.awaited):
            address = parsed(need.address) if isinstance(need.address, str) else None
            if address and _is_own(address.host, hosts):
                yield (
                    f"{owner}: {need.address} is the workload's own Service, which has no pod until this one is ready; do not wait for it"
                )
            if address and address.is_loopback:
                listener = listeners.get(address.port)
                why = _unserved(need, place, listener, found) if listener else None
                if why:
                    yield f"{owner}: {need.address} is {why}"


def _is_own(host: str, hosts: Sequence[str]) -> bool:
    return any(host == own or (own.endswith(".svc") and host.startswith(f"{own}.")) for own in hosts)


def _unserved(need: Connection, place: int, listener: _Listener, found: Sum) -> str | None:
    """Why the listener is not what is needed, and the way out."""
    if listener.forwards_to and need.awaited == "connection":
        return f"answered by {listener.owner} even while {listener.forwards_to} is down; wait for {listener.forwards_to} itself"
    if listener.owner == APP:
        return "served by the app, which starts later; do not wait for it"
    if listener.place <= place:
        return None
    if found.pod.classic:
        way_out = "use sidecars='native', and list that first"
    else:
        way_out = "make it a sidecar(), and list that first" if listener.place == len(found.owned) else "list that first"
    return f"served by {listener.owner}, which starts later; {way_out}"


def _listeners(found: Sum) -> dict[int, _Listener]:
    """Who listens on which port, as far as the patterns say."""
    last = len(found.owned)
    listeners: dict[int, _Listener] = {}
    for place, (owner, patch) in enumerate(found.owned):
        sidecars = [c for c in patch.init_containers if c.get("restartPolicy") == "Always"]
        begins = place if sidecars and not found.pod.classic else last
        # an address that is known only later has no text yet
        forwarded = {c.local_port: c.address if isinstance(c.address, str) else "its server" for c in patch.connects if c.local_port}
        for port in patch.undeclared_ports:
            listeners.setdefault(port.number, _Listener(owner, begins, forwarded.get(port.number, "")))
        for container in (*sidecars, *patch.containers):
            for declared in container.get("ports") or ():
                listeners.setdefault(declared.get("containerPort", 0), _Listener(owner, begins))
    of_app = [n for port in found.pod.ports if port.owner == APP for n in (port.number, port.declaration.number)]
    return listeners | dict.fromkeys([*of_app, *found.pod.app.loopback_ports], _Listener(APP, last))
