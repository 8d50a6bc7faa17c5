"""Certificates: real ones, made by the mocks, verified by a real TLS stack."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from components.certificates import (
    Certificate,
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    SelfSignedCertificate,
    ServerCertificateArgs,
)
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import UNKNOWN, Recording, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import web

SERVER = ServerCertificateArgs(service_name="web", namespace="prod", dns_names=("*.example.com", "web"), ip_addresses=("10.1.2.3", "::1"))
NAMES = ["web", "web.prod", "web.prod.svc", "web.prod.svc.cluster.local", "localhost", "*.example.com"]
ADDRESSES = ["127.0.0.1", "10.1.2.3", "::1"]
NOW = datetime(2030, 1, 1, tzinfo=UTC)
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def clock(hours: float = 0) -> Callable[[], datetime]:
    return lambda: NOW + timedelta(hours=hours)


def authority() -> None:
    ca = CertificateAuthority("ca")
    ca.issue("leaf", SERVER)
    ca.issue_client("client", ClientCertificateArgs(common_name="agent.prod", namespace="prod"))


def files(recording: Recording, name: str) -> dict[str, str]:
    """What is in the Secret of that certificate."""
    secret = recording.one("Secret", f"{name}-certificate")
    data: dict[str, str] = secret.inputs["stringData"]
    return data


def certificate(recording: Recording, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files(recording, name)["tls.crt"].encode())


def context(purpose: int, directory: Path, own: dict[str, str] | None, trusted: str | None) -> ssl.SSLContext:
    made = ssl.SSLContext(purpose)
    if own:
        chain = directory / f"{purpose}.pem"
        chain.write_text(own["tls.crt"] + own["tls.key"])
        made.load_cert_chain(chain)
    if trusted:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=trusted)
    return made


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A TLS handshake in memory; the server's side, or what the one that refuses raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert sides[0].version() == "TLSv1.3"
    return sides[1]


def test_a_self_signed_certificate_verifies_under_each_of_its_names_and_no_other(tmp_path: Path) -> None:
    own = files(run(lambda: SelfSignedCertificate("leaf", SERVER)), "leaf")
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, own, None)
    client = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, None, own["ca.crt"])
    for name in (*(n.replace("*", "shop") for n in NAMES), *ADDRESSES):
        handshake(server, client, name)
    for name in ("db", "web.test", "10.0.0.1"):
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            handshake(server, client, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        handshake(server, context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, None, other_authority()), "web")


def other_authority() -> str:
    pem: str = run(lambda: CertificateAuthority("other")).one("SelfSignedCert").outputs["certPem"]
    return pem


def test_an_issued_certificate_verifies_against_its_authority_and_no_other() -> None:
    recording = run(authority)
    trusted = x509.load_pem_x509_certificates(files(recording, "leaf")["ca.crt"].encode())
    leaf = certificate(recording, "leaf")
    verifier = PolicyBuilder().store(Store(trusted)).build_server_verifier(x509.DNSName("web.prod.svc"))
    assert verifier.verify(leaf, []) == [leaf, trusted[0]]
    stranger = x509.load_pem_x509_certificates(other_authority().encode())
    with pytest.raises(x509.verification.VerificationError):
        PolicyBuilder().store(Store(stranger)).build_server_verifier(x509.DNSName("web")).verify(leaf, [])


def test_both_sides_verify_each_other(tmp_path: Path) -> None:
    recording = run(authority)
    own, theirs = files(recording, "leaf"), files(recording, "client")
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, own, own["ca.crt"])
    seen = handshake(server, context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, theirs, theirs["ca.crt"]), "web.prod").getpeercert()
    assert seen
    assert seen["subject"] == ((("commonName", "agent.prod"),),)
    assert seen["subjectAltName"] == (("DNS", "agent.prod"),)
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        handshake(server, context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, None, theirs["ca.crt"]), "web.prod")
    # a server's certificate is none for a client
    with pytest.raises(ssl.SSLError, match=r"unsuitable certificate purpose|unsupported certificate purpose"):
        handshake(server, context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, own, theirs["ca.crt"]), "web.prod")


@pytest.mark.parametrize("program", [lambda: SelfSignedCertificate("leaf", SERVER), authority], ids=["self-signed", "issued"])
def test_a_server_certificate_covers_every_name_of_its_service(program: Callable[[], Any]) -> None:
    leaf = certificate(run(program), "leaf")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ADDRESSES
    assert [a.value for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["web"]
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_namespace_and_a_domain_that_are_known_later_are_in_the_names() -> None:
    args = lambda: ServerCertificateArgs(service_name="web", namespace=pulumi.Output.from_input("late"), cluster_domain="k8s.test")  # noqa: E731
    recording = run(lambda: SelfSignedCertificate("leaf", args()))
    names = certificate(recording, "leaf").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web", "web.late", "web.late.svc", "web.late.svc.k8s.test", "localhost"]
    assert recording.one("Secret").inputs["metadata"]["namespace"] == "late"


def test_every_key_is_p256_and_every_secret_has_a_pair_that_belongs_together() -> None:
    def program() -> None:
        authority()
        SelfSignedCertificate("self", SERVER)

    recording = run(program)
    for key in recording.all("PrivateKey"):
        assert (key.inputs["algorithm"], key.inputs["ecdsaCurve"]) == ("ECDSA", "P256")
    for secret in recording.all("Secret"):
        data = secret.inputs["stringData"]
        key_ = load_pem_private_key(data["tls.key"].encode(), None)
        assert isinstance(key_, ec.EllipticCurvePrivateKey)
        assert isinstance(key_.curve, ec.SECP256R1)
        assert x509.load_pem_x509_certificate(data["tls.crt"].encode()).public_key() == key_.public_key()
        # PKCS#8, which Java reads too
        assert data["tls.key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert len(recording.all("Secret")) == 3


def test_the_secret_is_of_the_tls_type_immutable_and_named_by_its_content() -> None:
    recording = run(authority)
    for name in ("leaf", "client"):
        secret = recording.one("Secret", f"{name}-certificate")
        assert secret.inputs["type"] == "kubernetes.io/tls"
        assert secret.inputs["immutable"] is True
        assert secret.inputs["metadata"] == {"namespace": "prod"}
        assert set(secret.inputs["stringData"]) == {"tls.crt", "tls.key", "ca.crt"}
        issued = recording.one("IssuedCertificate", name)
        assert secret.parent == issued.urn
        assert issued.outputs["secret_name"] == secret.outputs["metadata"]["name"]


def everything() -> None:
    ca = CertificateAuthority("ca")
    pulumi.export("leaf", ca.issue("leaf", SERVER).private_key_pem)
    pulumi.export("client", ca.issue_client("client", ClientCertificateArgs(common_name="x")).private_key_pem)
    tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", authority=ca))
    Workload("shop", WorkloadArgs(app=web(), patterns=[tls]))
    SelfSignedCertificate("self", SERVER)


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_keys_are_secret_in_every_registration(preview: bool) -> None:
    recording = run(everything, preview=preview)
    carriers = set()
    for registration in recording.registrations:
        assert "PRIVATE KEY" not in json.dumps(registration.public)
        if "[secret]" in json.dumps(registration.public):
            carriers.add(registration.type.split(":")[-1])
    assert carriers == {"SelfSignedCert", "CertRequest", "LocallySignedCert", "Secret"}
    assert recording.secret_exports == {"leaf", "client"}
    if not preview:
        assert "PRIVATE KEY" in recording.exports["leaf"]


def test_the_authoritys_key_is_in_no_secret_and_signs_nothing_but_certificates() -> None:
    recording = run(everything)
    key = recording.one("PrivateKey", "ca-key").outputs
    secrets = json.dumps([s.inputs for s in recording.all("Secret")])
    assert not any(json.dumps(key[form])[1:-1] in secrets for form in ("privateKeyPem", "privateKeyPemPkcs8"))
    ca = x509.load_pem_x509_certificate(recording.one("SelfSignedCert", "ca-certificate").outputs["certPem"].encode())
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)


def test_certificates_last_a_year_authorities_ten_and_are_renewed_early() -> None:
    recording = run(everything, now=clock())
    leaf = recording.one("LocallySignedCert", "leaf-certificate")
    assert (leaf.inputs["validityPeriodHours"], leaf.inputs["earlyRenewalHours"]) == (8760, 720)
    own = recording.one("SelfSignedCert", "self-certificate")
    assert (own.inputs["validityPeriodHours"], own.inputs["earlyRenewalHours"]) == (8760, 720)
    ca = recording.one("SelfSignedCert", "ca-certificate")
    assert (ca.inputs["validityPeriodHours"], ca.inputs["earlyRenewalHours"]) == (87600, 17520)
    for kind, name, expires, renews in (
        ("IssuedCertificate", "leaf", "2031-01-01T00:00:00Z", "2030-12-02T00:00:00+00:00"),
        ("SelfSignedCertificate", "self", "2031-01-01T00:00:00Z", "2030-12-02T00:00:00+00:00"),
        ("CertificateAuthority", "ca", "2039-12-30T00:00:00Z", "2037-12-30T00:00:00+00:00"),
    ):
        outputs = recording.one(kind, name).outputs
        assert (outputs["expires_at"], outputs["renews_at"]) == (expires, renews)


def test_validity_and_renewal_are_arguments() -> None:
    args = ServerCertificateArgs(service_name="web", validity_hours=48, early_renewal_hours=0)
    inputs = run(lambda: SelfSignedCertificate("leaf", args)).one("SelfSignedCert").inputs
    assert (inputs["validityPeriodHours"], inputs["earlyRenewalHours"]) == (48, 0)


def secured() -> None:
    tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))
    Workload("shop", WorkloadArgs(app=web(), patterns=[tls]))


def state(recording: Recording) -> list[Any]:
    return [(r.urn, r.inputs, r.outputs) for r in recording.registrations]


def test_nothing_changes_until_a_certificate_is_due_and_then_it_is_one_rolling_update(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first = run(secured, keys=keys, now=clock())
    assert state(run(secured, keys=keys, now=clock(8760 - 721))) == state(first)
    due = run(secured, keys=keys, now=clock(8760 - 719))
    changed = [a.type.split(":")[-1] for a, b in zip(due.registrations, first.registrations, strict=True) if a.inputs != b.inputs]
    assert changed == ["Secret", "Deployment"]
    assert due.one("SelfSignedCert").outputs["certPem"] != first.one("SelfSignedCert").outputs["certPem"]
    # whoever pinned the key goes on trusting it
    assert due.one("PrivateKey").outputs == first.one("PrivateKey").outputs
    assert state(run(secured, keys=keys, now=clock(8760 - 718))) == state(due)

    def references(recording: Recording) -> list[Any]:
        return [v for v in recording.one("Deployment").inputs["spec"]["template"]["spec"]["volumes"] if "secret" in v]

    for recording in (first, due):
        assert [v["secret"]["secretName"] for v in references(recording)] == [recording.one("Secret").outputs["metadata"]["name"]]
    assert references(first) != references(due)


def test_what_an_authority_issued_goes_on_verifying_while_a_new_one_takes_over(tmp_path: Path) -> None:
    def old() -> None:
        CertificateAuthority("old").issue("leaf", SERVER)

    before = run(old)
    old_ca = before.one("SelfSignedCert").outputs["certPem"]

    def new() -> None:
        ca = CertificateAuthority("new", CertificateAuthorityArgs(previous_ca_pems=(old_ca,)))
        ca.issue("leaf", SERVER)
        pulumi.export("ca", ca.ca_pem)
        pulumi.export("bundle", ca.trust_bundle_pem)

    after = run(new)
    assert after.exports["bundle"] == after.exports["ca"] + old_ca == files(after, "leaf")["ca.crt"]
    trusting = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, None, after.exports["bundle"])
    for recording in (before, after):
        handshake(context(ssl.PROTOCOL_TLS_SERVER, tmp_path, files(recording, "leaf"), None), trusting, "web")


def test_a_certificate_that_somebody_else_keeps_is_used_as_it_is() -> None:
    made: list[TlsAmbassador] = []

    def program() -> None:
        made.append(TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", secret_name="shop-tls", ca_pem=PEM)))
        workload = Workload("shop", WorkloadArgs(app=web(), patterns=made))
        pulumi.export("ca", workload.ca_pem)
        pulumi.export("expires", workload.certificate_expires_at)

    recording = run(program)
    assert isinstance(made[0].certificate, Certificate)
    assert {r.type.split(":")[-1] for r in recording.registrations} == {"TlsAmbassador", "Workload", "ConfigMap", "Deployment", "Service"}
    volumes = recording.one("Deployment").inputs["spec"]["template"]["spec"]["volumes"]
    assert {"name": "nginx-proxy-certificate", "secret": {"secretName": "shop-tls", "defaultMode": 0o440}} in volumes
    assert recording.exports == {"ca": PEM, "expires": ""}
    assert recording.one("TlsAmbassador").outputs == {"ca_pem": PEM, "secret_name": "shop-tls"}


def test_an_existing_certificate_is_checked_if_its_names_are_given() -> None:
    covers = ("web.default", "web.default.svc", "web")
    tls = lambda names: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", secret_name="x", dns_names=names))  # noqa: E731
    for names in ((), covers):
        assert run(lambda names=names: Workload("shop", WorkloadArgs(app=web(), patterns=[tls(names)]))).one("Deployment")


def test_a_preview_knows_no_certificate_but_its_structure() -> None:
    recording = run(secured, preview=True)
    assert recording.one("Secret").inputs["stringData"] in (UNKNOWN, dict.fromkeys(("tls.crt", "tls.key", "ca.crt"), UNKNOWN))
    assert recording.one("TlsAmbassador").outputs["ca_pem"] == UNKNOWN
    assert recording.one("SelfSignedCert").inputs["dnsNames"] == [
        "web",
        "web.default",
        "web.default.svc",
        "web.default.svc.cluster.local",
        "localhost",
    ]


def test_children_belong_to_their_component() -> None:
    recording = run(everything)
    parents = {r.urn: f"{r.type.split(':')[-1]} {r.name}" for r in recording.registrations}
    tree = {f"{r.type.split(':')[-1]} {r.name}": parents.get(r.parent) for r in recording.registrations}
    # a certificate of its own has no component
    for kind, name in (("PrivateKey", "tls-key"), ("CertRequest", "tls-request"), ("LocallySignedCert", "tls-certificate")):
        assert tree[f"{kind} {name}"] == "TlsAmbassador tls"
    assert tree["PrivateKey ca-key"] == tree["SelfSignedCert ca-certificate"] == "CertificateAuthority ca"
    assert tree["Secret self-certificate"] == "SelfSignedCertificate self"
    assert tree["CertificateAuthority ca"] is None
