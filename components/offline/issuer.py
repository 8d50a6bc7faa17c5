"""The issuer: private keys and certificates as the tls provider makes them, real ones, by the cryptography library."""

import hashlib
import ipaddress
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID, ObjectIdentifier

KEY_OUTPUTS = ("privateKeyPem", "privateKeyOpenssh", "privateKeyPemPkcs8")
"""Outputs of a PrivateKey that the provider declares secret."""

_CURVES = {"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}

# allowed_uses of the provider, and what they are in a certificate
_SAME = "digital_signature content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
_KEY_USAGES = {**{use: use for use in _SAME.split()}, "cert_signing": "key_cert_sign", "crl_signing": "crl_sign"}
# numbered from 1 in RFC 5280, below id-kp
_PURPOSES = "server_auth client_auth code_signing email_protection ipsec_end_system ipsec_tunnel ipsec_user timestamping ocsp_signing"
_EXTENDED_USAGES = {
    "any_extended": "2.5.29.37.0",
    **{use: f"1.3.6.1.5.5.7.3.{number}" for number, use in enumerate(_PURPOSES.split(), 1)},
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}
_SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


def issue(kind: str, inputs: Mapping[str, Any], now: datetime) -> tuple[str, dict[str, Any]]:
    """The id and what a resource of the tls provider answers beside its inputs; ValueError if it cannot be made.

    `kind` is PrivateKey, CertRequest, SelfSignedCert or LocallySignedCert; `inputs` are in manifest form.
    """
    if kind == "PrivateKey":
        return _private_key(inputs)
    if kind == "LocallySignedCert":
        return _locally_signed_cert(inputs, now)
    key = _load_key(inputs, "privateKeyPem")
    request = _request(inputs, key)
    if kind == "SelfSignedCert":
        made_id, outputs = _certificate(inputs, now, request, key)
    else:
        pem = request.public_bytes(Encoding.PEM)
        made_id, outputs = hashlib.sha1(pem, usedforsecurity=False).hexdigest(), {"certRequestPem": pem.decode()}
    return made_id, {**outputs, "keyAlgorithm": _algorithm(key)}


def due(certificate_pem: str, early_renewal_hours: float, now: datetime) -> bool:
    """Whether the provider would replace the certificate; ValueError if it is none."""
    end = x509.load_pem_x509_certificate(certificate_pem.encode()).not_valid_after_utc
    return now >= end - timedelta(hours=early_renewal_hours)


def _private_key(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    curve, bits = inputs.get("ecdsaCurve", "P224"), int(inputs.get("rsaBits", 2048))
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    match inputs["algorithm"]:
        case "RSA":
            key = rsa.generate_private_key(65537, bits)
        case "ECDSA" if curve in _CURVES:
            key = ec.generate_private_key(_CURVES[curve])
        case "ED25519":
            key = ed25519.Ed25519PrivateKey.generate()
        case algorithm:
            known = ", ".join(_CURVES)
            raise ValueError(f"algorithm {algorithm!r} with curve {curve!r} is not known; use RSA, ED25519, or ECDSA with {known}")

    def pem(form: PrivateFormat) -> str:
        return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    outputs = {
        "ecdsaCurve": curve,
        "rsaBits": bits,
        "privateKeyPem": pem(PrivateFormat.PKCS8 if _algorithm(key) == "ED25519" else PrivateFormat.TraditionalOpenSSL),
        "privateKeyPemPkcs8": pem(PrivateFormat.PKCS8),
        "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        # OpenSSH has no P224
        **dict.fromkeys(("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"), ""),
    }
    if _algorithm(key) != "ECDSA" or curve != "P224":
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        blob = b64decode(line.split()[1])
        outputs |= {
            "privateKeyOpenssh": pem(PrivateFormat.OpenSSH),
            "publicKeyOpenssh": line.decode() + "\n",
            "publicKeyFingerprintMd5": hashlib.md5(blob, usedforsecurity=False).digest().hex(":"),
            "publicKeyFingerprintSha256": "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("="),
        }
    return hashlib.sha1(der, usedforsecurity=False).hexdigest(), outputs


def _request(inputs: Mapping[str, Any], key: Any) -> x509.CertificateSigningRequest:
    given, pairs = inputs.get("subject") or {}, []
    for field, oid in _SUBJECT.items():
        values = given.get(field) or []
        pairs += [x509.NameAttribute(oid, value) for value in (values if isinstance(values, list) else [values])]
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in inputs.get("dnsNames") or ()]
    names += [x509.IPAddress(ipaddress.ip_address(n)) for n in inputs.get("ipAddresses") or ()]
    names += [x509.UniformResourceIdentifier(n) for n in inputs.get("uris") or ()]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(pairs))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, _digest(key))


