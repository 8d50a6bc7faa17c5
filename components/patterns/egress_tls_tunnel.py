"""EgressTlsTunnel: TLS to the outside for an app that speaks none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pulumi

from ..core import checks, placeholders
from ..core.app import SecretKey
from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import restricted, secret_mode
from ..core.patch import ConfigFiles, Connection, PodPatch, UndeclaredPort, sidecar
from ..core.plug import PatternArgs
from ..core.protocols import PROTOCOLS, Plain, asking
from ..core.quantities import amount, sized
from ..core.rules import AlpnName, DnsName, EnvName, HighPort, Image, Label, ObjectName, Pem, PortNumber, Positive, Resources, Text, Uid
from ..core.view import LOOPBACK, PodView
from .shared.proxies import health_probe, workers
from .shared.templates import filled

_DIRECTORY = "/etc/tls-tunnel"
# haproxy 2.6 with OpenSSL 3, neither side reading: two buffers of 16k, and 64k of TLS; and the program with the authorities of its image
_CONNECTION, _BASE = 104 * 1024, 20 * 2**20


@checks.outlined("[0-9A-Za-z.:-]+")
def _host_problems(what: str, host: str) -> list[str]:
    if not checks.address(what, host):
        return []
    # haproxy asks for names as they are, whatever the search list in resolv.conf says
    if not checks.dns_name(what, host) and ("*" in host or "." not in host or host.endswith(".svc")):
        return [f"{what} {host!r} is not a full DNS name; a Service's ends in .svc.cluster.local, or your cluster's domain"]
    return checks.dns_name(what, host)


@checks.outlined(r"[0-9A-Fa-f.:\[\]]+:[0-9]{1,5}")
def _nameserver_problems(what: str, server: str) -> list[str]:
    address, _, port = server.rpartition(":")
    if checks.address(what, address.strip("[]")) or not re.fullmatch("[0-9]{1,5}", port) or checks.port(what, int(port)):
        return [f"{what} {server!r} is not allowed: an address and a port, e.g. 10.0.0.53:53"]
    return []


Host = Annotated[str, _host_problems]
# haproxy counts 31 bits of milliseconds
_LONGEST = 2147483
Seconds = Annotated[int, checks.whole(1, limit=_LONGEST)]
Nameserver = Annotated[str, _nameserver_problems]


@dataclass(frozen=True, kw_only=True)
class EgressTarget:
    """A server outside the pod that speaks TLS, and where the app finds it."""

    name: Label
    """Name in logs and of volumes: a-z, 0-9 and '-'."""
    host: Host
    """Full DNS name, which is looked up again and again, or an IP address. A Service needs its whole name: redis.prod.svc.cluster.local."""
    port: PortNumber
    """Port number of the server."""
    local_port: HighPort | None = None
    """Port number on 127.0.0.1 at which the app finds it, 1024 or more. Default: None, the server's."""
    env: Mapping[EnvName, Text] = field(default_factory=dict)
    """Environment of the app that says where: `{"REDIS_URL": "redis://{host}:{port}"}`. Default: none."""
    server_name: DnsName | None = None
    """DNS name that is asked for (SNI) and that the server's certificate must have. Default: None, the host."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the server's, PEM; no secret. Default: None, the authorities that the image trusts."""
    ca_secret: SecretKey | None = None
    """The same, from a Secret. Default: None."""
    client_certificate_secret: pulumi.Input[ObjectName] | None = None
    """metadata.name of a kubernetes.io/tls Secret with the certificate that the server asks for. Default: None."""
    scheme: Plain = "tcp"
    """What the app speaks through the tunnel: grpc, redis, mongodb ..., or tcp for what has no name here. With grpc the server is offered
    HTTP/2; it reads 127.0.0.1 in `:authority` unless the app says otherwise (grpc.default_authority). Default: tcp."""
    alpn: Sequence[AlpnName] = ()
    """What the server is offered in the TLS handshake (ALPN). Default: none, what the scheme needs: h2 for grpc."""
    direct_tls: bool = False
    """Whether a server whose protocol asks for TLS inside itself (postgres, mysql ...), or is known to by its port number, takes a
    connection that begins with TLS: PostgreSQL from 17 on does. Default: False, such a target is rejected."""

    @property
    def listen(self) -> int:
        """The port number on 127.0.0.1."""
        return self.port if self.local_port is None else self.local_port

    @property
    def server(self) -> str:
        """host:port of the server."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        if not checks.address("", self.host) and self.server_name is None:
            found.append(f"host {self.host} is an address, and certificates are verified by name; set server_name=")
        if self.local_port is None and self.port < 1024:
            found.append(f"port {self.port} takes a privilege that the sidecar does not have; set local_port= to 1024 or more")
        if self.ca_pem is not None and self.ca_secret is not None:
            found.append("set at most one of ca_pem and ca_secret")
        for name, template in self.env.items():
            found += placeholders.problems(f"env[{name!r}]", template, ("host", "port"))
        return found + self._tls_problems()

    def _tls_problems(self) -> list[str]:
        """Why the server would not understand a connection that begins with TLS."""
        name = None if self.direct_tls else asking(self.scheme, self.port)
        if name is None:
            return []
        protocol = PROTOCOLS[name]
        what = f"scheme {name}" if name == self.scheme and protocol.asks else f"port {self.port}"
        taken = f" ({protocol.direct})" if protocol.direct else ""
        return [
            f"{what}: {name} asks for TLS inside its own protocol there, and a tunnel begins with TLS; {protocol.by_itself}, or set "
            f"direct_tls=True if the server takes TLS from the first byte{taken}"
        ]

    @property
    def offered(self) -> Sequence[str]:
        """What the server is offered (ALPN)."""
        return self.alpn or PROTOCOLS[self.scheme].alpn

    def environment(self) -> list[dict[str, Any]]:
        """What the app's container gets."""
        places = {"host": LOOPBACK, "port": str(self.listen)}
        return environment({name: placeholders.fill(template, places) for name, template in self.env.items()})


