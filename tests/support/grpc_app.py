"""A gRPC server without generated code: every message is bytes; and clients of it."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from tests.support.servers import LOOPBACK

SERVICE = "test.Echo"
LARGE = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
SERVING = b"\x08\x01"
"""HealthCheckResponse with the status SERVING."""


class GrpcServer:
    """What it was asked, and what it answers."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        """Set when a client gave up a call of Sleep."""
        self.health_checks = 0

    def unary(self, request: bytes, _: Any) -> bytes:
        return request

    def seen(self, _: bytes, context: Any) -> bytes:
        """The metadata that arrived, and the deadline."""
        metadata = [[key, value if isinstance(value, str) else value.hex()] for key, value in context.invocation_metadata()]
        return json.dumps({"metadata": metadata, "left": context.time_remaining()}).encode()

    def sleep(self, request: bytes, context: Any) -> bytes:
        context.add_callback(self.cancelled.set)
        end = time.monotonic() + float(request)
        while time.monotonic() < end and context.is_active():
            time.sleep(0.02)
        return b"slept"

    def fails(self, _: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("reason", "because"), ("detail-bin", b"\x00\xff")))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 50 % of ünder")
        return b""

    def counts(self, request: bytes, context: Any) -> Iterator[bytes]:
        """`count seconds`: so many messages with so much time between them."""
        count, seconds = request.split()
        for index in range(int(count)):
            time.sleep(float(seconds) if index else 0)
            yield str(index).encode()
        context.set_trailing_metadata((("counted", count.decode()),))

    def sums(self, requests: Iterator[bytes], _: Any) -> bytes:
        return str(sum(len(request) for request in requests)).encode()

    def chat(self, requests: Iterator[bytes], _: Any) -> Iterator[bytes]:
        for request in requests:
            yield b"echo " + request

    def check(self, _: bytes, __: Any) -> bytes:
        self.health_checks += 1
        return SERVING

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        methods = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Seen": grpc.unary_unary_rpc_method_handler(self.seen),
            "Sleep": grpc.unary_unary_rpc_method_handler(self.sleep),
            "Fails": grpc.unary_unary_rpc_method_handler(self.fails),
            "Counts": grpc.unary_stream_rpc_method_handler(self.counts),
            "Sums": grpc.stream_unary_rpc_method_handler(self.sums),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }
        return [
            grpc.method_handlers_generic_handler(SERVICE, methods),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(self.check)}),
        ]


@contextmanager
def grpc_server(number: int, credentials: grpc.ServerCredentials | None = None, *, threads: int = 32) -> Iterator[GrpcServer]:
    """The server, on loopback, plain unless there are credentials."""
    told = GrpcServer()
    server = grpc.server(
        ThreadPoolExecutor(threads), options=(*LARGE, ("grpc.so_reuseport", 0), ("grpc.http2.min_ping_interval_without_data_ms", 10))
    )
    server.add_generic_rpc_handlers(told.handlers())
    address = f"{LOOPBACK}:{number}"
    assert number == (server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address))
    server.start()
    try:
        yield told
    finally:
        server.stop(None)


class GrpcClient:
    """Calls of it on one channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel

    def unary(self, method: str, request: bytes = b"", **more: Any) -> bytes:
        given = {"timeout": 20, **more}
        return bytes(self.channel.unary_unary(f"/{SERVICE}/{method}")(request, **given))

    def called(self, method: str, request: bytes = b"", **more: Any) -> tuple[bytes, grpc.Call]:
        """The answer, and the call with its trailers."""
        answer, call = self.channel.unary_unary(f"/{SERVICE}/{method}").with_call(request, **{"timeout": 20, **more})
        return bytes(answer), call

    def counts(self, request: bytes, **more: Any) -> Any:
        return self.channel.unary_stream(f"/{SERVICE}/Counts")(request, **{"timeout": 30, **more})

    def sums(self, requests: Iterator[bytes], **more: Any) -> bytes:
        return bytes(self.channel.stream_unary(f"/{SERVICE}/Sums")(requests, **{"timeout": 60, **more}))

    def chat(self, requests: Iterator[bytes], **more: Any) -> Any:
        return self.channel.stream_stream(f"/{SERVICE}/Chat")(requests, **{"timeout": 60, **more})

    def seen(self, **more: Any) -> dict[str, Any]:
        return dict(json.loads(self.unary("Seen", **more)))

    def check(self, path: str = "/grpc.health.v1.Health/Check", request: bytes = b"", **more: Any) -> bytes:
        return bytes(self.channel.unary_unary(path)(request, **{"timeout": 5, **more}))


@contextmanager
def grpc_client(number: int, ca: str | None = None, certificate: tuple[str, str] | None = None, **options: Any) -> Iterator[GrpcClient]:
    """A client; with `ca` it speaks TLS and verifies that, with `certificate` (PEM, key) it has one. `options`: of the channel."""
    given = [*LARGE, ("grpc.use_local_subchannel_pool", 1), *((f"grpc.{name}", value) for name, value in options.items())]
    if ca is None:
        channel = grpc.insecure_channel(f"{LOOPBACK}:{number}", options=given)
    else:
        pem, key = certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(ca.encode(), key.encode() if key else None, pem.encode() if pem else None)
        channel = grpc.secure_channel(f"{LOOPBACK}:{number}", credentials, options=given)
    with channel:
        yield GrpcClient(channel)


def kubelet_probe(number: int) -> bool:
    """What a grpc probe of the kubelet sees there: plain text, and the health service."""
    with grpc_client(number) as client:
        try:
            return client.check(metadata=(("user-agent", "kube-probe/1.36"),)) == SERVING
        except grpc.RpcError:
            return False
