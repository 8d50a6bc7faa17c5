"""An app that can only be told its address keeps its number: nginx on the pod's addresses, the app on 127.0.0.1."""

import contextlib
import http.client
import socket
import ssl
import subprocess
import sys

import pulumi
import pytest

from components.core.app import App, Port, Rebind
from components.core.fold import compose
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from tests.support.composing import container
from tests.support.network import FAMILIES, POD, POD_6, inside, pod_network
from tests.support.nginx_proxy import programs
from tests.support.sandbox import sandbox
from tests.support.waiting import within

NUMBER = 8080
TEXT = b"the app"
APP = App(name="web", image="web:1", ports=[Port(name="http", number=NUMBER, rebind=Rebind(env={"HOST": "{host}"}))], pre_stop_seconds=0)


def rendered(families, **arguments):
    pods, configs = [], {}

    def program():
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", ip_addresses=[POD, POD_6], **arguments))
        pods.append(compose(APP, [tls], ip_families=families))
        pulumi.Output.all(**pods[0].config_files[0].files).apply(configs.update)

    secret = run(program).one("Secret").inputs["stringData"]
    mounts = {m["name"]: m["mountPath"] for m in container(pods[0], "nginx-proxy")["volumeMounts"]}
    files = {f"{mounts['nginx-proxy-certificate']}/{name}": content for name, content in secret.items()}
    return pods[0], files | {f"{mounts['nginx-proxy-config']}/{name}": content for name, content in configs.items()}


@contextlib.contextmanager
def nginx_at_work(net, pod, files, addresses, directory):
    """The sidecar as the kubelet would start it, with the pod's addresses."""
    it = container(pod, "nginx-proxy")
    assert next(v for v in it["env"] if v["name"] == "POD_IPS")["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIPs"}}
    variables = [f"{v['name']}={v['value']}" for v in it["env"] if "value" in v]
    command = ["env", *variables, f"POD_IPS={','.join(addresses)}", *it["command"]]
    health = it["startupProbe"]["httpGet"]["port"]
    directory.mkdir()
    with inside(net.pod), sandbox(directory, command, files=files, programs=programs()) as process:
        within(10, lambda: process.poll() is not None or get(net.pod, addresses[0], health))
        assert process.poll() is None, (directory / "stderr").read_text()
        yield


@contextlib.contextmanager
def app_at_work(net, host, directory):
    (directory / "index.html").write_bytes(TEXT)
    with inside(net.pod):
        process = subprocess.Popen(
            [sys.executable, "-m", "http.server", str(NUMBER), "--bind", host], cwd=directory, stderr=subprocess.DEVNULL
        )
    try:
        within(10, lambda: get(net.pod, host, NUMBER) == TEXT)
        yield
    finally:
        process.kill()
        process.wait()


def get(namespace, host, number, context=None):
    """The answer to a GET from that namespace; None if nobody listens."""
    kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
    with inside(namespace), contextlib.closing(kind(host, number, timeout=5, **({"context": context} if context else {}))) as client:
        try:
            client.request("GET", "/")
        except ConnectionRefusedError:
            return None
        return client.getresponse().read()


@pytest.mark.parametrize("arguments", [{}, {"max_connections_per_client": 100, "max_connections": 500}], ids=["", "counted"])
@pytest.mark.parametrize("families", FAMILIES, ids=" ".join)
def test_the_app_is_reached_through_tls_only_at_every_address_of_the_pod(families, arguments, tmp_path):
    addresses = FAMILIES[families]
    pod, files = rendered(families, **arguments)
    host = next(v["value"] for v in container(pod, "web")["env"] if v["name"] == "HOST")
    trust = ssl.create_default_context(cadata=files["/certs/ca.crt"])
    with (
        pod_network(addresses) as net,
        nginx_at_work(net, pod, files, addresses, tmp_path / "nginx"),
        app_at_work(net, host, tmp_path),
    ):
        for address in addresses:
            assert get(net.outside, address, NUMBER, trust) == TEXT
            assert b"The plain HTTP request was sent to HTTPS port" in get(net.outside, address, NUMBER)
        # containers of the pod, and `kubectl port-forward`, reach the plain app
        assert get(net.pod, "127.0.0.1", NUMBER) == TEXT


@pytest.mark.parametrize("families", FAMILIES, ids=" ".join)
@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT], ids=["SO_REUSEADDR", "SO_REUSEPORT"])
def test_an_app_that_ignores_its_address_cannot_start(families, option, tmp_path):
    addresses = FAMILIES[families]
    pod, files = rendered(families)
    # every address of one family, or of both
    binds = [(socket.AF_INET, "0.0.0.0")] if POD in addresses else []
    binds.append((socket.AF_INET6, "::"))
    with pod_network(addresses) as net, nginx_at_work(net, pod, files, addresses, tmp_path / "nginx"), inside(net.pod):
        for family, host in binds:
            with socket.socket(family) as server:
                server.setsockopt(socket.SOL_SOCKET, option, 1)
                assert refusal(server, host) == "Address already in use"


def refusal(server, host):
    """Why the server cannot listen; it may be noticed at either step."""
    try:
        server.bind((host, NUMBER))
        server.listen()
    except OSError as error:
        return error.strerror
    return None
