"""App: the application container, and where each of its ports is while ambassadors stand in front of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from . import checks, placeholders

LOOPBACK = "127.0.0.1"
"""Literal, never `localhost`: that resolves to ::1 first in many images, where nobody listens."""

ANY = "0.0.0.0"

SECURE = {"http": "https", "tcp": "tls"}
"""What a scheme is called once TLS is in front of it."""


@dataclass(frozen=True, kw_only=True)
class Rebind:
    """How an app is told to listen elsewhere; `{host}` and `{port}` in the templates are replaced, `{{host}}` is the text `{host}`.

    Only applied while an ambassador stands in front of the port. An env of the same name in `App.env` is replaced. It must say both the
    address and the port: an app that stays on every address can be reached past its ambassador.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables, e.g. `{"http.host": "{host}", "http.port": "{port}"}`. Default: none."""
    args: tuple[str, ...] = ()
    """Arguments appended to the app's, e.g. `("--listen={host}:{port}",)`. Default: none."""
    binds_loopback: bool = False
    """Whether the app listens on 127.0.0.1 by itself, so that it need not be told the address. Default: False."""

    @property
    def templates(self) -> dict[str, str]:
        """Every template, by where it stands."""
        return {f"env {name!r}": value for name, value in self.env.items()} | {f"args[{i}]": value for i, value in enumerate(self.args)}

    def problems(self, where: str) -> list[str]:
        """What is wrong with it on its own."""
        if not self.templates:
            return [f"{where} is empty; say in env= or args= how the app is told its address and port"]
        return [line for what, text in self.templates.items() for line in placeholders.problems(f"{where}: {what}", text, ("host", "port"))]

    def unsaid(self) -> str | None:
        """What it does not tell the app, and the way out; None if it tells everything."""
        said = {name for template in self.templates.values() for name in placeholders.names(template)}
        if "host" not in said and not self.binds_loopback:
            return (
                "does not say the address, so that the app could stay open on every address, past the ambassador; use {host} in it, or set "
                "binds_loopback=True if the app listens on 127.0.0.1 by itself, or list TrafficRedirectInit before the ambassador"
            )
        return None if "port" in said else "does not say the port, on which the ambassador listens now; use {port} in it"


@dataclass(frozen=True, kw_only=True)
class Front:
    """The outermost listener of a port that ambassadors took over: what clients, the Service and the kubelet reach."""

    number: int
    """Port number on the pod's address."""
    scheme: str
    """What a client speaks there: https, tls, http, tcp."""
    probe_number: int
    """Where the kubelet probes the app through the ambassador."""
    probe_scheme: str
    """HTTP or HTTPS, as in httpGet.scheme."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """A named port. `number` and `host` say where its process listens now; `front` how the outside gets there."""

    name: str
    """Port name, at most 15 characters; also the name of the Service's port."""
    number: int
    """Port number, 1 to 65535."""
    scheme: str = "http"
    """What the process itself speaks: http, https or tcp. Default: http."""
    service: bool = True
    """Whether the Service carries it. Default: True."""
    rebind: Rebind | None = None
    """How the app is told to move it. Default: None, the port cannot be moved."""
    probe_paths: tuple[str, ...] = ()
    """Paths that the kubelet asks for here besides those of App's probes; what lets nobody through without credentials lets it
    through to these. Default: none."""
    host: str = ANY
    """Address it listens on; 127.0.0.1 behind an ambassador. Set by the fold."""
    front: Front | None = None
    """Set by the fold, by the outermost ambassador."""
    redirect: int | None = None
    """Where an ambassador listens in place of `number`, which the app keeps: the kernel sends what comes from outside there, and what goes
    to the app's inner number on 127.0.0.1 to the app. Set by the fold, by TrafficRedirectInit."""
    owner: str = "the app"
    """Who serves it, for messages. Set by compose."""

    @property
    def listen(self) -> int:
        """The port number on which an ambassador that takes this port over has to listen."""
        return self.number if self.front or self.redirect is None else self.redirect

    @property
    def outer_number(self) -> int:
        """The port number that is open on the pod's address; also the Service's."""
        return self.front.number if self.front else self.number

    @property
    def outer_scheme(self) -> str:
        """What clients speak: https behind TLS, otherwise what the process speaks."""
        return self.front.scheme if self.front else self.scheme

    @property
    def url(self) -> str:
        """Where another container of the pod reaches the process itself, past every ambassador."""
        return f"{self.scheme}://{LOOPBACK}:{self.number}"


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One key of a Kubernetes Secret in the same namespace."""

    name: pulumi.Input[str]
    """metadata.name of the Secret."""
    key: str
    """Key in its data."""


@dataclass(frozen=True, kw_only=True)
class LogFiles:
    """How an app that logs to stdout is made to log to files, for LogTailSidecar."""

    directory: str
    """Directory the app writes to, e.g. /var/log/elasticsearch."""
    files: tuple[str, ...]
    """Names of the files in it that are worth reading, e.g. `("docker-cluster_server.json",)`."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment that makes the app write there. Default: none."""
    config_path: str | None = None
    """Where the app reads its logging configuration. Default: None, it needs none."""
    config: str | None = None
    """Content of that file. Default: None."""


