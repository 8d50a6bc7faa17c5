"""The table of protocols, what Services say of them, and the refusals of those that ask for TLS inside themselves."""

import re
from pathlib import Path
from typing import get_args

import pytest

from components.core import protocols
from components.core.app import App, Port, Rebind
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs


def test_every_scheme_has_a_row() -> None:
    assert set(protocols.PROTOCOLS) == set(get_args(protocols.Scheme))
    assert {name for name, row in protocols.PROTOCOLS.items() if row.behind_tls} == set(get_args(protocols.Plain))


def test_every_row_that_asks_says_where_and_what_else_to_do() -> None:
    for row in protocols.PROTOCOLS.values():
        assert bool(row.asks_at) == bool(row.by_itself)
        assert row.asks_at or not row.asks


def test_app_protocols_are_labels() -> None:
    # k8s.io/kubernetes/pkg/apis/core/validation: IsQualifiedName
    for row in protocols.PROTOCOLS.values():
        assert re.fullmatch(r"(kubernetes\.io/)?[a-z0-9-]+", row.app_protocol)


def test_the_page_has_every_protocol() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
    rows = {cells[1].strip(" `"): cells for line in page.splitlines() if len(cells := line.split("|")) > 5 and line.startswith("| `")}
    assert rows.keys() == protocols.PROTOCOLS.keys()
    for name, row in protocols.PROTOCOLS.items():
        behind = protocols.app_protocol(row.behind_tls) if row.behind_tls else "–"
        said = [cell.strip(" `") for cell in rows[name][2:5]]
        assert said == [row.app_protocol, row.behind_tls or "–", behind], name
        assert [int(n) for n in re.findall("[0-9]+", rows[name][5].partition(":")[0])] == list(row.asks_at), name


def service(port: Port, **arguments: object) -> dict[str, object]:
    """The Service's port, behind TLS if there are arguments for that."""
    patterns = [TlsAmbassadorArgs(target_ports=[port.name], **arguments)] if arguments else []  # type: ignore[arg-type]
    app = App(name="web", image="web:1", command=("web",), ports=(port,))
    recording = run(lambda: Workload("web", WorkloadArgs(app=app, patterns=patterns)))
    (found,) = recording.one("Service").inputs["spec"]["ports"]
    return dict(found)


@pytest.mark.parametrize(
    ("scheme", "plain", "behind"),
    [
        ("http", "http", "https"),
        ("grpc", "kubernetes.io/h2c", "https"),
        ("tcp", "tcp", "tls"),
        ("redis", "redis", "tls"),
        ("mongodb", "mongo", "tls"),
        ("smtp", "tcp", "tls"),
        ("postgres", "postgresql", "tls"),
    ],
)
def test_the_service_says_what_is_spoken(scheme: protocols.Scheme, plain: str, behind: str) -> None:
    port = Port(name="main", number=9000, scheme=scheme, rebind=Rebind(args=("{host}:{port}",)))
    assert service(port)["appProtocol"] == plain
    assert service(port, direct_tls=True)["appProtocol"] == behind


@pytest.mark.parametrize("scheme", get_args(protocols.Plain))
def test_behind_tls_nothing_is_plain(scheme: protocols.Scheme) -> None:
    app = App(
        name="web",
        image="web:1",
        command=("web",),
        ports=(Port(name="main", number=9000, scheme=scheme, rebind=Rebind(args=("{host}:{port}",))),),
    )
    tls = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["main"], direct_tls=True)
    assert compose(app, [tls]).plaintext_ports == []
    assert compose(app).plaintext_ports == [9000]


@pytest.mark.parametrize("scheme", get_args(protocols.Secure))
def test_an_app_with_tls_of_its_own_is_not_plain_and_is_left_alone(scheme: protocols.Scheme) -> None:
    app = App(name="web", image="web:1", ports=(Port(name="main", number=9000, scheme=scheme),))
    assert compose(app).plaintext_ports == []
    with pytest.raises(CompositionError) as error:
        compose(app, [TlsAmbassadorArgs(secret_name="web-tls", target_ports=["main"])])
    assert "TlsAmbassador: port 'main' speaks TLS already; take it out of target_ports=" in error.value.problems


SERVER = (
    "which asks for TLS inside its own protocol, so that its clients do not begin with it; let the server have TLS itself and take the "
    "port out of target_ports=, or set direct_tls=True if every client begins with TLS"
)
PG, MY, SQL, NATS = (
    "(PostgreSQL 17 or later with sslnegotiation=direct)",
    "(MySQL and MariaDB do not)",
    "(SQL Server 2022 or later with Encrypt=Strict)",
    "(NATS 2.10 or later with handshake_first)",
)


