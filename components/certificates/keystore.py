"""A certificate as Java reads it: PKCS#12 files (RFC 7292), the same bytes at every `pulumi up` as long as nothing changes.

The library that reads PEM writes PKCS#12 too, but with random salts: every `pulumi up` would roll the pods. Here the salts follow from
what is kept.
"""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from .der import bmp_string, explicit, integer, null, octets, oid, sequence, set_of

KEY_ALIAS = "certificate"
CA_ALIAS = "ca"

# as keytool of Java 17
_ITERATIONS = 10_000

_DATA, _ENCRYPTED_KEY_BAG, _CERTIFICATE_BAG = "1.2.840.113549.1.7.1", "1.2.840.113549.1.12.10.1.2", "1.2.840.113549.1.12.10.1.3"
_X509, _FRIENDLY_NAME, _LOCAL_KEY_ID = "1.2.840.113549.1.9.22.1", "1.2.840.113549.1.9.20", "1.2.840.113549.1.9.21"
_PBES2, _PBKDF2, _HMAC_SHA256 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.2.840.113549.2.9"
_AES_256_CBC, _SHA256 = "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.2.1"
# Oracle's: without it, Java does not take a certificate for a trusted one
_TRUSTED_KEY_USAGE, _ANY_USAGE = "2.16.840.1.113894.746875.1.1", "2.5.29.37.0"


def keystore(key_pem: str, certificate_pem: str, ca_pem: str, password: str) -> bytes:
    """The key and its certificate, with those of `ca_pem` that have signed it behind it."""
    leaf = x509.load_pem_x509_certificate(certificate_pem.encode())
    chain = [leaf, *(ca for ca in x509.load_pem_x509_certificates(ca_pem.encode()) if ca != leaf and _has_issued(ca, leaf))]
    key = load_pem_private_key(key_pem.encode(), None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    # the same for a key and its certificate, which is how they find each other
    pair = [
        _attribute(_FRIENDLY_NAME, bmp_string(KEY_ALIAS)),
        _attribute(_LOCAL_KEY_ID, octets(hashlib.sha256(leaf.public_bytes(Encoding.DER)).digest())),
    ]
    bags = [_certificate_bag(one, pair if one == leaf else []) for one in chain]
    secret = hmac.digest(key, password.encode() + sequence(*bags), "sha256")
    encrypted = sequence(oid(_ENCRYPTED_KEY_BAG), explicit(0, _encrypted(key, password, secret)), set_of(*pair))
    return _file([sequence(*bags), sequence(encrypted)], password, secret)


def truststore(ca_pem: str, password: str) -> bytes:
    """Certificates that are trusted."""
    bags = []
    for number, ca in enumerate(x509.load_pem_x509_certificates(ca_pem.encode()), 1):
        name = _attribute(_FRIENDLY_NAME, bmp_string(CA_ALIAS if number == 1 else f"{CA_ALIAS}-{number}"))
        bags.append(_certificate_bag(ca, [name, _attribute(_TRUSTED_KEY_USAGE, oid(_ANY_USAGE))]))
    return _file([sequence(*bags)], password, hmac.digest(password.encode(), sequence(*bags), "sha256"))


def _has_issued(ca: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _attribute(name: str, value: bytes) -> bytes:
    return sequence(oid(name), set_of(value))


def _certificate_bag(certificate: x509.Certificate, attributes: Sequence[bytes]) -> bytes:
    # not encrypted: it is no secret, and the file as a whole is authenticated
    value = sequence(oid(_X509), explicit(0, octets(certificate.public_bytes(Encoding.DER))))
    return sequence(oid(_CERTIFICATE_BAG), explicit(0, value), *([set_of(*attributes)] if attributes else []))


def _salt(secret: bytes, what: str) -> bytes:
    return hmac.digest(secret, what.encode(), "sha256")[:16]


def _encrypted(key: bytes, password: str, secret: bytes) -> bytes:
    """EncryptedPrivateKeyInfo: PBES2 of RFC 8018, AES-256."""
    salt, vector = _salt(secret, "key"), _salt(secret, "vector")
    cipher = Cipher(algorithms.AES(hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS, 32)), modes.CBC(vector)).encryptor()
    padding = 16 - len(key) % 16
    derivation = sequence(oid(_PBKDF2), sequence(octets(salt), integer(_ITERATIONS), integer(32), sequence(oid(_HMAC_SHA256), null())))
    scheme = sequence(oid(_PBES2), sequence(derivation, sequence(oid(_AES_256_CBC), octets(vector))))
    return sequence(scheme, octets(cipher.update(key + bytes([padding]) * padding) + cipher.finalize()))


def _file(contents: Sequence[bytes], password: str, secret: bytes) -> bytes:
    safe = sequence(*(sequence(oid(_DATA), explicit(0, octets(content))) for content in contents))
    salt = _salt(secret, "mac")
    digest = hmac.digest(_mac_key(password, salt), safe, "sha256")
    mac = sequence(sequence(sequence(oid(_SHA256), null()), octets(digest)), octets(salt), integer(_ITERATIONS))
    return sequence(integer(3), sequence(oid(_DATA), explicit(0, octets(safe))), mac)


def _mac_key(password: str, salt: bytes) -> bytes:
    """RFC 7292, B.2, of SHA-256, whose digest is as long as the key: blocks of 64 bytes, and 3 for authentication."""
    text = password.encode("utf-16-be") + b"\0\0"
    key = bytes([3]) * 64 + _repeated(salt) + _repeated(text)
    for _ in range(_ITERATIONS):
        key = hashlib.sha256(key).digest()
    return key


def _repeated(value: bytes) -> bytes:
    length = -(-len(value) // 64) * 64
    return (value * length)[:length]
