"""The pod as patterns see it: the app, and every port of the pod where it is now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from . import protocols
from .app import App, Port
from .cluster import DEFAULT_RELEASE, Release
from .patch import Wire

LOOPBACK = "127.0.0.1"
"""Literal, never `localhost`: that resolves to ::1 first in many images, where nobody listens."""

ALL_ADDRESSES = "0.0.0.0"
"""Every address of IPv4; what a process listens on says `PodView.wildcards`."""

GRPC_HEALTH = "/grpc.health.v1.Health/Check"
"""What a grpc probe calls."""

APP = "the app"
"""How messages call the app itself."""


@dataclass(frozen=True, kw_only=True)
class Frontend:
    """The outermost listener of a port that ambassadors took over: what clients, the Service and the kubelet reach."""

    number: int
    """Port number on the pod's address."""
    scheme: str
    """What a client speaks there: https, grpcs, tls, http, tcp ..."""
    probe_number: int
    """Where the kubelet probes the app through the ambassador."""
    probe_scheme: str
    """HTTP or HTTPS, as in httpGet.scheme; GRPC where a grpc probe gets through."""
    check_number: int | None = None
    """Where the innermost ambassador says over plain HTTP whether the process listens, for probes that only connect. Default: None, it
    does not."""
    check_path: str | None = None
    """The path there. Default: None."""


@dataclass(frozen=True, kw_only=True)
class BoundPort:
    """A declared port, and where its process listens now. The declaration stays on the container that serves the port."""

    declaration: Port
    """The port as it was declared."""
    owner: str = APP
    """Who serves it, for messages."""
    number: int
    """Port number on which its process listens."""
    host: str = ALL_ADDRESSES
    """Address on which its process listens; 127.0.0.1 behind an ambassador."""
    frontend: Frontend | None = None
    """The outermost ambassador, if there is one."""
    is_declared: bool = True
    """Whether the container that serves it has it among its containerPorts; an ambassador declares what nobody does."""
    redirect: int | None = None
    """Port number of the ambassador when the process keeps its own. nftables redirects inbound traffic to it, and traffic to the inner
    number on loopback back to the process."""

    @property
    def keeps_number(self) -> bool:
        """Whether its process stays on its number when it moves to 127.0.0.1; the outermost ambassador then listens on that number of the
        pod's own addresses."""
        rebind = self.declaration.rebind
        return self.owner == APP and self.redirect is None and rebind is not None and rebind.keeps_number

    @property
    def name(self) -> str:
        """Port name."""
        return self.declaration.name

    @property
    def scheme(self) -> str:
        """What the process itself speaks."""
        return self.declaration.scheme

    @property
    def listen(self) -> int:
        """The port number on which an ambassador that takes this port over has to listen."""
        return self.number if self.frontend or self.redirect is None else self.redirect

    @property
    def outer_number(self) -> int:
        """The port number that is open on the pod's address."""
        return self.frontend.number if self.frontend else self.number

    def process_number(self, inner: int) -> int:
        """The port number on which its process listens when its last ambassador moves it to `inner`."""
        return inner if self.redirect is None else self.declaration.number

    @property
    def service_number(self) -> int:
        """The port number of the Service."""
        return self.declaration.service_number or self.outer_number

    @property
    def outer_scheme(self) -> str:
        """What clients speak: https behind TLS, otherwise what the process speaks; of UDP and SCTP, nothing more is known."""
        protocol = self.declaration.protocol
        return self.frontend.scheme if self.frontend else self.scheme if protocol == "TCP" else protocol.lower()

    @property
    def is_secure(self) -> bool:
        """Whether clients speak TLS."""
        return self.outer_scheme in protocols.SECURE

    @property
    def app_protocol(self) -> str:
        """What clients speak, as `appProtocol` of a Service's port."""
        return protocols.app_protocol(self.outer_scheme)

    @property
    def url(self) -> str:
        """Where another container of the pod reaches the process itself, past every ambassador."""
        return f"{self.scheme}://{LOOPBACK}:{self.number}"

    @property
    def has_moved(self) -> bool:
        """Whether the process has to be told another address: it is behind an ambassador, and nothing redirects to it."""
        return self.frontend is not None and self.redirect is None


