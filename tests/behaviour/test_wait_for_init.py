"""WaitForInit's script, run by BusyBox against real listeners, web servers and the resolver of this machine."""

import signal
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App
from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from tests.support.composing import composed, container
from tests.support.containers import Running, programs, start
from tests.support.programs import need
from tests.support.servers import LOOPBACK, EchoServer, free_ports, serving

SHELLS = ["busybox", "dash"]


class Statuses(BaseHTTPRequestHandler):
    """Answers /<status> with it."""

    def do_HEAD(self) -> None:
        status = int(self.path.strip("/"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def web(number: int) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((LOOPBACK, number), Statuses)


def wait(directory: Path, shell: str = "busybox", **given: Any) -> Running:
    args = WaitForInitArgs(**{"interval_seconds": 1, **given})
    pod = composed(App(name="web", image="web:1"), lambda: WaitForInit("wait", args))
    return start(container(pod, "wait-for"), programs(directory / "programs", "curl"), shell=shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_it_ends_when_everything_is_there(tmp_path: Path, shell: str) -> None:
    first = free_ports(2)
    with serving(EchoServer(first)), serving(web(first + 1)):
        urls = (f"http://{LOOPBACK}:{first + 1}/204", f"http://{LOOPBACK}:{first + 1}/302")
        ended = wait(tmp_path, shell, tcp=(f"{LOOPBACK}:{first}",), http=urls, dns=("localhost",)).end()
    assert (ended.code, ended.err) == (0, "")
    assert [line.partition(": available after ")[0] for line in ended.out.splitlines()] == [
        f"tcp {LOOPBACK}:{first}",
        *(f"http {url}" for url in urls),
        "dns localhost",
    ]


def test_a_server_behind_tls_is_waited_for_whoever_signed_its_certificate(tmp_path: Path) -> None:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=web")
    files = ("-keyout", str(tmp_path / "tls.key"), "-out", str(tmp_path / "tls.crt"))
    subprocess.run([need("openssl"), "req", "-x509", *curve, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    number = free_ports(1)
    server = web(number)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        urls = (f"https://{LOOPBACK}:{number}/200", f"https://{LOOPBACK}:{number}/503")
        ended = wait(tmp_path, http=urls, timeout_seconds=2).end()
    assert ended.out.startswith(f"http {urls[0]}: available after ")
    assert ended.err.partition(" s: ")[2] == f"http {urls[1]} (503)\n"


def test_what_comes_up_late_is_waited_for(tmp_path: Path) -> None:
    number = free_ports(1)
    running = wait(tmp_path, tcp=(f"{LOOPBACK}:{number}",))
    time.sleep(1.5)
    assert running.process.poll() is None
    with serving(EchoServer(number)):
        ended = running.end(timeout=10)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_one_line_names_everything_that_is_missing_and_why(tmp_path: Path, shell: str) -> None:
    first = free_ports(3)
    with serving(EchoServer(first)), serving(web(first + 1)):
        ended = wait(
            tmp_path,
            shell,
            tcp=(f"{LOOPBACK}:{first}", f"{LOOPBACK}:{first + 2}", f"[::1]:{first + 2}"),
            http=(f"http://{LOOPBACK}:{first + 1}/503", f"http://{LOOPBACK}:{first + 1}/200"),
            dns=("nowhere.invalid",),
            timeout_seconds=3,
        ).end()
    assert ended.code == 1
    since, _, missing = ended.err.removesuffix("\n").partition(" s: ")
    assert 2 <= int(since.removeprefix("still missing after ")) < 30
    assert missing == (
        f"tcp {LOOPBACK}:{first + 2} (Connection refused), tcp [::1]:{first + 2} (Connection refused), "
        f"http http://{LOOPBACK}:{first + 1}/503 (HTTP/1.0 503 Service Unavailable), dns nowhere.invalid (bad address 'nowhere.invalid')"
    )
    assert [line.split(": available")[0] for line in ended.out.splitlines()] == [
        f"tcp {LOOPBACK}:{first}",
        f"http http://{LOOPBACK}:{first + 1}/200",
    ]


def test_a_server_that_accepts_and_is_silent_does_not_hold_up_the_deadline(tmp_path: Path) -> None:
    number = free_ports(1)
    server = EchoServer(number)
    with serving(server):
        ended = wait(tmp_path, http=(f"http://{LOOPBACK}:{number}/",), timeout_seconds=2).end()
    assert (ended.code, ended.err.partition(" s: ")[2]) == (1, f"http http://{LOOPBACK}:{number}/ (no answer in time)\n")
    assert ended.seconds < 30


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    running = wait(tmp_path, tcp=(f"{LOOPBACK}:{free_ports(1)}",), timeout_seconds=60)
    threading.Timer(0.5, running.process.send_signal, [signal.SIGTERM]).start()
    assert running.end(timeout=10).code == 143
