"""Certificates made by pulumi-tls and kept in the stack's state: a self-signed leaf, or an authority that issues leaves.

They are renewed by an ordinary `pulumi up` once they are due, and by nothing else; the key stays, so whoever trusts the old
certificate of an authority goes on verifying what the renewed one signs, until the old one ends.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls

from .core import checks
from .core.errors import refuse

HOURS_PER_YEAR = 8760


@dataclass(frozen=True, kw_only=True)
class ServerCertificateArgs:
    """Arguments of a server certificate. It covers service, service.namespace, service.namespace.svc and
    service.namespace.svc.cluster-domain, localhost, 127.0.0.1, and what is added."""

    service_name: str
    """Name of the Service that clients connect to."""
    namespace: pulumi.Input[str] = "default"
    """Namespace of that Service, and of the Secret. Default: default."""
    cluster_domain: str = "cluster.local"
    """DNS domain of the cluster. Default: cluster.local."""
    dns_names: tuple[str, ...] = ()
    """Further DNS names, `*.` allowed in front. Default: none."""
    ip_addresses: tuple[str, ...] = ()
    """Further IP addresses. Default: none."""
    validity_hours: int = HOURS_PER_YEAR
    """Hours from issue to expiry. Default: 8760, a year."""
    early_renewal_hours: int = 720
    """Hours before expiry from which `pulumi up` issues a new one; less than validity_hours, or every up would. Default: 720, 30 days."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = checks.service_name("service_name", self.service_name) + checks.dns_name("cluster_domain", self.cluster_domain)
        if checks.is_plain(self.namespace):
            found += checks.label("namespace", self.namespace)
        for name in self.dns_names:
            found += checks.dns_name("dns_names:", name)
        return found + _address_problems(self.ip_addresses) + validity_problems(self)

    def all_dns_names(self) -> tuple[pulumi.Input[str], ...]:
        """Every DNS name that the certificate covers."""
        service, domain = self.service_name, self.cluster_domain
        suffixes: tuple[pulumi.Input[str], ...] = (
            (f"{service}.{self.namespace}", f"{service}.{self.namespace}.svc", f"{service}.{self.namespace}.svc.{domain}")
            if isinstance(self.namespace, str)
            else tuple(pulumi.Output.concat(service, ".", self.namespace, rest) for rest in ("", ".svc", f".svc.{domain}"))
        )
        return tuple(dict.fromkeys((service, *suffixes, "localhost", *self.dns_names)))


