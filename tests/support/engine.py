"""An engine to log to, over gRPC; it knows nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self, logged: list[tuple[str, str]]) -> None:
        self.logged = logged

    def Log(self, request, _context):
        self.logged.append((engine_pb2.LogSeverity.Name(request.severity), request.message))
        return empty_pb2.Empty()


@contextmanager
def logging_engine() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Its address, and what is logged there: severity and text."""
    logged: list[tuple[str, str]] = []
    server = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(logged), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", logged
    finally:
        server.stop(None).wait()
