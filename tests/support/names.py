"""A DNS server whose answers a test changes."""

import socketserver
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.servers import LOOPBACK, serving


class NameServer(socketserver.ThreadingUDPServer):
    """Answers for IPv4 addresses (A) from `addresses`, and NXDOMAIN for any other name."""

    def __init__(self, number: int, addresses: Mapping[str, str]) -> None:
        self.addresses = dict(addresses)
        super().__init__((LOOPBACK, number), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        query, answers = self.request
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += length + 1
        question = query[12 : at + 5]
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        address = self.server.addresses.get(".".join(labels))
        record = b""
        if address and kind == 1:
            # a pointer to the name in the question, A, IN, a TTL, and the address
            record = struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 4) + bytes(int(part) for part in address.split("."))
        flags = 0x8180 if address else 0x8183
        answers.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, int(bool(record)), 0, 0) + question + record, self.client_address)


@contextmanager
def naming(number: int, addresses: Mapping[str, str]) -> Iterator[NameServer]:
    """A server of names at work on that port."""
    with serving(NameServer(number, addresses)) as server:
        yield server
