"""Whatever a pattern opens, found by walking the kinds: nothing gets through it that its ambassadors do not say themselves."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h2.exceptions
import pytest

from components.core.app import App, Port, Rebind, SecretKey
from components.core.errors import CompositionError
from components.core.fold import compose
from components.declared import kinds
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.metrics_adapter import Exporter, MetricsAdapterArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecarArgs
from components.patterns.shared import headers
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority
from tests.support.grpc_app import SERVICE, grpc_server
from tests.support.http2 import Http2
from tests.support.issuer import issuing
from tests.support.kubelet import Running, started
from tests.support.nginx_proxy import certificate
from tests.support.patches import CASES, Shown
from tests.support.servers import LOOPBACK, free_ports
from tests.support.upgrading import UPGRADES, hypercorn
from tests.support.waiting import within

OPEN = "/ready"
FORGED = "forged.example"
ALWAYS = (*headers.TRUSTING, *headers.UNKNOWN, *headers.HOP)
CLIENTS = Authority()
# HTTP/2 without asking first: the preface, empty settings, and GET / of `web` as the whole of stream 1
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\1\5\0\0\0\1" + b"\x82\x84\x86\x41\3web"


def walked(name: str) -> tuple[str, bool]:
    """The kind of that case, and whether it opens a port or takes one over."""
    case, found = CASES[name], list[Shown]()

    def program() -> None:
        patterns = case.patterns()
        found.append(Shown(patterns[case.shown]))
        patterns[case.shown] = found[0]
        compose(case.app(), patterns)

    run(program)
    (shown,) = found
    return shown.kind, bool(shown.added.undeclared_ports or shown.ports or shown.before.ports != shown.after.ports)


def listening() -> list[str]:
    """Every kind that opens something in one of its examples; one without an example counts, too."""
    examples = [walked(name) for name in CASES]
    return [kind for kind in kinds.shipped() if (kind, True) in examples or (kind, False) not in examples]


@dataclass(frozen=True, kw_only=True)
class Given:
    """How a kind is run, with the port numbers from `first` on for itself."""

    patterns: Callable[[int, str], Sequence[Any]]
    """What is in the list, by the first free number and the URL of an issuer of tokens."""
    rebind: Rebind | None = Rebind(args=("{host}:{port}",))
    reaches_app: bool = True
    """Whether clients reach the app through it."""
    grpc: bool = False
    """Whether it can stand in front of an app that speaks gRPC."""
    says: Sequence[str] = ALWAYS
    """The headers that it alone says."""


def tls(first: int) -> TlsAmbassadorArgs:
    clients: dict[str, Any] = {"client_auth": "optional", "client_ca_pems": (CLIENTS.pem,)}
    return TlsAmbassadorArgs(service_name="web", secret_name="existing", health_port=first, **clients)


def token(first: int, issuer: str) -> JwtAmbassadorArgs:
    cookie = SecretKey(name="cookie", key="secret")
    return JwtAmbassadorArgs(issuer=issuer, audience="app", health_port=first, validator_port=first + 1, cookie_secret=cookie)


def tunnel(first: int) -> EgressTlsTunnelArgs:
    targets = [EgressTarget(name="db", host="db.example.com", port=6380, local_port=first, ca_pem=CLIENTS.pem)]
    return EgressTlsTunnelArgs(targets=targets, health_port=first + 1, nameservers=[f"{LOOPBACK}:{first + 2}"])


def exporter(first: int) -> MetricsAdapterArgs:
    serving = Exporter(image="python:3.12", args=("python3", "-m", "http.server", "{listen_port}", "--bind", "{listen_host}"))
    return MetricsAdapterArgs(exporter=serving, port=first)


GIVEN: Mapping[str, Given] = {
    "TlsAmbassador": Given(patterns=lambda first, _: [tls(first)], says=(*ALWAYS, *headers.CERTIFICATE), grpc=True),
    "JwtAmbassador": Given(patterns=lambda first, issuer: [token(first, issuer)], says=(*ALWAYS, *headers.TOKEN)),
    "EgressTlsTunnel": Given(patterns=lambda first, _: [tunnel(first)], reaches_app=False),
    "MetricsAdapter": Given(patterns=lambda first, _: [exporter(first)], reaches_app=False),
    "RedisCacheSidecar": Given(patterns=lambda first, _: [RedisCacheSidecarArgs(port=first)], reaches_app=False),
    # it opens nothing itself, but has the ambassador listen elsewhere
    "TrafficRedirectInit": Given(
        patterns=lambda first, _: [TrafficRedirectInitArgs(first_number=first + 4), tls(first)], rebind=None, grpc=True
    ),
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The pod at work, in front of Hypercorn."""

    given: Given
    declared: Mapping[int, Sequence[str]]
    """What composition says is open on the pod's address, and the paths of the ports that have only those."""
    secure: Mapping[int, ssl.SSLContext]
    """Those that speak TLS."""
    taken: Sequence[int]
    """Those at which clients reach the app."""
    entitled: Mapping[str, str]
    listening: Mapping[int, bool]
    """What the processes of the pod really listen on, and whether on 127.0.0.1 alone."""

    def said(self, number: int, data: bytes) -> bytes:
        """What a port answers, until it hangs up or falls silent."""
        heard = b""
        with suppress(OSError), ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((LOOPBACK, number), timeout=5))
            if number in self.secure:
                connection = stack.enter_context(self.secure[number].wrap_socket(connection, server_hostname="localhost"))
            connection.sendall(data)
            while piece := connection.recv(65536):
                heard += piece
                connection.settimeout(0.2)
        return heard

    def called(self, number: int, path: str, sent: Sequence[tuple[str, str]]) -> bytes:
        """What a port answers to a call in gRPC: its trailers too."""
        with suppress(OSError, h2.exceptions.ProtocolError), closing(Http2(number, self.secure.get(number))) as client:
            head = [("content-type", "application/grpc"), ("te", "trailers")]
            answer = client.ask(path, [*head, *sent], "POST", body=bytes(5))
            return repr(answer.headers).encode() + answer.body
        return b""

    def ask(self, number: int, path: str, sent: Sequence[tuple[str, str]], *, close: bool = True) -> bytes:
        lines = [f"GET {path} HTTP/1.1", "Host: web", *(["Connection: close"] if close else []), *(f"{n}: {v}" for n, v in sent), "", ""]
        return self.said(number, "\r\n".join(lines).encode())


