"""What there is to be drawn of a pod: its containers, who listens where, who asks whom, and its volumes."""

from dataclasses import dataclass
from typing import Literal

from .remote import Remote

CLIENTS, PROMETHEUS, PEERS, KUBELET = "clients", "Prometheus", "other pods", "kubelet"
"""Who calls the pod, in the order in which they are drawn."""

HEALTH = "health"
"""Name of the listeners that are for the kubelet alone."""

Kind = Literal["init", "sidecar", "app"]


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A port number on which a container listens."""

    number: int
    is_open: bool
    """Whether on the pod's address; else on 127.0.0.1 alone."""
    scheme: str = ""
    """What is spoken there; empty if nobody says."""
    name: str = ""
    """Name of the port, if it is a named one."""
    is_secure: bool = False
    client_auth: str | None = None
    """Whether clients are asked for a certificate: required, optional, or None."""
    redirected_to: int | None = None
    """The number on which the process really listens."""
    service_number: int | None = None
    """Its number in the Service; None if that does not carry it."""
    callers: tuple[str, ...] = ()
    """Who calls it from outside."""

    @property
    def text(self) -> str:
        """What is written at it."""
        number = str(self.number) if self.redirected_to is None else f"{self.number}→{self.redirected_to}"
        tls = {"required": "mTLS", "optional": "mTLS?"}.get(self.client_auth or "", "")
        return " ".join(part for part in (number, self.scheme, tls) if part)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A container."""

    name: str
    kind: Kind
    owner: str
    """The kind of the pattern that added it; empty for the app's own."""
    image: str
    privilege: str
    """What the baseline Pod Security Standard rejects in it; empty for nothing."""
    listeners: tuple[Listener, ...] = ()
    asks: tuple[tuple[str, int], ...] = ()
    """Containers of the pod that it asks, with the number where they listen."""
    remotes: tuple[Remote, ...] = ()

    def listener(self, number: int) -> Listener | None:
        """Its listener of that number that the pod itself reaches: on 127.0.0.1 if there is one."""
        found = sorted((listener for listener in self.listeners if listener.number == number), key=lambda listener: listener.is_open)
        return found[0] if found else None


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume, and the containers that mount it."""

    name: str
    kind: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    """Those that may only read."""

    @property
    def is_shared(self) -> bool:
        """Whether several containers mount it."""
        return len({*self.writers, *self.readers}) > 1


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything to be drawn of one pod."""

    title: str
    level: str
    """The Pod Security Standard that admits it."""
    service: str
    """Name of the Service; empty if there is none."""
    boxes: tuple[Box, ...]
    """In start order."""
    volumes: tuple[Volume, ...] = ()

    def callers(self) -> list[str]:
        """Who calls the pod from outside."""
        found = {caller for box in self.boxes for listener in box.listeners for caller in listener.callers}
        return [caller for caller in (CLIENTS, PROMETHEUS, PEERS, KUBELET) if caller in found]
