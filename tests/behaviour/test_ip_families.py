"""Everything that listens on the pod's address does so in every IP family of the cluster, in a namespace without the others."""

import contextlib
import http.client
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.core.app import App, Port, Rebind, SecretKey
from components.core.fold import compose
from components.declared import kinds
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.metrics_adapter import Exporter, MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from tests.support.composing import container
from tests.support.network import FAMILIES, inside, pod_network
from tests.support.nginx_proxy import programs
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.waiting import within

APP = App(
    name="web",
    image="web:1",
    command=["web"],
    ports=[Port(name="http", number=8080, rebind=Rebind(args=["{host}:{port}"]))],
    pre_stop_seconds=0,
)
JWT = JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="web", cookie_secret=SecretKey(name="cookie", key="key"))
TARGET = EgressTarget(name="db", host="db.example.com", port=5432, direct_tls=True)
EXPORTER = Exporter(image="exporter:1", args=["--listen={listen_host}:{listen_port}"], program="/bin/exporter")

LISTENING = {"TlsAmbassador": "nginx-proxy", "JwtAmbassador": "jwt-proxy", "EgressTlsTunnel": "tls-tunnel"}
"""The kinds that listen on the pod's address, and their containers."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    pod: Any
    files: dict[str, dict[str, str]]
    """Of each container, by path."""


def rendered(families):
    pods, configs = [], {}

    def program():
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))
        tunnel = EgressTlsTunnelArgs(targets=[replace(TARGET, ca_pem=tls.ca_pem)], nameservers=["127.0.0.1:53"])
        pods.append(compose(APP, [tls, JWT, tunnel, MetricsAdapterArgs(exporter=EXPORTER)], ip_families=families))
        pulumi.Output.all(**{c.name: pulumi.Output.all(**c.files) for c in pods[0].config_files}).apply(configs.update)

    secret = run(program).one("Secret").inputs["stringData"]
    volumes = {**configs, "nginx-proxy-certificate": secret}
    files = {
        name: {
            f"{mount['mountPath']}/{file}": content
            for mount in container(pods[0], name)["volumeMounts"]
            for file, content in volumes.get(mount["name"], {}).items()
        }
        for name in LISTENING.values()
    }
    return Rendered(pod=pods[0], files=files)


def test_every_kind_with_a_port_for_the_kubelet_is_tried():
    pod = compose(APP, [TlsAmbassadorArgs(secret_name="tls"), JWT, EgressTlsTunnelArgs(targets=[TARGET])])
    assert len(pod.health_ports) == len(LISTENING)
    assert LISTENING.keys() <= kinds.shipped().keys()


def health(namespace, address, number):
    with inside(namespace), contextlib.closing(http.client.HTTPConnection(address, number, timeout=5)) as client:
        try:
            client.request("GET", "/healthz")
        except OSError:
            return None
        return client.getresponse().status


def is_open(namespace, address, number):
    with inside(namespace), contextlib.closing(http.client.HTTPConnection(address, number, timeout=5)) as client:
        try:
            client.connect()
        except OSError:
            return False
        return True


@pytest.mark.parametrize("families", FAMILIES, ids=" ".join)
@pytest.mark.parametrize("name", LISTENING.values())
def test_it_listens_in_every_family(name, families, tmp_path):
    made = rendered(families)
    it = container(made.pod, name)
    variables = [f"{v['name']}={v['value']}" for v in it.get("env", ()) if "value" in v]
    number = it["startupProbe"]["httpGet"]["port"]
    tools = {**programs(), "haproxy": Path(need("haproxy")).read_bytes()}
    addresses = FAMILIES[families]
    with (
        pod_network(addresses) as net,
        inside(net.pod),
        sandbox(tmp_path, ["env", *variables, *it["command"]], files=made.files[name], programs=tools) as process,
    ):
        within(10, lambda: process.poll() is not None or health(net.outside, addresses[0], number))
        assert process.poll() is None, (tmp_path / "stderr").read_text()
        assert [health(net.outside, address, number) for address in addresses] == [200] * len(addresses)
        if name == "nginx-proxy":
            assert all(is_open(net.outside, address, 8080) for address in addresses)


@pytest.mark.parametrize(("families", "host"), [(("IPv4",), "0.0.0.0"), (("IPv6",), "::"), (("IPv4", "IPv6"), "::")])
def test_an_exporter_is_told_an_address_of_the_family(families, host):
    assert container(rendered(families).pod, "prometheus-exporter")["args"] == [f"--listen={host}:9114"]