@dataclass(frozen=True, kw_only=True)
class EgressTlsTunnelArgs(PatternArgs):
    """Arguments of EgressTlsTunnel."""

    targets: Sequence[EgressTarget]
    """The servers, one at least."""
    nameservers: Sequence[Nameserver] = ()
    """DNS servers as address:port. Default: none, those of the pod's resolv.conf."""
    resolve_seconds: Seconds = 5
    """How often each name is looked up; new connections follow a changed answer within that time. Default: 5."""
    idle_seconds: Seconds = 86400
    """Longest silence on a connection before it is closed. Default: 86400, a day, for pools that keep theirs."""
    max_connections: Positive = 1000
    """Most connections at a time, of all targets together. The memory limit must be 20Mi and 104Ki for each of them, or more. Further ones
    wait. Default: 1000."""
    health_port: PortNumber = 8083
    """Plain HTTP port on which haproxy itself answers /healthz for the kubelet; the next free one if it is taken by the fold.
    Default: 8083."""
    access_log: bool = False
    """Whether every connection is logged to stdout, and not only those that failed. Default: False."""
    image: pulumi.Input[Image] = "haproxy:3.0-alpine"
    """haproxy 2.6 or later. Default: haproxy:3.0-alpine."""
    container_name: Label = "tls-tunnel"
    """Also the beginning of its volumes' names. Default: tls-tunnel."""
    uid: Uid | None = 99
    """User id of haproxy; None leaves it to the cluster. Default: 99, as in the image."""
    resources: Resources = sized("20m", "32Mi", "128Mi")
    """Requests and limits; haproxy runs one thread for each CPU of the limit, one without. Default: 20m, 32Mi to 128Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        names = [target.name for target in self.targets]
        found = [] if names else ["targets is empty; name at least one EgressTarget"]
        found += self._memory_problems()
        return found + [f"target {n!r} is set twice; give each a name of its own" for n in dict.fromkeys(names) if names.count(n) > 1]

    def _memory_problems(self) -> list[str]:
        if checks.resources("", self.resources):
            # wrong by itself
            return []
        limit, least = self.resources["limits"]["memory"], _BASE + _CONNECTION * self.max_connections
        if amount(limit) >= least:
            return []
        return [
            f"resources.limits.memory {limit} is too little for max_connections {self.max_connections}: a server that stops reading could "
            f"get the tunnel killed; set it to {-(-least // 2**20)}Mi or more, or max_connections= to less"
        ]

    def patch(self, pod: PodView) -> PodPatch:
        """The sidecar, and the addresses in the app's environment."""
        name = self.container_name
        health = pod.free_port(self.health_port)
        files: dict[str, pulumi.Input[str]] = {"haproxy.cfg": self._config(pod, health)}
        files |= {f"{target.name}-ca.crt": target.ca_pem for target in self.targets if target.ca_pem is not None}
        secrets = [volume for target in self.targets for volume in self._secrets(pod, target)]
        container = {
            "name": name,
            "image": self.image,
            "command": ["haproxy", "-db", "-f", f"{_DIRECTORY}/haproxy.cfg"],
            "resources": self.resources,
            **health_probe(health, "/healthz"),
            "securityContext": restricted(self.uid, self.uid),
            "volumeMounts": [
                {"name": f"{name}-config", "mountPath": _DIRECTORY, "readOnly": True},
                *({"name": v["name"], "mountPath": self._mount_path(v["name"]), "readOnly": True} for v in secrets),
            ],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            volumes=tuple(secrets),
            config_files=(ConfigFiles(name=f"{name}-config", files=files),),
            app_env=tuple(variable for target in self.targets for variable in target.environment()),
            undeclared_ports=(
                *(UndeclaredPort(number=t.listen, argument=f"local_port of target {t.name!r}") for t in self.targets),
                UndeclaredPort(number=health, argument="health_port", paths=("/healthz",)),
            ),
            connects=(
                *(Connection(address=target.server, tls=True, local_port=target.listen) for target in self.targets),
                *(Connection(address=server, protocol="UDP") for server in self.nameservers),
            ),
        )

    @staticmethod
    def _mount_path(volume: str) -> str:
        return f"/run/tls-tunnel/{volume}"

    def _secrets(self, pod: PodView, target: EgressTarget) -> Sequence[dict[str, Any]]:
        """The volumes of a target."""
        prefix = f"{self.container_name}-{target.name}"
        found = []
        if target.ca_secret is not None:
            items = [{"key": target.ca_secret.key, "path": "ca.crt"}]
            found.append(
                {"name": f"{prefix}-ca", "secret": {"secretName": target.ca_secret.name, "items": items, "defaultMode": secret_mode(pod)}}
            )
        if target.client_certificate_secret is not None:
            # haproxy finds the key by its name
            items = [{"key": "tls.crt", "path": "client.crt"}, {"key": "tls.key", "path": "client.crt.key"}]
            secret = {"secretName": target.client_certificate_secret, "items": items, "defaultMode": secret_mode(pod)}
            found.append({"name": f"{prefix}-client", "secret": secret})
        return found

    def _config(self, pod: PodView, health: int) -> str:
        return filled(
            __package__,
            "egress_tls_tunnel.cfg.j2",
            args=self,
            authority=self._authority,
            client_certificate=self._client_certificate,
            health_port=health,
            loopback=LOOPBACK,
            wildcards=pod.wildcards,
            prefer=pod.ip_families[0].lower(),
            stop_seconds=min(pod.app.stop_seconds, _LONGEST),
            threads=workers(self.resources),
        )

    def _authority(self, target: EgressTarget) -> str:
        """The file that the target's certificate is verified with."""
        if target.ca_pem is not None:
            return f"{_DIRECTORY}/{target.name}-ca.crt"
        if target.ca_secret is not None:
            return f"{self._mount_path(f'{self.container_name}-{target.name}-ca')}/ca.crt"
        return "@system-ca"

    def _client_certificate(self, target: EgressTarget) -> str | None:
        if target.client_certificate_secret is None:
            return None
        return f"{self._mount_path(f'{self.container_name}-{target.name}-client')}/client.crt"


class EgressTlsTunnel(PatternComponent[EgressTlsTunnelArgs]):
    """haproxy in the pod: the app speaks plain text to 127.0.0.1, and haproxy forwards it over verified TLS.

    Every certificate is verified, by authority and by name; there is no way to turn that off. The tunnels listen on loopback only.
    List it before init containers and sidecars that need a target. WaitForInit must name the server itself: the tunnel accepts a connection
    even while the server is down.

    haproxy, because it looks names up while it runs (nginx: once), verifies name and authority for each of several targets in one
    process (ghostunnel: one target a process), and has a maintained public image (stunnel: none).

    Raises ArgumentError.
    """
