"""VaultCertificate: a certificate that Vault's PKI engine issues, its key and its authority, as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from ...core import checks
from ...core.rules import DnsName, FileName, IpAddress, Positive
from .vault_read import API, API_ADDED, Role, VaultFile, VaultPath, VaultRead

CommonName = Annotated[
    str, checks.shaped("[A-Za-z0-9*][A-Za-z0-9 ._@:*-]{0,63}", "64 characters at most: letters, digits, spaces and ._@:*-")
]

_CHAIN = '{{ range index . "ca_chain" }}{{ . }}\n{{ end }}'
# a Vault before 1.11 has no chain for what its root signs
_AUTHORITIES = '{{ range index . "ca_chain" }}{{ . }}\n{{ else }}{{ .issuing_ca }}\n{{ end }}'


@dataclass(frozen=True, kw_only=True)
class VaultCertificate:
    """A certificate that Vault issues for the pod, in three files that always belong together: they are made of one answer."""

    role: Role
    """Role of the PKI engine, which decides what it issues."""
    common_name: CommonName
    """Common name of the subject; a DNS name is among the certificate's names as well, if the role does not say otherwise."""
    mount: VaultPath = "pki"
    """Mount of the PKI engine. Default: pki."""
    alt_names: Sequence[DnsName] = ()
    """Further DNS names. Default: none."""
    ip_sans: Sequence[IpAddress] = ()
    """IP addresses. Default: none."""
    ttl_hours: Positive | None = None
    """Lifetime in hours; the role's max_ttl is the most. Default: None, the role's ttl."""
    certificate_file: FileName = "tls.crt"
    """Name of the file with the certificate, and behind it its authorities. Default: tls.crt."""
    key_file: FileName = "tls.key"
    """Name of the file with the private key, PKCS #8. Default: tls.key."""
    ca_file: FileName = "ca.crt"
    """Name of the file with the authorities, as far as Vault has them. Default: ca.crt."""
    mode: Literal["0400", "0440"] = "0400"
    """Mode of the files, which belong to the app's uid: 0400, or 0440 for the pod's group too. Default: 0400."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        mount = self.mount.removeprefix(API).removesuffix("/issue")
        why = [API_ADDED] if self.mount.startswith(API) else []
        why += ["issue/ is added"] if self.mount.endswith("/issue") else []
        return [f"mount {self.mount!r} is not allowed: {' and '.join(why)}; write mount={mount!r}"] if why else []

    @property
    def files(self) -> tuple[str, str, str]:
        """The names of the files."""
        return self.certificate_file, self.key_file, self.ca_file

    def read(self) -> VaultRead:
        """The request, and its files."""
        parameters = {
            "common_name": self.common_name,
            "alt_names": ",".join(self.alt_names),
            "ip_sans": ",".join(self.ip_sans),
            "ttl": "" if self.ttl_hours is None else f"{self.ttl_hours}h",
            "private_key_format": "pkcs8",
        }
        texts = (f"{{{{ .certificate }}}}\n{_CHAIN}", "{{ .private_key }}\n", _AUTHORITIES)
        return VaultRead(
            path=f"{self.mount}/issue/{self.role}",
            parameters=tuple(f"{name}={value}" for name, value in parameters.items() if value),
            files=tuple(VaultFile(name=name, mode=self.mode, text=text) for name, text in zip(self.files, texts, strict=True)),
        )
