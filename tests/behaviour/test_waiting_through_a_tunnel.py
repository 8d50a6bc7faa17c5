"""Waiting at a tunnel, by the real haproxy and BusyBox: why a connection says nothing there, and what does."""

import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from components.core.app import App
from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from tests.behaviour.test_egress_tls_tunnel import OURS, target, tunnel
from tests.support.composing import composed, container
from tests.support.containers import Running, programs, start
from tests.support.servers import LOOPBACK, free_ports, serving


class Pages(BaseHTTPRequestHandler):
    """Answers every request with 200."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def behind_tls(directory: Path, number: int) -> ThreadingHTTPServer:
    """A web server with the certificate that the tunnel expects."""
    for name in ("tls.crt", "tls.key"):
        (directory / name).write_text(OURS.server[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    server = ThreadingHTTPServer((LOOPBACK, number), Pages)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def wait(path: Path, **given: Any) -> Running:
    args = WaitForInitArgs(**{"interval_seconds": 1, "timeout_seconds": 3, **given})
    return start(container(composed(App(name="web", image="web:1"), lambda: WaitForInit("wait", args)), "wait-for"), path)


def test_a_tunnel_accepts_a_connection_while_the_server_is_down(tmp_path: Path) -> None:
    path = programs(tmp_path / "programs")
    number = free_ports(1)
    there = target(number)
    with tunnel(tmp_path, there):
        # which is why composing refuses it
        assert wait(path, tcp=[f"{LOOPBACK}:{there.listen}"]).end().code == 0
        # the way out
        assert wait(path, tcp=[f"{LOOPBACK}:{number}"]).end().code == 1


def test_a_page_is_asked_for_through_the_tunnel(tmp_path: Path) -> None:
    path = programs(tmp_path / "programs")
    number = free_ports(1)
    there = target(number)
    url = f"http://{LOOPBACK}:{there.listen}/ready"
    with tunnel(tmp_path, there):
        ended = wait(path, http=[url]).end()
        assert (ended.code, url in ended.err) == (1, True)
        with serving(behind_tls(tmp_path, number)):
            assert wait(path, http=[url], timeout_seconds=20).end().code == 0