def _locally_signed_cert(inputs: Mapping[str, Any], now: datetime) -> tuple[str, dict[str, Any]]:
    signer = _load_key(inputs, "caPrivateKeyPem")
    ca = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
    if ca.public_key() != signer.public_key():
        raise ValueError("caPrivateKeyPem is not the key of caCertPem")
    request = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    made_id, outputs = _certificate(inputs, now, request, signer, ca)
    return made_id, {**outputs, "caKeyAlgorithm": _algorithm(signer)}


def _certificate(
    inputs: Mapping[str, Any], now: datetime, request: x509.CertificateSigningRequest, signer: Any, ca: x509.Certificate | None = None
) -> tuple[str, dict[str, Any]]:
    """The request signed by an authority, or by its own key."""
    start = now.astimezone(UTC).replace(microsecond=0)
    end = start + timedelta(hours=inputs["validityPeriodHours"])
    is_ca = bool(inputs.get("isCaCertificate"))
    # -1 is the provider's word for no limit
    length = int(inputs.get("maxPathLength", -1))
    uses = inputs["allowedUses"]
    unknown = [use for use in uses if use not in {**_KEY_USAGES, **_EXTENDED_USAGES}]
    if unknown:
        raise ValueError(f"allowedUses: {', '.join(unknown)} not known; known: {', '.join([*_KEY_USAGES, *_EXTENDED_USAGES])}")
    bits = {bit: use in uses for use, bit in _KEY_USAGES.items()}
    extended = [ObjectIdentifier(_EXTENDED_USAGES[use]) for use in uses if use in _EXTENDED_USAGES]
    own = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
    authority = _extension(ca, x509.SubjectKeyIdentifier) if ca else own if inputs.get("setAuthorityKeyId") else None
    extensions: list[tuple[x509.ExtensionType | None, bool]] = [
        (x509.BasicConstraints(is_ca, length if is_ca and length >= 0 else None), True),
        (x509.KeyUsage(**bits) if any(bits.values()) else None, True),
        (x509.ExtendedKeyUsage(extended) if extended else None, False),
        (own if is_ca or inputs.get("setSubjectKeyId") else None, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority) if authority else None, False),
        (_extension(request, x509.SubjectAlternativeName), False),
    ]
    builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(ca.subject if ca else request.subject)
    builder = builder.public_key(request.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(end)
    for extension, critical in extensions:
        if extension is not None:
            builder = builder.add_extension(extension, critical)
    certificate = builder.sign(signer, _digest(signer))
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return str(certificate.serial_number), {
        "certPem": pem,
        "validityStartTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validityEndTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readyForRenewal": due(pem, inputs.get("earlyRenewalHours", 0), now),
    }


def _load_key(inputs: Mapping[str, Any], name: str) -> Any:
    # the write-only form of the input ends in Wo
    pem = inputs.get(name) or inputs[f"{name}Wo"]
    return load_pem_private_key(pem.encode(), None)


def _algorithm(key: Any) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def _digest(key: Any) -> Any:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    size = key.curve.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 256
    return hashes.SHA512() if size > 384 else hashes.SHA384() if size > 256 else hashes.SHA256()


def _extension(holder: x509.Certificate | x509.CertificateSigningRequest, kind: Any) -> Any:
    return next((extension.value for extension in holder.extensions if isinstance(extension.value, kind)), None)
