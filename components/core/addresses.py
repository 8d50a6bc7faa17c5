"""Addresses of servers, as patterns name them: host:port, or a URL."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"((?P<scheme>[a-z0-9]+)://)?(?P<host>\[[^\]]*\]|[^:/?#]+)(:(?P<port>[0-9]+))?([/?#].*)?")
_LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|0\.0\.0\.0|::1?")
_DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server is."""

    host: str
    """A name or an IP address, an IPv6 one without brackets."""
    port: int
    """Port number; 0 if it is not known."""

    @property
    def is_loopback(self) -> bool:
        """Whether it is in the pod itself."""
        return _LOOPBACK.fullmatch(self.host) is not None


def parsed(text: str) -> Address | None:
    """Where the server of a host:port or URL is; None if that cannot be told."""
    found = _ADDRESS.fullmatch(text)
    if not found:
        return None
    return Address(host=found["host"].strip("[]"), port=int(found["port"] or _DEFAULT_PORTS.get(found["scheme"], 0)))
