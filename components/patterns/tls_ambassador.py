"""TlsAmbassador: TLS in front of an app that speaks none, mutual if asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pulumi

from ..certificates import Certificate, CertificateAuthority, ServerCertificateArgs, bundle, server_certificate
from ..core import checks, rules
from ..core.errors import refuse
from ..core.patch import PodPatch
from ..core.protocols import PROTOCOLS, SECURE
from ..core.rules import DnsName, IpAddress, Label, Manifest, NotNegative, ObjectName, Pem, PortName, PortNumber, Positive, ServiceName
from ..core.view import LOOPBACK, BoundPort, PodView
from .shared import nginx, nginx_container
from .shared.listener import Listener, probe_problems
from .shared.mutual_tls import MutualTlsArgs

# what is looked into, request by request
_OF_HTTP = ("http", "grpc")
_TYPE = "pod-patterns:index:TlsAmbassador"


@dataclass(frozen=True, kw_only=True)
class TlsAmbassadorArgs(MutualTlsArgs):
    """Arguments of TlsAmbassador, besides those of MutualTlsArgs, ConnectionsArgs and AmbassadorArgs."""

    service_name: ServiceName | None = None
    """Name of the Service that clients connect to; the certificate is made out to it. Default: None, the workload's."""
    headless_service: ServiceName | None = None
    """Name of the headless Service of a StatefulSet; the certificate is made out to it too, and to the name that it gives each pod.
    Default: None, the workload's, if it has one."""
    namespace: pulumi.Input[Label] | None = None
    """Namespace of the Service and of the certificate's Secret. Default: None, the workload's; of a component made by hand, default."""
    target_ports: Sequence[PortName] = ("http",)
    """Names of the ports it takes over: the app's, and those that other patterns serve (http-prometheus). Default: http."""
    mode: Literal["http", "tcp"] | None = None
    """`http`: proxies requests; `tcp`: passes bytes on. What is carried as tcp cannot be looked into: no header is set or removed, and
    every upgrade to another protocol goes through. Default: None, by each port's scheme: http and grpc as http."""
    authority: CertificateAuthority | None = None
    """The authority that issues the certificate. Default: None, the workload's; if that has none, the certificate is self-signed."""
    secret_name: pulumi.Input[ObjectName] | None = None
    """An existing Secret of type kubernetes.io/tls to use instead, of cert-manager for instance. Default: None."""
    certificate_volume: Label | Manifest | None = None
    """Or a volume with the files tls.crt and tls.key: the name of one that the app or another pattern has, or its source in manifest form
    (a CSI driver, a projected podCertificate). nginx must be able to read it. Default: None."""
    reload: bool | None = None
    """Reload nginx when the certificate that somebody else keeps, `client_ca_secret` or the clients' CRL change, without a restart or a
    lost request. Invalid ones are rejected and the previous ones stay in use. The mounted files follow a Secret or ConfigMap within the
    kubelet's sync period, about a minute by default. WebSockets and tcp connections that are open then end `timeout_seconds` later.
    Default: None, if there is one of those; with False, nginx reads the files when it starts."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the existing one, for the output `ca_pem`. Default: None."""
    dns_names: Sequence[DnsName] = ()
    """Further DNS names of the certificate; of an existing one all the names to check, or none for no check. Default: none."""
    ip_addresses: Sequence[IpAddress] = ()
    """Further IP addresses of the certificate. Default: none."""
    cluster_domain: DnsName = "cluster.local"
    """DNS domain of the cluster. Default: cluster.local."""
    validity_hours: Positive = 8760
    """Hours from issue to expiry. Default: 8760, a year."""
    early_renewal_hours: NotNegative = 720
    """Hours before expiry from which `pulumi up` renews it. Default: 720, 30 days."""
    health_port: PortNumber = 8081
    """Plain HTTP port on which nginx itself answers /healthz for the kubelet; the fold takes the next free one if it is taken. With
    client_auth `required`, the kubelet has no certificate: for each port that it probes, one of the following ports passes on the GET
    requests of those probes, unencrypted, and nothing else. So it is for grpc probes, which know no TLS: their port answers
    /grpc.health.v1.Health/Check alone. Probes that only connect would find nginx: they ask it whether the app listens, at
    /listening/<port name>. Default: 8081."""

    def certificate_args(self) -> ServerCertificateArgs:
        """The arguments of the certificate it makes."""
        return ServerCertificateArgs(
            service_name=self.service_name or "",
            headless_service=self.headless_service,
            namespace="default" if self.namespace is None else self.namespace,
            cluster_domain=self.cluster_domain,
            dns_names=self.dns_names,
            ip_addresses=self.ip_addresses,
            validity_hours=self.validity_hours,
            early_renewal_hours=self.early_renewal_hours,
        )

    def completed(self, facts: Mapping[str, Any]) -> "TlsAmbassadorArgs":
        """A certificate that exists needs no authority, and has the names that it has."""
        made = ("authority", "headless_service")
        known = {name: fact for name, fact in facts.items() if name not in made} if self.exists else facts
        return super().completed(known)

    @property
    def exists(self) -> bool:
        """Whether somebody else keeps the certificate."""
        return self.secret_name is not None or self.certificate_volume is not None

    @property
    def reloads(self) -> bool:
        """Whether nginx follows changed files."""
        return (self.exists or bool(self.client_mounts())) if self.reload is None else self.reload

    def plan(self) -> "_Ambassador":
        """The ambassador; its certificate is created later, unless it exists."""
        return _Ambassador(self, self.existing_certificate()) if self.exists else _Planned(self)

    def existing_certificate(self) -> Certificate:
        """The certificate that somebody else keeps."""
        return Certificate(secret_name=self.secret_name or "", dns_names=self.dns_names or None, ca_pem=self.ca_pem)

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = super().problems() + self.certificate_args().problems()
        if self.service_name is None and not self.exists:
            found.append("service_name is missing: the Service that clients connect to")
        if self.authority and not self.exists:
            found += self.authority.leaf_problems(self.validity_hours)
        sources = {"authority": self.authority, "secret_name": self.secret_name, "certificate_volume": self.certificate_volume}
        given = [name for name, source in sources.items() if source is not None]
        if len(given) > 1:
            found.append(f"{' and '.join(given)} are both set; the certificate comes from one of them")
        if self.certificate_volume == {}:
            found.append("certificate_volume is empty; it must be a volume's name or its source, e.g. {'csi': {...}}")
        if self.reload and not self.exists and not self.client_mounts():
            found.append(
                "reload is set, but the certificate is made here: a renewed one is a new Secret and rolls the pods; "
                "leave reload out, or set secret_name to a Secret that keeps its name"
            )
        if not self.target_ports:
            found.append("target_ports is empty; name at least one port to stand in front of, e.g. ['http']")
        if self.inner_port is not None and len(self.target_ports) > 1:
            found.append("inner_port is set for more than one port; leave it out, or use one TlsAmbassador a port")
        return found + self.client_problems(authority=self.authority is not None)


