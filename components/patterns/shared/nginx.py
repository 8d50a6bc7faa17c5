"""The configuration of nginx as TlsAmbassador and JwtAmbassador run it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ...core.assembly import SLACK_SECONDS
from ...core.view import PodView
from . import headers
from .ambassador import AmbassadorArgs
from .listener import Listener
from .proxies import workers
from .templates import filled

CERTIFICATES = "/certs"
"""Where the kubernetes.io/tls Secret is mounted."""

DIRECTORY = "/etc/nginx-proxy"
"""Where the nginx.conf is mounted."""

HEADERS = "headers.conf"
"""Name of the file with the headers for the app."""

GRPC_HEADERS = "grpc_headers.conf"
"""The same for apps that speak gRPC."""

HEALTH = "health.conf"
"""Name of the configuration of the nginx that answers the kubelet."""

CLIENTS = "/clients"
"""Where the Secret with the authorities of the clients is mounted, if there is one; otherwise they are beside the nginx.conf."""

CLIENT_CA = "client-ca.pem"
"""Name of the file with the authorities of the clients."""

REVOKED = "/revoked"
"""Where the Secret or ConfigMap with the clients' revoked certificates is mounted, if there is one."""

CLIENT_CRL = "client-crl.pem"
"""Name of the file with them."""

HEALTH_PATH = "/healthz"
"""Where nginx answers the kubelet itself."""

LISTENING = "listening"
"""Where the kubelet learns whether the process of a port listens, with the port's name behind it; and the file that says so."""

VALIDATOR_HEALTH_PATH = "/validator"
"""Where the kubelet gets through to the validator."""

DRAINING = "/tmp/draining"
"""While this file exists every answer in HTTP/1.1 closes its connection, so that clients move to another pod by themselves."""

STREAMS = 128
"""Requests at a time in a connection of HTTP/2: nginx's own default."""

RELOADING = "/tmp/reloading"
"""The same while nginx takes changed certificates; a file of its own, so that the end of this is not the end of that."""

LISTENING_FILE = f"/tmp/{LISTENING}-"
"""While this file, with the port's name behind it, exists, the process of that port listens."""

LISTEN_DIRECTORY = "/tmp"
"""Where the start script writes the listen directives of ports on the pod's own addresses."""

# Mozilla intermediate, guidelines 5.7, without its DHE suites, which need a dhparam file
_CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)