@dataclass(frozen=True, kw_only=True)
class App:
    """The application container and what is known of it. Frozen; patterns read it, ambassadors return a moved copy.

    Structure (names, ports, paths) is plain; contents (image, args, env values) may be Outputs.
    """

    name: str
    """Container name, and the default name of the workload and its Service: an RFC 1123 label."""
    image: pulumi.Input[str]
    """Image reference with a tag or digest."""
    ports: tuple[Port, ...] = ()
    """Its ports. Default: none."""
    command: tuple[pulumi.Input[str], ...] = ()
    """Replaces the image's entrypoint. Default: the image's."""
    args: tuple[pulumi.Input[str], ...] = ()
    """Replaces the image's arguments. Default: the image's."""
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Plain environment variables; a secret value is refused. Default: none."""
    secret_env: Mapping[str, SecretKey] = field(default_factory=dict)
    """Environment variables read from Secrets. Default: none."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    )
    """Requests and limits in wire form; a memory limit is required. Default: 100m, 128Mi to 256Mi."""
    uid: int | None = 1000
    """User id it runs as, not 0; patterns write its files as this user. None leaves it to the cluster (OpenShift). Default: 1000."""
    gid: int | None = 1000
    """Group id it runs as, and the group of mounted volumes (fsGroup). Default: 1000."""
    read_only_root: bool = True
    """Read-only root filesystem. Default: True."""
    scratch: Mapping[str, str] = field(default_factory=dict)
    """Writable directories and their size limits, e.g. `{"/tmp": "64Mi"}`: an emptyDir each. Default: none."""
    volumes: tuple[Mapping[str, Any], ...] = ()
    """Further volumes, in wire form. Default: none."""
    volume_mounts: tuple[Mapping[str, Any], ...] = ()
    """Further mounts of the app's container, in wire form. Default: none."""
    startup: Mapping[str, Any] | None = None
    """startupProbe in wire form; `port` may be a port name and follows the ambassadors. Default: None."""
    readiness: Mapping[str, Any] | None = None
    """readinessProbe, likewise. Default: None."""
    liveness: Mapping[str, Any] | None = None
    """livenessProbe, likewise. Default: None."""
    pre_stop_seconds: int = 15
    """Seconds between the start of termination and SIGTERM, so that endpoints are withdrawn first (1 s in small clusters,
    up to 30 s in large ones). Default: 15."""
    stop_seconds: int = 30
    """Seconds the app may take from SIGTERM to exit. Default: 30."""
    sysctl_alternatives: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For a sysctl the app wants, the environment that lets it do without. Default: none."""
    log_files: LogFiles | None = None
    """How it is made to log to files. Default: None."""
    container: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the container, in wire form (workingDir, tty ...); never one that the other arguments set. Default: none."""

    def port(self, name: str) -> Port | None:
        """The port of that name as it is now, or None."""
        return next((p for p in self.ports if p.name == name), None)

    def free_port(self, start: int) -> int:
        """The first number from `start` on, and then from 1024, that no port has, now or on the outside, nor is reserved."""
        taken = self.taken()
        return next(n for n in (*range(start, 65536), *range(1024, start)) if n not in taken)

    reserved: tuple[int, ...] = ()
    """Port numbers that it listens on besides its ports, on loopback; the fold adds those that ambassadors use for themselves.
    Default: none."""

    def taken(self) -> frozenset[int]:
        """Every port number in use so far: the ports', and what ambassadors listen on or set aside."""
        return frozenset(self.reserved) | {p.number for p in self.ports}

    def reserve(self, number: int) -> "App":
        """The app, with a port number set aside for an ambassador."""
        return replace(self, reserved=(*self.reserved, number))

    def move(
        self,
        name: str,
        *,
        to: int | None = None,
        scheme: str | None = None,
        probe_number: int | None = None,
        probe_scheme: str | None = None,
    ) -> "App":
        """The app with port `name` one place inwards, on 127.0.0.1; the caller listens where it was.

        `to` is the new number (default: the next free one); `scheme` is what the caller speaks to its clients (default: what was
        spoken before). `probe_number` and `probe_scheme` (HTTP, HTTPS) say where the kubelet gets through to the app; default: the
        port itself, HTTPS if the outside speaks https or tls. An inner ambassador leaves the outer scheme alone, and moves the
        probes only if it asks for it.
        """
        port = self.port(name)
        if port is None:
            raise KeyError(name)
        number = to if to is not None else self.free_port(port.number + 1)
        if port.front:
            front = replace(
                port.front,
                probe_number=probe_number or port.front.probe_number,
                probe_scheme=probe_scheme or port.front.probe_scheme,
            )
        else:
            outer = scheme or port.scheme
            front = Front(
                number=port.number,
                scheme=outer,
                probe_number=probe_number or port.number,
                probe_scheme=probe_scheme or ("HTTPS" if outer in ("https", "tls") else "HTTP"),
            )
        # the number that is left stays taken: the ambassador listens there
        moved = replace(port, number=number, host=LOOPBACK, front=front)
        return replace(
            self,
            ports=tuple(moved if p.name == name else p for p in self.ports),
            reserved=(*self.reserved, port.number),
        )

    def probed(self, port: Port) -> dict[str, Any]:
        """The paths, with their queries, that the kubelet asks for at that port, by where they are said."""
        said = {f"probe_paths of port {port.name!r}": path for path in port.probe_paths}
        for field_name in ("startup", "readiness", "liveness"):
            handler = (getattr(self, field_name) or {}).get("httpGet") or {}
            if handler.get("port") in (port.name, port.outer_number):
                said[f"{field_name} probe of the app"] = handler.get("path", "/")
        return said

    def problems(self) -> list[str]:
        """What is wrong with the app on its own."""
        found = checks.label("app name", self.name)
        for port in self.ports:
            found += checks.port_name("port name", port.name) + checks.port(f"port {port.name!r}: number", port.number)
            found += checks.one_of(f"port {port.name!r}: scheme", port.scheme, ("http", "https", "tcp"))
            found += port.rebind.problems(f"port {port.name!r}: rebind") if port.rebind else []
        for names in (self.env, self.secret_env):
            for name in names:
                found += checks.env_name("env name", name)
        for directory, size in self.scratch.items():
            found += checks.path("scratch path", directory) + checks.quantity(f"scratch {directory!r}: size", size)
        found += checks.resources("resources", self.resources)
        if self.uid == 0:
            found.append("uid 0 is root: give the app another user id")
        found += checks.at_least("pre_stop_seconds", self.pre_stop_seconds, 0)
        found += checks.at_least("stop_seconds", self.stop_seconds, 1)
        return found
