"""Arguments of certificates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ..core import checks
from ..core.rules import DnsName, IpAddress, Label, NotNegative, Pem, Positive, ServiceName, SomeText

HOURS_PER_YEAR = 8760


@checks.outlined("[ -~]{6,}")
def keystore_password_problems(what: str, value: str) -> list[str]:
    """What is wrong with the password of keystores; without the value."""
    return [] if re.fullmatch("[ -~]{6,}", value) else [f"{what} is not allowed: 6 printable ASCII characters or more, as for keytool"]


KeystorePassword = Annotated[str, keystore_password_problems]


def _renewal_problems(validity_hours: int, early_renewal_hours: int) -> list[str]:
    if early_renewal_hours < validity_hours or validity_hours < 1:
        # less than an hour is wrong by itself
        return []
    return [
        f"early_renewal_hours {early_renewal_hours} is not less than validity_hours {validity_hours}: "
        "every `pulumi up` would issue a new certificate"
    ]


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """What every certificate in a Secret has."""

    namespace: pulumi.Input[Label] = "default"
    """Namespace of the Secret, and of the Service of a server. Default: default."""
    validity_hours: Positive = HOURS_PER_YEAR
    """Hours from issue to expiry. Default: 8760, a year."""
    early_renewal_hours: NotNegative = 720
    """Hours before expiry from which `pulumi up` issues a new one; less than validity_hours, or every up would. Default: 720, 30 days."""
    keystore_password: pulumi.Input[KeystorePassword] | None = None
    """For apps in Java that speak TLS themselves: the password of two PKCS#12 files that the Secret then holds as well, `keystore.p12` (the
    key, alias certificate, with its chain) and `truststore.p12` (what is in ca.crt, aliases ca, ca-2 ...), and of itself under
    `keystore.password`. The key lies beside them in tls.key, so the password protects nothing, and `changeit` will do. For Java 8u301,
    11.0.12 or later, where the type JKS reads them too. They change when certificate, authority or password do, and at no other time.
    Default: None, PEM alone."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        return _renewal_problems(self.validity_hours, self.early_renewal_hours)


@dataclass(frozen=True, kw_only=True)
class ServerCertificateArgs(CertificateArgs):
    """Arguments of a server certificate, besides those of CertificateArgs. It covers service, service.namespace, service.namespace.svc and
    service.namespace.svc.cluster-domain, the same of a headless Service and of each pod behind it, localhost, 127.0.0.1, and what is
    added."""

    service_name: ServiceName
    """Name of the Service that clients connect to."""
    headless_service: ServiceName | None = None
    """Name of the headless Service of a StatefulSet, <pod>.<headless_service> being a name of each of its pods. Default: None."""
    cluster_domain: DnsName = "cluster.local"
    """DNS domain of the cluster. Default: cluster.local."""
    dns_names: Sequence[DnsName] = ()
    """Further DNS names, `*.` allowed in front. Default: none."""
    ip_addresses: Sequence[IpAddress] = ()
    """Further IP addresses. Default: none."""

    def all_dns_names(self) -> tuple[pulumi.Input[str], ...]:
        """Every DNS name that the certificate covers."""
        headless = (self.headless_service, f"*.{self.headless_service}") if self.headless_service else ()
        names = [name for service in (self.service_name, *headless) for name in self._names(service)]
        return tuple(dict.fromkeys((*names, "localhost", *self.dns_names)))

    def _names(self, service: str) -> tuple[pulumi.Input[str], ...]:
        """The names that a Service, or a pod behind it, has in the cluster."""
        endings = ("", ".svc", f".svc.{self.cluster_domain}")
        if isinstance(self.namespace, str):
            return (service, *(f"{service}.{self.namespace}{ending}" for ending in endings))
        return (service, *(pulumi.Output.concat(service, ".", self.namespace, ending) for ending in endings))


@dataclass(frozen=True, kw_only=True)
class ClientCertificateArgs(CertificateArgs):
    """Arguments of a client certificate, besides those of CertificateArgs."""

    common_name: DnsName
    """Who the client is, as in TlsAmbassador's client_names; the subject's common name, and a DNS name of the certificate."""


@dataclass(frozen=True, kw_only=True)
class CertificateAuthorityArgs:
    """Arguments of CertificateAuthority."""

    common_name: SomeText = "pod-patterns CA"
    """Subject of the authority's certificate. Default: pod-patterns CA."""
    validity_hours: Positive = 10 * HOURS_PER_YEAR
    """Hours from issue to expiry. Default: 87600, ten years."""
    early_renewal_hours: NotNegative = 2 * HOURS_PER_YEAR
    """Hours before expiry from which `pulumi up` renews it, and with it every leaf; leaves may not be valid for longer than
    this, so that none outlives its authority. Default: 17520, two years."""
    previous_ca_pems: Sequence[pulumi.Input[Pem]] = ()
    """Certificates of authorities with other keys that both sides trust as well while one authority replaces another. To reject nobody,
    first add the new one's here to the old authority, then the old one's to the new authority, then remove it. Default: none."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        return _renewal_problems(self.validity_hours, self.early_renewal_hours)

    def leaf_problems(self, validity_hours: int) -> list[str]:
        """Why a leaf may not be valid for so many hours."""
        if validity_hours <= self.early_renewal_hours:
            return []
        return [
            f"validity_hours {validity_hours} is more than early_renewal_hours {self.early_renewal_hours} of the authority: the "
            "certificate could outlive it; lower the one or raise the other"
        ]