def sockets(running: Running) -> dict[int, bool]:
    """The ports on which the processes of the pod listen, by the sockets that they have; whether on 127.0.0.1 alone."""
    sessions = {str(process.pid) for process in running.processes.values()}
    inodes = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # session is the fourth field behind the name
            if (process / "stat").read_text().rpartition(")")[2].split()[3] in sessions:
                inodes |= {found[1] for fd in (process / "fd").iterdir() if (found := re.match(r"socket:\[(\d+)\]", str(fd.readlink())))}
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    pairs = [fields[1].split(":") for fields in lines if fields[3] == "0A" and fields[9] in inodes]
    return {int(number, 16): all(there == "0100007F" for there, other in pairs if other == number) for _, number in pairs}


@contextmanager
def scene(kind: str, directory: Path, scheme: Literal["http", "grpc"] = "http") -> Iterator[Scene]:
    given, first, made = GIVEN[kind], free_ports(16), certificate()
    number = first + 8
    ports = (Port(name="http", number=number, scheme=scheme, rebind=given.rebind),)
    probe = {"httpGet": {"path": OPEN, "port": "http"}} if scheme == "http" else {"grpc": {"port": number}}
    app = App(name="web", image="web", command=("web",), ports=ports, readiness_probe=probe, pre_stop_seconds=0)
    existing = {"kind": "Secret", "metadata": {"name": "existing"}, "stringData": made}
    cookie = {"kind": "Secret", "metadata": {"name": "cookie"}, "stringData": {"secret": "x" * 32}}
    with ExitStack() as stack:
        issuer = stack.enter_context(issuing(free_ports(1))).issuer
        patterns = given.patterns(first, issuer.url)
        pods: list[Workload] = []

        def program() -> None:
            pods.append(Workload("web", WorkloadArgs(app=app, patterns=patterns)))

        running = stack.enter_context(started(directory, program, existing, cookie))
        pod = pods[0].pod
        (port,) = [port for port in pod.ports if port.name == "http"]
        stack.enter_context(hypercorn(port.number) if scheme == "http" else grpc_server(port.number))
        outer = port.redirect or port.outer_number
        taken = [outer] if given.reaches_app else []
        served = [p.outer_number for p in pod.ports if p is not port]
        context = ssl.create_default_context(cadata=made["ca.crt"])
        yield Scene(
            given=given,
            declared=dict.fromkeys((*taken, *served), ()) | {int(n): tuple(paths) for n, paths in pod.health_ports.items()},
            secure={outer: context} if port.is_secure else {},
            taken=taken,
            entitled={"Authorization": f"Bearer {issuer.token()}"},
            listening=within(10, lambda: sockets(running)),
        )


