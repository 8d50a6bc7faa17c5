"""TLS and plain text at one port, while clients change from one to the other."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from components import ArgumentError, CompositionError, TlsAmbassadorArgs
from components.core import rules
from tests.core.test_keep_number import config
from tests.support.composing import PEM
from tests.support.nginx_proxy import HTTP, TCP, Proxy, proxy, rendered
from tests.support.servers import EchoServer, HttpServer, serving

BOTH = {"plain_too": True, "max_connections": 500}


@pytest.fixture(scope="module", params=[None, 50], ids=["any", "counted"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    ambassador = rendered(HTTP, TCP, **BOTH, max_connections_per_client=request.param)
    http, tcp = (ambassador.port(name).number for name in ("http", "redis"))
    with serving(HttpServer(http)), serving(EchoServer(tcp)), proxy(tmp_path_factory.mktemp("both"), ambassador) as running:
        yield running


def plainly(running: Proxy, path: str = "/", **request: Any) -> tuple[int, bytes]:
    return running.plain(running.ambassador.port().outer_number, path, **request)


def test_a_client_speaks_what_it_likes(both: Proxy) -> None:
    assert both.get()[0].status == 200
    assert plainly(both)[0] == 200
    both.http2 = True
    assert both.get()[0].status == 200
    both.http2 = False


def test_the_app_is_told_which_it_was_and_who_asked(both: Proxy) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.1", "X_Real_IP": "10.0.0.2", "Host": "shop.example"}
    status, body = plainly(both, headers=forged)
    assert status == 200
    found = [both.seen(headers=forged), told_to_the_app(body)]
    told = [{name.lower(): value for name, value in seen["headers"]} for seen in found]
    assert [t["x-forwarded-proto"] for t in told] == ["https", "http"]
    assert [t["x-forwarded-port"] for t in told] == ["443", "80"]
    for headers in told:
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-real-ip"] == "127.0.0.1"
        assert "x_real_ip" not in headers


def told_to_the_app(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body))


def test_no_other_protocol_gets_through_in_plain_text(both: Proxy) -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    status, body = plainly(both, headers=upgrade)
    assert status == 200
    assert not {"upgrade", "http2-settings"} & {name.lower() for name, _ in told_to_the_app(body)["headers"]}


def test_bytes_pass_either_way(both: Proxy) -> None:
    number = both.ambassador.port("redis").outer_number
    with closing(both.socket("redis")) as secure, closing(socket.create_connection(("127.0.0.1", number), timeout=5)) as plain:
        for connection in (secure, plain):
            connection.sendall(b"PING\r\n")
            assert connection.recv(6) == b"PING\r\n"


def test_one_address_has_no_more_connections_than_it_may(both: Proxy) -> None:
    most = 50 if "limit_conn clients" in both.ambassador.files["/etc/nginx-proxy/nginx.conf"] else 60
    number = both.ambassador.port().outer_number
    opened = [socket.create_connection(("127.0.0.1", number), timeout=5, source_address=("127.0.0.9", 0)) for _ in range(60)]
    try:
        time.sleep(0.5)
        alive = 0
        for one in opened:
            one.setblocking(False)
            try:
                alive += one.recv(1) != b""
            except BlockingIOError:
                alive += 1
            except OSError:
                pass
        assert alive == most
    finally:
        for one in opened:
            one.close()


def test_the_port_counts_as_plain_text() -> None:
    pod = rendered(HTTP, **BOTH).pod
    (port,) = pod.ports
    assert (port.outer_scheme, port.app_protocol) == ("http", "http")
    assert pod.plaintext_ports == [port.outer_number]
    assert "ssl_preread on;" in config(pod, "nginx-proxy")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"client_auth": "required", "client_ca_pems": [PEM]},
            "plain_too and client_auth are both set, but who speaks plain text has no certificate; leave one of the two out",
        ),
        (
            {"trusted_proxies": ["10.0.0.0/8"]},
            "plain_too and trusted_proxies are both set, but the proxy would hide its clients then; leave one of the two out",
        ),
        (
            {"max_connections": 2000},
            "resources.limits.memory 256Mi is too little for max_connections 2000: clients that finish no request could take it all; set "
            "it to 329Mi or more, or max_connections= to less",
        ),
    ],
)
def test_what_plain_text_cannot_have_is_rejected(given: dict[str, Any], problem: str) -> None:
    assert rules.problems(TlsAmbassadorArgs(service_name="web", **{**BOTH, **given})) == [problem]


def test_nobody_knows_what_a_silent_client_wants() -> None:
    mail = HTTP.__class__(name="mail", number=2525, scheme="smtp", rebind=HTTP.rebind)
    with pytest.raises((ArgumentError, CompositionError)) as error:
        rendered(mail, **BOTH)
    assert error.value.problems == (
        "TlsAmbassador 'tls': port 'mail' speaks smtp, where the server speaks first, so that nobody knows what a silent client wants; "
        "leave plain_too out",
    )
