"""A real server that changes the protocol without asking: Hypercorn, which takes every `Upgrade: h2c`; and clients that ask it to."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h2.connection
import h2.events

from tests.support.servers import LOOPBACK

# of HTTP/2, as RFC 7540 section 3.2.1 sends it along
_SETTINGS = "AAMAAABkAARAAAAAAAIAAAAA"

UPGRADES: dict[str, Sequence[tuple[str, str]]] = {
    "h2c": (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", _SETTINGS)),
    "h2c, not in the usual case": (("connection", "upgrade,http2-settings"), ("upgrade", "H2C"), ("http2-settings", _SETTINGS)),
    "h2c alone": (("Connection", "Upgrade"), ("Upgrade", "h2c"), ("HTTP2_Settings", _SETTINGS)),
    "h2c after websocket": (("Connection", "Upgrade"), ("Upgrade", "websocket, h2c"), ("HTTP2-Settings", _SETTINGS)),
    "h2c before websocket": (("Connection", "Upgrade"), ("Upgrade", "h2c, websocket"), ("HTTP2-Settings", _SETTINGS)),
    "twice": (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c"), ("HTTP2-Settings", _SETTINGS)),
    "twice, the other way": (("Connection", "Upgrade"), ("Upgrade", "h2c"), ("Upgrade", "websocket"), ("HTTP2-Settings", _SETTINGS)),
    "tls": (("Connection", "Upgrade"), ("Upgrade", "TLS/1.2")),
    "anything": (("Connection", "Upgrade"), ("Upgrade", "chat/1.0")),
}
"""Headers that ask for another protocol than websocket."""

WEBSOCKET = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The application that Hypercorn serves: it answers with what arrived, and echoes on WebSockets."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"echo {message['text']}"})
        return
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "version": scope["http_version"],
        "headers": [[name.decode("latin1"), value.decode("latin1")] for name, value in scope["headers"]],
    }
    body = json.dumps(seen).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def hypercorn(number: int) -> Iterator[None]:
    """The server, on loopback."""
    # without workers of its own, which would outlive it
    options = ["--bind", f"{LOOPBACK}:{number}", "--workers", "0", "--log-level", "warning"]
    command = [sys.executable, "-m", "hypercorn", *options, "tests.support.upgrading:app"]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while True:
            assert process.poll() is None
            with suppress(OSError), socket.create_connection((LOOPBACK, number), timeout=1):
                break
            assert time.monotonic() < end, "Hypercorn did not start"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The head of an answer, and its body if it has a length."""

    status: int
    body: bytes

    def headers(self) -> list[tuple[str, str]]:
        """The headers that reached the application."""
        return [(name, value) for name, value in json.loads(self.body)["headers"]]


class Connection:
    """One connection of a client that sends exactly what it is told to."""

    def __init__(self, number: int, context: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection((LOOPBACK, number), timeout=10)
        self._socket: socket.socket = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, path: str, headers: Iterable[tuple[str, str]], method: str = "GET") -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: web", *(f"{name}: {value}" for name, value in headers), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        status, length = int(self._file.readline().split()[1]), 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return Answer(status=status, body=self._file.read(length))

    def tunnelled(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """After 101: another request, in HTTP/2, on the same connection; what of it reached the application."""
        client = h2.connection.H2Connection()
        client.initiate_upgrade_connection()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "web")]
        client.send_headers(3, [*pseudo, *headers], end_stream=True)
        self._socket.sendall(client.data_to_send())
        bodies = {1: b"", 3: b""}
        while True:
            events = client.receive_data(self._file.read1(65536))  # type: ignore[attr-defined]
            for event in events:
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                if isinstance(event, h2.events.StreamEnded) and event.stream_id == 3:
                    return dict(json.loads(bodies[3]))
            self._socket.sendall(client.data_to_send())

    def echo(self, text: str) -> str:
        """After 101: one message over the WebSocket, and the answer."""
        data = text.encode()
        assert len(data) < 126
        # masked with zeros, as a client has to
        self._socket.sendall(bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data)
        _, length = self._file.read(2)
        return self._file.read(length).decode()