@pytest.fixture(scope="module", params=listening())
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if request.param not in GIVEN:
        pytest.fail(f"{request.param} opens a port, and nothing says how to run it here; add it to GIVEN")
    with scene(request.param, tmp_path_factory.mktemp("scene")) as running:
        yield running


def test_the_walk_finds_what_is_run() -> None:
    assert set(listening()) == set(GIVEN)


def test_it_listens_where_composition_says(there: Scene) -> None:
    assert there.listening
    assert sorted(number for number, is_inside in there.listening.items() if not is_inside) == sorted(there.declared)


def test_no_listener_takes_another_protocol(there: Scene) -> None:
    for number in there.listening:
        for path in (*there.declared.get(number, ()), OPEN, "/admin"):
            for case, asked in UPGRADES.items():
                answer = there.ask(number, path, [*asked, *there.entitled.items()], close=False)
                assert not re.match(rb"HTTP/1\.[01] 101", answer), (number, path, case)
                # it was understood, and not passed over
                assert (b"HTTP/1." in answer) or number not in there.declared, (number, path, case)
        answer = there.said(number, HTTP2)
        # whatever else it may be, it is not what the app answers to a request in HTTP/2
        assert b'"version"' not in answer, (number, answer)


def test_no_listener_lets_a_header_through_that_only_ambassadors_say(there: Scene) -> None:
    names = [spelled for name in there.given.says for spelled in headers.spellings(name)]
    for number in there.listening:
        for start in range(0, len(names), 40):
            forged = [(name, FORGED) for name in names[start : start + 40]]
            answer = there.ask(number, "/", [*forged, *there.entitled.items()])
            assert FORGED.encode() not in answer, (number, answer)
        reached = b'"headers"' in there.ask(number, "/", list(there.entitled.items()))
        assert reached == (number in there.taken), number


@pytest.fixture(scope="module", params=[kind for kind, given in GIVEN.items() if given.grpc])
def there_in_grpc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(request.param, tmp_path_factory.mktemp("grpc"), "grpc") as running:
        yield running


@pytest.mark.parametrize("kind", [kind for kind, given in GIVEN.items() if given.reaches_app and not given.grpc])
def test_what_cannot_carry_grpc_says_so(kind: str) -> None:
    port = Port(name="http", number=9000, scheme="grpc", rebind=GIVEN[kind].rebind)
    with pytest.raises(CompositionError, match="speaks grpc"):
        compose(App(name="web", image="web", command=("web",), ports=(port,)), GIVEN[kind].patterns(20000, "https://issuer.example.com"))


def test_no_listener_lets_metadata_through_that_only_ambassadors_say(there_in_grpc: Scene) -> None:
    there = there_in_grpc
    names = [spelled.lower() for name in there.given.says for spelled in headers.spellings(name)]
    for number in there.listening:
        for start in range(0, len(names), 40):
            # gRPC has no headers of a connection
            forged = [(name, FORGED) for name in names[start : start + 40] if name != "http2-settings"]
            answer = there.called(number, f"/{SERVICE}/Seen", forged)
            assert FORGED.encode() not in answer, (number, answer)
        # what means nothing goes through, where the app is reached at all
        assert (FORGED.encode() in there.called(number, f"/{SERVICE}/Seen", [("x-else", FORGED)])) == (number in there.taken), number
        reached = b'"metadata"' in there.called(number, f"/{SERVICE}/Seen", [])
        assert reached == (number in there.taken), number


def test_no_listener_takes_another_protocol_in_place_of_grpc(there_in_grpc: Scene) -> None:
    there = there_in_grpc
    for number in there.listening:
        for case, asked in UPGRADES.items():
            answer = there.ask(number, f"/{SERVICE}/Seen", asked, close=False)
            assert not re.match(rb"HTTP/1\.[01] (101|200)", answer), (number, case, answer)
        # the kubelet's port answers its own question, and nothing else
        if number not in there.taken:
            assert b'"metadata"' not in there.called(number, f"/{SERVICE}/Unary", []), number
