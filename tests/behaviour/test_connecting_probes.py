"""Probes that only connect, behind ambassadors: what the kubelet is told instead, by the real nginx."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.core.app import App, Port, Rebind, SecretKey
from components.core.fold import compose
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from tests.support.nginx_proxy import HTTP, TCP, Proxy, proxy, rendered
from tests.support.servers import LOOPBACK
from tests.support.waiting import within

LISTENERS = [
    (socket.AF_INET, LOOPBACK),
    (socket.AF_INET, "0.0.0.0"),
    # as Java binds 127.0.0.1, and every address
    (socket.AF_INET6, f"::ffff:{LOOPBACK}"),
    (socket.AF_INET6, "::"),
]


@contextmanager
def listening(family: int, address: str, number: int) -> Iterator[socket.socket]:
    """A process that accepts connections, and never says a word."""
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((address, number))
        server.listen()
        yield server


@contextmanager
def probed(directory: Path, port: Port) -> Iterator[tuple[Proxy, int]]:
    """The ambassador in front of a port that the kubelet only connects to, and where the process listens."""
    ambassador = rendered(port, probes={"readiness_probe": {"tcpSocket": {"port": port.name}}})
    found = ambassador.pod.port(port.name)
    assert found
    with proxy(directory, ambassador) as running:
        yield running, found.number


def told(running: Proxy) -> int:
    """The status that the kubelet gets."""
    (app,) = running.ambassador.pod.spec["containers"]
    probe = app["readinessProbe"]["httpGet"]
    return running.plain(probe["port"], probe["path"])[0]


@pytest.mark.parametrize("port", [HTTP, TCP], ids=["http", "tcp"])
def test_it_is_told_whether_the_app_listens(port: Port, tmp_path: Path) -> None:
    with probed(tmp_path, port) as (running, number):
        assert told(running) == 503
        # what it would have been told
        with socket.create_connection((LOOPBACK, running.ambassador.port(port.name).outer_number), timeout=5):
            pass
        with listening(socket.AF_INET, LOOPBACK, number):
            within(5, lambda: told(running) == 200)
        within(5, lambda: told(running) == 503)


def test_whatever_is_reached_at_the_loopback_counts(tmp_path: Path) -> None:
    with probed(tmp_path, TCP) as (running, number):
        for family, address in LISTENERS:
            with listening(family, address, number):
                within(5, lambda: told(running) == 200)
            within(5, lambda: told(running) == 503)


def test_nothing_else_counts(tmp_path: Path) -> None:
    with probed(tmp_path, TCP) as (running, number):
        with (
            listening(socket.AF_INET, "127.0.0.2", number),
            listening(socket.AF_INET6, "::1", number),
            listening(socket.AF_INET, LOOPBACK, number + 1),
        ):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                assert told(running) == 503
        # a connection is no listener
        with listening(socket.AF_INET, LOOPBACK, number) as server, socket.create_connection((LOOPBACK, number), timeout=5):
            accepted, _ = server.accept()
            within(5, lambda: told(running) == 200)
            server.close()
            within(5, lambda: told(running) == 503)
            accepted.close()


def test_the_innermost_ambassador_is_asked() -> None:
    ports = (Port(name="http", number=8080, rebind=Rebind(args=("{host}:{port}",))),)
    app = App(name="web", image="web:1", command=("web",), ports=ports, liveness_probe={"tcpSocket": {"port": 8080}, "periodSeconds": 5})
    token = JwtAmbassadorArgs(
        issuer="https://issuer.example.com", audience="web", cookie_secret=SecretKey(name="c", key="k"), container_name="jwt"
    )
    pod = compose(app, [TlsAmbassadorArgs(service_name="web", secret_name="tls"), token])
    (container,) = (c for c in pod.spec["containers"] if c["name"] == "web")
    port = pod.port("http")
    assert port
    assert port.frontend
    number, path = port.frontend.check_number, port.frontend.check_path
    assert container["livenessProbe"] == {"httpGet": {"port": number, "path": "/listening/http"}, "periodSeconds": 5}
    inner = next(c for c in pod.spec["initContainers"] if c["name"] == "jwt")
    assert {"name": "CHECKED", "value": f"http:{port.number:04X}"} in inner["env"]
    assert path in pod.health_ports[number or 0]
    health = next(c for c in pod.config_files if c.name == "jwt-config").files["health.conf"]
    assert f"listen {number};" in str(health)


def test_an_app_that_keeps_its_number_is_looked_for_there() -> None:
    app = App(name="web", image="web:1", ports=(Port(name="http", number=8080),), readiness_probe={"tcpSocket": {"port": "http"}})
    pod = compose(app, [TrafficRedirectInitArgs(), TlsAmbassadorArgs(service_name="web", secret_name="tls")])
    proxied = next(c for c in pod.spec["initContainers"] if c["name"] == "nginx-proxy")
    assert {"name": "CHECKED", "value": "http:1F90"} in proxied["env"]
