"""An upgrade to another protocol would be a tunnel past an ambassador. Only WebSocket goes through, on every listener and location."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App, Port, Rebind, SecretKey
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority
from tests.support.http2 import Answer, GoneError, Http2
from tests.support.issuer import issuing
from tests.support.kubelet import started
from tests.support.nginx_proxy import certificate
from tests.support.servers import free_ports
from tests.support.upgrading import UPGRADES, WEBSOCKET, Connection, hypercorn

CLIENTS = Authority()
OPEN, CLOSED = "/ready", "/admin"
FORGED = (("x-forwarded-user", "root"), ("x-client-subject", "CN=root"))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A running pod in front of Hypercorn, and how a client gets in."""

    number: int
    """The port that the ambassador took over."""
    inner: int
    """Where Hypercorn is."""
    health_ports: dict[str, list[str]]
    context: ssl.SSLContext | None
    entitled: tuple[tuple[str, str], ...]
    """Headers that let a client in."""
    draining: bool
    """Whether it is about to end: a connection may close after any answer."""

    def connect(self) -> Connection:
        return Connection(self.number, self.context)


def trusting(ca: str, directory: Path, *, certified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    if certified:
        client = CLIENTS.client("billing")
        (directory / "client.pem").write_text(client.pem + client.key_pem)
        context.load_cert_chain(directory / "client.pem")
    return context


@contextmanager
def scene(
    directory: Path, *, tls: dict[str, Any] | None = None, jwt: bool = False, certified: bool = False, draining: bool = False
) -> Iterator[Scene]:
    """TlsAmbassador with those arguments, JwtAmbassador, or the one in front of the other."""
    first, made = free_ports(12), certificate()
    existing = {"kind": "Secret", "metadata": {"name": "existing"}, "stringData": made}
    app = App(
        name="web",
        image="web",
        command=("web",),
        ports=(Port(name="http", number=first, rebind=Rebind(args=("{host}:{port}",))),),
        readiness_probe={"httpGet": {"path": OPEN, "port": "http"}},
        pre_stop_seconds=0,
    )
    with ExitStack() as stack:
        entitled: tuple[tuple[str, str], ...] = ()
        patterns: list[Callable[[], Any]] = []
        if tls is not None:
            tls_args = TlsAmbassadorArgs(**{"service_name": "web", "secret_name": "existing", "health_port": first + 6, **tls})
            patterns.append(lambda: TlsAmbassador("tls", tls_args))
        if jwt:
            issuer = stack.enter_context(issuing(free_ports(1))).issuer
            jwt_args = JwtAmbassadorArgs(
                issuer=issuer.url,
                audience="app",
                health_port=first + 8,
                validator_port=first + 9,
                cookie_secret=SecretKey(name="cookie", key="secret"),
            )
            patterns.append(lambda: JwtAmbassador("jwt", jwt_args))
            entitled = (("Authorization", f"Bearer {issuer.token()}"),)
        cookie = {"kind": "Secret", "metadata": {"name": "cookie"}, "stringData": {"secret": "x" * 32}}
        pods: list[Workload] = []
        running = stack.enter_context(
            started(
                directory,
                lambda: pods.append(Workload("web", WorkloadArgs(app=app, patterns=[make() for make in patterns]))),
                existing,
                cookie,
            )
        )
        (port,) = pods[0].pod.ports
        stack.enter_context(hypercorn(port.number))
        if draining:
            for container in running.spec["initContainers"]:
                if "lifecycle" in container:
                    running.pre_stop(container["name"])
        yield Scene(
            number=first,
            inner=port.number,
            health_ports={str(n): list(paths) for n, paths in pods[0].pod.health_ports.items()},
            context=trusting(made["ca.crt"], directory, certified=certified) if tls is not None else None,
            entitled=entitled,
            draining=draining,
        )


MUTUAL: dict[str, Any] = {"client_ca_pems": (CLIENTS.pem,), "client_names": ("billing",)}
SCENES: dict[str, dict[str, Any]] = {
    "tls": {"tls": {}},
    "tls that reloads": {"tls": {"reload": True}},
    "tls that counts connections": {"tls": {"max_connections_per_client": 100, "max_connections": 500}},
    "tls while draining": {"tls": {}, "draining": True},
    "tls with optional certificates, without one": {"tls": {**MUTUAL, "client_auth": "optional"}},
    "tls with optional certificates, with one": {"tls": {**MUTUAL, "client_auth": "optional"}, "certified": True},
    "mutual tls": {"tls": {**MUTUAL, "client_auth": "required"}, "certified": True},
    "mutual tls while draining": {"tls": {**MUTUAL, "client_auth": "required"}, "certified": True, "draining": True},
    "jwt": {"jwt": True},
    "jwt while draining": {"jwt": True, "draining": True},
    "tls and jwt": {"tls": {}, "jwt": True},
    "mutual tls and jwt": {"tls": {**MUTUAL, "client_auth": "required"}, "jwt": True, "certified": True},
}


@pytest.fixture(scope="module", params=SCENES)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), **SCENES[request.param]) as running:
        yield running


