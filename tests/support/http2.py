"""A client of HTTP/2 that sends exactly what it is told to, one request after the other."""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import h2.config
import h2.connection
import h2.events

from tests.support.servers import LOOPBACK


@dataclass(kw_only=True)
class Answer:
    """What came of a request."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None


class GoneError(OSError):
    """The connection has ended without this request: it can be repeated elsewhere."""


class Http2:
    """One connection."""

    def __init__(self, number: int, context: ssl.SSLContext | None = None) -> None:
        """With a context in TLS, else with prior knowledge."""
        plain = socket.create_connection((LOOPBACK, number), timeout=20)
        self.socket: socket.socket = plain
        if context:
            context.set_alpn_protocols(["h2", "http/1.1"])
            secure = context.wrap_socket(plain, server_hostname="localhost")
            assert secure.selected_alpn_protocol() == "h2"
            # others use it too
            context.set_alpn_protocols(["http/1.1"])
            self.socket = secure
        config = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8", validate_inbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.goaway = False
        """Whether the server will take no other request here."""
        self._last = 2**31
        self.answers: dict[int, Answer] = {}
        self.flush()

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def begin(
        self, path: str, headers: Iterable[tuple[str, str]] = (), method: str = "GET", *, host: str | None = "web", ended: bool = True
    ) -> int:
        """Sends the head of a request."""
        number: int = self.h2.get_next_available_stream_id()
        authority = [] if host is None else [(":authority", host)]
        self.answers[number] = Answer()
        self.h2.send_headers(number, [(":method", method), (":scheme", "https"), *authority, (":path", path), *headers], end_stream=ended)
        self.flush()
        return number

    def send(self, number: int, body: bytes, *, ended: bool = True) -> None:
        """Sends a body, as the windows allow."""
        while body or ended:
            part = body[: min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)]
            body = body[len(part) :]
            if part or not body:
                self.h2.send_data(number, part, end_stream=ended and not body)
                self.flush()
            if not body:
                return
            if not part:
                self.receive()
            if self.answers[number].ended:
                # it wants no more
                return

    def receive(self) -> None:
        """Takes what the server sends next."""
        data = self.socket.recv(65536)
        if not data:
            self.goaway, self._last = True, min(self._last, 0)
            raise GoneError("closed")
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ConnectionTerminated):
                self.goaway, self._last = True, event.last_stream_id if event.last_stream_id is not None else 0
                # requests before that go on, which the library does not know
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
                continue
            answer = self.answers.get(getattr(event, "stream_id", None) or 0)
            if answer is None:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                # the types know nothing of header_encoding
                headers = cast("list[tuple[str, str]]", event.headers)
                answer.headers = [(name, value) for name, value in headers if not name.startswith(":")]
                answer.status = int(dict(headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                answer.ended = True
            elif isinstance(event, h2.events.StreamReset):
                answer.reset = event.error_code
                answer.ended = True
        self.flush()

    def answer(self, number: int) -> Answer:
        """The whole answer. Raises GoneError if the server took no notice of the request."""
        while not self.answers[number].ended:
            if number > self._last:
                raise GoneError("GOAWAY")
            self.receive()
        return self.answers[number]

    def ask(
        self,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        method: str = "GET",
        *,
        body: bytes | None = None,
        host: str | None = "web",
    ) -> Answer:
        """A whole request and its answer."""
        number = self.begin(path, headers, method, host=host, ended=body is None)
        if body is not None:
            self.send(number, body)
        return self.answer(number)
