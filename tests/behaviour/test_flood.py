"""Clients that take every connection and finish nothing: memory stays bounded, and whoever tries again is answered."""

import contextlib
import re
import resource
import socket
import ssl
import time
from pathlib import Path

import pytest

from components.core import rules
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.shared.ambassador import AmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from tests.support.nginx_proxy import in_front_of_http, within

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


def flooded(running, said, number, stack):
    """So many connections, as far as they are taken, each with that much of a request."""
    address, trust = ("127.0.0.1", running.ambassador.port().outer_number), running.trust()
    for _ in range(number):
        plain = stack.enter_context(contextlib.closing(socket.create_connection(address, timeout=5)))
        with contextlib.suppress(OSError):
            if not said:
                # the beginning of a ClientHello
                plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
                continue
            secure = stack.enter_context(trust.wrap_socket(plain, server_hostname="localhost"))
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
        began = time.monotonic()
        # as composition computes it; what the kernel holds is in no process, see tests/e2e/test_failure_flood.py
        assert sum(map(resident, running.workers)) - before <= CONNECTIONS * 112 * 1024
        # the kubelet has an nginx of its own
        assert [running.health()[0] for _ in range(20)] == [200] * 20
        within(4 * CLIENT_TIMEOUT, lambda: answered(running))
        assert time.monotonic() - began < 4 * CLIENT_TIMEOUT


LINE = (
    "resources.limits.memory 256Mi is too little for max_connections 5000: clients that finish no request could get the proxy killed; "
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


def test_the_defaults_fit():
    assert rules.problems(AmbassadorArgs()) == []
