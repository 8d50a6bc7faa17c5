"""App: the application container, and what is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pulumi

from . import checks, placeholders, pod_fields
from .handlers import HANDLERS
from .monitor import Monitor
from .protocols import Scheme
from .quantities import sized
from .rules import (
    DataKey,
    EnvName,
    EnvSource,
    FileGlob,
    Image,
    Label,
    Manifest,
    NotNegative,
    ObjectName,
    Path,
    PortName,
    PortNumber,
    Positive,
    Quantity,
    Resources,
    SomeText,
    Text,
    Uid,
    misfit,
)


def _no_mappings(what: str, parts: Mapping[str, Any]) -> list[str]:
    return [misfit(f"{what}.{name}", "a mapping", part) for name, part in parts.items() if not isinstance(part, Mapping)]


def _probe_problems(what: str, probe: Mapping[str, Any]) -> list[str]:
    handlers = {name: probe[name] for name in ("exec", *HANDLERS) if name in probe}
    wrong = checks.manifest(what, probe) or _no_mappings(what, handlers) or list(pod_fields.of_object("Probe", probe, what))
    if wrong or len(handlers) == 1:
        return wrong
    given = " and ".join(handlers) or "none"
    return [f"{what} must have exactly one of exec, {', '.join(HANDLERS)}, but has {given}"]


def _named(what: str, part: Mapping[str, Any]) -> list[str]:
    name = part.get("name")
    return checks.manifest(what, part) or ([] if isinstance(name, str) else [misfit(f"{what}.name", "a text", name)])


def _mount_problems(what: str, mount: Mapping[str, Any]) -> list[str]:
    return _named(what, mount) or list(pod_fields.of_object("VolumeMount", mount, what))


def _volume_problems(what: str, volume: Mapping[str, Any]) -> list[str]:
    sources = {key: source for key, source in volume.items() if key != "name"}
    return _named(what, volume) or _no_mappings(what, sources) or list(pod_fields.of_object("Volume", volume, what))


def _container_problems(what: str, container: Mapping[str, Any]) -> list[str]:
    return checks.manifest(what, container) or list(pod_fields.of_object("Container", container, what))


Probe = Annotated[Mapping[str, Any], _probe_problems]
Mount = Annotated[Mapping[str, Any], _mount_problems]
Volume = Annotated[Mapping[str, Any], _volume_problems]
ContainerFields = Annotated[Mapping[str, Any], _container_problems]

# fields of the container that App has arguments for
_OWN_FIELDS = tuple(
    """
    name image command args env ports resources volumeMounts lifecycle securityContext startupProbe readinessProbe livenessProbe
    """.split()
)


@dataclass(frozen=True, kw_only=True)
class Rebind:
    """How to change the address an app listens on; `{host}` and `{port}` in the templates are replaced, `{{host}}` is the text `{host}`.

    Only applied while an ambassador stands in front of the port. An env of the same name in `App.env` is replaced. It must say the address:
    an app that stays on every address can be reached past its ambassador.

    Without `{port}` the app keeps its number, on 127.0.0.1, and the ambassador listens on the same number of the pod's own addresses. An
    app that ignores its new address cannot start then: the address is in use. It takes native sidecars, which are up before the app. What
    reaches the pod's loopback reaches the plain app, past the ambassador: containers of the pod, and `kubectl port-forward`.
    """

    env: Mapping[EnvName, Text] = field(default_factory=dict)
    """Environment variables, e.g. `{"http.host": "{host}", "http.port": "{port}"}`. Default: none."""
    args: Sequence[Text] = ()
    """Arguments behind the app's own, e.g. `("--listen={host}:{port}",)`: it must have args or a command, or those of its image would be
    lost, see `image_args`. Default: none."""
    image_args: Sequence[Text] | None = None
    """The arguments of the image (CMD), to stand in front of `args` where the app has neither args nor a command of its own; `()` if the
    image has an entrypoint alone. Default: None, not known."""
    replace: Mapping[SomeText, Text] = field(default_factory=dict)
    """Arguments in place of others, which stand in the app's command or args exactly once, e.g.
    `{"--listen=0.0.0.0:8080": "--listen={host}:{port}"}`. Default: none."""
    binds_loopback: bool = False
    """Whether the app listens on 127.0.0.1 by itself, so that it need not be told the address. Default: False."""

    @property
    def keeps_number(self) -> bool:
        """Whether the app is not told another port number."""
        return not any("port" in placeholders.names(template) for template in self.templates.values())

    @property
    def templates(self) -> dict[str, str]:
        """Every template, by where it stands."""
        texts = {f"env {name!r}": value for name, value in self.env.items()}
        texts |= {f"args[{index}]": value for index, value in enumerate(self.args)}
        return texts | {f"replace[{word!r}]": value for word, value in self.replace.items()}

    def problems(self) -> list[str]:
        """What is wrong between its fields."""
        if not self.templates and not self.binds_loopback:
            return ["it is empty; say in env=, args= or replace= how the app gets its address and port"]
        if self.image_args is not None and not self.args:
            return ["image_args is set, but there are no args to stand behind them; leave it out"]
        return [line for what, text in self.templates.items() for line in placeholders.problems(what, text, ("host", "port"))]

    def unsaid(self) -> str | None:
        """What it does not tell the app, and the way out; None if it tells enough."""
        if self.binds_loopback or any("host" in placeholders.names(template) for template in self.templates.values()):
            return None
        return (
            "does not say the address, so that the app could stay open on every address, past the ambassador; use {host} in it, or set "
            "binds_loopback=True if the app listens on 127.0.0.1 by itself, or list TrafficRedirectInit before the ambassador"
        )


@dataclass(frozen=True, kw_only=True)
class Port:
    """A named port of the app, or of a pattern that serves one. It is a declaration: ambassadors move the process, not this."""

    name: PortName
    """Port name, at most 15 characters; also the name of the Service's port."""
    number: PortNumber
    """Port number, 1 to 65535."""
    scheme: Scheme = "http"
    """What the process itself speaks: http, grpc, tcp, or a protocol by its name (redis, postgres ...); https, grpcs or tls if it has TLS
    by itself. tcp stands for every protocol that has no name here. Default: http."""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    """Transport protocol; ambassadors stand in front of TCP alone. Default: TCP."""
    service: bool = True
    """Whether the Service carries it. Default: True."""
    service_number: PortNumber | None = None
    """Port number of the Service, e.g. 443. Default: None, the same as on the pod."""
    metrics: bool = False
    """Whether it serves metrics: with a NetworkPolicy, who scrapes them reaches it, and the clients of the Service do not. Default:
    False."""
    monitor: Monitor | None = None
    """A PodMonitor or ServiceMonitor for it, which the workload makes. Default: None, there is none."""
    rebind: Rebind | None = None
    """How to change the address it listens on. Default: None, the port cannot be moved."""
    peers: bool = False
    """Whether the pods of a workload speak to each other on it, as it is: an ambassador would cut them off, and is rejected. Default:
    False."""
    probe_paths: Sequence[Text] = ()
    """Further paths on this port that the kubelet probes, besides those of App's probes. Ambassadors that require credentials leave them
    open. Default: none."""


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One key of a Kubernetes Secret in the same namespace."""

    name: pulumi.Input[ObjectName]
    """metadata.name of the Secret."""
    key: DataKey
    """Key in its data."""


@dataclass(frozen=True, kw_only=True)
class ConfigMapKey:
    """One key of a Kubernetes ConfigMap in the same namespace."""

    name: pulumi.Input[ObjectName]
    """metadata.name of the ConfigMap."""
    key: DataKey
    """Key in its data."""


@dataclass(frozen=True, kw_only=True)
class LogFiles:
    """How an app that logs to stdout is made to log to files, for LogTailSidecar."""

    directory: Path
    """Directory the app writes to, e.g. /var/log/elasticsearch."""
    files: Sequence[FileGlob]
    """Names of the files in it that are worth reading, e.g. `("docker-cluster_server.json",)`, with `*` and `?` where they are dated."""
    env: Mapping[EnvName, Text] = field(default_factory=dict)
    """Environment that makes the app write there. Default: none."""
    config_path: Path | None = None
    """Where the app reads its logging configuration. Default: None, it needs none."""
    config: Text | None = None
    """Content of that file. Default: None."""


@dataclass(frozen=True, kw_only=True)
class App:
    """The application container and what is known of it. A declaration: nothing in it changes when patterns are added.

    Structure (names, ports, paths) is plain; contents (image, args, env values) may be Outputs.
    """

    name: Label
    """Container name, and the default name of the workload and its Service: an RFC 1123 label."""
    image: pulumi.Input[Image]
    """Image reference with a tag or digest."""
    ports: Sequence[Port] = ()
    """Its ports. Default: none."""
    command: Sequence[pulumi.Input[Text]] = ()
    """Replaces the image's entrypoint. Default: the image's."""
    args: Sequence[pulumi.Input[Text]] = ()
    """Replaces the image's arguments. Default: the image's."""
    env: Mapping[EnvName, pulumi.Input[Text] | EnvSource] = field(default_factory=dict)
    """Environment variables: a text, of which a secret one is rejected, or valueFrom in manifest form, e.g.
    `{"NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}}`. `$(NAME)` stands for the value of another variable, whatever
    their order; `$$(NAME)` is the text itself. Default: none."""
    secret_env: Mapping[EnvName, SecretKey] = field(default_factory=dict)
    """Environment variables read from Secrets. Default: none."""
    service_account: pulumi.Input[ObjectName] | None = None
    """metadata.name of the service account that it runs as. Default: None, the namespace's default."""
    api_token: bool = False
    """Whether the service account's token for the Kubernetes API is mounted, in every container of the pod. Default: False."""
    resources: Resources = sized("100m", "128Mi", "256Mi")
    """Requests and limits in manifest form; a memory limit is required. Default: 100m, 128Mi to 256Mi."""
    uid: Uid | None = 1000
    """User id it runs as, not 0; patterns write its files as this user. None leaves it to the cluster (OpenShift). Default: 1000."""
    gid: NotNegative | None = 1000
    """Group id it runs as, and the group of mounted volumes (fsGroup). Default: 1000."""
    read_only_root: bool = True
    """Read-only root filesystem. Default: True."""
    empty_dirs: Mapping[Path, Quantity] = field(default_factory=dict)
    """Writable directories and their size limits, e.g. `{"/tmp": "64Mi"}`: an emptyDir each. Default: none."""
    volumes: Sequence[Volume] = ()
    """Further volumes, in manifest form. Default: none."""
    volume_mounts: Sequence[Mount] = ()
    """Further mounts of the app's container, in manifest form. Default: none."""
    startup_probe: Probe | None = None
    """In manifest form; `port` may be a port name and follows the ambassadors. In the words of an exec probe, `{port}` stands for the
    number on 127.0.0.1 where the app's first port listens, and `{{port}}` for the text itself. Default: None."""
    readiness_probe: Probe | None = None
    """Likewise. Default: None."""
    liveness_probe: Probe | None = None
    """Likewise. Default: None."""
    pre_stop_seconds: NotNegative = 15
    """Seconds between the start of termination and SIGTERM, so that endpoints are withdrawn first (1 s in small clusters,
    up to 30 s in large ones). Default: 15."""
    stop_seconds: Positive = 30
    """Seconds the app may take from SIGTERM to exit. Default: 30."""
    sysctl_alternatives: Mapping[SomeText, Mapping[EnvName, Text]] = field(default_factory=dict)
    """For a sysctl the app wants, the environment that lets it do without. Default: none."""
    log_files: LogFiles | None = None
    """How it is made to log to files. Default: None."""
    container: ContainerFields = field(default_factory=dict)
    """Further fields of the container, in manifest form (workingDir, tty ...); never one that the other arguments set. Default: none."""
    single: bool = False
    """Whether each of its pods is complete by itself, such as a database that does not know the others: a Workload of it has one replica,
    and an update two for a moment, unless its strategy is Recreate. Default: False."""
    loopback_ports: Sequence[PortNumber] = ()
    """Port numbers that it listens on besides its ports, on loopback. Default: none."""

    def probes(self) -> dict[str, Manifest]:
        """The probes that it has, by their field of the container."""
        given = {"startupProbe": self.startup_probe, "readinessProbe": self.readiness_probe, "livenessProbe": self.liveness_probe}
        return {name: probe for name, probe in given.items() if probe is not None}

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        own = [key for key in self.container if key in _OWN_FIELDS]
        return [f"container[{key!r}]: App sets this field itself; use its argument" for key in own]