@dataclass(frozen=True, kw_only=True)
class ClientCertificateArgs:
    """Arguments of a client certificate."""

    common_name: str
    """Who the client is, as in TlsAmbassador's client_names; the subject's common name, and a DNS name of the certificate."""
    namespace: pulumi.Input[str] = "default"
    """Namespace of the Secret. Default: default."""
    validity_hours: int = HOURS_PER_YEAR
    """Hours from issue to expiry. Default: 8760, a year."""
    early_renewal_hours: int = 720
    """Hours before expiry from which `pulumi up` issues a new one. Default: 720, 30 days."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = checks.dns_name("common_name", self.common_name) + validity_problems(self)
        return found + (checks.label("namespace", self.namespace) if checks.is_plain(self.namespace) else [])


@dataclass(frozen=True, kw_only=True)
class CertificateAuthorityArgs:
    """Arguments of CertificateAuthority."""

    common_name: str = "pod-patterns CA"
    """Subject of the authority's certificate. Default: pod-patterns CA."""
    validity_hours: int = 10 * HOURS_PER_YEAR
    """Hours from issue to expiry. Default: 87600, ten years."""
    early_renewal_hours: int = 2 * HOURS_PER_YEAR
    """Hours before expiry from which `pulumi up` renews it, and with it every leaf; leaves may not be valid for longer than
    this, so that none outlives its authority. Default: 17520, two years."""
    previous_ca_pems: tuple[pulumi.Input[str], ...] = ()
    """Certificates of authorities, with other keys, that both sides are to trust as well while one takes over from another. So that
    nobody is refused: first the new one's here for the old one, then the old one's for the new one, then none. Default: none."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        return validity_problems(self) + ([] if self.common_name else ["common_name is empty; an authority needs a subject"])

    def leaf_problems(self, validity_hours: int) -> list[str]:
        """Why a leaf may not be valid for so many hours."""
        # what is not a number is refused elsewhere
        if not isinstance(validity_hours, int) or validity_hours <= self.early_renewal_hours:
            return []
        return [
            f"validity_hours {validity_hours} is more than early_renewal_hours {self.early_renewal_hours} of the authority: the "
            "certificate could outlive it; lower the one or raise the other"
        ]


def validity_problems(args: Any) -> list[str]:
    """What is wrong with `validity_hours` and `early_renewal_hours`."""
    found = checks.at_least("validity_hours", args.validity_hours, 1)
    found += checks.at_least("early_renewal_hours", args.early_renewal_hours, 0)
    if not found and args.early_renewal_hours >= args.validity_hours:
        found.append(
            f"early_renewal_hours {args.early_renewal_hours} is not less than validity_hours {args.validity_hours}: "
            "every `pulumi up` would issue a new certificate"
        )
    return found


def _address_problems(addresses: tuple[str, ...]) -> list[str]:
    found = []
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            found.append(f"ip_addresses: {address!r} is not allowed: an IPv4 or IPv6 address")
    return found


def renews_at(expires_at: pulumi.Input[str], early_renewal_hours: int) -> pulumi.Output[str]:
    """When a certificate is due, as RFC 3339, from its expiry."""
    early = timedelta(hours=early_renewal_hours)
    return pulumi.Output.from_input(expires_at).apply(lambda end: (datetime.fromisoformat(end) - early).isoformat())


def bundle(pems: Iterable[pulumi.Input[str]]) -> pulumi.Output[str]:
    """Certificates in one text, each on lines of its own, whether its text ends with a line break or not."""
    return pulumi.Output.all(*pems).apply(lambda texts: "".join(f"{text.strip()}\n" for text in texts))


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate in a Secret of type kubernetes.io/tls, and what clients need to know of it."""

    secret_name: pulumi.Input[str]
    """metadata.name of the Secret, in the workload's namespace."""
    dns_names: tuple[pulumi.Input[str], ...] | None
    """The names it covers; None if that is not to be checked."""
    ca_pem: pulumi.Input[str] | None = None
    """What clients verify it with, PEM. Default: None, unknown."""
    expires_at: pulumi.Output[str] | None = None
    """Expiry, RFC 3339. Default: None, unknown."""


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What pulumi-tls and the Secret tell of a certificate that is made here."""

    secret_name: pulumi.Output[str]
    certificate_pem: pulumi.Output[str]
    private_key_pem: pulumi.Output[str]
    ca_pem: pulumi.Output[str]
    expires_at: pulumi.Output[str]


class _Names:
    """Resources of one certificate: their names, their parent, and the parents that they had before."""

    def __init__(self, name: str, parent: pulumi.Resource, earlier: Sequence[pulumi.Input[str]] = ()) -> None:
        self._name = name
        self._parent = parent
        self._earlier = earlier

    def __call__(self, part: str) -> str:
        return f"{self._name}-{part}"

    @property
    def opts(self) -> pulumi.ResourceOptions:
        """Options of each resource."""
        return pulumi.ResourceOptions(parent=self._parent, aliases=[pulumi.Alias(parent=urn) for urn in self._earlier])


def _private_key(names: _Names) -> tls.PrivateKey:
    # the provider's default curve, P224, is one that hardly any TLS stack accepts
    return tls.PrivateKey(names("key"), algorithm="ECDSA", ecdsa_curve="P256", opts=names.opts)


def _tls_secret(
    names: _Names,
    *,
    namespace: pulumi.Input[str],
    key: tls.PrivateKey,
    certificate_pem: pulumi.Input[str],
    ca_pem: pulumi.Input[str],
) -> pulumi.Output[str]:
    """A kubernetes.io/tls Secret with ca.crt beside it; returns its name. Auto-named and immutable: a new certificate is a new
    name, and so one rolling update."""
    data: Mapping[str, pulumi.Input[str]] = {"tls.crt": certificate_pem, "tls.key": key.private_key_pem_pkcs8, "ca.crt": ca_pem}
    secret = kubernetes.core.v1.Secret(
        names("certificate"),
        metadata={"namespace": namespace},
        type="kubernetes.io/tls",
        immutable=True,
        string_data=data,
        opts=names.opts,
    )
    return secret.metadata.name


def _self_signed(names: _Names, args: "ServerCertificateArgs") -> _Made:
    key = _private_key(names)
    certificate = tls.SelfSignedCert(
        names("certificate"),
        private_key_pem=key.private_key_pem,
        subject={"common_name": args.service_name},
        dns_names=list(args.all_dns_names()),
        ip_addresses=["127.0.0.1", *args.ip_addresses],
        allowed_uses=["digital_signature", "server_auth"],
        validity_period_hours=args.validity_hours,
        early_renewal_hours=args.early_renewal_hours,
        set_subject_key_id=True,
        set_authority_key_id=True,
        opts=names.opts,
    )
    pem = certificate.cert_pem
    secret_name = _tls_secret(names, namespace=args.namespace, key=key, certificate_pem=pem, ca_pem=pem)
    return _Made(
        secret_name=secret_name,
        certificate_pem=pem,
        private_key_pem=key.private_key_pem_pkcs8,
        ca_pem=pem,
        expires_at=certificate.validity_end_time,
    )


def _issued(names: _Names, authority: "CertificateAuthority", args: "ServerCertificateArgs | ClientCertificateArgs") -> _Made:
    key = _private_key(names)
    if isinstance(args, ServerCertificateArgs):
        common_name, dns_names, addresses, use = args.service_name, args.all_dns_names(), ["127.0.0.1", *args.ip_addresses], "server_auth"
    else:
        common_name, dns_names, addresses, use = args.common_name, (args.common_name,), [], "client_auth"
    request = tls.CertRequest(
        names("request"),
        private_key_pem=key.private_key_pem,
        subject={"common_name": common_name},
        dns_names=list(dns_names),
        ip_addresses=addresses,
        opts=names.opts,
    )
    certificate = authority.sign(names("certificate"), request, ["digital_signature", use], args, names.opts)
    ca_pem = authority.trust_bundle_pem
    secret_name = _tls_secret(names, namespace=args.namespace, key=key, certificate_pem=certificate.cert_pem, ca_pem=ca_pem)
    return _Made(
        secret_name=secret_name,
        certificate_pem=certificate.cert_pem,
        private_key_pem=key.private_key_pem_pkcs8,
        ca_pem=ca_pem,
        expires_at=certificate.validity_end_time,
    )


def server_certificate(
    name: str,
    args: "ServerCertificateArgs",
    *,
    authority: "CertificateAuthority | None",
    parent: pulumi.Resource,
    earlier: Sequence[pulumi.Input[str]] = (),
) -> Certificate:
    """A server certificate, self-signed or signed by the authority, whose resources are children of `parent` itself.

    They had a component of their own between them and the parent once: aliases keep the keys and certificates that exist. `earlier` are
    URNs that the parent had before.
    """
    component = "pod-patterns:index:SelfSignedCertificate" if authority is None else "pod-patterns:index:IssuedCertificate"
    names = _Names(name, parent, [pulumi.create_urn(name, component, parent=above) for above in (parent, *earlier)])
    made = _self_signed(names, args) if authority is None else _issued(names, authority, args)
    return Certificate(secret_name=made.secret_name, dns_names=args.all_dns_names(), ca_pem=made.ca_pem, expires_at=made.expires_at)


class SelfSignedCertificate(pulumi.ComponentResource):
    """A key, its self-signed server certificate, and the Secret with both. Clients trust the certificate itself.

    Raises ArgumentError.
    """

    secret_name: pulumi.Output[str]
    """metadata.name of the kubernetes.io/tls Secret."""
    ca_pem: pulumi.Output[str]
    """What clients verify it with: the certificate itself."""
    expires_at: pulumi.Output[str]
    """Expiry, RFC 3339."""
    renews_at: pulumi.Output[str]
    """From when on `pulumi up` issues a new one, RFC 3339."""

    def __init__(self, name: str, args: ServerCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"SelfSignedCertificate {name!r}", [*checks.label("name", name), *args.problems()])
        super().__init__("pod-patterns:index:SelfSignedCertificate", name, {}, opts)
        self.dns_names = args.all_dns_names()
        made = _self_signed(_Names(name, self), args)
        self.secret_name, self.ca_pem, self.expires_at = made.secret_name, made.ca_pem, made.expires_at
        self.renews_at = renews_at(made.expires_at, args.early_renewal_hours)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


class CertificateAuthority(pulumi.ComponentResource):
    """A certificate authority: `issue` and `issue_client` make leaves. Its key stays in the stack's state, in no Secret.

    Raises ArgumentError.
    """

    ca_pem: pulumi.Output[str]
    """Its certificate, PEM."""
    trust_bundle_pem: pulumi.Output[str]
    """What both sides trust: its certificate and the previous ones."""
    expires_at: pulumi.Output[str]
    """Expiry, RFC 3339."""
    renews_at: pulumi.Output[str]
    """From when on `pulumi up` renews it, RFC 3339."""

    def __init__(self, name: str, args: CertificateAuthorityArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        args = args or CertificateAuthorityArgs()
        refuse(f"CertificateAuthority {name!r}", args.problems())
        super().__init__("pod-patterns:index:CertificateAuthority", name, {}, opts)
        self._args = args
        self._key = _private_key(_Names(name, self))
        certificate = tls.SelfSignedCert(
            f"{name}-certificate",
            private_key_pem=self._key.private_key_pem,
            subject={"common_name": args.common_name},
            is_ca_certificate=True,
            max_path_length=0,
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=args.validity_hours,
            early_renewal_hours=args.early_renewal_hours,
            set_subject_key_id=True,
            set_authority_key_id=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.ca_pem = certificate.cert_pem
        self.trust_bundle_pem = bundle((certificate.cert_pem, *args.previous_ca_pems))
        self.expires_at = certificate.validity_end_time
        self.renews_at = renews_at(certificate.validity_end_time, args.early_renewal_hours)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def issue(self, name: str, args: ServerCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> "IssuedCertificate":
        """A server certificate signed by this authority. Raises ArgumentError."""
        return IssuedCertificate(name, self, args, opts)

    def issue_client(self, name: str, args: ClientCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> "IssuedCertificate":
        """A client certificate signed by this authority, for mutual TLS. Raises ArgumentError."""
        return IssuedCertificate(name, self, args, opts)

    def leaf_problems(self, validity_hours: int) -> list[str]:
        """Why a leaf may not be valid for so many hours."""
        return self._args.leaf_problems(validity_hours)

    def sign(self, name: str, request: tls.CertRequest, uses: list[str], args: Any, opts: pulumi.ResourceOptions) -> tls.LocallySignedCert:
        """The certificate for a request."""
        return tls.LocallySignedCert(
            name,
            ca_private_key_pem=self._key.private_key_pem,
            ca_cert_pem=self.ca_pem,
            cert_request_pem=request.cert_request_pem,
            allowed_uses=uses,
            validity_period_hours=args.validity_hours,
            early_renewal_hours=args.early_renewal_hours,
            set_subject_key_id=True,
            opts=opts,
        )


class IssuedCertificate(pulumi.ComponentResource):
    """A key, its certificate signed by a CertificateAuthority, and the Secret with both and the trust bundle (ca.crt)."""

    secret_name: pulumi.Output[str]
    """metadata.name of the kubernetes.io/tls Secret."""
    certificate_pem: pulumi.Output[str]
    """The certificate."""
    private_key_pem: pulumi.Output[str]
    """Its key, PKCS#8; a Pulumi secret."""
    ca_pem: pulumi.Output[str]
    """What the other side verifies it with: the authority's trust bundle."""
    expires_at: pulumi.Output[str]
    """Expiry, RFC 3339."""
    renews_at: pulumi.Output[str]
    """From when on `pulumi up` issues a new one, RFC 3339."""

    def __init__(
        self,
        name: str,
        authority: CertificateAuthority,
        args: ServerCertificateArgs | ClientCertificateArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        problems = [*checks.label("name", name), *args.problems(), *authority.leaf_problems(args.validity_hours)]
        refuse(f"IssuedCertificate {name!r}", problems)
        super().__init__("pod-patterns:index:IssuedCertificate", name, {}, opts)
        self.dns_names = args.all_dns_names() if isinstance(args, ServerCertificateArgs) else (args.common_name,)
        made = _issued(_Names(name, self), authority, args)
        self.secret_name, self.certificate_pem, self.private_key_pem = made.secret_name, made.certificate_pem, made.private_key_pem
        self.ca_pem, self.expires_at = made.ca_pem, made.expires_at
        self.renews_at = renews_at(made.expires_at, args.early_renewal_hours)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})
