"""A key, its certificate, and the Secret with both."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import pulumi
import pulumi_tls as tls

from ..core import checks, rules
from ..core.errors import refuse
from ..kubernetes_object import KubernetesObject
from .arguments import CertificateArgs, ServerCertificateArgs, keystore_password_problems

KEYSTORE, TRUSTSTORE, KEYSTORE_PASSWORD = "keystore.p12", "truststore.p12", "keystore.password"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate in a Secret of type kubernetes.io/tls, and what clients need to know of it."""

    secret_name: pulumi.Input[str]
    """metadata.name of the Secret, in the workload's namespace."""
    dns_names: Sequence[pulumi.Input[str]] | None
    """The names it covers; None if that is not to be checked."""
    ca_pem: pulumi.Input[str] | None = None
    """What clients verify it with, PEM. Default: None, unknown."""
    expires_at: pulumi.Output[str] | None = None
    """Expiry, RFC 3339. Default: None, unknown."""
    ports: Sequence[str] = ()
    """Names of the pod's ports that have it. Default: none, unknown."""
    client_auth: Literal["required", "optional"] | None = None
    """Whether clients of those have to have one too. Default: None, they are asked for none."""
    is_made: bool = False
    """Whether this program makes it: a renewed one is then another Secret. Default: False, somebody else keeps it."""


@dataclass(frozen=True, kw_only=True)
class MadeCertificate(Certificate):
    """One that this program makes."""

    secret_name: pulumi.Output[str]
    ca_pem: pulumi.Output[str]
    expires_at: pulumi.Output[str]
    is_made: bool = True
    certificate_pem: pulumi.Output[str]
    private_key_pem: pulumi.Output[str]


class Names:
    """Resources of one certificate: their names, their parent, and the parents that they had before."""

    def __init__(self, name: str, parent: pulumi.Resource, earlier: Sequence[pulumi.Input[str]] = ()) -> None:
        self._name = name
        self.opts = pulumi.ResourceOptions(parent=parent, aliases=[pulumi.Alias(parent=urn) for urn in earlier])

    def __call__(self, part: str) -> str:
        return f"{self._name}-{part}"


def renews_at(expires_at: pulumi.Input[str], early_renewal_hours: int) -> pulumi.Output[str]:
    """When a certificate is due, as RFC 3339, from its expiry."""
    early = timedelta(hours=early_renewal_hours)
    return pulumi.Output.from_input(expires_at).apply(lambda end: (datetime.fromisoformat(end) - early).isoformat())


def bundle(pems: Iterable[pulumi.Input[str]]) -> pulumi.Output[str]:
    """Certificates in one text, each on lines of its own, whether its text ends with a line break or not."""
    return pulumi.Output.all(*pems).apply(lambda texts: "".join(f"{text.strip()}\n" for text in texts))


def private_key(names: Names) -> tls.PrivateKey:
    """A P-256 key: the provider's default curve, P224, is one that hardly any TLS stack accepts."""
    return tls.PrivateKey(names("key"), algorithm="ECDSA", ecdsa_curve="P256", opts=names.opts)


def made(
    names: Names,
    args: CertificateArgs,
    dns_names: Sequence[pulumi.Input[str]],
    key: tls.PrivateKey,
    certificate: tls.SelfSignedCert | tls.LocallySignedCert,
    ca_pem: pulumi.Output[str],
) -> MadeCertificate:
    """The certificate in a kubernetes.io/tls Secret, ca.crt beside it, and keystores if they are asked for. Auto-named and immutable: a
    new certificate is a new name, and so one rolling update."""
    pem, key_pem = certificate.cert_pem, key.private_key_pem_pkcs8
    keystores = {} if args.keystore_password is None else {"data": _keystores(names, args.keystore_password, key_pem, pem, ca_pem)}
    secret = KubernetesObject(
        names("certificate"),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": args.namespace},
            "type": "kubernetes.io/tls",
            "immutable": True,
            "stringData": {"tls.crt": pem, "tls.key": key_pem, "ca.crt": ca_pem},
            **keystores,
        },
        names.opts,
    )
    return MadeCertificate(
        secret_name=secret.object_name,
        dns_names=dns_names,
        ca_pem=ca_pem,
        expires_at=certificate.validity_end_time,
        certificate_pem=pem,
        private_key_pem=key_pem,
    )


def _keystores(
    names: Names, password: pulumi.Input[str], key_pem: pulumi.Input[str], pem: pulumi.Input[str], ca_pem: pulumi.Input[str]
) -> dict[str, pulumi.Output[str]]:
    """What Java reads, in base64, by the keys of the Secret."""
    # here, because the library behind it takes a sixth of a second to import
    from . import keystore  # noqa: PLC0415

    known = checks.when_known(names("certificate"), password, lambda text: keystore_password_problems("keystore_password", text))
    given: pulumi.Output[list[str]] = pulumi.Output.all(key_pem, pem, ca_pem, known)

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    return {
        KEYSTORE: given.apply(lambda of: encoded(keystore.keystore(*of))),
        TRUSTSTORE: given.apply(lambda of: encoded(keystore.truststore(of[2], of[3]))),
        KEYSTORE_PASSWORD: given.apply(lambda of: encoded(of[3].encode())),
    }


def self_signed(names: Names, args: ServerCertificateArgs) -> MadeCertificate:
    """A server certificate that clients trust itself."""
    key, dns_names = private_key(names), args.all_dns_names()
    certificate = tls.SelfSignedCert(
        names("certificate"),
        private_key_pem=key.private_key_pem,
        subject={"common_name": args.service_name},
        dns_names=list(dns_names),
        ip_addresses=["127.0.0.1", *args.ip_addresses],
        allowed_uses=["digital_signature", "server_auth"],
        validity_period_hours=args.validity_hours,
        early_renewal_hours=args.early_renewal_hours,
        set_subject_key_id=True,
        set_authority_key_id=True,
        opts=names.opts,
    )
    return made(names, args, dns_names, key, certificate, certificate.cert_pem)


class CertificateComponent(pulumi.ComponentResource):
    """What the components of a leaf have in common."""

    secret_name: pulumi.Output[str]
    """metadata.name of the kubernetes.io/tls Secret."""
    certificate_pem: pulumi.Output[str]
    """The certificate."""
    private_key_pem: pulumi.Output[str]
    """Its key, PKCS#8; a Pulumi secret."""
    ca_pem: pulumi.Output[str]
    """What the other side verifies it with: the certificate itself, or the authority's trust bundle."""
    expires_at: pulumi.Output[str]
    """Expiry, RFC 3339."""
    renews_at: pulumi.Output[str]
    """From when on `pulumi up` issues a new one, RFC 3339."""

    def _finish(self, certificate: MadeCertificate, early_renewal_hours: int) -> None:
        self.dns_names = certificate.dns_names
        self.renews_at = renews_at(certificate.expires_at, early_renewal_hours)
        for name in ("secret_name", "certificate_pem", "private_key_pem", "ca_pem", "expires_at"):
            setattr(self, name, getattr(certificate, name))
        self.register_outputs({name: getattr(self, name) for name in CertificateComponent.__annotations__})


class SelfSignedCertificate(CertificateComponent):
    """A key, its self-signed server certificate, and the Secret with both. Clients trust the certificate itself.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: ServerCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wrong = rules.misplaced(ServerCertificateArgs, args)
        refuse(f"SelfSignedCertificate {name!r}", wrong or [*checks.label("name", name), *rules.problems(args)])
        super().__init__("pod-patterns:index:SelfSignedCertificate", name, {}, opts)
        self._finish(self_signed(Names(name, self), args), args.early_renewal_hours)
