"""PKCS#12 files of certificates, read by the real Java and the real OpenSSL."""

import base64
import hashlib
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from components.certificates import (
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    SelfSignedCertificate,
    ServerCertificateArgs,
)
from components.core.errors import ArgumentError
from components.testing import UNKNOWN, run
from tests.support.programs import need

PASSWORD = "pa$s \"word' \\ ~"
SERVER = ServerCertificateArgs(service_name="web", keystore_password=PASSWORD)
PEER = Path(__file__).parent / "support" / "TlsPeer.java"


def both(*previous: str, password: Any = PASSWORD) -> Callable[[], None]:
    """A program with an authority, and what it issues to a server and a client."""

    def program() -> None:
        ca = CertificateAuthority("ca", CertificateAuthorityArgs(previous_ca_pems=previous))
        ca.issue("server", ServerCertificateArgs(service_name="web", keystore_password=password))
        ca.issue_client("client", ClientCertificateArgs(common_name="agent.prod", keystore_password=password))

    return program


def data(program: Callable[[], Any], name: str = "server", **how: Any) -> dict[str, bytes]:
    """What is in the Secret of a certificate."""
    inputs = run(program, **how).one("Secret", f"{name}-certificate").inputs
    texts = {key: text.encode() for key, text in inputs["stringData"].items()}
    return texts | {key: base64.b64decode(text, validate=True) for key, text in inputs.get("data", {}).items()}


