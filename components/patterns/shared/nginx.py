"""nginx as TlsAmbassador and JwtAmbassador run it: its configuration, and its container."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pulumi

from ...core.environment import environment
from ...core.identity import restricted, secret_mode
from ...core.patch import ConfigFiles, PodPatch, UndeclaredPort, Wire, sidecar
from ...core.view import BoundPort, PodView
from . import headers
from .ambassador import AmbassadorArgs
from .proxies import health_probe, workers
from .scripts import script
from .templates import filled

CERTIFICATES = "/certs"
"""Where the kubernetes.io/tls Secret is mounted."""

DIRECTORY = "/etc/nginx-proxy"
"""Where the nginx.conf is mounted."""

HEADERS = "headers.conf"
"""Name of the file with the headers that an app is told."""

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

VALIDATOR_HEALTH_PATH = "/validator"
"""Where the kubelet gets through to the validator."""

DRAINING = "/tmp/draining"
"""While this file exists every answer closes its connection, so that clients move to another pod by themselves."""

RELOADING = "/tmp/reloading"
"""The same while nginx takes changed certificates; a file of its own, so that the end of this is not the end of that."""

LISTEN_DIRECTORY = "/tmp"
"""Where the start script writes the listen directives of ports on the pod's own addresses."""

_CONFIG = f"{DIRECTORY}/nginx.conf"

_SCRIPT = script(__package__, "nginx.sh")

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
    """Whether clients without one are refused."""
    ca: str
    """Path of the file that they are verified with."""
    crl: str | None = None
    """Path of the file with revocation lists, if there is one."""
    names: Sequence[str]
    """Common names that are let through; all, if there are none."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port that nginx takes over."""

    name: str
    """Port name."""
    listen: str
    """Address and number, as in nginx's listen directive."""
    own_addresses: bool = False
    """Whether it listens on the pod's own addresses alone, because the app has the same number on 127.0.0.1."""
    upstream: str
    """host:port of the process behind it."""
    http: bool
    """Whether it is proxied as HTTP, or as a plain TCP stream."""
    probe_port: int | None = None
    """Plain HTTP port for the kubelet, which has no certificate."""
    probe_uris: Sequence[str] = ()
    """All that is proxied from there, by GET."""


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
    reload: bool = False


