"""HTTP/2 through TlsAmbassador, which speaks HTTP/1.1 to the app; and how its connections end when the pod stops."""

import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.behaviour.test_nginx import upgraded
from tests.behaviour.test_tls_reload import give, running as reloading, serves, taken
from tests.support.http2 import GoneError, Http2
from tests.support.nginx_proxy import HTTP, Proxy, certificate, in_front_of_http, rendered
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.servers import HttpServer
from tests.support.volumes import Volume
from tests.support.waiting import within

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with in_front_of_http(tmp_path_factory.mktemp("web")) as (running, _):
        yield running


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[tuple[Proxy, HttpServer]]:
    with in_front_of_http(tmp_path) as both:
        yield both


def connected(running: Proxy) -> Http2:
    return Http2(running.ambassador.port().outer_number, running.trust())


def agreed(running: Proxy, *offered: str) -> str | None:
    context = running.trust()
    if offered:
        context.set_alpn_protocols(offered)
    with running.socket(context=context) as connection:
        return connection.selected_alpn_protocol()


def test_clients_choose(web: Proxy) -> None:
    assert agreed(web, "h2", "http/1.1") == "h2"
    assert agreed(web, "http/1.1") == "http/1.1"
    assert agreed(web) is None
    assert web.get()[0].status == 200
    # of old and of new versions of nginx
    assert "[warn]" not in (web.directory / "stderr").read_text()


def test_it_can_be_left_out(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, http2=False) as (running, _):
        assert agreed(running, "h2", "http/1.1") == "http/1.1"
        config = running.ambassador.files["/etc/nginx-proxy/nginx.conf"]
        assert "http2" not in config
        assert "limit_conn" not in config


