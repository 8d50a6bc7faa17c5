"""A rebind without `{port}`: the app keeps its number on 127.0.0.1, the ambassador listens on that number of the pod's own addresses."""

from dataclasses import replace

import pytest

from components.core.app import Port, Rebind, SecretKey
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch, UndeclaredPort
from components.core.summary import summary
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from tests.support.composing import container
from tests.support.pods import web

HTTP = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))
APP = web(ports=[HTTP], readiness_probe={"httpGet": {"path": "/ready", "port": "http"}})
TLS = TlsAmbassadorArgs(service_name="web", secret_name="web-tls")
JWT = JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="web", cookie_secret=SecretKey(name="cookie", key="key"))
INCLUDE = "include /tmp/listen-8080.conf;"


def config(pod, name):
    return next(c.files["nginx.conf"] for c in pod.config_files if c.name == f"{name}-config")


def env(pod, name):
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container(pod, name)["env"]}


def test_behind_one_ambassador_the_app_stays_where_it_is():
    pod = compose(APP, [TLS])
    port = pod.port("http")
    assert (port.host, port.number, port.outer_number, port.outer_scheme) == ("127.0.0.1", 8080, 8080, "https")
    assert env(pod, "web") == {"HOST": "127.0.0.1"}
    assert container(pod, "web")["ports"] == [{"name": "http", "containerPort": 8080}]
    assert container(pod, "web")["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTPS"}}
    assert INCLUDE in config(pod, "nginx-proxy")
    assert "server 127.0.0.1:8080;" in config(pod, "nginx-proxy")
    proxy = env(pod, "nginx-proxy")
    assert (proxy["LISTEN"], proxy["POD_IPS"]) == ("8080:ssl/http2", {"fieldRef": {"fieldPath": "status.podIPs"}})
    assert pod.plaintext_ports == []


def test_behind_two_ambassadors_only_the_inner_one_moves():
    pod = compose(APP, [TLS, JWT])
    assert pod.port("http").number == 8080
    outer, inner = config(pod, "nginx-proxy"), config(pod, "jwt-proxy")
    assert INCLUDE in outer
    assert "server 127.0.0.1:8081;" in outer
    assert INCLUDE not in inner
    assert "listen 127.0.0.1:8081;" in inner
    assert "server 127.0.0.1:8080;" in inner


def test_without_tls_the_outermost_ambassador_listens_on_the_pods_addresses_too():
    pod = compose(APP, [JWT])
    assert INCLUDE in config(pod, "jwt-proxy")
    assert env(pod, "jwt-proxy")["LISTEN"] == "8080:"
    assert pod.plaintext_ports == [8080]


def test_an_app_that_listens_on_loopback_by_itself_need_be_told_nothing():
    pod = compose(web(ports=[replace(HTTP, rebind=Rebind(binds_loopback=True))]), [TLS])
    assert pod.port("http").number == 8080
    assert "env" not in container(pod, "web")


def test_an_app_that_is_told_a_port_moves_as_before():
    pod = compose(web(ports=[replace(HTTP, rebind=Rebind(args=["{host}:{port}"]))]), [TLS])
    assert pod.port("http").number == 8081
    assert "listen 8080 ssl http2;" in config(pod, "nginx-proxy")
    assert "LISTEN" not in env(pod, "nginx-proxy")


def test_with_classic_sidecars_it_is_refused():
    with pytest.raises(CompositionError) as refused:
        compose(APP, [TLS], sidecars="classic", kubernetes_version="1.28")
    assert refused.value.problems == (
        "port 'http' of the app: its rebind does not say the port, so that the app keeps 8080 and must start after the ambassador, which "
        "classic sidecars do not assure; use {port} in it, or sidecars='native', or list TrafficRedirectInit before the ambassador",
    )


def test_behind_a_redirect_the_rebind_is_not_needed():
    pod = compose(APP, [TrafficRedirectInitArgs(), TLS])
    assert pod.port("http").redirect == 15000
    assert "env" not in container(pod, "web")
    assert INCLUDE not in config(pod, "nginx-proxy")


def test_another_container_may_not_have_the_number_either():
    class Adds:
        def patch(self, _pod):
            return PodPatch(undeclared_ports=(UndeclaredPort(number=8080),))

    with pytest.raises(CompositionError) as refused:
        compose(APP, [TLS, Adds()])
    assert refused.value.problems == ("port 8080 of Adds is already taken by the app; set port=",)


def test_an_inner_port_is_refused():
    with pytest.raises(CompositionError) as refused:
        compose(APP, [replace(TLS, inner_port=9000)])
    assert refused.value.problems == (
        "TlsAmbassador: inner_port is set, but the app keeps port 8080: its rebind does not contain {port}; leave inner_port out",
    )


def test_the_summary_says_that_port_forward_gets_past_the_ambassador():
    assert "in front of http 127.0.0.1:8080 (web), which `kubectl port-forward` reaches" in summary(compose(APP, [TLS]))
