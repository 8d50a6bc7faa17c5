"""TlsAmbassador with `reload`, run by the real nginx, over Secrets that change as the kubelet changes them."""

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.core.app import SecretKey
from components.patterns.shared.nginx import RELOADING
from tests.support.clients import Authority, Certificate
from tests.support.load import load
from tests.support.nginx_proxy import HTTP, Proxy, certificate, proxy, rendered
from tests.support.servers import HttpServer, serving
from tests.support.volumes import Volume
from tests.support.waiting import within

TAKEN = "the mounted files have changed; nginx reloaded them\n"
REFUSED = "nginx rejected the changed files; it keeps the previous ones\n"


@contextmanager
def running(directory: Path, volumes: Mapping[str, Volume], **arguments: Any) -> Iterator[Proxy]:
    """In front of an HTTP server; clients trust every certificate that is ever in /certs."""
    ambassador = rendered(HTTP, secret_name="web-tls", reload=True, access_log=False, **arguments)
    ambassador.files["/certs/ca.crt"] = (volumes["/certs"].directory / "ca.crt").read_text()
    mounts = {path: volume.directory for path, volume in volumes.items()}
    with serving(HttpServer(ambassador.port().number)), proxy(directory, ambassador, mounts) as found:
        yield found


def give(nginx: Proxy, volume: Volume, files: Mapping[str, str]) -> None:
    """The Secret has these files now, and clients trust the certificate."""
    nginx.ambassador.files["/certs/ca.crt"] += files["ca.crt"]
    volume.swap(files)


def taken(nginx: Proxy, times: int = 1) -> None:
    """Waits until nginx has taken changed certificates so many times, and what was done for it is undone."""
    within(30, lambda: (nginx.directory / "stdout").read_text() == TAKEN * times)
    within(10, lambda: not reloading(nginx))
    assert nginx.process.poll() is None


def reloading(nginx: Proxy) -> bool:
    return Path(f"/proc/{nginx.process.pid}/root{RELOADING}").exists()


def serves(nginx: Proxy, files: Mapping[str, str]) -> bool:
    """Whether that is the certificate that a new connection gets."""
    pem = ssl.get_server_certificate(("127.0.0.1", nginx.ambassador.port().outer_number))
    return ssl.PEM_cert_to_DER_cert(pem) == ssl.PEM_cert_to_DER_cert(files["tls.crt"])


@pytest.mark.parametrize("arguments", [{}, {"max_connections_per_client": 100, "max_connections": 500}], ids=["", "counted"])
def test_a_renewed_certificate_is_taken_without_a_restart_and_no_request_is_lost(arguments: dict[str, Any], tmp_path: Path) -> None:
    secrets = [certificate() for _ in range(3)]
    volume = Volume(tmp_path / "certs", **secrets[0])
    with running(tmp_path, {"/certs": volume}, **arguments) as nginx, load(nginx.client) as seen:
        time.sleep(1)
        for number, files in enumerate(secrets[1:], 1):
            give(nginx, volume, files)
            taken(nginx, number)
            within(10, lambda: serves(nginx, files))  # noqa: B023
        time.sleep(1)
        # connections are kept again
        assert nginx.get()[0].headers["Connection"] == "keep-alive"
    assert seen.lost == [], f"{len(seen.lost)} lost, {seen.answered} answered"
    assert seen.answered > 500
    assert seen.certificates == {ssl.PEM_cert_to_DER_cert(files["tls.crt"]) for files in secrets}
    # nothing but what `-s reload` says
    said = (tmp_path / "stderr").read_text().splitlines()
    assert [line.partition(": ")[2] for line in said] == ["signal process started"] * 2


def test_a_certificate_that_does_not_fit_its_key_is_refused_and_the_one_of_before_stays(tmp_path: Path) -> None:
    first, good = certificate(), certificate()
    volume = Volume(tmp_path / "certs", **first)
    with running(tmp_path, {"/certs": volume}) as nginx:
        give(nginx, volume, {**certificate(), "tls.key": first["tls.key"]})
        within(20, lambda: REFUSED in (tmp_path / "stderr").read_text())
        assert "key values mismatch" in (tmp_path / "stderr").read_text()
        assert serves(nginx, first)
        answer, _ = nginx.get()
        assert (answer.status, answer.headers["Connection"]) == (200, "keep-alive")
        give(nginx, volume, good)
        taken(nginx)
        assert serves(nginx, good)


def test_the_authorities_of_the_clients_are_taken_too(tmp_path: Path) -> None:
    old, new = Authority(), Authority()
    certificates = Volume(tmp_path / "certs", **certificate())
    clients = Volume(tmp_path / "clients", **{"client-ca.pem": old.pem})
    partners = SecretKey(name="partners", key="ca.crt")

    def status(nginx: Proxy, presented: Certificate) -> int:
        context, file = nginx.trust(), tmp_path / "client.pem"
        file.write_text(presented.pem + presented.key_pem)
        context.load_cert_chain(file)
        with closing(http.client.HTTPSConnection("127.0.0.1", nginx.ambassador.port().outer_number, context=context, timeout=5)) as client:
            client.request("GET", "/")
            return client.getresponse().status

    mounts = {"/certs": certificates, "/clients": clients}
    with running(tmp_path, mounts, client_auth="required", client_ca_secret=partners) as nginx:
        assert (status(nginx, old.client("billing")), status(nginx, new.client("billing"))) == (200, 400)
        clients.swap({"client-ca.pem": new.pem})
        taken(nginx)
        assert (status(nginx, old.client("billing")), status(nginx, new.client("billing"))) == (400, 200)


def test_a_pod_that_is_ending_goes_on_draining_when_a_certificate_was_taken(tmp_path: Path) -> None:
    volume, files = Volume(tmp_path / "certs", **certificate()), certificate()
    with running(tmp_path, {"/certs": volume}) as nginx:
        nginx.pre_stop()
        give(nginx, volume, files)
        taken(nginx)
        assert serves(nginx, files)
        assert nginx.get()[0].headers["Connection"] == "close"


def test_a_container_restarted_in_the_middle_keeps_connections_again(tmp_path: Path) -> None:
    ambassador = rendered(HTTP, secret_name="web-tls", reload=True)
    ambassador.container["command"] = ["/bin/sh", "-c", f'touch {RELOADING}; exec "$@"', "sh", *ambassador.container["command"]]
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as found:
        assert found.get()[0].headers["Connection"] == "keep-alive"


def test_files_that_nobody_swaps_are_followed_too(tmp_path: Path) -> None:
    """Those of Vault's agent, or of a CSI driver."""
    directory, first, second = tmp_path / "certs", certificate(), certificate()
    directory.mkdir()
    for name, content in first.items():
        (directory / name).write_text(content)
    ambassador = rendered(HTTP, secret_name="web-tls", access_log=False)
    ambassador.files["/certs/ca.crt"] = first["ca.crt"] + second["ca.crt"]
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador, {"/certs": directory}) as nginx:
        assert serves(nginx, first)
        for name, content in second.items():
            (directory / f".{name}").write_text(content)
            (directory / f".{name}").rename(directory / name)
        within(30, lambda: serves(nginx, second))
        assert nginx.get()[0].status == 200
