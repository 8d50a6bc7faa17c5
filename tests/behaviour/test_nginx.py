"""TlsAmbassador as it is rendered, run by the real nginx, as the kubelet would run it, in front of real servers."""

import asyncio
import hashlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import crossplane
import pytest

from components.core.app import Port
from components.patterns.shared.nginx import DRAINING
from tests.support.nginx_proxy import HTTP, TCP, Proxy, in_front_of_http, programs, proxy, rendered
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.servers import EchoServer, HttpServer, serving
from tests.support.waiting import within

GRPC = replace(HTTP, name="grpc", scheme="grpc")
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """With the default arguments, in front of an HTTP server."""
    with in_front_of_http(tmp_path_factory.mktemp("web")) as (running, _):
        yield running


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[tuple[Proxy, HttpServer]]:
    """The same for one test alone, which may change it; and the server."""
    with in_front_of_http(tmp_path) as both:
        yield both


def names(headers: list[list[str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


# the configuration as such

EVERY_KIND = [
    pytest.param((HTTP,), {}, id="http"),
    pytest.param((TCP,), {}, id="tcp"),
    pytest.param((HTTP,), {"mode": "tcp"}, id="http carried as tcp"),
    pytest.param((HTTP, replace(HTTP, name="http-prometheus"), TCP), {"ip_families": ("IPv4", "IPv6")}, id="several, and IPv6"),
    pytest.param((HTTP, TCP), {"secret_name": "web-tls", "reload": True}, id="reload"),
    pytest.param((HTTP, TCP), {"http2": False}, id="without HTTP/2"),
    pytest.param((HTTP, GRPC, TCP), {"probes": {"readiness_probe": {"grpc": {"port": "grpc"}}}}, id="gRPC"),
    pytest.param((replace(GRPC, scheme="tcp"),), {"alpn": ["h2"]}, id="ALPN"),
    pytest.param((HTTP, TCP), {"access_log": False, "max_body_size": "10m", "timeout_seconds": 60}, id="other arguments"),
]


@pytest.mark.parametrize(("ports", "arguments"), EVERY_KIND)
def test_nginx_accepts_the_configuration_without_a_warning(ports: tuple[Port, ...], arguments: dict[str, Any], tmp_path: Path) -> None:
    ambassador = rendered(*ports, **arguments)
    check = ["nginx", "-e", "stderr", "-c", "/etc/nginx-proxy/nginx.conf", "-t"]
    with sandbox(tmp_path, check, files=ambassador.files, programs=programs()) as process:
        status = process.wait(10)
    said = (tmp_path / "stderr").read_text()
    if GRPC in ports:
        # of its size alone, which cannot be set
        said = re.sub(r".*\[warn\].* could not build optimal grpc_headers_hash.*\n", "", said, count=1)
    assert status == 0, said
    assert "test is successful" in said
    assert "[" not in said, said


@pytest.mark.parametrize(("ports", "arguments"), EVERY_KIND)
def test_every_directive_is_known_and_where_it_belongs(ports: tuple[Port, ...], arguments: dict[str, Any], tmp_path: Path) -> None:
    file = rendered(*ports, **arguments).configuration(tmp_path)
    # the one thing that it does not know is the inside of a map
    inside = ("default", "", r"~*^HTTP/1\.1 websocket$", "~^https:", "~^[a-z]+://.*:(?<port_used>[0-9]{1,5})$")
    probes = re.findall(r'"(~\^[0-9]+ POST [^"]*)"', file.read_text())
    # and what is younger than it
    parsed = crossplane.parse(str(file), strict=True, ignore=(*inside, *probes, "ssl_alpn"))
    assert (parsed["status"], parsed["errors"]) == ("ok", [])


def test_it_runs_one_worker_for_each_cpu_of_the_limit(tmp_path: Path) -> None:
    limits = {"requests": {"cpu": "1", "memory": "32Mi"}, "limits": {"cpu": "2500m", "memory": "256Mi"}}
    with proxy(tmp_path, rendered(HTTP, resources=limits)) as running:
        assert len(within(5, lambda: running.workers if len(running.workers) >= 3 else None)) == 3


def test_it_runs_one_worker_without_a_limit(web: Proxy) -> None:
    assert len(web.workers) == 1


def test_more_connections_are_kept_than_the_runtime_allows_files_at_first(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as kept:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        try:
            running, _ = kept.enter_context(in_front_of_http(tmp_path))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(300):
            kept.enter_context(running.socket())
        assert running.get()[0].status == 200


# TLS


def test_https_answers_under_every_name_of_the_certificate(web: Proxy) -> None:
    for name in ("127.0.0.1", "localhost", "web", "web.default", "web.default.svc", "web.default.svc.cluster.local"):
        with socket.create_connection(("127.0.0.1", web.ambassador.port().outer_number), timeout=5) as plain:
            web.trust().wrap_socket(plain, server_hostname=name).close()
    assert web.get()[0].status == 200


def test_a_client_that_trusts_another_authority_refuses(web: Proxy) -> None:
    another = ssl.create_default_context(cadata=rendered(HTTP).files["/certs/ca.crt"])
    with pytest.raises(ssl.SSLCertVerificationError):
        web.socket(context=another)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_spoken(version: str, web: Proxy) -> None:
    context = web.trust()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with web.socket(context=context) as connection:
        assert connection.version() == version.replace("_", ".")


@pytest.mark.parametrize(("curve", "spoken"), [("X25519", True), ("prime256v1", True), ("secp384r1", True), ("secp521r1", False)])
def test_the_curves_are_those_of_mozilla(curve: str, spoken: bool, web: Proxy) -> None:
    address = f"127.0.0.1:{web.ambassador.port().outer_number}"
    command = [need("openssl"), "s_client", "-tls1_3", "-groups", curve, "-connect", address]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode == 0) == spoken, done.stderr


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_1_1_is_refused(web: Proxy) -> None:
    context = web.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    # the alert that names the version; any other would be about ciphers
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        web.socket(context=context)


def test_plain_http_is_told_so(web: Proxy) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", web.ambassador.port().outer_number, timeout=5)) as client:
        client.request("GET", "/")
        answer = client.getresponse()
        assert answer.status == 400
        assert b"The plain HTTP request was sent to HTTPS port" in answer.read()


# what of a request arrives


@pytest.mark.parametrize(
    "uri",
    ["/a%2Fb", "//a//b", "/%3Cx%7Bnow%2Fd%7D%3E/_search", "/a/../b", "/a?q=%20+//&q=%2F", "/%C3%A9", "/a;b='c'", "/index,other*/_doc"],
)
def test_a_uri_arrives_untouched(uri: str, web: Proxy) -> None:
    assert web.seen(uri)["line"] == f"GET {uri} HTTP/1.1"


def test_the_server_is_told_who_asks_and_how(web: Proxy) -> None:
    # the others: test_headers.py
    headers = names(web.seen(headers={"Host": "shop.example:9200"})["headers"])
    assert headers["host"] == "shop.example:9200"
    assert "connection" not in headers


SPELLINGS = [
    "".join(part + separator for part, separator in zip(name.split("-"), (*separators, ""), strict=True))
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")
    for separators in product("-_", repeat=2)
    if "_" in separators
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_what_many_servers_take_for_the_same_header_does_not_arrive(name: str, web: Proxy) -> None:
    for sent in (name, name.lower(), name.upper()):
        arrived = web.seen(headers={sent: "192.0.2.7"})["headers"]
        assert "192.0.2.7" not in str(arrived)
        same = [n for n, _ in arrived if n.lower().replace("_", "-") == name.lower().replace("_", "-")]
        assert len(same) == 1


def test_a_header_with_an_underscore_arrives(web: Proxy) -> None:
    assert names(web.seen(headers={"api_key": "1"})["headers"])["api_key"] == "1"


def chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_20_megabytes_arrives_and_is_kept_nowhere(chunked: bool, web: Proxy) -> None:
    body = os.urandom(20 * MEGABYTE)
    before = web.peak_memory
    seen = web.seen("/_bulk", "POST", body=chunks(body) if chunked else body)
    assert seen["sha256"] == hashlib.sha256(body).hexdigest()
    assert ("transfer-encoding" in names(seen["headers"])) == chunked
    # its /tmp has room for 1 MB, so it cannot have gone there
    assert web.peak_memory - before < 5 * MEGABYTE


def test_max_body_size_is_kept(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, max_body_size="1m") as (running, _):
        assert running.get("/", "POST", body=bytes(MEGABYTE))[0].status == 200
        assert running.get("/", "POST", body=bytes(MEGABYTE + 1))[0].status == 413


# what of an answer arrives


def test_a_large_answer_to_a_slow_reader_is_kept_nowhere(web: Proxy) -> None:
    before = web.peak_memory
    with closing(web.client()) as client:
        client.request("GET", f"/bytes/{64 * MEGABYTE}")
        answer = client.getresponse()
        first = answer.read(1000)
        time.sleep(1)
        assert len(first + answer.read()) == 64 * MEGABYTE
    assert web.peak_memory - before < 5 * MEGABYTE


def test_an_answer_arrives_as_it_comes(spare: tuple[Proxy, HttpServer]) -> None:
    running, server = spare
    with closing(running.client()) as client:
        client.request("GET", "/two-parts")
        answer = client.getresponse()
        assert answer.read1() == b"first "
        server.go_on.set()
        assert answer.read() == b"second"


def test_an_answer_may_have_a_long_head(web: Proxy) -> None:
    answer, _ = web.get("/long-header/30000")
    assert answer.status == 200
    assert len(answer.headers["X-Long"]) == 30000


def test_a_redirect_to_itself_stays_https(web: Proxy) -> None:
    answer, _ = web.get("/redirect", headers={"Host": "web:9200"})
    assert answer.headers["Location"] == "https://web:9200/elsewhere?a=b"


def upgraded(running: Proxy) -> tuple[bytes, bytes]:
    """Status line and echo of a connection that changes its protocol."""
    with running.socket() as connection, connection.makefile("rwb", 0) as file:
        file.write(b"GET /upgrade HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        status = file.readline()
        while file.readline().strip():
            pass
        file.write(b"hello\n")
        return status, file.readline()


def test_a_websocket_passes(web: Proxy) -> None:
    assert upgraded(web) == (b"HTTP/1.1 101 Switching Protocols\r\n", b"echo hello\n")


# connections to the server behind


def test_connections_to_the_server_are_kept(spare: tuple[Proxy, HttpServer]) -> None:
    running, server = spare
    for _ in range(5):
        running.seen()
    assert server.connections == 1


def test_an_unused_connection_is_dropped_before_the_server_drops_it(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, upstream_idle_seconds=1) as (running, server):
        running.seen()
        time.sleep(1.5)
        running.seen()
        assert server.connections == 2


def test_a_connection_that_the_server_dropped_first_is_no_error(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, idle_seconds=0.3) as (running, server):
        for _ in range(3):
            assert running.seen("/", "POST", body=b"1")["length"] == 1
            time.sleep(0.6)
        assert server.connections == 3


def test_a_connection_dropped_at_the_very_moment_of_a_get_is_no_error(spare: tuple[Proxy, HttpServer]) -> None:
    running, server = spare
    for _ in range(3):
        running.seen("/hang-up-on-the-second")
    assert server.connections == 3


# silence and death


def test_a_silence_of_an_hour_is_allowed() -> None:
    config = rendered(HTTP, TCP).files["/etc/nginx-proxy/nginx.conf"]
    found = re.findall(r"(\w+timeout) 3600s;", config)
    assert found == ["proxy_read_timeout", "proxy_send_timeout", "proxy_timeout"]
    config = rendered(GRPC).files["/etc/nginx-proxy/nginx.conf"]
    found = re.findall(r"(\w+timeout) 3600s;", config)
    assert found == [*(f"{kind}_{what}_timeout" for kind in ("proxy", "grpc") for what in ("read", "send")), "client_body_timeout"]


def test_timeout_seconds_is_the_longest_silence(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, timeout_seconds=2) as (running, _):
        assert running.get("/sleep/1")[0].status == 200
        began = time.monotonic()
        assert running.get("/sleep/60")[0].status == 504
        assert 1.5 < time.monotonic() - began < 30


def test_a_dead_server_is_a_502_and_nginx_itself_is_healthy(tmp_path: Path) -> None:
    with proxy(tmp_path, rendered(HTTP)) as running:
        assert running.get()[0].status == 502
        assert running.health() == (200, b"ok\n")
        assert running.health("/")[0] == 404
        assert running.health("/healthz/more")[0] == 404


# the end


def test_a_connection_serves_many_requests(web: Proxy) -> None:
    with closing(web.client()) as client:
        client.connect()
        own = client.sock
        for _ in range(3):
            client.request("GET", "/")
            answer = client.getresponse()
            answer.read()
            assert (answer.headers["Connection"], client.sock) == ("keep-alive", own)


def test_while_draining_every_answer_is_right_and_closes_its_connection(spare: tuple[Proxy, HttpServer]) -> None:
    running, _ = spare
    body = os.urandom(MEGABYTE)
    requests: list[tuple[str, bytes, dict[str, Any]]] = [
        ("GET", b"", {}),
        ("POST", b"1", {"body": b"1"}),
        ("POST", body, {"body": body}),
        ("POST", body, {"body": body, "headers": {"Expect": "100-continue"}}),
        ("PUT", body, {"body": chunks(body)}),
    ]
    with closing(running.client()) as early:
        early.request("GET", "/")
        early.getresponse().read()
        # preStop's first step; its last one makes a worker that has no connection yet
        running.inside("touch", DRAINING)
        # nginx looks for it once a second
        time.sleep(1.2)
        early.request("GET", "/")
        assert early.getresponse().headers["Connection"] == "close"
    for method, sent, request in requests:
        answer, came = running.get("/a%2Fb//", method, **request)
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        seen = json.loads(came)
        assert seen["line"] == f"{method} /a%2Fb// HTTP/1.1"
        assert seen["sha256"] == hashlib.sha256(sent).hexdigest()
    assert upgraded(running) == (b"HTTP/1.1 101 Switching Protocols\r\n", b"echo hello\n")
    assert running.health()[0] == 200


def test_a_restarted_container_does_not_go_on_draining(tmp_path: Path) -> None:
    ambassador = rendered(HTTP)
    ambassador.container["command"] = ["/bin/sh", "-c", f'touch {DRAINING}; exec "$@"', "sh", *ambassador.container["command"]]
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        assert running.get()[0].headers["Connection"] == "keep-alive"


def test_a_running_request_is_finished_when_nginx_is_told_to_quit(spare: tuple[Proxy, HttpServer]) -> None:
    running, server = spare
    with closing(running.client()) as client:
        client.request("GET", "/sleep/1")
        within(5, lambda: server.connections)
        running.process.send_signal(signal.SIGQUIT)
        within(5, lambda: refused(running.ambassador.port().outer_number))
        answer = client.getresponse()
        assert (answer.status, json.loads(answer.read())["line"]) == (200, "GET /sleep/1 HTTP/1.1")
    assert running.process.wait(10) == 0


def refused(number: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", number), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # it was waiting to be accepted
        return False
    return False


# logs


def test_requests_are_logged_to_stdout(web: Proxy) -> None:
    web.get("/logged?a=b")
    assert '"GET /logged?a=b HTTP/1.1" 200' in web.log("/logged")


def test_probes_of_nginx_itself_are_not_logged(web: Proxy) -> None:
    web.health()
    web.get("/after-the-probe")
    assert "healthz" not in web.log("/after-the-probe")


@pytest.mark.parametrize("end", [signal.SIGQUIT, signal.SIGTERM], ids=["SIGQUIT", "SIGTERM"])
def test_lines_that_are_not_written_yet_are_written_at_the_end(end: signal.Signals, tmp_path: Path) -> None:
    # both kinds of ports have a buffer
    ambassador = rendered(HTTP, TCP)
    with ExitStack() as stack:
        for name in ("http", "redis"):
            stack.enter_context(serving(HttpServer(ambassador.port(name).number)))
        running = stack.enter_context(proxy(tmp_path, ambassador))
        for number in range(30):
            running.get(f"/line-{number}")
            with closing(running.client("redis")) as client:
                client.request("GET", "/")
                client.getresponse().read()
        running.process.send_signal(end)
        running.process.wait(10)
    written = (tmp_path / "stdout").read_text().splitlines()
    assert [line.split()[6] for line in written if '"GET ' in line] == [f"/line-{number}" for number in range(30)]
    assert len([line for line in written if " TCP 200 " in line]) == 30
    assert len(written) == 60


def test_without_access_log_stdout_is_silent(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, access_log=False) as (running, _):
        running.get()
        running.process.send_signal(signal.SIGQUIT)
        running.process.wait(10)
    assert (tmp_path / "stdout").read_text() == ""


# several ports, other protocols


def test_several_ports_are_carried_each_to_its_own_process(tmp_path: Path) -> None:
    ambassador = rendered(HTTP, replace(HTTP, name="http-prometheus"), TCP)
    with ExitStack() as stack:
        for name in ("http", "http-prometheus"):
            stack.enter_context(serving(HttpServer(ambassador.port(name).number)))
        stack.enter_context(serving(EchoServer(ambassador.port("redis").number)))
        running = stack.enter_context(proxy(tmp_path, ambassador))
        for name in ("http", "http-prometheus"):
            with closing(running.client(name)) as client:
                client.request("GET", f"/{name}")
                assert json.loads(client.getresponse().read())["line"] == f"GET /{name} HTTP/1.1"
        with running.socket("redis") as connection:
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"


def test_ipv6_is_served_too(tmp_path: Path) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with in_front_of_http(tmp_path, ip_families=("IPv4", "IPv6")) as (running, _):
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, running.ambassador.port().outer_number), timeout=5) as plain:
                running.trust().wrap_socket(plain, server_hostname="localhost").close()
            socket.create_connection((address, running.ambassador.health_port), timeout=5).close()


def test_tcp_mode_carries_20_megabytes_each_way_at_once(tmp_path: Path) -> None:
    ambassador = rendered(TCP)
    body = os.urandom(20 * MEGABYTE)

    # one thread: two may not use the same TLS connection at once
    async def echoed(number: int, trusted: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", number, ssl=trusted, server_hostname="localhost")
        writer.write(body)
        back = await reader.readexactly(len(body))
        writer.close()
        await writer.wait_closed()
        return back

    with serving(EchoServer(ambassador.port("redis").number)), proxy(tmp_path, ambassador) as running:
        # not asyncio.run, which leaves the thread without the event loop that Pulumi's own set_mocks looks for
        with closing(asyncio.new_event_loop()) as loop:
            back = loop.run_until_complete(asyncio.wait_for(echoed(ambassador.port("redis").outer_number, running.trust()), 60))
        assert back == body
        assert " TCP 200 " in running.log(" TCP ")


def test_tcp_mode_carries_redis(tmp_path: Path) -> None:
    ambassador = rendered(TCP)
    options = ("--bind", "127.0.0.1", "--port", str(ambassador.port("redis").number), "--save", "", "--dir", str(tmp_path))
    redis = subprocess.Popen([need("redis-server"), *options], stdout=subprocess.DEVNULL)
    try:
        within(10, lambda: not refused(ambassador.port("redis").number))
        with proxy(tmp_path, ambassador) as running, running.socket("redis") as connection, connection.makefile("rwb", 0) as file:
            file.write(b"SET greeting hello\r\nGET greeting\r\n")
            assert [file.readline() for _ in range(3)] == [b"+OK\r\n", b"$5\r\n", b"hello\r\n"]
    finally:
        redis.terminate()
        redis.wait(10)


def test_tcp_mode_hangs_up_when_the_server_is_dead(tmp_path: Path) -> None:
    with proxy(tmp_path, rendered(TCP)) as running, running.socket("redis") as connection:
        assert connection.recv(1) == b""


def test_tcp_mode_keeps_timeout_seconds(tmp_path: Path) -> None:
    ambassador = rendered(TCP, timeout_seconds=2)
    with (
        serving(EchoServer(ambassador.port("redis").number)),
        proxy(tmp_path, ambassador) as running,
        running.socket("redis") as connection,
    ):
        time.sleep(1)
        connection.sendall(b"1")
        assert connection.recv(1) == b"1"
        began = time.monotonic()
        assert connection.recv(1) == b""
        assert 1.5 < time.monotonic() - began < 30
