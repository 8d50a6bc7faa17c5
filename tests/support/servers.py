"""Small servers to stand behind a proxy; they tell exactly what arrived."""

import hashlib
import json
import os
import random
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

LOOPBACK = "127.0.0.1"

Server = TypeVar("Server", bound=socketserver.BaseServer)


def free_ports(count: int) -> int:
    """The first of `count` consecutive port numbers that nobody uses, below those that the kernel hands out."""
    # tests that run beside these (pytest-xdist) take others, since a number is free until it is used
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    while True:
        first = random.randrange(20000 + 3000 * worker, 23000 + 3000 * worker - count)
        try:
            for number in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("", number))
        except OSError:
            continue
        return first


class HttpServer(ThreadingHTTPServer):
    """Answers every request with what arrived, as JSON; some paths do something else, see `_Handler`."""

    def __init__(self, number: int, *, idle_seconds: float | None = None) -> None:
        """`idle_seconds`: how long it keeps an unused connection (default: for ever)."""
        self.connections = 0
        self.idle_seconds = idle_seconds
        self.go_on = threading.Event()
        super().__init__((LOOPBACK, number), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent: clients hang up where they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

    def setup(self) -> None:
        # of the class to the types, of each connection to http.server
        self.timeout = self.server.idle_seconds  # type: ignore[misc]
        self.server.connections += 1
        self.answered = 0
        super().setup()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(302 if "Location" in headers else 200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _any(self) -> None:
        # not self.path, in which the library has repaired a leading //
        path = self.requestline.split()[1]
        what, _, argument = path.removeprefix("/").partition("/")
        body = self._body()
        if what == "sleep":
            time.sleep(float(argument))
        if what == "hang-up-on-the-second" and self.answered:
            self.close_connection = True
            return
        self.answered += 1
        if what == "bytes":
            self._answer(bytes(int(argument)))
        elif what == "long-header":
            self._answer(b"", X_Long="x" * int(argument))
        elif what == "redirect":
            self._answer(b"", Location=argument or f"http://{self.headers['Host']}/elsewhere?a=b")
        elif what == "header":
            self._answer(b"the app", **{argument.partition("/")[0]: argument.partition("/")[2]})
        elif what == "two-parts":
            self._two_parts()
        elif what == "upgrade":
            self._upgrade()
        else:
            seen = {
                "line": self.requestline,
                "headers": [[name, value] for name, value in self.headers.items()],
                "length": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            }
            self._answer(json.dumps(seen).encode())

    do_GET = do_POST = do_PUT = do_DELETE = _any

    def _two_parts(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b"first ")
        self.server.go_on.wait(10)
        self.wfile.write(b"second")

    def _upgrade(self) -> None:
        asked = (self.headers["Connection"], self.headers["Upgrade"])
        if asked != ("upgrade", "websocket"):
            self.send_error(400, f"Connection and Upgrade are {asked}")
            return
        self.send_response_only(101)
        self.send_header("Connection", "upgrade")
        self.send_header("Upgrade", "websocket")
        self.end_headers()
        while line := self.rfile.readline():
            self.wfile.write(b"echo " + line)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class EchoServer(socketserver.ThreadingTCPServer):
    """Sends every byte back."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, number: int) -> None:
        super().__init__((LOOPBACK, number), _Echo)


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server, at work in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
