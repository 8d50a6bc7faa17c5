"""How an ambassador with TLS accepts the connections of clients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ...core import checks
from ...core.protocols import PROTOCOLS, asking
from ...core.rules import AlpnName
from ...core.view import BoundPort
from .ambassador import AmbassadorArgs


@dataclass(frozen=True, kw_only=True)
class ConnectionsArgs(AmbassadorArgs):
    """How connections begin, and how many there may be, besides the arguments of AmbassadorArgs."""

    http2: bool = True
    """Whether clients of ports that speak http are offered HTTP/2; the app is spoken to in HTTP/1.1 anyway, and WebSockets use HTTP/1.1. A
    client of HTTP/2 has one connection, and so stays with one pod until that stops. Default: True."""
    alpn: Sequence[AlpnName] = ()
    """What clients of ports carried as tcp can agree on in the TLS handshake (ALPN); takes nginx 1.21.4. Default: none, what the scheme
    needs: h2 for grpc."""
    direct_tls: bool = False
    """Whether clients of ports whose protocol asks for TLS inside itself (postgres, mysql ...), or is known to by its port number, begin
    with TLS: those of PostgreSQL do from 17 on with sslnegotiation=direct. Default: False, such a port is rejected."""
    plain_too: bool = False
    """Whether clients may still speak plain text at the same ports, for a change without a day on which all clients change: roll this out,
    let the clients speak TLS, then take it out; to remove TLS, the other way round. The ports count as plain text until then, and the
    Service says so. A request under way takes four of `max_connections`, as with `max_connections_per_client`. Not beside `client_auth` or
    `trusted_proxies`. Default: False."""
    max_connections_per_client: Annotated[int, checks.whole(1, 65535)] | None = None
    """Most connections at a time from one address, counted from the moment they are accepted: unfinished handshakes and requests too. More
    are closed. Clients behind one address count together: a NAT, a node that forwards (a LoadBalancer Service without
    `externalTrafficPolicy: Local`), the kubelet's probes with them. A request under way then takes four of `max_connections`, each of them
    160Ki of the memory limit (216Ki with HTTP/2), and a client that stops reading keeps two of them for `timeout_seconds`. Not beside
    `trusted_proxies`. An IPv6 client has many addresses. Default: None, no limit."""

    def connection_bytes(self, *, http2: bool) -> int:
        """More where HTTP comes through what counts the connections, or tells TLS from plain text."""
        # heads 40k, which nginx keeps, and then the kernel's 208k between the two blocks for two connections of a client that stops reading
        front = self.plain_too or self.max_connections_per_client is not None
        return super().connection_bytes(http2=http2) + (48 * 1024 if front else 0)

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = super().problems()
        if self.max_connections_per_client is not None and self.trusted_proxies:
            found.append(
                "max_connections_per_client and trusted_proxies are both set, but behind a proxy every connection is the proxy's; "
                "leave one of the two out, and let the proxy limit its clients"
            )
        if self.plain_too and self.trusted_proxies:
            found.append("plain_too and trusted_proxies are both set, but the proxy would hide its clients then; leave one of the two out")
        return found

    def tls_problem(self, port: BoundPort) -> str:
        """Why its clients would not begin with TLS."""
        if self.plain_too and PROTOCOLS[port.scheme].server_first:
            return (
                f"port {port.name!r} speaks {port.scheme}, where the server speaks first, so that nobody knows what a silent client wants; "
                "leave plain_too out"
            )
        name = None if self.direct_tls else asking(port.scheme, port.declaration.number)
        if name is None:
            return ""
        what = f"speaks {name}" if name == port.scheme else f"has the number of {name}"
        taken = f" ({PROTOCOLS[name].direct})" if PROTOCOLS[name].direct else ""
        return (
            f"port {port.name!r} {what}, which asks for TLS inside its own protocol, so that its clients do not begin with it; let the "
            f"server have TLS itself and take the port out of target_ports=, or set direct_tls=True if every client begins with TLS{taken}"
        )
