"""Servers outside of a pod that its containers connect to."""

import re
from dataclasses import dataclass

from ..core import protocols
from ..core.addresses import parsed
from ..core.patch import Connection
from .words import LATER

_SCHEME = re.compile(r"([a-z0-9+.-]+)://")


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A server that a container connects to."""

    host: str
    detail: str
    """Scheme and port number, as far as they are known."""
    is_secure: bool
    is_awaited: bool
    """Whether the app does not start before it is there."""
    local_number: int | None = None
    """Its port number if it is in the pod itself, on 127.0.0.1."""


def remote(connection: Connection) -> Remote:
    """Where a connection leads."""
    is_awaited = connection.awaited is not None
    address = parsed(connection.address) if isinstance(connection.address, str) else None
    if not isinstance(connection.address, str) or address is None:
        host = connection.address if isinstance(connection.address, str) else LATER
        return Remote(host=host, detail="TLS" if connection.tls else "", is_secure=connection.tls, is_awaited=is_awaited)
    found = _SCHEME.match(connection.address)
    scheme = found[1] if found else "TLS" if connection.tls else "" if connection.protocol == "TCP" else connection.protocol.lower()
    return Remote(
        host=address.host,
        detail=" ".join(part for part in (scheme, str(address.port or "")) if part),
        is_secure=connection.tls or scheme in protocols.SECURE,
        is_awaited=is_awaited,
        local_number=address.port if address.is_loopback else None,
    )