def placed(directory: Path, files: Mapping[str, bytes]) -> Path:
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def keytool(path: Path, *arguments: str, password: str = PASSWORD) -> str:
    """What `keytool -list` prints."""
    command = [need("keytool"), "-J-Duser.language=en", "-list", "-keystore", str(path), "-storepass", password, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def fingerprints(printed: str) -> list[str]:
    return [found.replace(":", "").lower() for found in re.findall(r"SHA-?256\)?: ([0-9A-F:]{95})", printed)]


def fingerprint(pem: bytes) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()


@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_java_reads_the_key_with_its_chain_and_what_is_trusted(tmp_path: Path, kind: str) -> None:
    files = data(both())
    placed(tmp_path, files)
    printed = keytool(tmp_path / "keystore.p12", "-v", "-storetype", kind)
    assert "Your keystore contains 1 entry" in printed
    assert re.findall("Alias name: (.*)", printed) == ["certificate"]
    assert re.findall("Entry type: (.*)", printed) == ["PrivateKeyEntry"]
    assert "Certificate chain length: 2" in printed
    assert fingerprints(printed) == [fingerprint(files["tls.crt"]), fingerprint(files["ca.crt"])]
    printed = keytool(tmp_path / "truststore.p12", "-storetype", kind)
    assert re.findall("(.*), .*, .*, trustedCertEntry", printed) == ["ca"]
    assert fingerprints(printed) == [fingerprint(files["ca.crt"])]


def test_the_chain_is_that_of_the_authority_that_signed_and_every_trusted_one_is_there(tmp_path: Path) -> None:
    # of the same name, so that the name does not tell them apart
    others = [run(both()).one("SelfSignedCert").outputs["certPem"] for _ in range(2)]
    files = data(both(*others))
    placed(tmp_path, files)
    own = fingerprint(files["ca.crt"].split(b"-----END")[0] + b"-----END CERTIFICATE-----\n")
    assert fingerprints(keytool(tmp_path / "keystore.p12", "-v")) == [fingerprint(files["tls.crt"]), own]
    assert len(pkcs12.load_pkcs12(files["keystore.p12"], PASSWORD.encode()).additional_certs) == 1
    printed = keytool(tmp_path / "truststore.p12")
    assert re.findall("(.*), .*, .*, trustedCertEntry", printed) == ["ca", "ca-2", "ca-3"]
    assert sorted(fingerprints(printed)) == sorted([own, *(fingerprint(pem.encode()) for pem in others)])


def test_a_self_signed_certificate_is_its_own_chain(tmp_path: Path) -> None:
    files = data(lambda: SelfSignedCertificate("server", SERVER))
    placed(tmp_path, files)
    assert fingerprints(keytool(tmp_path / "keystore.p12", "-v")) == [fingerprint(files["tls.crt"])]
    assert not pkcs12.load_pkcs12(files["keystore.p12"], PASSWORD.encode()).additional_certs
    assert fingerprints(keytool(tmp_path / "truststore.p12")) == [fingerprint(files["tls.crt"])]


@pytest.mark.parametrize("name", ["keystore.p12", "truststore.p12"])
def test_another_password_and_a_changed_file_are_refused(tmp_path: Path, name: str) -> None:
    path = placed(tmp_path, data(both())) / name
    assert "PrivateKeyEntry" in keytool(path) or "trustedCertEntry" in keytool(path)
    for wrong in ("changeit", PASSWORD + " ", PASSWORD[:-1]):
        assert "Integrity check failed" in keytool(path, password=wrong)
        openssl = [need("openssl"), "pkcs12", "-in", str(path), "-passin", f"pass:{wrong}", "-nodes"]
        assert "invalid password" in subprocess.run(openssl, capture_output=True, text=True, check=False).stderr
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "error" in keytool(path)


def test_openssl_and_the_library_that_made_the_pem_read_the_same_key(tmp_path: Path) -> None:
    files = data(both())
    command = [need("openssl"), "pkcs12", "-in", str(placed(tmp_path, files) / "keystore.p12"), "-passin", f"pass:{PASSWORD}", "-nodes"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(files[name].decode().strip() in printed for name in ("tls.key", "tls.crt", "ca.crt"))
    found = pkcs12.load_pkcs12(files["keystore.p12"], PASSWORD.encode())
    assert found.key
    assert found.cert
    assert found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) == files["tls.key"]
    assert found.cert.certificate.public_bytes(Encoding.PEM) == files["tls.crt"]
    # the pair, and nothing else, is called so and belongs together
    assert [found.cert.friendly_name, *(ca.friendly_name for ca in found.additional_certs)] == [b"certificate", None]
    assert len(re.findall("friendlyName: certificate", printed)) == len(re.findall("localKeyID: ", printed)) == 2


def java(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """TlsPeer with the files of the directory."""
    properties = {
        "keyStore": str(directory / "keystore.p12"),
        "keyStorePassword": PASSWORD,
        "trustStore": str(directory / "truststore.p12"),
        "trustStorePassword": PASSWORD,
    }
    flags = [f"-Djavax.net.ssl.{name}={value}" for name, value in properties.items()]
    return subprocess.Popen([need("java"), *flags, str(PEER), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def context(purpose: int, directory: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(purpose)
    made.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(directory / "ca.crt")
    return made


def test_a_server_in_java_and_a_client_of_openssl_verify_each_other(tmp_path: Path) -> None:
    server, client = (placed(tmp_path / name, data_) for name, data_ in pair(tmp_path).items())
    with java(server, "server") as process:
        assert process.stdout
        number = int(process.stdout.readline())
        with (
            socket.create_connection(("127.0.0.1", number), timeout=20) as plain,
            context(ssl.PROTOCOL_TLS_CLIENT, client).wrap_socket(plain, server_hostname="web.default.svc") as peer,
        ):
            assert peer.recv(100) == b"hello from Java\n"
            peer.sendall(b"hello from OpenSSL\n")
        assert process.communicate(timeout=20) == ("CN=agent.prod hello from OpenSSL\n", "")


def test_a_client_in_java_and_a_server_of_openssl_verify_each_other(tmp_path: Path) -> None:
    server, client = (placed(tmp_path / name, data_) for name, data_ in pair(tmp_path).items())
    with socket.create_server(("127.0.0.1", 0)) as listening, java(client, "client", str(listening.getsockname()[1])) as process:
        listening.settimeout(20)
        plain, _ = listening.accept()
        with plain, context(ssl.PROTOCOL_TLS_SERVER, server).wrap_socket(plain, server_side=True) as peer:
            assert peer.recv(100) == b"hello from Java\n"
            assert dict(part[0] for part in peer.getpeercert()["subject"]) == {"commonName": "agent.prod"}
            peer.sendall(b"hello from OpenSSL\n")
        assert process.communicate(timeout=20) == ("CN=web hello from OpenSSL\n", "")


def pair(directory: Path) -> dict[str, dict[str, bytes]]:
    """The files of a server and a client of the same authority."""
    return {name: data(both(), name, keys=directory / "keys.json") for name in ("server", "client")}


def test_the_same_certificate_is_the_same_bytes_at_every_run(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first, again = (data(both(), keys=keys) for _ in range(2))
    assert first == again
    other = data(both(password="changeit"), keys=keys)
    changed = {name for name in first if first[name] != other[name]}
    assert changed == {"keystore.p12", "truststore.p12", "keystore.password"}
    # nothing in one file tells about another: no salt occurs twice
    stores = [content for files in (first, other) for name, content in files.items() if name.endswith(".p12")]
    salts = [salt for content in stores for salt in re.findall(rb"(?s)\x04\x10(.{16})", content)]
    assert len(salts) == len(set(salts)) == 2 * (3 + 1)


def test_it_stays_secret_and_a_certificate_without_keystores_is_as_it_was() -> None:
    recording = run(both(password=pulumi.Output.from_input("changeit")))
    secret = recording.one("Secret", "server-certificate")
    assert set(secret.inputs["data"]) == {"keystore.p12", "truststore.p12", "keystore.password"}
    assert base64.b64decode(secret.inputs["data"]["keystore.password"]) == b"changeit"
    assert not any(text in json.dumps(r.public) for r in recording.registrations for text in secret.inputs["data"].values())
    assert "data" not in run(both(password=None)).one("Secret", "server-certificate").inputs


def test_in_a_preview_it_is_unknown() -> None:
    inputs = run(both(), preview=True).one("Secret", "server-certificate").inputs
    assert inputs["data"] in (UNKNOWN, dict.fromkeys(("keystore.p12", "truststore.p12", "keystore.password"), UNKNOWN))


@pytest.mark.parametrize("password", ["", "short", "pässwort", "tab\tbed", "line\nbreak"])
def test_a_password_that_java_cannot_take_is_refused_without_showing_it(password: str) -> None:
    line = "keystore_password is not allowed: 6 printable ASCII characters or more, as for keytool"
    with pytest.raises(ArgumentError) as error:
        run(both(password=password))
    assert str(error.value) == f"IssuedCertificate 'server': 1 problem\n  - {line}"
    with pytest.raises(ArgumentError) as error:
        run(both(password=pulumi.Output.from_input(password)))
    assert error.value.problems == (line,)
