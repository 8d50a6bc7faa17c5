"""PodPatch: what one pattern adds to a pod."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import pulumi

Wire = Mapping[str, Any]
"""An object as it stands in a manifest: camelCase keys, plain structure, Outputs only at the leaves."""


@dataclass(frozen=True, kw_only=True)
class UndeclaredPort:
    """A port that a container binds without declaring it as a containerPort: on 127.0.0.1, or for the kubelet only."""

    number: int
    """Port number."""
    argument: str = "port"
    """The argument of the pattern that changes it, for messages. Default: port."""
    paths: tuple[str, ...] = ()
    """All that it answers, over plain HTTP, by GET or as gRPC; it is then open on the pod's address, and `Workload.health_ports` names it.
    Default: none, it is bound to 127.0.0.1."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A server that a container of the pattern connects to."""

    address: pulumi.Input[str]
    """host:port, or a URL."""
    protocol: Literal["TCP", "UDP"] = "TCP"
    """Transport protocol. Default: TCP."""
    awaited: Literal["answer", "connection"] | None = None
    """What an init container waits for before it lets the app start: an `answer` of the server itself, or a `connection` that is accepted,
    which a proxy in front of it accepts, too. Default: None, the app does not wait for it."""
    tls: bool = False
    """Whether it is encrypted, where the address does not say so as a URL. Default: False."""
    local_port: int | None = None
    """Port number on 127.0.0.1 whose connections are forwarded to it, and are accepted even while it is down. Default: None."""


@dataclass(frozen=True, kw_only=True)
class OutboundRedirect:
    """Connections of the pod that lead to a port of its own from some init container on; the pod's loopback is left alone."""

    port: int
    """Port number to which they lead."""
    ports: tuple[int, ...] = ()
    """Destination ports of those connections. Default: none, all of them."""
    exclude_ports: tuple[int, ...] = ()
    """Destination ports that are left alone. Default: none."""
    exclude_uids: tuple[int, ...] = ()
    """User ids whose connections are left alone. Default: none."""

    def takes(self, uid: object, port: int) -> bool:
        """Whether it takes a connection of that user to that port, 0 for one that is not known."""
        wanted = port in self.ports if self.ports else port not in self.exclude_ports
        return wanted and uid not in self.exclude_uids


@dataclass(frozen=True, kw_only=True)
class ConfigFiles:
    """A ConfigMap that the workload creates, and the volume of the same name that holds its files.

    Auto-named and immutable: changed content is a new name and so one rolling update.
    """

    name: str
    """Volume name; the ConfigMap is named after the workload and this."""
    files: Mapping[str, pulumi.Input[str]]
    """File name to content. A secret content is rejected."""


@dataclass(frozen=True, kw_only=True)
class PodPatch:
    """What one pattern adds to a pod. Every field is a tuple, so patches add up with `+`; `PodPatch()` changes nothing.

    It adds, it never overwrites: a second claim on the same thing is a conflict.
    """

    init_containers: tuple[Wire, ...] = ()
    """Init containers in start order; native sidecars among them, see `sidecar()`."""
    containers: tuple[Wire, ...] = ()
    """Containers beside the app's that are no sidecars."""
    volumes: tuple[Wire, ...] = ()
    """Volumes that exist without this package: an emptyDir, a Secret by name."""
    config_files: tuple[ConfigFiles, ...] = ()
    """Volumes whose ConfigMap the workload creates."""
    app_env: tuple[Wire, ...] = ()
    """Added to the app's container: `{"name": ..., "value": ...}`."""
    app_mounts: tuple[Wire, ...] = ()
    """Added to the app's container: `{"name": ..., "mountPath": ...}`."""
    undeclared_ports: tuple[UndeclaredPort, ...] = ()
    """Ports bound besides the declared containerPorts."""
    connects: tuple[Connection, ...] = ()
    """What its containers connect to. What they wait for cannot be something in the pod that starts later; the rest of it is what a
    NetworkPolicy lets out."""
    redirects: tuple[OutboundRedirect, ...] = ()
    """Where its init containers lead connections of those that start after them."""
    annotations: tuple[tuple[str, pulumi.Input[str]], ...] = ()
    """Annotations of the pod."""
    labels: tuple[tuple[str, str], ...] = ()
    """Labels of the pod; never part of a selector."""
    sysctls: tuple[tuple[str, str], ...] = ()
    """Namespaced sysctls for the pod's security context."""
    service_account: tuple[pulumi.Input[str], ...] = ()
    """serviceAccountName; at most one in a pod."""
    certificates: tuple[Any, ...] = ()
    """What clients of the pod verify: objects with `dns_names`, `ca_pem` and `expires_at`, and for a monitor `ports` and
    `client_auth`; see certificates/certificate.py."""
    problems: tuple[str, ...] = ()
    """Why the pattern cannot work with this app; composition fails with all of them."""

    def __add__(self, other: "PodPatch") -> "PodPatch":
        return PodPatch(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def sidecar(container: Wire) -> Wire:
    """The container as a native sidecar: an init container that keeps running (Kubernetes 1.29 and later, KEP-753).

    Composing for classic sidecars moves it to the ordinary containers.
    """
    return {**container, "restartPolicy": "Always"}