@pytest.mark.parametrize(
    ("scheme", "number", "line"),
    [
        ("postgres", 9000, f"speaks postgres, {SERVER} {PG}"),
        ("tcp", 5432, f"has the number of postgres, {SERVER} {PG}"),
        ("tcp", 6432, f"has the number of postgres, {SERVER} {PG}"),
        ("mysql", 9000, f"speaks mysql, {SERVER} {MY}"),
        ("tcp", 3306, f"has the number of mysql, {SERVER} {MY}"),
        ("sqlserver", 1433, f"speaks sqlserver, {SERVER} {SQL}"),
        ("tcp", 1433, f"has the number of sqlserver, {SERVER} {SQL}"),
        ("nats", 9000, f"speaks nats, {SERVER} {NATS}"),
        ("tcp", 4222, f"has the number of nats, {SERVER} {NATS}"),
        ("smtp", 587, f"speaks smtp, {SERVER}"),
        ("tcp", 25, f"has the number of smtp, {SERVER}"),
        ("tcp", 143, f"has the number of imap, {SERVER}"),
        ("ldap", 389, f"speaks ldap, {SERVER}"),
    ],
)
def test_tls_is_not_put_in_front_of_what_asks_for_it_inside(scheme: protocols.Scheme, number: int, line: str) -> None:
    app = App(
        name="db",
        image="db:1",
        command=("db",),
        ports=(Port(name="db", number=number, scheme=scheme, rebind=Rebind(args=("{host}:{port}",))),),
    )
    with pytest.raises(CompositionError) as error:
        compose(app, [TlsAmbassadorArgs(secret_name="db-tls", target_ports=["db"])])
    assert str(error.value) == f"workload 'db': 1 conflict\n  - TlsAmbassador: port 'db' {line}"
    compose(app, [TlsAmbassadorArgs(secret_name="db-tls", target_ports=["db"], direct_tls=True)])


@pytest.mark.parametrize(
    ("scheme", "number"), [("smtp", 465), ("imap", 993), ("ldap", 636), ("redis", 6379), ("http", 5432), ("tcp", 27017)]
)
def test_tls_is_put_in_front_of_what_begins_with_it(scheme: protocols.Scheme, number: int) -> None:
    app = App(
        name="db",
        image="db:1",
        command=("db",),
        ports=(Port(name="db", number=number, scheme=scheme, rebind=Rebind(args=("{host}:{port}",))),),
    )
    compose(app, [TlsAmbassadorArgs(secret_name="db-tls", target_ports=["db"])])


TUNNEL = "asks for TLS inside its own protocol there, and a tunnel begins with TLS;"
DIRECT = "or set direct_tls=True if the server takes TLS from the first byte"


@pytest.mark.parametrize(
    ("scheme", "number", "line"),
    [
        ("postgres", 9000, f"scheme postgres: postgres {TUNNEL} let the app verify TLS by itself (sslmode=verify-full), {DIRECT} {PG}"),
        ("tcp", 5432, f"port 5432: postgres {TUNNEL} let the app verify TLS by itself (sslmode=verify-full), {DIRECT} {PG}"),
        ("tcp", 3306, f"port 3306: mysql {TUNNEL} let the app verify TLS by itself (ssl-mode=VERIFY_IDENTITY), {DIRECT} {MY}"),
        ("sqlserver", 9000, f"scheme sqlserver: sqlserver {TUNNEL} let the app verify TLS by itself (Encrypt=Mandatory), {DIRECT} {SQL}"),
        ("tcp", 4222, f"port 4222: nats {TUNNEL} let the app verify TLS by itself (tls://), {DIRECT} {NATS}"),
        ("smtp", 587, f"port 587: smtp {TUNNEL} use port 465, {DIRECT}"),
        ("tcp", 25, f"port 25: smtp {TUNNEL} use port 465, {DIRECT}"),
        ("imap", 143, f"port 143: imap {TUNNEL} use port 993, {DIRECT}"),
        ("tcp", 389, f"port 389: ldap {TUNNEL} use port 636, {DIRECT}"),
    ],
)
def test_a_tunnel_to_what_asks_for_tls_inside_is_refused(scheme: protocols.Plain, number: int, line: str) -> None:
    given = {"name": "db", "host": "db.example.com", "port": number, "local_port": 9001, "scheme": scheme}
    with pytest.raises(ArgumentError) as error:
        EgressTlsTunnel("egress", EgressTlsTunnelArgs(targets=[EgressTarget(**given)]))  # type: ignore[arg-type]
    assert str(error.value) == f"EgressTlsTunnel 'egress': 1 problem\n  - targets[0]: {line}"
    assert EgressTarget(**given, direct_tls=True).problems() == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("scheme", "number"), [("smtp", 465), ("imap", 993), ("ldap", 636), ("redis", 6380), ("http", 443), ("tcp", 5671)])
def test_a_tunnel_to_what_begins_with_tls_is_fine(scheme: protocols.Plain, number: int) -> None:
    assert EgressTarget(name="db", host="db.example.com", port=number, local_port=9001, scheme=scheme).problems() == []


def test_alpn_is_for_ports_carried_as_tcp() -> None:
    app = App(name="web", image="web:1", command=("web",), ports=(Port(name="http", number=80, rebind=Rebind(args=("{host}:{port}",))),))
    with pytest.raises(CompositionError) as error:
        compose(app, [TlsAmbassadorArgs(secret_name="web-tls", alpn=["h2"])])
    line = "TlsAmbassador: alpn is set, but port 'http' is not carried as tcp; leave it out, or set mode='tcp'"
    assert list(error.value.problems) == [line]
    compose(app, [TlsAmbassadorArgs(secret_name="web-tls", alpn=["h2"], mode="tcp")])
