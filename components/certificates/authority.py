"""A certificate authority, and the certificates that it issues."""

from collections.abc import Sequence

import pulumi
import pulumi_tls as tls

from ..core import checks, rules
from ..core.errors import refuse
from .arguments import CertificateArgs, CertificateAuthorityArgs, ClientCertificateArgs, ServerCertificateArgs
from .certificate import CertificateComponent, MadeCertificate, Names, bundle, made, private_key, renews_at, self_signed


class CertificateAuthority(pulumi.ComponentResource):
    """A certificate authority: `issue` and `issue_client` make leaves. Its key stays in the stack's state and is never in a Secret.

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
        args = CertificateAuthorityArgs() if args is None else args
        refuse(f"CertificateAuthority {name!r}", rules.misplaced(CertificateAuthorityArgs, args) or rules.problems(args))
        super().__init__("pod-patterns:index:CertificateAuthority", name, {}, opts)
        self._args = args
        self._key = private_key(Names(name, self))
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
        self.register_outputs({key: getattr(self, key) for key in CertificateAuthority.__annotations__})

    def issue(self, name: str, args: ServerCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> "IssuedCertificate":
        """A server certificate signed by this authority. Raises ArgumentError."""
        return IssuedCertificate(name, self, args, opts)

    def issue_client(self, name: str, args: ClientCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> "IssuedCertificate":
        """A client certificate signed by this authority, for mutual TLS. Raises ArgumentError."""
        return IssuedCertificate(name, self, args, opts)

    def leaf_problems(self, validity_hours: int) -> list[str]:
        """Why a leaf may not be valid for so many hours."""
        return self._args.leaf_problems(validity_hours)

    def sign(self, names: Names, request: tls.CertRequest, uses: list[str], args: CertificateArgs) -> tls.LocallySignedCert:
        """The certificate for a request."""
        return tls.LocallySignedCert(
            names("certificate"),
            ca_private_key_pem=self._key.private_key_pem,
            ca_cert_pem=self.ca_pem,
            cert_request_pem=request.cert_request_pem,
            allowed_uses=uses,
            validity_period_hours=args.validity_hours,
            early_renewal_hours=args.early_renewal_hours,
            set_subject_key_id=True,
            opts=names.opts,
        )


def _issued(names: Names, authority: CertificateAuthority, args: ServerCertificateArgs | ClientCertificateArgs) -> MadeCertificate:
    key = private_key(names)
    dns_names: tuple[pulumi.Input[str], ...]
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
    certificate = authority.sign(names, request, ["digital_signature", use], args)
    return made(names, args, dns_names, key, certificate, authority.trust_bundle_pem)


class IssuedCertificate(CertificateComponent):
    """A key, its certificate signed by a CertificateAuthority, and the Secret with both and the trust bundle (ca.crt).

    Raises ArgumentError.
    """

    def __init__(
        self,
        name: str,
        authority: CertificateAuthority,
        args: ServerCertificateArgs | ClientCertificateArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        wanted = ClientCertificateArgs if isinstance(args, ClientCertificateArgs) else ServerCertificateArgs
        found = rules.misplaced(wanted, args) or [*checks.label("name", name), *rules.problems(args)]
        refuse(f"IssuedCertificate {name!r}", found or authority.leaf_problems(args.validity_hours))
        super().__init__("pod-patterns:index:IssuedCertificate", name, {}, opts)
        self._finish(_issued(Names(name, self), authority, args), args.early_renewal_hours)


def server_certificate(
    name: str,
    args: ServerCertificateArgs,
    *,
    authority: CertificateAuthority | None,
    parent: pulumi.Resource,
    earlier: Sequence[pulumi.Input[str]] = (),
) -> MadeCertificate:
    """A server certificate, self-signed or signed by the authority, whose resources are children of `parent` itself.

    They had a component of their own between them and the parent once: aliases keep the keys and certificates that exist. `earlier` are
    URNs that the parent had before.
    """
    component = "pod-patterns:index:SelfSignedCertificate" if authority is None else "pod-patterns:index:IssuedCertificate"
    names = Names(name, parent, [pulumi.create_urn(name, component, parent=above) for above in (parent, *earlier)])
    return self_signed(names, args) if authority is None else _issued(names, authority, args)
