"""The protocols that a port can speak: what each is called, plain and behind TLS, and where TLS begins."""

from dataclasses import dataclass
from typing import Literal

Plain = Literal["http", "grpc", "tcp", "redis", "mongodb", "amqp", "mqtt", "ldap", "smtp", "imap", "postgres", "mysql", "sqlserver", "nats"]
"""What a proxy can put TLS in front of; tcp is every other protocol."""

Secure = Literal["https", "grpcs", "tls"]
"""What has TLS already."""

Scheme = Literal[Plain, Secure]
"""What a process speaks."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One protocol."""

    app_protocol: str
    """`appProtocol` of a Service's port: IANA's or Kubernetes' name where meshes and gateways read it. `tcp` for the others whose server
    speaks first: a mesh that does not know the name waits for the client."""
    behind_tls: str = "tls"
    """What it is called behind TLS, as in a URL."""
    alpn: tuple[str, ...] = ()
    """What both sides must agree on in the TLS handshake (ALPN)."""
    server_first: bool = False
    """Whether the server speaks first, so that a client says nothing by which to know it."""
    asks: bool = False
    """Whether TLS is asked for inside the protocol, in plain text, at any port."""
    asks_at: tuple[int, ...] = ()
    """Usual port numbers at which it is."""
    by_itself: str = ""
    """How a client gets TLS without a tunnel."""
    direct: str = ""
    """Which clients and servers begin with TLS anyway."""


PROTOCOLS: dict[str, Protocol] = {
    "http": Protocol(app_protocol="http", behind_tls="https"),
    # Istio knows `grpc` too, but gateways only this
    "grpc": Protocol(app_protocol="kubernetes.io/h2c", behind_tls="grpcs", alpn=("h2",)),
    "tcp": Protocol(app_protocol="tcp"),
    "redis": Protocol(app_protocol="redis", behind_tls="rediss"),
    "mongodb": Protocol(app_protocol="mongo"),
    "amqp": Protocol(app_protocol="amqp", behind_tls="amqps"),
    "mqtt": Protocol(app_protocol="mqtt", behind_tls="mqtts"),
    "ldap": Protocol(app_protocol="ldap", behind_tls="ldaps", asks_at=(389,), by_itself="use port 636"),
    "smtp": Protocol(app_protocol="tcp", server_first=True, behind_tls="smtps", asks_at=(25, 587), by_itself="use port 465"),
    "imap": Protocol(app_protocol="tcp", server_first=True, behind_tls="imaps", asks_at=(143,), by_itself="use port 993"),
    "postgres": Protocol(
        app_protocol="postgresql",
        alpn=("postgresql",),
        asks=True,
        asks_at=(5432, 6432),
        by_itself="let the app verify TLS by itself (sslmode=verify-full)",
        direct="PostgreSQL 17 or later with sslnegotiation=direct",
    ),
    "mysql": Protocol(
        app_protocol="mysql",
        server_first=True,
        asks=True,
        asks_at=(3306,),
        by_itself="let the app verify TLS by itself (ssl-mode=VERIFY_IDENTITY)",
        direct="MySQL and MariaDB do not",
    ),
    "sqlserver": Protocol(
        app_protocol="ms-sql-s",
        alpn=("tds/8.0",),
        asks=True,
        asks_at=(1433,),
        by_itself="let the app verify TLS by itself (Encrypt=Mandatory)",
        direct="SQL Server 2022 or later with Encrypt=Strict",
    ),
    "nats": Protocol(
        app_protocol="tcp",
        server_first=True,
        asks=True,
        asks_at=(4222,),
        by_itself="let the app verify TLS by itself (tls://)",
        direct="NATS 2.10 or later with handshake_first",
    ),
    # encrypted already
    "https": Protocol(app_protocol="https", behind_tls=""),
    "grpcs": Protocol(app_protocol="https", behind_tls=""),
    "tls": Protocol(app_protocol="tls", behind_tls=""),
}
"""Every protocol, by its scheme."""

SECURE = frozenset(
    {protocol.behind_tls for protocol in PROTOCOLS.values()} | {s for s, protocol in PROTOCOLS.items() if not protocol.behind_tls}
) - {""}
"""Whatever is called so is encrypted."""


def app_protocol(scheme: str) -> str:
    """`appProtocol` of a port at which clients speak that; a name of another pattern's own stays as it is."""
    if scheme in PROTOCOLS:
        return PROTOCOLS[scheme].app_protocol
    # opaque for meshes, which route it by its name (SNI)
    return "tls" if scheme in SECURE else scheme


def asking(scheme: str, number: int) -> str | None:
    """The protocol spoken there if it asks for TLS inside itself, so that nothing can begin with TLS in its place; else None.

    Of tcp, the number tells what it is.
    """
    if scheme not in PROTOCOLS:
        # refused by its rule
        return None
    if PROTOCOLS[scheme].asks:
        return scheme
    known = PROTOCOLS if scheme == "tcp" else (scheme,)
    return next((name for name in known if number in PROTOCOLS[name].asks_at), None)
