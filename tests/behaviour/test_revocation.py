"""TlsAmbassador with revocation lists, run by the real nginx: who does not get through any more, and how a changed list is taken."""

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.core.app import ConfigMapKey, SecretKey
from tests.support.clients import Authority, Certificate
from tests.support.load import load
from tests.support.nginx_proxy import HTTP, TCP, Proxy, proxy, rendered
from tests.support.servers import EchoServer, HttpServer, serving
from tests.support.volumes import Volume
from tests.support.waiting import within

TAKEN = "the mounted files have changed; nginx reloaded them\n"
REFUSED = "nginx rejected the changed files; it keeps the previous ones\n"
LIST = ConfigMapKey(name="revoked", key="crl.pem")
CLIENTS = Authority()
GOOD, BAD = CLIENTS.client("good"), CLIENTS.client("bad")
PROBES = {"readiness_probe": {"httpGet": {"path": "/ready", "port": "http"}}}


@contextmanager
def running(directory: Path, crl: str, *authorities: Authority, **arguments: Any) -> Iterator[tuple[Proxy, Volume]]:
    """In front of an HTTP server; the volume with the revocation lists can change."""
    volume = Volume(directory / "revoked", **{"client-crl.pem": crl})
    pems = tuple(authority.pem for authority in authorities or (CLIENTS,))
    given = {"client_auth": "required", "client_ca_pems": pems, "client_crl_config_map": LIST, **arguments}
    ambassador = rendered(HTTP, probes=PROBES, **given)
    with serving(HttpServer(ambassador.port().number)), proxy(directory, ambassador, {"/revoked": volume.directory}) as nginx:
        yield nginx, volume


def context(nginx: Proxy, certificate: Certificate) -> ssl.SSLContext:
    trusting, file = nginx.trust(), nginx.directory / "client.pem"
    file.write_text(certificate.pem + certificate.key_pem)
    trusting.load_cert_chain(file)
    return trusting


def status(nginx: Proxy, certificate: Certificate) -> int:
    number, trusting = nginx.ambassador.port().outer_number, context(nginx, certificate)
    with closing(http.client.HTTPSConnection("127.0.0.1", number, context=trusting, timeout=5)) as client:
        client.request("GET", "/")
        return client.getresponse().status


@pytest.mark.parametrize("auth", ["required", "optional"])
@pytest.mark.parametrize(
    "place", [{}, {"client_crl_config_map": None, "client_crl_secret": SecretKey(name="a", key="b")}], ids=["ConfigMap", "Secret"]
)
def test_a_client_that_is_revoked_is_refused_and_others_are_not(auth: str, place: dict[str, Any], tmp_path: Path) -> None:
    with running(tmp_path, CLIENTS.crl(BAD), client_auth=auth, **place) as (nginx, _):
        assert (status(nginx, GOOD), status(nginx, BAD)) == (200, 400)
        assert '"FAILED:certificate revoked"' in nginx.log('"CN=bad"')


@pytest.mark.parametrize("auth", ["required", "optional"])
def test_so_it_is_where_bytes_are_passed_on(auth: str, tmp_path: Path) -> None:
    ambassador = rendered(TCP, client_auth=auth, client_ca_pems=(CLIENTS.pem,), client_crl_config_map=LIST)
    volume = Volume(tmp_path / "revoked", **{"client-crl.pem": CLIENTS.crl(BAD)})
    mounts = {"/revoked": volume.directory}
    with serving(EchoServer(ambassador.port("redis").number)), proxy(tmp_path, ambassador, mounts) as nginx:

        def echo(certificate: Certificate) -> bytes:
            try:
                with nginx.socket("redis", context(nginx, certificate)) as connection:
                    connection.sendall(b"hello")
                    return connection.recv(5)
            except (ssl.SSLError, ConnectionError):
                return b""

        assert (echo(GOOD), echo(BAD)) == (b"hello", b"")


