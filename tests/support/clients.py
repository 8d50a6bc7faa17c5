"""An authority of clients, and certificates of it as no authority of ours would issue them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CN, OU, O = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME  # noqa: E741


def subject(*attributes: Any) -> x509.Name:
    """A subject of (OID, value) pairs; a list of pairs stands for one part with several values."""
    parts = [part if isinstance(part, list) else [part] for part in attributes]
    return x509.Name([x509.RelativeDistinguishedName([x509.NameAttribute(*pair) for pair in part]) for part in parts])


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key."""

    pem: str
    key_pem: str


class Authority:
    """An authority of clients. All roots have the same name, as ours do by default; what tells them apart is the key."""

    def __init__(self, above: "Authority | None" = None) -> None:
        """above: the authority that vouches for it (default: none, it is a root)."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._depth: int = above._depth + 1 if above else 0
        self._name = subject((CN, f"clients {self._depth}"))
        use = x509.BasicConstraints(ca=True, path_length=None)
        self.pem = (above or self)._signed(self._name, self._key, 24, use)
        # what a client sends along; the root it leaves out
        self._chain: str = self.pem + above._chain if above else ""

    def client(self, name: str | x509.Name, *, hours: int = 1, server: bool = False) -> Certificate:
        """A certificate for a common name or a whole subject, which ends in so many hours and has begun two days earlier."""
        key = ec.generate_private_key(ec.SECP256R1())
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH])
        pem = self._signed(subject((CN, name)) if isinstance(name, str) else name, key, hours, use)
        return Certificate(pem + self._chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())

    def crl(self, *revoked: Certificate, hours: float = 1) -> str:
        """Its revocation list with those certificates, which expires in so many hours; it began two days earlier."""
        end = datetime.now(UTC) + timedelta(hours=hours)
        builder = x509.CertificateRevocationListBuilder(self._name, end - timedelta(days=2), end)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        for certificate in revoked:
            number = x509.load_pem_x509_certificate(certificate.pem.encode()).serial_number
            entry = x509.RevokedCertificateBuilder(number, end - timedelta(days=2)).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, hours: int, use: x509.ExtensionType) -> str:
        end = datetime.now(UTC) + timedelta(hours=hours)
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number(), end - timedelta(days=2), end)
        for extension in (
            use,
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
        ):
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
