"""An OTLP/HTTP receiver of logs: it keeps what has arrived, and can be told to refuse it."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.servers import LOOPBACK


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of the fields of a protobuf message that have a length; the others are passed over."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 2:
            length = varint()
            yield key >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            varint()
        else:
            at += {1: 8, 5: 4}[kind]


def inside(message: bytes, *path: int) -> Iterator[bytes]:
    """The contents of the fields with these numbers, one in the other."""
    for number, content in fields(message):
        if number == path[0]:
            yield from inside(content, *path[1:]) if len(path) > 1 else [content]


def text(content: bytes) -> str:
    return content.decode()


class Receiver(ThreadingHTTPServer):
    """Listens on that port of loopback."""

    def __init__(self, number: int) -> None:
        self.lines: list[str] = []
        """Bodies of the records, in the order of their arrival."""
        self.attributes: dict[str, str] = {}
        """Attributes of the resource, as they were last."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path, and headers in lower case, of every request."""
        self.status = 200
        """What it answers; only what is answered with 200 is kept."""
        self.seconds = 0.0
        """How long it takes to answer."""
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, number), _Handler)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        time.sleep(self.seconds)
        with self._lock:
            self.requests.append((path, headers))
            # ExportLogsServiceRequest.resource_logs.scope_logs.log_records.body.string_value
            if self.status == 200:
                self.lines += map(text, inside(body, 1, 2, 2, 5, 1))
                for pair in inside(body, 1, 1, 1):
                    self.attributes[text(next(inside(pair, 1)))] = text(next(inside(pair, 2, 1)))
            return self.status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        status = self.server.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""
