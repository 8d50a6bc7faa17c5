"""TrafficRedirectInit: the rendered rules in a network namespace of their own, set by the real nft, with the real nginx behind them."""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pulumi
import pytest

from components.core.app import App, Port
from components.core.fold import compose
from components.core.patch import PodPatch, UndeclaredPort, sidecar
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit, TrafficRedirectInitArgs
from components.testing import run
from tests.support.composing import composed, container
from tests.support.network import OUTSIDE, POD, as_user, inside, network
from tests.support.nginx_proxy import programs
from tests.support.pods import container as made
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.waiting import within

APP = App(name="web", image="web:1", ports=(Port(name="http", number=8080),), pre_stop_seconds=0)
TEXT = b"the app"
PROXY = 15001


class Inner:
    """A further ambassador, between TLS and the app; it says that it was there."""

    def wrap(self, pod):
        here = pod.port("http")
        pod = pod.move("http")
        self.listen, self.url = here.listen, pod.port("http").url
        return pod, PodPatch(init_containers=(sidecar(made("inner")),), undeclared_ports=(UndeclaredPort(number=here.listen),))


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """The pod, and the files of its nginx by path."""

    pod: object
    files: dict


def rendered(*inner):
    pods, configs = [], {}

    def program():
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", ip_addresses=(POD,)))
        pods.append(compose(APP, [TrafficRedirectInit("redirect"), tls, *inner]))
        pulumi.Output.all(**pods[0].config_files[0].files).apply(configs.update)

    secret = run(program).one("Secret").inputs["stringData"]
    mounts = {m["name"]: m["mountPath"] for m in container(pods[0], "nginx-proxy")["volumeMounts"]}
    files = {f"{mounts['nginx-proxy-certificate']}/{name}": content for name, content in secret.items()}
    files |= {f"{mounts['nginx-proxy-config']}/{name}": content for name, content in configs.items()}
    return Rendered(pod=pods[0], files=files)


@pytest.fixture
def net():
    with network() as names:
        yield names


def redirect(net, pod, *, uid=0):
    """Runs the init container as the kubelet would: as root with NET_ADMIN, or as somebody else with it."""
    init = container(pod, "traffic-redirect")
    context = init["securityContext"]
    assert (context["runAsUser"], context["capabilities"]) == (0, {"drop": ["ALL"], "add": ["NET_ADMIN"]})
    command = as_user(uid, [need("nft"), *init["command"][1:]], capability="net_admin")
    with inside(net.pod):
        return subprocess.run(command, check=False, capture_output=True, text=True)


def rules(net):
    with inside(net.pod):
        listed = subprocess.run([need("nft"), "-j", "list", "ruleset"], check=True, capture_output=True, text=True)
    return [{k: v for k, v in rule["rule"].items() if k != "handle"} for rule in json.loads(listed.stdout)["nftables"] if "rule" in rule]


@contextlib.contextmanager
def app_at_work(net, tmp_path):
    """An app that listens on 0.0.0.0:8080 and knows no better: a process of its own."""
    (tmp_path / "index.html").write_bytes(TEXT)
    with inside(net.pod):
        process = subprocess.Popen(
            [sys.executable, "-m", "http.server", "8080", "--bind", "0.0.0.0"], cwd=tmp_path, stderr=subprocess.DEVNULL
        )
    try:
        within(10, lambda: get(net.pod, "127.0.0.1", 8080) == TEXT)
        yield
    finally:
        process.kill()
        process.wait()


def get(namespace, host, number, context=None):
    """The answer to a GET from that namespace; None if nobody listens."""
    secure = {"context": context} if context else {}
    kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
    with inside(namespace), contextlib.closing(kind(host, number, timeout=5, **secure)) as client:
        try:
            client.request("GET", "/")
        except ConnectionRefusedError:
            return None
        return client.getresponse().read()


@contextlib.contextmanager
def nginx_at_work(net, ambassador, tmp_path):
    directory = tmp_path / "nginx"
    directory.mkdir()
    it = container(ambassador.pod, "nginx-proxy")
    command = ["env", *(f"{v['name']}={v['value']}" for v in it["env"]), *it["command"]]
    with inside(net.pod), sandbox(directory, command, files=ambassador.files, programs=programs()) as process:
        number = container(ambassador.pod, "nginx-proxy")["startupProbe"]["httpGet"]["port"]
        within(10, lambda: process.poll() is not None or get(net.pod, POD, number))
        assert process.poll() is None, (directory / "stderr").read_text()
        yield


def trust(ambassador):
    return ssl.create_default_context(cadata=ambassador.files["/certs/ca.crt"])