def test_the_server_by_itself_takes_the_upgrade_and_then_any_request(there: Scene) -> None:
    """The attack that the other tests keep out."""
    with Connection(there.inner) as connection:
        assert connection.ask(OPEN, UPGRADES["h2c"]).status == 101
        seen = connection.tunnelled("DELETE", CLOSED, FORGED)
    assert (seen["method"], seen["path"], seen["version"]) == ("DELETE", CLOSED, "2")
    assert [list(header) for header in FORGED] == [header for header in seen["headers"] if header[0].startswith("x-")]


@pytest.mark.parametrize("case", UPGRADES)
@pytest.mark.parametrize("entitled", [True, False], ids=["entitled", "not entitled"])
@pytest.mark.parametrize("path", [OPEN, CLOSED])
def test_no_other_upgrade_goes_through(there: Scene, path: str, entitled: bool, case: str) -> None:
    with there.connect() as connection:
        answer = connection.ask(path, [*UPGRADES[case], *(there.entitled if entitled else ())])
    if there.entitled and not entitled and path == CLOSED:
        assert answer.status == 401
    elif case.startswith("twice"):
        # the first of the two may be taken for an attempt to open a WebSocket, which this is not
        assert answer.status in (200, 400)
    else:
        assert answer.status == 200
        assert not {name.replace("_", "-") for name, _ in answer.headers()} & {"upgrade", "http2-settings"}


def _answered(
    there: Scene, context: ssl.SSLContext, connections: ExitStack, path: str, asked: list[tuple[str, str]]
) -> tuple[Http2, Answer]:
    """The answer, and the connection on which it came. One that drains may end before it takes notice of a request; clients ask again."""
    for _ in range(5):
        client = connections.enter_context(Http2(there.number, context))
        with suppress(GoneError):
            return client, client.ask(path, asked)
    raise GoneError("each time")


@pytest.mark.parametrize("case", [*UPGRADES, "websocket"])
@pytest.mark.parametrize("path", [OPEN, CLOSED])
@pytest.mark.parametrize("there", [name for name, made in SCENES.items() if "tls" in made], indirect=True, scope="module")
def test_nothing_is_upgraded_in_http_2(there: Scene, path: str, case: str) -> None:
    assert there.context is not None
    asked = [(name.lower(), value) for name, value in [*UPGRADES.get(case, WEBSOCKET), *there.entitled]]
    with ExitStack() as connections:
        client, answer = _answered(there, there.context, connections, path, asked)
        if answer.status != 400:
            assert answer.status == 200
            arrived = {name.replace("_", "-") for name, _ in json.loads(answer.body)["headers"]}
            assert not arrived & {"upgrade", "http2-settings"}
        # the connection is still one of HTTP/2, in which every request is looked at
        try:
            assert client.ask(CLOSED, FORGED).status == (401 if there.entitled else 200)
        except GoneError:
            assert there.draining


@pytest.mark.parametrize("case", UPGRADES)
def test_nor_on_a_health_port(there: Scene, case: str) -> None:
    assert there.health_ports
    for number, paths in there.health_ports.items():
        for path in (*paths, CLOSED):
            with Connection(int(number)) as connection:
                assert connection.ask(path, UPGRADES[case]).status in (200, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_health_port_answers_its_paths_by_get_and_nothing_else(there: Scene, method: str) -> None:
    for number, paths in there.health_ports.items():
        for path in (*paths, CLOSED, "/"):
            with Connection(int(number)) as connection:
                assert connection.ask(path, []).status == (200 if path in paths else 404)
            with Connection(int(number)) as connection:
                assert connection.ask(path, [("Content-Length", "0")], method).status in (404, 405)


def test_the_server_is_told_what_the_outermost_ambassador_sees(there: Scene) -> None:
    with there.connect() as connection:
        headers = connection.ask(CLOSED, [*there.entitled, ("X_Forwarded_Proto", "ftp"), ("X_Real_IP", "192.0.2.7")]).headers()
    told = sorted((n, v) for n, v in headers if n.replace("_", "-") in ("x-forwarded-for", "x-forwarded-proto", "x-real-ip"))
    scheme = "https" if there.context else "http"
    assert told == [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", scheme), ("x-real-ip", "127.0.0.1")]


def test_a_websocket_goes_through(there: Scene) -> None:
    with there.connect() as connection:
        assert connection.ask("/socket", [*WEBSOCKET, *there.entitled]).status == 101
        assert connection.echo("hello") == "echo hello"


@pytest.mark.parametrize("there", [name for name, made in SCENES.items() if "jwt" in made], indirect=True, scope="module")
def test_a_websocket_needs_what_any_request_needs(there: Scene) -> None:
    with there.connect() as connection:
        assert connection.ask("/socket", WEBSOCKET).status == 401
