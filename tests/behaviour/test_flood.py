"""Clients that take every connection and finish nothing: memory stays bounded, and whoever tries again is answered."""

import contextlib
import re
import resource
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from components.core import rules
from components.core.app import App, Port, Rebind
from components.core.errors import CompositionError
from components.core.fold import compose
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.shared.ambassador import AmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from tests.support import http2_flood
from tests.support.nginx_proxy import TCP, in_front_of_http, proxy, rendered
from tests.support.servers import HttpServer, serving
from tests.support.waiting import within

CONNECTIONS = 200
CLIENT_TIMEOUT = 3
BUFFER = b"a" * 15_900
HEAD = b"GET / HTTP/1.1\r\nHost: web\r\n"
KINDS = {
    "unfinished handshakes": b"",
    "unfinished heads": HEAD + b"".join(b"X-%d: %s\r\n" % (index, BUFFER) for index in range(3)) + b"X-3: " + BUFFER,
    "unfinished bodies": b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nx",
    "slow readers": b"GET /bytes/30000000 HTTP/1.1\r\nHost: web\r\n\r\n",
}


def resident(process_id):
    found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{process_id}/status").read_text())
    return int(found.group(1)) * 1024


@pytest.fixture(scope="module", autouse=True)
def files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def flooded(running, said, number, stack, *, http2=False):
    """So many connections, as far as they are taken, each with that much of a request."""
    address, trust = ("127.0.0.1", running.ambassador.port().outer_number), running.trust()
    if http2:
        trust.set_alpn_protocols(["h2"])
    for _ in range(number):
        plain = stack.enter_context(contextlib.closing(socket.create_connection(address, timeout=5)))
        with contextlib.suppress(OSError):
            if not said:
                # the beginning of a ClientHello
                plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
                continue
            secure = stack.enter_context(trust.wrap_socket(plain, server_hostname="localhost"))
            # what nobody reads is not sent
            secure.settimeout(1)
            secure.sendall(said)


def answered(running):
    with contextlib.suppress(OSError, ssl.SSLError):
        return running.get("/bytes/1")[0].status == 200
    return False


@pytest.mark.parametrize("limit", [{}, {"max_connections_per_client": 1000}], ids=["", "counted"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_takes_bounded_memory_and_ends_with_the_clients_timeout(kind, limit, tmp_path):
    arguments = {"max_connections": CONNECTIONS, "client_timeout_seconds": CLIENT_TIMEOUT, "timeout_seconds": 600, "access_log": False}
    arguments |= limit
    with in_front_of_http(tmp_path, **arguments) as (running, _), contextlib.ExitStack() as stack:
        before = sum(map(resident, running.workers))
        flooded(running, KINDS[kind], CONNECTIONS * 3 // 2, stack)
        # as composition computes it; what the kernel holds is in no process, see tests/e2e/test_failure_flood.py
        assert sum(map(resident, running.workers)) - before <= CONNECTIONS * 112 * 1024
        # the kubelet has an nginx of its own
        assert [running.health()[0] for _ in range(20)] == [200] * 20
        within(4 * CLIENT_TIMEOUT, lambda: answered(running))


@pytest.mark.parametrize("kind", http2_flood.KINDS)
def test_the_same_in_http_2_where_a_connection_has_many_requests(kind, tmp_path):
    # 16Mi and 168Ki for each connection
    resources = {"requests": {"cpu": "1", "memory": "32Mi"}, "limits": {"memory": "50Mi"}}
    arguments = {"max_connections": CONNECTIONS, "client_timeout_seconds": CLIENT_TIMEOUT, "timeout_seconds": 600, "access_log": False}
    with in_front_of_http(tmp_path, resources=resources, **arguments) as (running, _), contextlib.ExitStack() as stack:
        before, workers = sum(map(resident, running.workers)), running.workers
        flooded(running, http2_flood.KINDS[kind], CONNECTIONS // 2 if "large" in kind else CONNECTIONS * 3 // 2, stack, http2=True)
        # small requests for large heads, which nginx rejects and keeps: it takes what the limit allows, with room for the other processes
        most = 43 * 2**20 if kind == "bombs that are no requests" else before + CONNECTIONS * 168 * 1024
        assert sum(map(resident, running.workers)) <= most
        assert [running.health()[0] for _ in range(20)] == [200] * 20
        within(4 * CLIENT_TIMEOUT, lambda: answered(running))
        # no worker has died of it
        assert running.workers == workers


def test_the_same_in_tcp_which_has_buffers_in_both_directions(tmp_path):
    ambassador = rendered(replace(TCP, name="http"), max_connections=CONNECTIONS, timeout_seconds=600, access_log=False)
    with (
        serving(HttpServer(ambassador.port().number)),
        proxy(tmp_path, ambassador) as running,
        contextlib.ExitStack() as stack,
    ):
        before = sum(map(resident, running.workers))
        # one connection of a client takes two
        flooded(running, KINDS["slow readers"], CONNECTIONS // 2 * 3 // 2, stack)
        assert sum(map(resident, running.workers)) - before <= CONNECTIONS * 112 * 1024
        assert running.health()[0] == 200


def test_the_least_memory_is_enough_to_start(tmp_path):
    resources = {"requests": {"cpu": "1", "memory": "8Mi"}, "limits": {"memory": "27Mi", "cpu": "2"}}
    with in_front_of_http(tmp_path, resources=resources, max_connections=64) as (running, _):
        assert running.get()[0].status == 200
        assert sum(map(resident, [running.process.pid, *running.workers])) < 27 * 2**20


LINE = (
    "resources.limits.memory 256Mi is too little for max_connections 5000: clients that finish no request could take it all; "
    "set it to 563Mi or more, or max_connections= to less"
)


@pytest.mark.parametrize(
    "args",
    [
        TlsAmbassadorArgs(service_name="web", max_connections=5000),
        JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="web", max_connections=5000),
    ],
    ids=lambda args: type(args).__name__,
)
def test_more_connections_than_the_memory_limit_can_hold_are_refused(args):
    assert rules.problems(args) == [LINE]


@pytest.mark.parametrize(("scheme", "arguments"), [("http", {}), ("grpc", {"http2": False})])
def test_http_2_takes_more(scheme, arguments):
    port = Port(name="main", number=9000, scheme=scheme, rebind=Rebind(args=("{host}:{port}",)))
    app = App(name="web", image="web:1", command=("web",), ports=(port,))
    tls = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["main"], max_connections=1500, **arguments)
    with pytest.raises(CompositionError) as error:
        compose(app, [tls])
    assert list(error.value.problems) == [
        "TlsAmbassador: resources.limits.memory 256Mi is too little for max_connections 1500 of HTTP/2: clients that finish no request "
        "could take it all; set it to 263Mi or more, or max_connections= to less"
    ]
    compose(app, [replace(tls, max_connections=1400)])
    if scheme == "http":
        compose(app, [replace(tls, http2=False)])


def test_the_defaults_fit():
    assert rules.problems(AmbassadorArgs()) == []