def started(nginx: Nginx, reload: Sequence[str]) -> dict[str, Any]:
    """The container's command; with directories in `reload` where Secrets are mounted, nginx takes their changes without a restart."""
    own = " ".join(listener.listen for listener in nginx.listeners if listener.own_addresses)
    env = environment({"CONFIG": _CONFIG, "HEALTH": f"{DIRECTORY}/{HEALTH}", "DRAINING": DRAINING, "RELOADING": RELOADING})
    if own:
        tls = "ssl" if nginx.outer_scheme == "https" else ""
        # status.podIPs: every address of the pod, of both families in a dual-stack cluster
        env += environment({"LISTEN": own, "LISTEN_PARAMETERS": tls, "LISTEN_DIRECTORY": LISTEN_DIRECTORY})
        env.append({"name": "POD_IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}})
    return {"command": ["/bin/sh", "-c", _SCRIPT, "nginx", *reload], "env": env}


def set_headers(args: AmbassadorArgs, nginx: Nginx) -> str:
    """The file of the headers that an app is told."""
    given = dict(headers.HOP)
    if nginx.outer_scheme is not None:
        trusted = {name: headers.trusted_variable(name) if args.trusted_proxies else "" for name in headers.UNSAID}
        given |= {**(headers.TRUSTING if args.trusted_proxies else headers.of_client(nginx.outer_scheme)), **trusted}
    if nginx.clients is not None:
        given |= headers.CERTIFICATE
    if nginx.validator is not None:
        given |= headers.TOKEN
    return headers.directives(tuple(given.items()))


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
    )
    return {"nginx.conf": _main(args, nginx, listens), HEALTH: health, HEADERS: set_headers(args, nginx)}


def _main(args: AmbassadorArgs, nginx: Nginx, listens: Callable[[str | int], list[str]]) -> str:
    # behind another ambassador, that one has said it
    known = nginx.outer_scheme is not None and not args.trusted_proxies
    return filled(
        __package__,
        "nginx.conf.j2",
        **{**_values(args), **_values(nginx)},
        workers=workers(args.resources),
        worker_connections=math.ceil(args.max_connections / workers(args.resources)),
        certificates=CERTIFICATES,
        ciphers=_CIPHERS,
        draining=(DRAINING, RELOADING) if nginx.reload else (DRAINING,),
        directory=DIRECTORY,
        headers_file=HEADERS,
        passed={headers.trusted_variable(name): f"$http_{name.lower().replace('-', '_')}" for name in headers.UNSAID},
        listen_directory=LISTEN_DIRECTORY,
        http=[listener for listener in nginx.listeners if listener.http],
        listens=listens,
        other=_OTHER,
        outer_host="$outer_host" if known else "$forwarded_host",
        outer_proto=nginx.outer_scheme if known else "$forwarded_proto",
        probed=[listener for listener in nginx.listeners if listener.probe_uris],
        stream=[listener for listener in nginx.listeners if not listener.http],
        tls=nginx.outer_scheme == "https",
    )


def _values(instance: AmbassadorArgs | Nginx) -> dict[str, Any]:
    return {field.name: getattr(instance, field.name) for field in fields(instance)}


def _readable(source: Wire, pod: PodView) -> Wire:
    """The source of a volume, its files readable for nginx; those of a ConfigMap are for all."""
    return {"secret": {**source["secret"], "defaultMode": secret_mode(pod)}} if "secret" in source else source


def proxy(
    args: AmbassadorArgs,
    nginx: Nginx,
    *,
    pod: PodView,
    ports: Sequence[BoundPort],
    files: Mapping[str, pulumi.Input[str]] | None = None,
    mounts: Mapping[str, tuple[str, Wire]] | None = None,
) -> PodPatch:
    """The container, with its configuration and other `files` in DIRECTORY.

    `ports` are those that it took over from outside; it declares what nobody declares. `mounts` has what else is mounted: the end of the
    volume's name -> where, and the volume's source, a secret or a configMap. With `reload` nginx follows them.
    """
    name = args.container_name
    volumes = {f"{name}-{part}": place for part, place in (mounts or {}).items()}
    followed = [path for path, _ in volumes.values()] if nginx.reload else []
    probe = health_probe(nginx.health_port, HEALTH_PATH)
    container = {
        "name": name,
        "image": args.image,
        **started(nginx, followed),
        "ports": [{"name": port.name, "containerPort": port.number} for port in ports if not port.is_declared],
        "resources": args.resources,
        # nginx answers itself: the app is started only when this succeeded
        **probe,
        # from the first moment of termination every answer closes its connection; then as long as the app waits, for classic sidecars
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", f"touch {DRAINING}; sleep {pod.app.pre_stop_seconds}"]}}},
        "securityContext": restricted(args.uid, args.uid),
        "volumeMounts": [
            {"name": f"{name}-config", "mountPath": DIRECTORY, "readOnly": True},
            *({"name": volume, "mountPath": path, "readOnly": True} for volume, (path, _) in volumes.items()),
            {"name": f"{name}-tmp", "mountPath": "/tmp"},
        ],
    }
    health = [HEALTH_PATH, *([nginx.validator.health_path] if nginx.validator else [])]
    probed = [
        UndeclaredPort(number=p.probe_port, argument="health_port", paths=tuple(dict.fromkeys(p.probe_uris)))
        for p in nginx.listeners
        if p.probe_port
    ]
    return PodPatch(
        init_containers=(sidecar(container),),
        volumes=(
            *({"name": volume, **_readable(source, pod)} for volume, (_, source) in volumes.items()),
            {"name": f"{name}-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ),
        config_files=(ConfigFiles(name=f"{name}-config", files={**render(args, nginx, pod), **(files or {})}),),
        undeclared_ports=(UndeclaredPort(number=nginx.health_port, argument="health_port", paths=tuple(health)), *probed),
    )
