"""App: the application container, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from . import checks, placeholders

# fields of the container that App has arguments for
_OWN_FIELDS = (
    "name",
    "image",
    "command",
    "args",
    "env",
    "ports",
    "resources",
    "volumeMounts",
    "lifecycle",
    "securityContext",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
)


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
class Port:
    """A named port of the app, or of a pattern that serves one. It is a declaration: ambassadors move the process, not this."""

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
    """Further paths on this port that the kubelet probes, besides those of App's probes. Ambassadors that require credentials leave them
    open. Default: none."""

    def problems(self) -> list[str]:
        """What is wrong with it on its own."""
        found = checks.port_name("port name", self.name) + checks.port(f"port {self.name!r}: number", self.number)
        found += checks.one_of(f"port {self.name!r}: scheme", self.scheme, ("http", "https", "tcp"))
        return found + (self.rebind.problems(f"port {self.name!r}: rebind") if self.rebind else [])


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
    """The application container and what is known of it. A declaration: nothing in it changes when patterns are added.

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

    reserved: tuple[int, ...] = ()
    """Port numbers that it listens on besides its ports, on loopback. Default: none."""

    def probes(self) -> dict[str, Mapping[str, Any]]:
        """The probes that it has, by the name of the argument."""
        given = {"startup": self.startup, "readiness": self.readiness, "liveness": self.liveness}
        return {name: probe for name, probe in given.items() if probe is not None}

    def problems(self) -> list[str]:
        """What is wrong with the app on its own."""
        found = checks.label("app name", self.name)
        found += [line for port in self.ports for line in port.problems()]
        for names in (self.env, self.secret_env):
            for name in names:
                found += checks.env_name("env name", name)
        for directory, size in self.scratch.items():
            found += checks.path("scratch path", directory) + checks.quantity(f"scratch {directory!r}: size", size)
        found += checks.resources("resources", self.resources)
        if self.uid == 0:
            found.append("uid 0 is root: give the app another user id")
        own = [key for key in self.container if key in _OWN_FIELDS]
        found += [f"container[{key!r}] of the app: App sets this field itself; use its argument" for key in own]
        found += checks.at_least("pre_stop_seconds", self.pre_stop_seconds, 0)
        found += checks.at_least("stop_seconds", self.stop_seconds, 1)
        return found