@dataclass(frozen=True, kw_only=True)
class PodView:
    """What patterns read. Frozen: an ambassador's `wrap` returns a copy in which its port is one place further in."""

    app: App
    """The app as it was declared."""
    ports: tuple[BoundPort, ...]
    """The app's ports, and those that other patterns serve."""
    reserved: tuple[int, ...] = ()
    """Port numbers that nothing may move to: those that ambassadors use for themselves, and what the app listens on undeclared."""
    classic: bool = False
    """Whether sidecars are ordinary containers: nothing then starts before the app and ends after it. Default: False."""
    ip_families: tuple[str, ...] = ("IPv4",)
    """Of the pod's addresses, the preferred one first. Default: IPv4."""
    kubernetes: Release = DEFAULT_RELEASE
    """Version of the oldest cluster that the pod runs on. Default: (1, 30)."""
    fs_group: int | None = None
    """Group of the files of mounted volumes. Default: None, the pod has none."""
    app_mounts: Sequence[Wire] = ()
    """Mounts of the app's container as it is without patterns. Default: none."""
    connected: tuple[object, ...] = ()
    """Numbers and names of the ports to which the kubelet only connects (tcpSocket). Default: none."""
    moves_left: Mapping[str, int] = field(default_factory=dict)
    """How many ambassadors have still to take over each port that keeps its number: the last of them leaves the process there."""

    def port(self, name: str) -> BoundPort | None:
        """The port of that name as it is now, or None."""
        return next((p for p in self.ports if p.name == name), None)

    @property
    def wildcards(self) -> list[str]:
        """What stands for every address of the pod in a `host:port` to listen on, for each family."""
        return [{"IPv4": "", "IPv6": "[::]"}[family] for family in self.ip_families]

    def known_ports(self, *, without: str | None = None) -> str:
        """The names of the ports, for messages."""
        return ", ".join(p.name for p in self.ports if p.name != without) or "none"

    def free_port(self, start: int) -> int:
        """The first number from `start` on, and then from 1024, that no port has, now or on the outside, nor is reserved."""
        taken = self.taken()
        return next(n for n in chain(range(start, 65536), range(1024, start)) if n not in taken)

    def taken(self) -> frozenset[int]:
        """Every port number in use so far: the ports', and what ambassadors listen on or set aside."""
        return frozenset(self.reserved) | {p.number for p in self.ports}

    def inner_number(self, name: str, wanted: int | None = None) -> int:
        """The number to which the next ambassador moves port `name`: the wanted one, or the next free one; a process that keeps its number
        stays on it behind its last ambassador. Raises KeyError for no such port."""
        port = self.port(name)
        if port is None:
            raise KeyError(name)
        if port.keeps_number and self.moves_left.get(name, 1) == 1:
            return port.declaration.number
        return self.free_port(port.number + 1) if wanted is None else wanted

    def reserve(self, number: int) -> "PodView":
        """The view with a port number set aside for an ambassador."""
        return replace(self, reserved=(*self.reserved, number))

    def with_port(self, changed: BoundPort) -> "PodView":
        """The view with that port in place of the one of the same name."""
        return replace(self, ports=tuple(changed if p.name == changed.name else p for p in self.ports))

    def move(
        self,
        name: str,
        *,
        to: int | None = None,
        scheme: str | None = None,
        probe_number: int | None = None,
        probe_scheme: str | None = None,
    ) -> "PodView":
        """The view with port `name` one place further in, on 127.0.0.1; the caller listens where it was. Raises KeyError for no such port.

        `to` is the new number (default, and always for a process that keeps its number: see `inner_number`); `scheme` is what the caller
        speaks to its clients (default: what was spoken before). `probe_number` and `probe_scheme` (HTTP, HTTPS, GRPC) say where the kubelet
        gets through to the app; default: the port itself, HTTPS if the outside is encrypted. An inner ambassador leaves the outer scheme
        alone, and moves the probes only if it asks for it.
        """
        port = self.port(name)
        if port is None:
            raise KeyError(name)
        outer = scheme or port.scheme
        frontend = port.frontend or Frontend(
            number=port.number,
            scheme=outer,
            probe_number=port.number,
            probe_scheme="HTTPS" if outer in protocols.SECURE else "HTTP",
        )
        moved = replace(
            port,
            number=self.inner_number(name, to),
            host=LOOPBACK,
            frontend=replace(
                frontend,
                probe_number=probe_number or frontend.probe_number,
                probe_scheme=probe_scheme or frontend.probe_scheme,
                # an outer ambassador would say it of this one
                check_number=None,
                check_path=None,
            ),
        )
        left = {**self.moves_left, name: self.moves_left.get(name, 1) - 1}
        # the number that is left stays taken: the ambassador listens there
        return replace(self.with_port(moved).reserve(port.number), moves_left=left)

    def is_connected(self, port: BoundPort) -> bool:
        """Whether the kubelet probes that port by connecting to it, which whoever stands in front of the process would accept: see
        `check`."""
        return port.name in self.connected or port.outer_number in self.connected

    def check(self, name: str, *, number: int, path: str) -> "PodView":
        """The view in which the ambassador that moved port `name` last says over plain HTTP, with 200, whether the process listens. Without
        it, probes that only connect are rejected. Raises KeyError for no such port."""
        port = self.port(name)
        if port is None or port.frontend is None:
            raise KeyError(name)
        return self.with_port(replace(port, frontend=replace(port.frontend, check_number=number, check_path=path)))

    def probed(self, port: BoundPort) -> dict[str, Any]:
        """Probe paths of that port, with queries, keyed by the setting that each comes from; of a port that speaks gRPC, the one method
        that a grpc probe calls."""
        if port.scheme == "grpc":
            grpc = {name: probe["grpc"].get("port") for name, probe in self.app.probes().items() if "grpc" in probe}
            return {f"{name} of the app": GRPC_HEALTH for name, number in grpc.items() if number in (port.name, port.outer_number)}
        found: dict[str, Any] = {f"probe_paths of port {port.name!r}": path for path in port.declaration.probe_paths}
        for name, probe in self.app.probes().items():
            handler: Mapping[str, Any] = probe.get("httpGet") or {}
            if handler.get("port") in (port.name, port.outer_number):
                found[f"{name} of the app"] = handler.get("path", "/")
        return found


def view(app: App, served: tuple[BoundPort, ...] = ()) -> PodView:
    """The pod before any ambassador; `served` are the ports of other patterns."""
    own = tuple(BoundPort(declaration=port, number=port.number) for port in app.ports)
    group = None if app.uid is None else app.gid
    return PodView(app=app, ports=(*own, *served), reserved=tuple(app.loopback_ports), fs_group=group)
