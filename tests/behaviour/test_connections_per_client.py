"""Connections of one address: counted from the moment they are accepted, whatever the client sends or leaves out."""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest

from components.core import rules
from components.core.errors import CompositionError
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from tests.behaviour.test_flood import KINDS
from tests.support.clients import Authority
from tests.support.nginx_proxy import HTTP, TCP, Proxy, proxy, rendered
from tests.support.servers import EchoServer, HttpServer, serving
from tests.support.waiting import within

MOST = 5
LIMITED = {"max_connections_per_client": MOST, "max_connections": 500}
SAID = {**KINDS, "nothing": None, "a whole request": b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    ambassador = rendered(HTTP, TCP, **LIMITED)
    http, tcp = (ambassador.port(name).number for name in ("http", "redis"))
    with serving(HttpServer(http)), serving(EchoServer(tcp)), proxy(tmp_path_factory.mktemp("limited"), ambassador) as running:
        yield running


_NUMBERS = count(2)


@pytest.fixture
def here() -> str:
    """An address that nobody else has: what another test closes may be counted a little longer."""
    return f"127.0.0.{next(_NUMBERS)}"


# a second one
there = here


def connected(running: Proxy, source: str, said: bytes | None, name: str = "http") -> socket.socket:
    """A connection from that address, with so much of a request."""
    number = running.ambassador.port(name).outer_number
    plain = socket.create_connection(("127.0.0.1", number), timeout=5, source_address=(source, 0))
    with contextlib.suppress(OSError):
        if said == b"":
            # the beginning of a ClientHello
            plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        elif said is not None:
            secure = running.trust().wrap_socket(plain, server_hostname="localhost")
            secure.sendall(said)
            return secure
    return plain


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not hung up: the first byte of struct tcp_info is the state."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01"
    except OSError:
        return False


def status(running: Proxy, source: str) -> int | None:
    number, context = running.ambassador.port().outer_number, running.trust()
    with closing(http.client.HTTPSConnection("127.0.0.1", number, context=context, timeout=5, source_address=(source, 0))) as client:
        try:
            client.request("GET", "/")
            return client.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


@pytest.mark.parametrize("kind", SAID)
def test_no_more_than_so_many_from_one_address_and_nobody_else_minds(kind: str, limited: Proxy, here: str, there: str) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(connected(limited, here, SAID[kind]))) for _ in range(MOST + 3)]
        within(5, lambda: sum(map(is_open, opened)) == MOST)
        assert status(limited, here) is None
        assert status(limited, there) == 200
    within(5, lambda: status(limited, here) == 200)


def test_all_ports_count_together_those_that_are_carried_as_tcp_too(limited: Proxy, here: str) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(connected(limited, here, None, "redis"))) for _ in range(MOST + 3)]
        within(5, lambda: sum(map(is_open, opened)) == MOST)
        assert status(limited, here) is None
    within(5, lambda: status(limited, here) == 200)
    with closing(limited.socket("redis")) as secure:
        secure.sendall(b"ping")
        assert secure.recv(4) == b"ping"


def test_what_is_refused_is_logged(limited: Proxy, there: str) -> None:
    with ExitStack() as stack:
        for _ in range(MOST + 1):
            stack.enter_context(closing(connected(limited, there, None)))
        log = limited.directory / "stderr"
        said = f'limiting connections by zone "clients" while initializing session, client: {there}'
        within(5, lambda: said in log.read_text())
    within(5, lambda: status(limited, there) == 200)


def test_a_container_that_was_killed_starts_again(tmp_path: Path) -> None:
    """What it listened on between its two blocks is still there."""
    ambassador = rendered(HTTP, **LIMITED)
    left = "import socket; socket.socket(socket.AF_UNIX).bind('/tmp/http.sock')"
    ambassador.container["command"] = ["/bin/sh", "-c", f'python3 -c "{left}"; exec "$@"', "sh", *ambassador.container["command"]]
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        assert running.get()[0].status == 200


def test_a_client_certificate_is_asked_for_behind_it(tmp_path: Path) -> None:
    authority = Authority()
    client = authority.client("billing")
    (tmp_path / "client.pem").write_text(client.pem + client.key_pem)
    options = {"client_auth": "required", "client_ca_pems": (authority.pem,), **LIMITED}
    ambassador = rendered(HTTP, **options)
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        context = ssl.create_default_context(cadata=ambassador.files["/certs/ca.crt"])
        assert running.get()[0].status == 400
        context.load_cert_chain(tmp_path / "client.pem")
        with closing(http.client.HTTPSConnection("127.0.0.1", ambassador.port().outer_number, context=context, timeout=5)) as secure:
            secure.request("GET", "/")
            assert b"CN=billing" in secure.getresponse().read()


def test_behind_trusted_proxies_it_is_refused() -> None:
    args = TlsAmbassadorArgs(service_name="web", max_connections_per_client=10, max_connections=500, trusted_proxies=["10.0.0.0/8"])
    assert rules.problems(args) == [
        "max_connections_per_client and trusted_proxies are both set, but behind a proxy every connection is the proxy's; "
        "leave one of the two out, and let the proxy limit its clients"
    ]


def test_a_connection_that_is_counted_takes_more_memory() -> None:
    assert rules.problems(TlsAmbassadorArgs(service_name="web", max_connections_per_client=10, max_connections=2000)) == [
        "resources.limits.memory 256Mi is too little for max_connections 2000: clients that finish no request could take it all; set it to "
        "329Mi or more, or max_connections= to less"
    ]
    with pytest.raises(CompositionError) as error:
        rendered(HTTP, max_connections_per_client=10)
    assert error.value.problems == (
        "TlsAmbassador 'tls': resources.limits.memory 256Mi is too little for max_connections 1400 of HTTP/2: clients that finish no "
        "request could take it all; set it to 312Mi or more, or max_connections= to less",
    )


@pytest.mark.parametrize("value", [0, 65536])
def test_what_nginx_cannot_count_to_is_refused(value: int) -> None:
    assert rules.problems(TlsAmbassadorArgs(service_name="web", max_connections_per_client=value, max_connections=500)) == [
        f"max_connections_per_client {value} is not allowed: a whole number from 1 to 65535"
    ]
