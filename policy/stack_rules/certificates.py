"""Certificates in Secrets: how long they last, and whether the key is theirs."""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from .manifests import UNKNOWN, Object, Wire

DAYS = 14
"""How long a certificate must last at least, by default."""


def certificates(found: Object, settings: Wire) -> Iterator[str]:
    """Certificates that end soon, or have ended, and keys of others. settings: `days` that one must last."""
    if found.kind != "Secret":
        return
    days = settings.get("days", DAYS)
    for key, text in _texts(found):
        if "-----BEGIN CERTIFICATE-----" not in text:
            continue
        try:
            chain = x509.load_pem_x509_certificates(text.encode())
        except ValueError:
            yield f"{found}: {key} cannot be read as certificates; write them in PEM"
            continue
        for certificate in chain:
            ends = certificate.not_valid_after_utc
            if ends < datetime.now(UTC) + timedelta(days=days):
                yield (
                    f"{found}: the certificate of {certificate.subject.rfc4514_string() or 'no subject'!r} in {key} ends {ends:%Y-%m-%d}, "
                    f"in less than {days} days; renew it, and let whatever renews it run before that"
                )
    yield from _keys(found)


def _texts(found: Object) -> Iterator[tuple[str, str]]:
    for key, value in found.at("data").items():
        try:
            yield key, b64decode(value).decode() if value != UNKNOWN else ""
        except (Error, ValueError, TypeError):
            # a keystore, say
            continue
    yield from ((key, value) for key, value in found.at("stringData").items() if isinstance(value, str))


def _keys(found: Object) -> Iterator[str]:
    texts = dict(_texts(found))
    pem, key = texts.get("tls.crt", ""), texts.get("tls.key", "")
    try:
        certificate, private = x509.load_pem_x509_certificate(pem.encode()), load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        # not there, not known, or of another kind
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        yield f"{found}: tls.key is not the key of the certificate in tls.crt; whoever loads both fails; put both of one pair there"