def test_every_authority_of_a_chain_needs_a_list(tmp_path: Path) -> None:
    below = Authority(CLIENTS)
    good, bad = below.client("good"), below.client("bad")
    complete = CLIENTS.crl() + below.crl(bad)
    # the certificate of the authority below is the first of its PEM
    gone = Certificate(below.pem, "")
    for number, (crl, found) in enumerate(
        [(complete, (200, 400)), (CLIENTS.crl(), (400, 400)), (below.crl(bad), (400, 400)), (CLIENTS.crl(gone) + below.crl(), (400, 400))]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        with running(directory, crl) as (nginx, _):
            assert (status(nginx, good), status(nginx, bad)) == found, number


def test_while_an_authority_replaces_another_of_its_name_there_are_the_lists_of_both(tmp_path: Path) -> None:
    new = Authority()
    fresh, bad = new.client("good"), new.client("bad")
    for number, (crl, found) in enumerate(
        [
            (CLIENTS.crl(BAD) + new.crl(bad), (200, 400, 200, 400)),
            (new.crl(bad) + CLIENTS.crl(BAD), (200, 400, 200, 400)),
            (new.crl(bad), (400, 400, 200, 400)),
        ]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        with running(directory, crl, CLIENTS, new) as (nginx, _):
            assert tuple(status(nginx, certificate) for certificate in (GOOD, BAD, fresh, bad)) == found


def test_a_list_that_has_expired_rejects_everybody_but_the_kubelet(tmp_path: Path) -> None:
    with running(tmp_path, CLIENTS.crl(BAD, hours=-1)) as (nginx, _):
        assert (status(nginx, GOOD), status(nginx, BAD)) == (400, 400)
        assert '"FAILED:CRL has expired"' in nginx.log('"CN=good"')
        front = nginx.ambassador.port().frontend
        assert front
        assert nginx.plain(front.probe_number, "/ready")[0] == 200


def test_a_list_of_somebody_else_revokes_nobody_and_lets_nobody_through(tmp_path: Path) -> None:
    # as an attacker would write it, in the name of the authority
    with running(tmp_path, Authority().crl(BAD)) as (nginx, _):
        assert (status(nginx, GOOD), status(nginx, BAD)) == (400, 400)


def test_a_changed_list_is_taken_without_a_lost_request(tmp_path: Path) -> None:
    with running(tmp_path, CLIENTS.crl(), reload=True, access_log=False) as (nginx, volume):
        assert (status(nginx, GOOD), status(nginx, BAD)) == (200, 200)
        trusting, number = context(nginx, GOOD), nginx.ambassador.port().outer_number
        kept = http.client.HTTPSConnection("127.0.0.1", number, context=context(nginx, BAD), timeout=20)
        with closing(kept), load(lambda: http.client.HTTPSConnection("127.0.0.1", number, context=trusting, timeout=20)) as seen:
            kept.request("GET", "/")
            kept.getresponse().read()
            for times, (crl, found) in enumerate([(CLIENTS.crl(BAD), 400), (CLIENTS.crl(), 200), (CLIENTS.crl(BAD), 400)], 1):
                volume.swap({"client-crl.pem": crl})
                within(30, lambda: (tmp_path / "stdout").read_text() == TAKEN * times)  # noqa: B023
                within(10, lambda: status(nginx, BAD) == found)  # noqa: B023
                if times == 1:
                    # nginx hangs up on who is connected already, too
                    assert kept.sock.recv(1) == b""
            time.sleep(1)
        assert seen.lost == [], f"{len(seen.lost)} lost, {seen.answered} answered"
        assert seen.answered > 200
        assert nginx.process.poll() is None


@pytest.mark.parametrize("text", ["", "no list", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n"], ids=["empty", "text", "cut"])
def test_a_file_without_a_list_is_refused_and_the_one_of_before_stays(text: str, tmp_path: Path) -> None:
    with running(tmp_path, CLIENTS.crl(BAD), reload=True) as (nginx, volume):
        volume.swap({"client-crl.pem": text})
        within(20, lambda: REFUSED in (tmp_path / "stderr").read_text())
        assert (status(nginx, GOOD), status(nginx, BAD)) == (200, 400)


def test_whoever_writes_the_lists_can_add_an_authority(tmp_path: Path) -> None:
    """As the documentation says: nginx trusts certificates in that file."""
    other = Authority()
    with running(tmp_path, CLIENTS.crl(BAD) + other.crl() + other.pem) as (nginx, _):
        assert status(nginx, other.client("somebody")) == 200