class _Ambassador:
    """What it does to a pod, whether its certificate exists already or not."""

    kind = "TlsAmbassador"

    def __init__(self, args: TlsAmbassadorArgs, certificate: Certificate) -> None:
        self.args = args
        self.name = args.name
        self.certificate = certificate

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        """Takes over the ports and moves their processes inwards."""
        problems: list[str] = []
        taken: list[BoundPort] = []
        listeners: list[Listener] = []
        for name in self.args.target_ports:
            port = pod.port(name)
            problem = f"there is no port {name!r} to stand in front of; set target_ports= (known: {pod.known_ports()})"
            if port is not None:
                problem = self._port_problem(port)
            if port is None or problem:
                problems.append(problem)
                continue
            problems += probe_problems(self._probes(pod, port)) + self.args.inner_port_problems(pod, port)
            taken.append(port)
            pod, listener = self._moved(pod, port)
            listeners.append(listener)
        if any(listener.http2 for listener in listeners):
            problems += self.args.memory_problems(http2=True)
        health = pod.free_port(self.args.health_port)
        pod = nginx.checking(pod, listeners, health)
        return pod.reserve(health), self._patch(pod, taken, listeners, health) + PodPatch(problems=tuple(problems))

    def _probes(self, pod: PodView, port: BoundPort) -> dict[str, Any]:
        """What the kubelet asks for without the certificate that clients need."""
        return pod.probed(port) if self.args.client_auth == "required" or port.scheme == "grpc" else {}

    def _moved(self, pod: PodView, port: BoundPort) -> tuple[PodView, Listener]:
        args, probes = self.args, self._probes(pod, port)
        number = pod.inner_number(port.name, args.inner_port)
        pod, probe_port, probe_scheme = pod.reserve(number), None, None
        if probes:
            probe_port, probe_scheme = pod.free_port(args.health_port + 1), "GRPC" if port.scheme == "grpc" else "HTTP"
            pod = pod.reserve(probe_port)
        checked = port.process_number(number) if pod.is_connected(port) else None
        pod = pod.move(port.name, to=number, scheme=self._outer(port), probe_number=probe_port, probe_scheme=probe_scheme)
        return pod, Listener(
            name=port.name,
            listen=str(port.listen),
            own_addresses=port.keeps_number,
            upstream=f"{LOOPBACK}:{number}",
            http=self._is_http(port),
            grpc=port.scheme == "grpc",
            http2=self._is_http(port) and (port.scheme == "grpc" or self.args.http2),
            alpn=self.args.alpn or PROTOCOLS[port.scheme].alpn,
            probe_port=probe_port,
            probe_uris=tuple(map(str, probes.values())),
            checked=checked,
        )

    def _outer(self, port: BoundPort) -> str:
        """What clients speak: as long as some speak plain text, nobody may count on more."""
        return port.scheme if self.args.plain_too else PROTOCOLS[port.scheme].behind_tls

    def _is_http(self, port: BoundPort) -> bool:
        return port.scheme in _OF_HTTP and self.args.mode != "tcp"

    def _port_problem(self, port: BoundPort) -> str:
        if port.frontend:
            # what is in front would speak plain text to it
            return f"port {port.name!r} has an ambassador in front of it already; list TlsAmbassador first, and each port once"
        if port.scheme in SECURE:
            return f"port {port.name!r} speaks TLS already; take it out of target_ports="
        if self.args.mode == "http" and port.scheme not in _OF_HTTP:
            return f"mode 'http' cannot carry port {port.name!r}, which speaks {port.scheme}; leave mode= out, or set it to 'tcp'"
        if self.args.client_names and not self._is_http(port):
            return (
                f"port {port.name!r} is carried as tcp, where client_names are not checked; "
                "use a TlsAmbassador of its own for it, with an authority that only those clients have"
            )
        if self.args.alpn and self._is_http(port):
            return f"alpn is set, but port {port.name!r} is not carried as tcp; leave it out, or set mode='tcp'"
        return self.args.tls_problem(port)

    def _patch(self, pod: PodView, taken: list[BoundPort], listeners: list[Listener], health: int) -> PodPatch:
        args = self.args
        certificate = args.certificate_volume or {"secret": {"secretName": self.certificate.secret_name}}
        trusted = args.client_ca_pems or ((args.authority.trust_bundle_pem,) if args.authority else ())
        proxy = nginx_container.proxy(
            args,
            nginx.Nginx(
                listeners=listeners,
                outer_scheme="https",
                clients=args.clients(),
                health_port=health,
                connections_per_client=args.max_connections_per_client,
                plain_too=args.plain_too,
                reload=args.reloads,
            ),
            pod=pod,
            ports=taken,
            files={nginx.CLIENT_CA: bundle(trusted)} if args.client_auth and not args.client_ca_secret else {},
            mounts={"certificate": (nginx.CERTIFICATES, certificate), **args.client_mounts()},
        )
        told = replace(self.certificate, ports=tuple(port.name for port in taken), client_auth=args.client_auth)
        return proxy + PodPatch(certificates=(told,))