def test_curl_speaks_it(web: Proxy, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(web.ambassador.files["/certs/ca.crt"])
    url = f"https://localhost:{web.ambassador.port().outer_number}/a%2Fb?c"
    command = [need("curl"), "-sS", "--http2", "--cacert", str(tmp_path / "ca.crt"), "-w", " %{http_version}", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout
    body, _, version = said.rpartition(" ")
    assert version == "2"
    # the app is spoken to as before
    assert json.loads(body)["line"] == "GET /a%2Fb?c HTTP/1.1"


def test_many_requests_share_a_connection_and_are_answered_as_they_come(web: Proxy) -> None:
    with connected(web) as client:
        slow = client.begin("/sleep/30")
        others = [client.begin(f"/{index}") for index in range(30)]
        assert {client.answer(number).status for number in others} == {200}
        assert not client.answers[slow].ended


def test_large_bodies_both_ways(web: Proxy) -> None:
    body = os.urandom(20 * MEGABYTE)
    before = web.peak_memory
    with connected(web) as client:
        answer = client.ask("/_bulk", method="POST", body=body)
        seen = json.loads(answer.body)
        assert (seen["length"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert client.ask(f"/bytes/{20 * MEGABYTE}").body == bytes(20 * MEGABYTE)
    assert web.peak_memory - before < 5 * MEGABYTE


def test_an_answer_arrives_as_it_comes(spare: tuple[Proxy, HttpServer]) -> None:
    """As server-sent events do."""
    running, server = spare
    with connected(running) as client:
        number = client.begin("/two-parts")
        while not client.answers[number].body:
            client.receive()
        assert client.answers[number].body == b"first "
        server.go_on.set()
        assert client.answer(number).body == b"first second"


def test_a_websocket_passes_beside_it(web: Proxy) -> None:
    with connected(web) as client:
        assert client.ask("/").status == 200
        assert upgraded(web) == (b"HTTP/1.1 101 Switching Protocols\r\n", b"echo hello\n")
        # in HTTP/2 itself there are none
        answer = client.ask("/upgrade", [("upgrade", "websocket"), ("connection", "upgrade")])
        assert answer.status == 400


def test_timeouts_are_the_same(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, timeout_seconds=3, client_timeout_seconds=1) as (running, _), connected(running) as client:
        assert client.ask("/sleep/2").status == 200
        assert client.ask("/sleep/10").status == 504
        number = client.begin("/", method="POST", ended=False)
        # not 504, which would come from the app's timeout
        assert client.answer(number).status in (0, 408)


def test_max_body_size_is_kept(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path, max_body_size="1m") as (running, _), connected(running) as client:
        assert client.ask("/", method="POST", body=bytes(MEGABYTE)).status == 200
        number = client.begin("/", method="POST", ended=False)
        client.send(number, bytes(2 * MEGABYTE))
        assert client.answer(number).status == 413


# the end


class Load:
    """Clients that keep a connection of HTTP/2 each, and repeat elsewhere only what the server took no notice of."""

    def __init__(self, running: Proxy, clients: int, parallel: int) -> None:
        self.running, self.parallel = running, parallel
        self.done, self.connections = 0, 0
        self.failed: list[str] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _client(self) -> None:
        client = connected(self.running)
        self.connections += 1
        waiting = 0
        while not self.ended.is_set():
            waiting = waiting or self.parallel
            try:
                numbers = [client.begin(f"/{index}") for index in range(waiting)] if not client.goaway else []
                for number in numbers:
                    answer = client.answer(number)
                    if answer.status != 200 or answer.reset is not None:
                        self.failed.append(f"{answer.status}, reset {answer.reset}")
                    waiting -= 1
                    self.done += 1
            except GoneError:
                pass
            except Exception as error:
                if not client.goaway:
                    self.failed.append(repr(error))
            if client.goaway:
                client.close()
                client = connected(self.running)
                self.connections += 1
        client.close()

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


def test_while_the_pod_stops_no_request_fails_and_every_connection_is_left(tmp_path: Path) -> None:
    with in_front_of_http(tmp_path) as (running, _):
        first = running.workers
        load = Load(running, clients=6, parallel=8)
        idle = connected(running)
        assert idle.ask("/").status == 200
        slow = connected(running)
        number = slow.begin("/sleep/4")
        time.sleep(1)
        running.pre_stop()
        within(5, lambda: set(running.workers) - set(first))
        time.sleep(2)
        load.end()
        assert load.failed == []
        assert load.done > 100
        assert load.connections == 12
        idle.receive()
        assert idle.goaway
        # what was under way is finished by the worker that has it
        assert slow.answer(number).status == 200
        assert slow.goaway
        for client in (idle, slow):
            client.close()
        within(10, lambda: not set(running.workers) & set(first))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (15, 'touch /tmp/draining; sleep 10; kill -HUP "$(cat /tmp/nginx.pid)"; sleep 5'),
        (1, 'touch /tmp/draining; sleep 1; kill -HUP "$(cat /tmp/nginx.pid)"; sleep 0'),
    ],
)
def test_connections_are_left_while_the_app_still_answers(seconds: int, said: str) -> None:
    container = rendered(HTTP, probes={"pre_stop_seconds": seconds}).container
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["/bin/sh", "-c", said]


def test_a_worker_that_has_made_room_may_take_as_long_as_the_pod() -> None:
    config = rendered(HTTP, probes={"pre_stop_seconds": 20, "stop_seconds": 100}).files["/etc/nginx-proxy/nginx.conf"]
    assert "worker_shutdown_timeout 130s;" in config


# other versions of nginx


NGINX = """\
#!/bin/sh
case "$*" in
-v) echo "nginx version: nginx/{version}" >&2 ;;
-V) echo "built with {library}" >&2 ;;
*) echo "$@"; sed -n '/listen\\|http2 on\\|ecdh/p' "$4"; cat /tmp/listen-*.conf; exec sleep 1 ;;
esac
"""


def told(tmp_path: Path, **versions: str) -> list[str]:
    """How an nginx of that version, built with that library, is started, and what it is then told of where it listens, and of curves."""
    ambassador = rendered(HTTP, ip_families=("IPv4", "IPv6"))
    variables = {v["name"]: v.get("value", "192.0.2.1") for v in ambassador.container["env"]}
    variables |= {"LISTEN": "7000:ssl/http2 7001:ssl 7002:", "LISTEN_DIRECTORY": "/tmp", "POD_IPS": "192.0.2.1,2001:db8::1"}
    command = ["env", *(f"{name}={value}" for name, value in variables.items()), *ambassador.container["command"]]
    with sandbox(tmp_path, command, files=ambassador.files, programs={"nginx": NGINX.format(**versions).encode()}) as process:
        process.wait(10)
    number = str(ambassador.port().outer_number)
    return [line.strip().replace(number, "443") for line in (tmp_path / "stdout").read_text().splitlines()]


@pytest.mark.parametrize(
    ("version", "directive"),
    [
        ("1.19.5", False),
        ("1.22.1", False),
        ("1.24.0", False),
        ("1.25.0", False),
        ("1.25.1", True),
        ("1.26.3", True),
        ("1.28.0", True),
        ("1.31.5", True),
    ],
)
def test_newer_versions_of_nginx_are_told_in_their_words(version: str, directive: bool, tmp_path: Path) -> None:
    """They warn of the old ones."""
    parameter = "" if directive else " http2"
    assert told(tmp_path, version=version, library="OpenSSL 3.0.19 27 Jan 2026") == [
        f"-e stderr -c {'/tmp' if directive else '/etc/nginx-proxy'}/nginx.conf",
        "ssl_ecdh_curve X25519:prime256v1:secp384r1;",
        f"listen 443 ssl{parameter};",
        f"listen [::]:443 ssl{parameter};",
        "http2 on;" if directive else "# http2 on;",
        f"listen 192.0.2.1:7000 ssl{parameter};",
        f"listen [2001:db8::1]:7000 ssl{parameter};",
        "listen 192.0.2.1:7001 ssl;",
        "listen [2001:db8::1]:7001 ssl;",
        "listen 192.0.2.1:7002;",
        "listen [2001:db8::1]:7002;",
    ]


@pytest.mark.parametrize(
    ("library", "known"),
    [
        ("OpenSSL 1.1.1w  11 Sep 2023", False),
        ("OpenSSL 3.0.19 27 Jan 2026", False),
        ("OpenSSL 3.3.4 5 Aug 2025", False),
        ("LibreSSL 4.2.1", False),
        ("BoringSSL", False),
        ("OpenSSL 3.0.17 1 Jul 2025 (running with OpenSSL 3.5.4 30 Sep 2025)", True),
        ("OpenSSL 3.5.0 8 Apr 2025", True),
        ("OpenSSL 3.10.0", True),
        ("OpenSSL 4.0.0 14 Apr 2026", True),
    ],
)
@pytest.mark.parametrize("version", ["1.22.1", "1.28.0"])
def test_a_key_exchange_that_withstands_quantum_computers_is_offered_where_it_is_known(
    version: str, library: str, known: bool, tmp_path: Path
) -> None:
    said = told(tmp_path, version=version, library=library)
    assert said[1] == f"ssl_ecdh_curve {'X25519MLKEM768:' * known}X25519:prime256v1:secp384r1;"


def test_an_http_1_client_is_told_to_close_as_before(spare: tuple[Proxy, HttpServer]) -> None:
    running, _ = spare
    running.pre_stop()
    with closing(running.client()) as client:
        client.request("GET", "/")
        assert client.getresponse().headers["Connection"] == "close"


def test_while_a_certificate_is_replaced_no_request_fails(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "certs", **certificate())
    with reloading(tmp_path, {"/certs": volume}) as running:
        load = Load(running, clients=4, parallel=4)
        time.sleep(1)
        files = certificate()
        give(running, volume, files)
        taken(running)
        within(10, lambda: serves(running, files))
        time.sleep(1)
        load.end()
        assert load.failed == []
        assert load.connections == 8
