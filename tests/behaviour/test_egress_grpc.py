"""gRPC through EgressTlsTunnel: a plain client, the real haproxy, and a real server that has TLS only."""

import socket
import ssl
from pathlib import Path

import grpc
import pytest

from tests.behaviour.test_egress_tls_tunnel import OURS, Tunnel, target, tunnel
from tests.support.grpc_app import GrpcClient, grpc_client, grpc_server
from tests.support.servers import LOOPBACK, free_ports
from tests.support.waiting import within

MEGABYTE = 2**20
CREDENTIALS = grpc.ssl_server_credentials([(OURS.server["tls.key"].encode(), OURS.server["tls.crt"].encode())])


def local(haproxy: Tunnel) -> int:
    return int(haproxy.env["REDIS_URL"].split(":")[2].split("/")[0])


def answers(client: GrpcClient) -> bool:
    try:
        return client.unary("Unary", b"hello", timeout=2) == b"hello"
    except grpc.RpcError:
        return False


def test_all_four_kinds_of_calls_large_messages_and_trailers(tmp_path: Path) -> None:
    number = free_ports(1)
    with (
        grpc_server(number, CREDENTIALS) as server,
        tunnel(tmp_path, target(number, scheme="grpc")) as haproxy,
        grpc_client(local(haproxy), initial_reconnect_backoff_ms=100) as client,
    ):
        # its name is looked up first
        within(10, lambda: answers(client))
        large = bytes(range(256)) * (16 * MEGABYTE // 256)
        assert client.unary("Unary", large) == large
        assert [*client.counts(b"3 0.1")] == [b"0", b"1", b"2"]
        assert client.sums(b"x" * 1000 for _ in range(100)) == b"100000"
        assert [*client.chat(iter([b"a", b"b"]))] == [b"echo a", b"echo b"]
        with pytest.raises(grpc.RpcError) as error:
            client.unary("Fails")
        assert ("reason", "because") in error.value.trailing_metadata()  # type: ignore[attr-defined]
        with pytest.raises(grpc.RpcError) as late:
            client.unary("Sleep", b"20", timeout=0.5)
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
        assert server.cancelled.wait(5)


def test_pings_of_the_client_are_answered_by_the_server(tmp_path: Path) -> None:
    number = free_ports(1)
    pings = {"keepalive_time_ms": 300, "keepalive_timeout_ms": 1000, "keepalive_permit_without_calls": 1, "http2.max_pings_without_data": 0}
    with (
        grpc_server(number, CREDENTIALS),
        tunnel(tmp_path, target(number, scheme="grpc")) as haproxy,
        grpc_client(local(haproxy), initial_reconnect_backoff_ms=100, **pings) as client,
    ):
        within(10, lambda: answers(client))
        assert [*client.counts(b"2 3")] == [b"0", b"1"]


@pytest.mark.parametrize(
    ("changes", "offered"),
    [({"scheme": "grpc"}, "h2"), ({}, None), ({"alpn": ["x/1", "y/1"]}, "x/1"), ({"scheme": "postgres", "direct_tls": True}, "postgresql")],
)
def test_the_server_is_offered_what_the_target_says(changes: dict[str, object], offered: str | None, tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text(OURS.server[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    context.set_alpn_protocols(["x/1", "h2", "postgresql"])
    with socket.create_server((LOOPBACK, 0)) as server, tunnel(tmp_path, target(server.getsockname()[1], **changes)) as haproxy:
        server.settimeout(2)

        def agreed() -> list[str | None]:
            with socket.create_connection((LOOPBACK, local(haproxy)), timeout=10) as client:
                client.sendall(b"hello")
                try:
                    plain, _ = server.accept()
                except TimeoutError:
                    return []
                with context.wrap_socket(plain, server_side=True) as connection:
                    assert connection.recv(5) == b"hello"
                    return [connection.selected_alpn_protocol()]

        assert within(10, agreed) == [offered]


def test_without_the_scheme_the_server_would_not_speak(tmp_path: Path) -> None:
    number = free_ports(1)
    with (
        grpc_server(number, CREDENTIALS),
        tunnel(tmp_path, target(number, scheme="grpc"), target(number, name="tcp", env={"TCP": "{port}"})) as haproxy,
        grpc_client(local(haproxy), initial_reconnect_backoff_ms=100) as client,
        grpc_client(int(haproxy.env["TCP"]), initial_reconnect_backoff_ms=100) as without,
    ):
        within(10, lambda: answers(client))
        assert not answers(without)
