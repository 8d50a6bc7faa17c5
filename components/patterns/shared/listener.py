"""A port that an nginx takes over."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# what the kubelet asks for and nginx.conf can hold; no quotes, no spaces, no fragment
_PROBE_URI = re.compile(r"/[A-Za-z0-9._~@:+,=/%-]*(\?[A-Za-z0-9._~@:+,=/%&*-]*)?")


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port that nginx takes over."""

    name: str
    """Port name."""
    listen: str
    """Address and number, as in nginx's listen directive."""
    own_addresses: bool = False
    """Whether it listens on the pod's own addresses alone, because the app has the same number on 127.0.0.1."""
    upstream: str
    """host:port of the process behind it."""
    http: bool
    """Whether it is proxied as HTTP, or as a plain TCP stream."""
    grpc: bool = False
    """Whether the process behind it speaks gRPC, in HTTP/2; others are spoken to in HTTP/1.1."""
    http2: bool = False
    """Whether clients are offered HTTP/2."""
    alpn: Sequence[str] = ()
    """Protocols that clients of a TCP stream can agree on."""
    probe_port: int | None = None
    """Plain HTTP port for the kubelet, which has no certificate, and speaks no TLS to gRPC."""
    probe_uris: Sequence[str] = ()
    """All that is proxied from there, by GET, or as gRPC."""
    checked: int | None = None
    """Port number of the process, if the kubelet only wants to know whether it listens."""


def probe_problems(probes: Mapping[str, Any]) -> list[str]:
    """Why these cannot be `probe_uris`; each by where it comes from."""
    return [
        f"{where}: path {uri!r} is not allowed behind client_auth: letters, digits and ._~@:+,=/%-, and after one '?' also &*"
        for where, uri in probes.items()
        if not isinstance(uri, str) or not _PROBE_URI.fullmatch(uri)
    ]
