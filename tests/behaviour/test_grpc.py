"""gRPC through TlsAmbassador: a real server and real clients, with the real nginx between them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from components.core.app import Port, Rebind
from components.core.view import GRPC_HEALTH
from components.patterns.shared import headers
from tests.support.clients import Authority
from tests.support.grpc_app import SERVING, GrpcClient, GrpcServer, grpc_client, grpc_server, kubelet_probe
from tests.support.http2 import Http2
from tests.support.nginx_proxy import Proxy, Rendered, proxy, rendered
from tests.support.upgrading import UPGRADES, hypercorn
from tests.support.waiting import within

GRPC = Port(name="grpc", number=80, scheme="grpc", rebind=Rebind(args=("{host}:{port}",)))
PROBES = {"readiness_probe": {"grpc": {"port": "grpc"}}}
CLIENTS = Authority()
BILLING, OTHER = CLIENTS.client("billing"), CLIENTS.client("other")
MUTUAL: dict[str, Any] = {"client_auth": "required", "client_ca_pems": (CLIENTS.pem,), "client_names": ("billing",)}
MEGABYTE = 2**20
SCENES: dict[str, dict[str, Any]] = {"tls": {}, "mutual tls": MUTUAL, "as tcp": {"mode": "tcp"}}


@dataclass(kw_only=True)
class Scene:
    """The ambassador in front of the server."""

    running: Proxy
    server: GrpcServer

    @contextmanager
    def client(self, certificate: Any = BILLING, **options: Any) -> Iterator[GrpcClient]:
        number, ca = self.running.ambassador.port("grpc").outer_number, self.running.ambassador.files["/certs/ca.crt"]
        with grpc_client(number, ca, (certificate.pem, certificate.key_pem) if certificate else None, **options) as client:
            yield client

    @property
    def probe_port(self) -> int:
        return probe_port(self.running.ambassador)


def probe_port(ambassador: Rendered) -> int:
    (number,) = (n for n, paths in ambassador.pod.health_ports.items() if paths == (GRPC_HEALTH,))
    return number


@contextmanager
def scene(directory: Path, **arguments: Any) -> Iterator[Scene]:
    ambassador = rendered(GRPC, probes=PROBES, **arguments)
    with grpc_server(ambassador.port("grpc").number) as server, proxy(directory, ambassador) as running:
        yield Scene(running=running, server=server)


@pytest.fixture(scope="module", params=SCENES)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), **SCENES[request.param]) as running:
        yield running


def code(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        call()
    found: grpc.StatusCode = error.value.code()  # type: ignore[attr-defined]
    return found


# what is carried


def test_all_four_kinds_of_calls(there: Scene) -> None:
    with there.client() as client:
        assert client.unary("Unary", b"hello") == b"hello"
        assert [*client.counts(b"3 0.1")] == [b"0", b"1", b"2"]
        assert client.sums(b"x" * 1000 for _ in range(100)) == b"100000"
        assert [*client.chat(iter([b"a", b"b"]))] == [b"echo a", b"echo b"]


def test_messages_of_a_stream_arrive_one_by_one(there: Scene) -> None:
    said = threading.Semaphore(0)

    def requests() -> Iterator[bytes]:
        for index in range(5):
            assert said.acquire(timeout=10)
            yield str(index).encode()

    with there.client() as client:
        answers = client.chat(requests())
        for index in range(5):
            said.release()
            assert next(answers) == b"echo %d" % index


def test_messages_of_16_megabytes_and_none(there: Scene) -> None:
    large = bytes(range(256)) * (16 * MEGABYTE // 256)
    with there.client() as client:
        assert client.unary("Unary", large) == large
        assert [*client.chat(iter([large, b""]))] == [b"echo " + large, b"echo "]
        assert client.unary("Unary", b"") == b""


def test_status_message_and_trailers_arrive(there: Scene) -> None:
    with there.client() as client:
        with pytest.raises(grpc.RpcError) as error:
            client.unary("Fails")
        failed: Any = error.value
        assert (failed.code(), failed.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not today: 50 % of ünder")
        trailers = dict(failed.trailing_metadata())
        assert (trailers["reason"], trailers["detail-bin"]) == ("because", b"\x00\xff")
        answers = client.counts(b"2 0")
        assert [*answers] == [b"0", b"1"]
        assert ("counted", "2") in answers.trailing_metadata()


def test_a_method_that_is_not_there_is_the_apps_answer(there: Scene) -> None:
    with there.client() as client:
        assert code(lambda: client.unary("Nothing")) == grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_reaches_the_server_and_ends_the_call(there: Scene) -> None:
    there.server.cancelled.clear()
    with there.client() as client:
        assert 5 < client.seen(timeout=8)["left"] < 8.5
        assert code(lambda: client.unary("Sleep", b"20", timeout=0.5)) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert there.server.cancelled.wait(15)


def test_a_call_that_the_client_gives_up_ends_at_the_server(there: Scene) -> None:
    there.server.cancelled.clear()
    with there.client() as client:
        call = client.channel.unary_unary("/test.Echo/Sleep").future(b"20")
        time.sleep(0.5)
        assert not there.server.cancelled.is_set()
        call.cancel()
        assert there.server.cancelled.wait(5)


def test_a_hundred_streams_share_a_connection(there: Scene) -> None:
    with there.client() as client:
        calls = [client.channel.unary_unary("/test.Echo/Unary").future(b"%d" % index, timeout=20) for index in range(100)]
        assert [call.result() for call in calls] == [b"%d" % index for index in range(100)]


def test_pings_of_the_client_are_answered(there: Scene) -> None:
    pings = {"keepalive_time_ms": 300, "keepalive_timeout_ms": 1000, "keepalive_permit_without_calls": 1, "http2.max_pings_without_data": 0}
    with there.client(**pings) as client:
        assert [*client.counts(b"2 3")] == [b"0", b"1"]
        time.sleep(1)
        assert client.unary("Unary", b"1") == b"1"


# silence


def test_a_stream_may_be_idle_for_longer_than_a_client_may_be_silent(tmp_path: Path) -> None:
    go_on = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b"first"
        go_on.wait(20)
        yield b"second"

    with scene(tmp_path, client_timeout_seconds=1, timeout_seconds=30) as there, there.client() as client:
        answers = client.chat(requests())
        assert next(answers) == b"echo first"
        time.sleep(4)
        go_on.set()
        assert next(answers) == b"echo second"
        assert [*client.counts(b"2 3")] == [b"0", b"1"]


def test_timeout_seconds_is_the_longest_silence_of_the_app(tmp_path: Path) -> None:
    with scene(tmp_path, timeout_seconds=2) as there, there.client() as client:
        assert client.unary("Sleep", b"1") == b"slept"
        began = time.monotonic()
        assert code(lambda: client.unary("Sleep", b"60")) == grpc.StatusCode.UNAVAILABLE
        assert 1.5 < time.monotonic() - began < 30


def test_an_app_that_is_down_is_unavailable_and_nginx_itself_healthy(tmp_path: Path) -> None:
    ambassador = rendered(GRPC, probes=PROBES)
    with proxy(tmp_path, ambassador) as running:
        with grpc_client(ambassador.port("grpc").outer_number, ambassador.files["/certs/ca.crt"]) as client:
            assert code(lambda: client.unary("Unary")) == grpc.StatusCode.UNAVAILABLE
        assert not kubelet_probe(probe_port(ambassador))
        assert running.health() == (200, b"ok\n")
        with grpc_server(ambassador.port("grpc").number):
            within(5, lambda: kubelet_probe(probe_port(ambassador)))


# who may


def test_mutual_tls_lets_in_whom_it_names(tmp_path: Path) -> None:
    with scene(tmp_path, **MUTUAL) as there:
        with there.client(None) as nobody:
            assert code(lambda: nobody.unary("Unary")) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
        with there.client(OTHER) as other:
            assert code(lambda: other.unary("Unary")) == grpc.StatusCode.PERMISSION_DENIED
        with there.client(Authority().client("billing")) as forged:
            assert code(lambda: forged.unary("Unary")) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
        with there.client() as client:
            told = {key: value for key, value in client.seen()["metadata"] if key.startswith(("x-client", "x-forwarded-client"))}
        assert (told["x-client-verify"], told["x-client-subject"]) == ("SUCCESS", "CN=billing")
        assert told["x-forwarded-client-cert"].startswith('Cert="-----BEGIN%20CERTIFICATE')


NAMES = (*headers.TRUSTING, *headers.UNKNOWN, *headers.CERTIFICATE, *headers.HOP)
SPELLINGS = [spelled.lower() for name in NAMES for spelled in headers.spellings(name)]


@pytest.mark.parametrize("arguments", [MUTUAL, {**MUTUAL, "client_auth": "optional"}], ids=["required", "optional"])
def test_nothing_that_a_client_says_of_itself_arrives_in_any_spelling(arguments: dict[str, Any], tmp_path: Path) -> None:
    certificate = BILLING if arguments["client_auth"] == "required" else None
    with scene(tmp_path, **arguments) as there, there.client(certificate) as client:
        for start in range(0, len(SPELLINGS), 40):
            forged = [(name, "forged.example") for name in SPELLINGS[start : start + 40]]
            told = client.seen(metadata=(*forged, ("own_key", "kept"), ("own-key", "kept")))["metadata"]
            assert [pair for pair in told if pair[1] == "forged.example"] == []
            assert [pair for pair in told if pair[1] == "kept"] == [["own_key", "kept"], ["own-key", "kept"]]
            by_name = dict(told)
            assert (by_name["x-forwarded-for"], by_name["x-real-ip"], by_name["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "https")
            outer = f"127.0.0.1:{there.running.ambassador.port('grpc').outer_number}"
            # newer versions of nginx send `:authority`, which the library does not show
            assert (by_name["x-forwarded-host"], by_name.get("host", outer)) == (outer, outer)
            if certificate is None:
                assert by_name["x-client-verify"] == "NONE"
                assert "x-client-subject" not in by_name


def test_no_upgrade_arrives_and_nothing_becomes_of_one(tmp_path: Path) -> None:
    ambassador = rendered(GRPC, probes=PROBES)
    with hypercorn(ambassador.port("grpc").number), proxy(tmp_path, ambassador) as running:
        for number, context in ((ambassador.port("grpc").outer_number, running.trust()), (probe_port(ambassador), None)):
            for asked in UPGRADES.values():
                with Http2(number, context) as client:
                    answer = client.ask(GRPC_HEALTH, [(n.lower(), v) for n, v in asked], method="POST")
                if answer.status == 200:
                    arrived = {name.replace("_", "-") for name, _ in json.loads(answer.body)["headers"]}
                    assert not arrived & {"upgrade", "http2-settings"}
                else:
                    assert answer.status in (400, 404)


# the kubelet, which speaks plain text


def test_the_probe_is_sent_where_it_is_answered() -> None:
    for arguments in SCENES.values():
        ambassador = rendered(GRPC, probes=PROBES, **arguments)
        app = next(c for c in ambassador.pod.spec["containers"] if c["name"] == "web")
        assert app["readinessProbe"] == {"grpc": {"port": probe_port(ambassador)}}


def test_the_probe_reaches_the_app_itself(there: Scene) -> None:
    before = there.server.health_checks
    assert kubelet_probe(there.probe_port)
    assert there.server.health_checks == before + 1


def test_its_port_answers_nothing_else(there: Scene) -> None:
    before = there.server.health_checks
    with grpc_client(there.probe_port) as client:
        for path in ("/test.Echo/Unary", "/grpc.health.v1.Health/Watch", f"{GRPC_HEALTH}/", f"{GRPC_HEALTH}?a", f"/a/..{GRPC_HEALTH}"):
            assert code(lambda path=path: client.check(path)) == grpc.StatusCode.UNIMPLEMENTED, path  # type: ignore[misc]
        # no way to fill the app's memory either
        assert code(lambda: client.check(request=bytes(2000))) != grpc.StatusCode.OK
        assert there.server.health_checks == before
        assert client.check(request=b"\x0a\x04echo") == SERVING
    with Http2(there.probe_port) as plain:
        assert plain.ask(GRPC_HEALTH, []).status == 404


def test_without_a_grpc_probe_there_is_no_such_port() -> None:
    assert len(rendered(GRPC).pod.health_ports) == 1


# other protocols in TLS


@pytest.mark.parametrize(
    ("port", "arguments", "agreed"),
    [
        (GRPC, {"mode": "tcp"}, "h2"),
        (Port(name="grpc", number=80, scheme="tcp", rebind=GRPC.rebind), {"alpn": ["h2", "x/1"]}, "h2"),
        (Port(name="grpc", number=80, scheme="tcp", rebind=GRPC.rebind), {}, None),
        (Port(name="grpc", number=80, scheme="postgres", rebind=GRPC.rebind), {"direct_tls": True}, "postgresql"),
    ],
)
def test_a_port_carried_as_tcp_agrees_on_its_protocol(port: Port, arguments: dict[str, Any], agreed: str, tmp_path: Path) -> None:
    ambassador = rendered(port, **arguments)
    with proxy(tmp_path, ambassador) as running:
        context = running.trust()
        context.set_alpn_protocols(["h2", "postgresql"])
        with running.socket("grpc", context) as connection:
            assert connection.selected_alpn_protocol() == agreed


# the end


def test_while_the_pod_stops_no_call_fails(tmp_path: Path) -> None:
    ambassador = rendered(GRPC, probes=PROBES)
    done, failed, ended = [0], [], threading.Event()

    def calling(client: GrpcClient) -> None:
        while not ended.is_set():
            try:
                assert client.unary("Unary", b"1") == b"1"
                done[0] += 1
            except grpc.RpcError as error:
                failed.append(str(error))

    with grpc_server(ambassador.port("grpc").number) as server, proxy(tmp_path, ambassador) as running:
        there = Scene(running=running, server=server)
        with there.client() as busy, there.client() as streaming:
            threads = [threading.Thread(target=calling, args=(busy,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            stream = streaming.counts(b"8 0.5")
            assert next(stream) == b"0"
            first = running.workers
            running.pre_stop()
            within(5, lambda: set(running.workers) - set(first))
            time.sleep(2)
            ended.set()
            for thread in threads:
                thread.join()
            # one that began before is finished by the worker that has it
            assert [*stream] == [b"%d" % index for index in range(1, 8)]
            assert failed == []
            assert done[0] > 100
            assert busy.unary("Unary", b"2") == b"2"