class _Planned(_Ambassador):
    """The ambassador before its certificate exists."""

    def __init__(self, args: TlsAmbassadorArgs) -> None:
        names = args.certificate_args().all_dns_names()
        super().__init__(args, Certificate(secret_name="planned", dns_names=names, ca_pem="planned", is_made=True))

    def create(self, name: str, opts: pulumi.ResourceOptions) -> "TlsAmbassador":
        """The component with the certificate."""
        return TlsAmbassador(name, self.args, opts)


class TlsAmbassador(_Ambassador, pulumi.ComponentResource):
    """nginx in the pod, listening with TLS where the app listened; the app moves to 127.0.0.1.

    Requests may be upgraded to WebSocket, and to no other protocol: after `Upgrade: h2c`, everything that follows on the connection would
    reach the app as the client wrote it, identity headers included.

    Makes the certificate with pulumi-tls unless `secret_name` or `certificate_volume` names one. Probes of the app go through it, so a
    living proxy in front of a dead app is not ready.

    A loop inside the nginx container watches the files of such a one and reloads nginx. ConfigReloadSidecar cannot do it:
    containers do not share a process namespace, and nginx has no reload endpoint. A Secret that a Pulumi program changes needs a provider
    with `enable_secret_mutable` to keep its name.

    Raises ArgumentError.
    """

    ca_pem: pulumi.Output[str]
    """What clients verify the certificate with, PEM; empty for an existing Secret without `ca_pem`."""
    secret_name: pulumi.Output[str]
    """metadata.name of the certificate's Secret; empty for a volume."""

    def __init__(self, name: str, args: TlsAmbassadorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wrong = rules.misplaced(TlsAmbassadorArgs, args)
        refuse(f"TlsAmbassador {name!r}", wrong or [*checks.label("name", name), *rules.problems(args)])
        args = replace(args, name=name)
        pulumi.ComponentResource.__init__(self, _TYPE, name, {}, opts)
        _Ambassador.__init__(self, args, self._certificate(name, args, opts))
        self.ca_pem = pulumi.Output.from_input(self.certificate.ca_pem or "")
        self.secret_name = pulumi.Output.from_input(self.certificate.secret_name)
        self.register_outputs({"ca_pem": self.ca_pem, "secret_name": self.secret_name})

    def _certificate(self, name: str, args: TlsAmbassadorArgs, opts: pulumi.ResourceOptions | None) -> Certificate:
        if args.exists:
            return args.existing_certificate()
        aliases = [alias for alias in (opts.aliases if opts else None) or () if isinstance(alias, pulumi.Alias)]
        earlier = [pulumi.create_urn(name, _TYPE, parent=alias.parent) for alias in aliases]
        return server_certificate(name, args.certificate_args(), authority=args.authority, parent=self, earlier=earlier)

    @property
    def namespace(self) -> pulumi.Input[str] | None:
        """Namespace of what it makes; None if that is nothing."""
        return None if self.args.exists else self.args.certificate_args().namespace
