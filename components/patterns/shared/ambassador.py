"""What the arguments of every ambassador that runs nginx have in common."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ...core import checks
from ...core.plug import PatternArgs
from ...core.quantities import amount, sized
from ...core.rules import Image, Label, NotNegative, PortNumber, Positive, Resources, Uid
from ...core.view import BoundPort, PodView
from .proxies import workers


@checks.outlined("[0-9A-Fa-f.:]+(/[0-9A-Fa-f.:]+)?")
def _network_problems(what: str, value: str) -> list[str]:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return [f"{what} {value!r} is not allowed: an IPv4 or IPv6 network, e.g. 10.0.0.0/8"]
    return []


# the master, a worker, and those that answer the kubelet
_BASE = 16 * 2**20
# what a worker takes of that
_WORKER = 4 * 2**20
# nginx takes its listening sockets for connections, too
Connections = Annotated[int, checks.whole(64)]
Network = Annotated[str, _network_problems]
Size = Annotated[str, checks.shaped("[0-9]+[kmg]?", "a number of bytes with k, m or g, as in nginx")]


@dataclass(frozen=True, kw_only=True)
class AmbassadorArgs(PatternArgs):
    """How nginx runs and proxies; arguments of TlsAmbassador and JwtAmbassador."""

    inner_port: PortNumber | None = None
    """Port number the app moves to. Default: None, the next free one."""
    max_body_size: Size = "0"
    """Largest request body, as in nginx's client_max_body_size; 0 leaves the limit to the app. Default: 0."""
    timeout_seconds: Positive = 3600
    """Longest silence of the app before the proxy gives up; of both sides of a WebSocket or a tcp connection. Default: 3600."""
    client_timeout_seconds: Positive = 60
    """Seconds in which the whole head of a request must arrive, and the longest silence of a client that sends a body or reads an answer.
    Default: 60, as nginx's own."""
    max_connections: Connections = 1400
    """Connections at a time, 64 or more, those to the app counted too: a request under way takes two. More connections are closed, and so
    are more requests than half of it, of which HTTP/2 has up to 128 in a connection. The memory limit must be 16Mi and 112Ki for each
    connection, 168Ki if HTTP/2 is offered, or more: what unfinished heads of 64k behind TLS take. nginx never takes more than the limit: it
    closes connections instead. Default: 1400."""
    upstream_idle_seconds: NotNegative = 4
    """How long an unused connection to the app is kept; less than the app's own idle timeout. 0: each request has a connection of its own.
    Default: 4."""
    trusted_proxies: Sequence[Network] = ()
    """Networks of proxies in front of the pod (an ingress, a load balancer), e.g. `10.0.0.0/8`. What they say in X-Forwarded-For, -Proto,
    -Host, -Port and similar headers is passed on; what others say there is not. Headers with underscores are dropped then. Default: none,
    the client is who connects."""
    access_log: bool = True
    """Whether requests are logged to stdout. Default: True."""
    image: pulumi.Input[Image] = "nginx:1.28-alpine"
    """nginx 1.19.5 or later, with the stream module for tcp and for counting connections. Default: nginx:1.28-alpine."""
    container_name: Label = "nginx-proxy"
    """Name of nginx's container, and the beginning of its volumes' names. Default: nginx-proxy."""
    health_port: PortNumber = 8081
    """Plain HTTP port on which nginx answers the kubelet; the fold takes the next free one if it is taken. Probes that only connect would
    find nginx: they ask it whether the app listens, at /listening/<port name>. Default: 8081."""
    uid: Uid | None = 101
    """User id of nginx; None leaves it to the cluster. Default: 101, as in the image."""
    resources: Resources = sized("50m", "32Mi", "256Mi")
    """Requests and limits of nginx, which runs one worker for each CPU of the limit, one without. Default: 50m, 32Mi to 256Mi."""

    @property
    def max_requests(self) -> int:
        """Requests at a time; with its connection to the app each takes two, unless it shares the client's with others (HTTP/2)."""
        return max(1, self.max_connections // 2)

    @property
    def worker_memory(self) -> int:
        """Bytes that a worker of nginx may take: its part of the memory limit."""
        return int(amount(self.resources["limits"]["memory"]) - _BASE) // workers(self.resources) + _WORKER

    def connection_bytes(self, *, http2: bool) -> int:
        """The most memory that one of `max_connections` takes."""
        # nginx 1.22 to 1.29 with OpenSSL 3: heads of 4 buffers of 16k and TLS 99k, slow readers with their upstream 2 x 83k, handshakes
        # 50k, tcp with a buffer of 64k in each direction 2 x 84k; HTTP/2: an unfinished head and TLS 136k; a request with such a head and
        # a body under way 200k, but one for two connections
        return (168 if http2 else 112) * 1024

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        # wrong by itself
        return [] if checks.resources("", self.resources) else self.memory_problems(http2=False)

    def memory_problems(self, *, http2: bool) -> list[str]:
        """Why the memory limit is too little."""
        limit = self.resources["limits"]["memory"]
        least = _BASE + self.connection_bytes(http2=http2) * self.max_connections
        if amount(limit) >= least:
            return []
        what = f"{self.max_connections}{' of HTTP/2' if http2 else ''}"
        return [
            f"resources.limits.memory {limit} is too little for max_connections {what}: clients that finish no request could take it all; "
            f"set it to {-(-least // 2**20)}Mi or more, or max_connections= to less"
        ]

    def inner_port_problems(self, pod: PodView, port: BoundPort) -> list[str]:
        """Why the port cannot move to `inner_port`."""
        if self.inner_port is None or pod.inner_number(port.name, self.inner_port) == self.inner_port:
            return []
        number = port.declaration.number
        return [f"inner_port is set, but the app keeps port {number}: its rebind does not contain {{port}}; leave inner_port out"]
