"""gRPC: what ambassadors and probes reject, by the full text."""

from typing import Any

import pytest

from components.core.app import App, Port, Rebind
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.protocols import Scheme
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from tests.support.pods import Proxy

JWT = JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="app", target_port="main")
TLS = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["main"])


def app(scheme: Scheme = "grpc", **probes: Any) -> App:
    port = Port(name="main", number=9000, scheme=scheme, rebind=Rebind(args=("{host}:{port}",)))
    return App(name="web", image="web:1", command=("web",), ports=(port,), **probes)


def grpc(port: int | str = 9000) -> dict[str, Any]:
    return {"readiness_probe": {"grpc": {"port": port, "service": "main"}, "periodSeconds": 3}}


WHERE = "readinessProbe of the app:"
REFUSALS: dict[str, tuple[App, list[Any], list[str]]] = {
    "tokens": (
        app(),
        [JWT],
        [
            "JwtAmbassador: port 'main' speaks grpc, and JwtAmbassador passes requests on in HTTP/1.1; let the app check the tokens of its "
            "calls, or set target_port="
        ],
    ),
    "a page of gRPC": (
        app(readiness_probe={"httpGet": {"path": "/", "port": "main"}}),
        [],
        [f"{WHERE} a httpGet probe of port 'main' is not answered by an app that speaks grpc; use grpc (without TLS) or exec"],
    ),
    "a page of gRPC behind TLS": (
        app(readiness_probe={"httpGet": {"path": "/", "port": 9000}}),
        [TLS],
        [f"{WHERE} a httpGet probe of port 9000 is not answered by an app that speaks grpc; use grpc (without TLS) or exec"],
    ),
    "a connection": (
        app(readiness_probe={"tcpSocket": {"port": 9000}}),
        [Proxy("own", port="main")],
        [f"{WHERE} a tcpSocket probe of port 9000 would be answered by the ambassador even if the app is down; use grpc or exec"],
    ),
    "gRPC of an ambassador that does not let it through": (
        app(**grpc()),
        [Proxy("own", port="main")],
        [f"{WHERE} a grpc probe of port 9000 would be answered by the ambassador even if the app is down; use exec"],
    ),
    "gRPC of an app with TLS": (app("grpcs", **grpc()), [], [f"{WHERE} a grpc probe of port 9000 knows no TLS; use exec"]),
    "gRPC of a port that says http": (
        app("http", **grpc()),
        [TLS],
        [f"{WHERE} a grpc probe of port 9000 finds http there; set Port.scheme to grpc, or use httpGet or exec"],
    ),
}


@pytest.mark.parametrize(("app", "patterns", "lines"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_work_is_rejected(app: App, patterns: list[Any], lines: list[str]) -> None:
    with pytest.raises(CompositionError) as error:
        compose(app, [pattern.plan() if hasattr(pattern, "plan") else pattern for pattern in patterns])
    assert list(error.value.problems) == lines


def probe(*patterns: Any, port: int | str = 9000) -> Any:
    pod = compose(app(**grpc(port)), patterns)
    return next(c for c in pod.spec["containers"] if c["name"] == "web")["readinessProbe"]


@pytest.mark.parametrize("port", [9000, "main"])
def test_a_grpc_probe_follows_its_port(port: int | str) -> None:
    assert probe(port=port) == {"grpc": {"port": 9000, "service": "main"}, "periodSeconds": 3}
    assert probe(TLS, port=port) == {"grpc": {"port": 8082, "service": "main"}, "periodSeconds": 3}
    assert probe(TrafficRedirectInitArgs(target_ports=["main"]), TLS, port=port)["grpc"]["port"] == 8082


def test_the_health_port_is_named_with_the_only_method_that_it_answers() -> None:
    pod = compose(app(**grpc()), [TLS])
    assert pod.health_ports == {8081: ("/healthz",), 8082: ("/grpc.health.v1.Health/Check",)}
    assert pod.plaintext_ports == []