def test_an_app_that_listens_on_every_address_is_reachable_through_tls_only(net, tmp_path):
    ambassador = rendered()
    with app_at_work(net, tmp_path), nginx_at_work(net, ambassador, tmp_path):
        assert get(net.outside, POD, 8080) == TEXT
        done = redirect(net, ambassador.pod)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        port = ambassador.pod.port("http")
        assert (port.outer_number, port.outer_scheme) == (8080, "https")
        assert get(net.outside, POD, 8080, trust(ambassador)) == TEXT
        assert b"The plain HTTP request was sent to HTTPS port" in get(net.outside, POD, 8080)
        # where the ambassador really listens it speaks TLS as well, and the app's inner number is nobody's
        assert b"The plain HTTP request was sent to HTTPS port" in get(net.outside, POD, port.redirect)
        assert get(net.outside, POD, port.number) is None
        # the containers of the pod reach the app itself
        assert get(net.pod, "127.0.0.1", 8080) == get(net.pod, "127.0.0.1", port.number) == TEXT
        assert get(net.pod, POD, 8080) == TEXT


def test_a_chain_of_ambassadors_ends_at_the_app(net, tmp_path):
    inner = Inner()
    ambassador = rendered(inner)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"inner: " + get(net.pod, "127.0.0.1", int(inner.url.rpartition(":")[2]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    assert redirect(net, ambassador.pod).returncode == 0
    with app_at_work(net, tmp_path), nginx_at_work(net, ambassador, tmp_path), inside(net.pod):
        server = ThreadingHTTPServer(("127.0.0.1", inner.listen), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert get(net.outside, POD, 8080, trust(ambassador)) == b"inner: " + TEXT
        finally:
            server.shutdown()
            server.server_close()


def test_set_twice_the_rules_are_the_same(net):
    pod = rendered().pod
    assert redirect(net, pod).returncode == 0
    first = rules(net)
    assert len(first) == 2
    # those of somebody else stay
    with inside(net.pod):
        subprocess.run([need("nft"), "add table inet other; add chain inet other c; add rule inet other c accept"], check=True)
    assert redirect(net, pod).returncode == 0
    again = rules(net)
    assert [r for r in again if r["table"] != "other"] == first
    assert len(again) == 3


def test_an_added_capability_is_no_use_to_anybody_but_root(net):
    done = redirect(net, rendered().pod, uid=1000)
    assert done.returncode != 0
    assert "Operation not permitted" in done.stderr
    assert rules(net) == []


@contextlib.contextmanager
def answering(namespace, host, number, text):
    """A server that says who it is, and where the kernel says that the connection wanted to."""

    def serve(server):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(text)
                with contextlib.suppress(OSError):
                    original = connection.getsockopt(socket.SOL_IP, 80, 16)
                    connection.sendall(f" for {socket.inet_ntoa(original[4:8])}:{int.from_bytes(original[2:4], 'big')}".encode())

    with inside(namespace):
        server = socket.create_server((host, number))
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def said(net, uid, host, number):
    """What answers a connection that a user opens in the pod."""
    with inside(net.pod):
        command = as_user(uid, [need("busybox"), "nc", host, str(number)])
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL, timeout=20).stdout


@pytest.mark.parametrize(
    ("ports", "redirected"),
    [((), {80, 5432}), ((5432,), {5432})],
)
def test_what_the_pod_opens_goes_to_the_proxy_unless_it_is_excluded(net, ports, redirected):
    args = TrafficRedirectInitArgs(
        target_ports=(), outbound_port=PROXY, outbound_ports=ports, exclude_uids=(101, 102), exclude_outbound_ports=(443,)
    )
    pod = composed(APP, lambda: TrafficRedirectInit("redirect", args))
    with contextlib.ExitStack() as stack:
        for number in (80, 443, 5432):
            stack.enter_context(answering(net.outside, OUTSIDE, number, f"outside {number}".encode()))
        stack.enter_context(answering(net.pod, "127.0.0.1", PROXY, b"proxy"))
        stack.enter_context(answering(net.pod, "127.0.0.1", 5432, b"inside"))
        assert redirect(net, pod).returncode == 0
        for number in (80, 443, 5432):
            expected = f"proxy for {OUTSIDE}:{number}" if number in redirected else f"outside {number}"
            assert said(net, 1000, OUTSIDE, number).startswith(expected)
            # the proxy's own connections, or they would come back to it
            assert said(net, 101, OUTSIDE, number) == said(net, 102, OUTSIDE, number) == f"outside {number}"
        # what the containers say to each other
        assert said(net, 1000, "127.0.0.1", 5432).startswith("inside")