# An attribute of a subject, as RFC 2253 writes it, that is no common name. \x5C is the backslash, which makes the character after it a
# part of the value, whatever that is; written as itself it would mean something to nginx already.
_OTHER = r"(?!CN=)[^=,+\x5C]+=(?:[^,+\x5C]|\x5C.)*"


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Whose certificates are asked for."""

    required: bool
    """Whether clients without one are rejected."""
    ca: str
    """Path of the file that they are verified with."""
    crl: str | None = None
    """Path of the file with revocation lists, if there is one."""
    names: Sequence[str]
    """Common names that are let through; all, if there are none."""


@dataclass(frozen=True, kw_only=True)
class Validator:
    """Who is asked about every request before it goes on (auth_request): an oauth2-proxy."""

    upstream: str
    """host:port where it listens."""
    prefix: str
    """Path below which it answers clients itself."""
    public_routes: Sequence[str]
    """Regular expressions of what is not asked about: method, space, and the path as it was sent."""
    health_path: str = VALIDATOR_HEALTH_PATH
    """Path on the health port at which its own ping is answered."""
    answers: Mapping[str, str] = field(default_factory=lambda: headers.TOKEN_ANSWERS)
    """Variables, and the headers of its answer that they are set from."""


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """What varies in the configuration, besides the arguments of every ambassador."""

    listeners: Sequence[Listener]
    outer_scheme: str | None
    """What clients speak, https or http; None behind another proxy, which has said that and who they are already."""
    health_port: int
    """Where it answers the kubelet, as the fold has it."""
    clients: Clients | None = None
    validator: Validator | None = None
    connections_per_client: int | None = None
    """Most connections from one address, counted from the moment they are accepted; no limit if None."""
    plain_too: bool = False
    """Whether clients may still speak plain text, at the same ports."""
    reload: bool = False

    @property
    def front(self) -> bool:
        """Whether the stream block accepts the connections of HTTP, too: to count them, or to look whether they begin with TLS."""
        return self.plain_too or self.connections_per_client is not None

    def parameters(self, listener: Listener) -> str:
        """What its listen directive has besides the address, where it accepts connections. HTTP connections that are counted come in
        through the stream block, because the http block counts whole heads alone; TLS and HTTP/2 begin there."""
        if self.plain_too or (listener.http and self.front):
            return ""
        return ("ssl" if self.outer_scheme == "https" else "") + "/http2" * listener.http2


def listening_path(name: str) -> str:
    """Where the kubelet learns whether the process of that port listens."""
    return f"/{LISTENING}/{name}"


def checking(pod: PodView, listeners: Sequence[Listener], health_port: int) -> PodView:
    """The view in which the kubelet learns there which processes listen."""
    for listener in listeners:
        if listener.checked:
            pod = pod.check(listener.name, number=health_port, path=listening_path(listener.name))
    return pod


def _outer_scheme(nginx: Nginx) -> str:
    """What a client speaks; where there are two kinds of clients, nginx knows of each."""
    return "$scheme" if nginx.plain_too else str(nginx.outer_scheme)


def set_headers(args: AmbassadorArgs, nginx: Nginx) -> dict[str, str]:
    """The files of the headers for the app."""
    given = dict(headers.HOP)
    if nginx.outer_scheme is not None:
        trusted = {name: headers.trusted_variable(name) if args.trusted_proxies else "" for name in headers.UNSAID}
        given |= {**(headers.TRUSTING if args.trusted_proxies else headers.of_client(_outer_scheme(nginx))), **trusted}
    if nginx.clients is not None:
        given |= headers.CERTIFICATE
    if nginx.validator is not None:
        given |= headers.TOKEN
    lines = headers.directives(tuple(given.items()))
    files = {HEADERS: "".join(f"proxy_set_header {line}" for line in lines)}
    if _any_grpc(nginx):
        files[GRPC_HEADERS] = "".join(f"grpc_set_header {line}" for line in lines)
    return files


def _any_grpc(nginx: Nginx) -> bool:
    return any(listener.grpc and (listener.http or listener.probe_uris) for listener in nginx.listeners)


def render(args: AmbassadorArgs, nginx: Nginx, pod: PodView) -> dict[str, str]:
    """The configurations: of the nginx that clients reach, and of the one for the kubelet."""

    def listens(address: str | int) -> list[str]:
        if ":" in str(address):
            return [str(address)]
        return [f"{host}:{address}" if host else str(address) for host in pod.wildcards]

    health = filled(
        __package__,
        "nginx_health.conf.j2",
        listens=listens,
        health_port=nginx.health_port,
        health_path=HEALTH_PATH,
        validator=nginx.validator,
        checked={listening_path(port.name): f"{LISTENING_FILE}{port.name}" for port in nginx.listeners if port.checked},
    )
    return {"nginx.conf": _main(args, nginx, pod, listens), HEALTH: health, **set_headers(args, nginx)}


def _main(args: AmbassadorArgs, nginx: Nginx, pod: PodView, listens: Callable[[str | int], list[str]]) -> str:
    # behind another ambassador, that one has said it
    known = nginx.outer_scheme is not None and not args.trusted_proxies
    return filled(
        __package__,
        "nginx.conf.j2",
        **{**_values(args), **_values(nginx)},
        workers=workers(args.resources),
        # its listening sockets count as connections
        worker_connections=max(32, math.ceil(args.max_connections / workers(args.resources))),
        certificates=CERTIFICATES,
        ciphers=_CIPHERS,
        draining=(DRAINING, RELOADING) if nginx.reload else (DRAINING,),
        directory=DIRECTORY,
        grpc=_any_grpc(nginx),
        # of max_connections, which clients have the others of: 140 by default
        kept_connections=max(8, args.max_connections // 10),
        grpc_headers_file=GRPC_HEADERS,
        headers_file=HEADERS,
        offers_http2=any(listener.http2 for listener in nginx.listeners),
        max_requests=args.max_requests,
        shutdown_seconds=args.timeout_seconds if nginx.reload else pod.app.pre_stop_seconds + pod.app.stop_seconds + SLACK_SECONDS,
        streams=STREAMS,
        passed={headers.trusted_variable(name): f"$http_{name.lower().replace('-', '_')}" for name in headers.UNSAID},
        listen_directory=LISTEN_DIRECTORY,
        http=[listener for listener in nginx.listeners if listener.http],
        listens=listens,
        other=_OTHER,
        outer_host="$outer_host" if known else "$forwarded_host",
        front=nginx.front,
        outer_proto=_outer_scheme(nginx) if known else "$forwarded_proto",
        probed=[listener for listener in nginx.listeners if listener.probe_uris],
        stream=[listener for listener in nginx.listeners if not listener.http],
        tls=nginx.outer_scheme == "https",
    )


def _values(instance: AmbassadorArgs | Nginx) -> dict[str, Any]:
    return {field.name: getattr(instance, field.name) for field in fields(instance)}
