"""EgressTlsTunnel: what it adds, and what it refuses."""

import pytest

from components.core.app import App, Port, SecretKey
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from tests.support.composing import composed, container
from tests.support.pods import PEM

WEB = App(name="web", image="web:1")
ENV = {"REDIS_URL": "redis://{host}:{port}/0"}


def target(**changes):
    return EgressTarget(**{"name": "redis", "host": "redis.example.com", "port": 6380, "env": ENV, **changes})


def tunnelled(*targets, app=WEB, options=None, **args):
    given = EgressTlsTunnelArgs(targets=targets or (target(),), **args)
    return composed(app, lambda: EgressTlsTunnel("egress", given), **(options or {}))


def config(pod):
    return pod.config_files[0].files["haproxy.cfg"]


def server(pod, name="redis"):
    """The words of a target's server line."""
    return next(line.split() for line in config(pod).splitlines() if line.startswith(f"    server {name} "))


def test_the_app_is_told_where_the_tunnel_is():
    pod = tunnelled(
        target(local_port=16380), target(name="db", host="db.example.com", port=5433, env={"PGHOST": "{host}", "PGPORT": "{port}"})
    )
    env = {e["name"]: e["value"] for e in container(pod, "web")["env"]}
    assert env == {"REDIS_URL": "redis://127.0.0.1:16380/0", "PGHOST": "127.0.0.1", "PGPORT": "5433"}
    assert "    bind 127.0.0.1:16380\n" in config(pod)
    assert "    bind 127.0.0.1:5433\n" in config(pod)
    assert "ports" not in container(pod, "tls-tunnel")


def test_every_target_is_verified_by_authority_and_name():
    pod = tunnelled(target(), target(name="own", local_port=2000, server_name="other.example.com", ca_pem=PEM, env={}))
    verified = "ssl ssl-min-ver TLSv1.2 verify required ca-file {} verifyhost {} sni str({})"
    assert " ".join(server(pod)).endswith(verified.format("@system-ca", "redis.example.com", "redis.example.com"))
    assert " ".join(server(pod, "own")).endswith(verified.format("/etc/tls-tunnel/own-ca.crt", "other.example.com", "other.example.com"))
    assert pod.config_files[0].files["own-ca.crt"] == PEM


def test_what_is_secret_comes_from_secrets():
    pod = tunnelled(target(ca_secret=SecretKey(name="redis-ca", key="ca.pem"), client_certificate_secret="web-tls"))
    assert pod.spec["volumes"] == [
        {
            "name": "tls-tunnel-redis-ca",
            "secret": {"secretName": "redis-ca", "items": [{"key": "ca.pem", "path": "ca.crt"}], "defaultMode": 0o440},
        },
        {
            "name": "tls-tunnel-redis-client",
            "secret": {
                "secretName": "web-tls",
                "items": [{"key": "tls.crt", "path": "client.crt"}, {"key": "tls.key", "path": "client.crt.key"}],
                "defaultMode": 0o440,
            },
        },
    ]
    assert server(pod)[-2:] == ["crt", "/run/tls-tunnel/tls-tunnel-redis-client/client.crt"]
    assert "/run/tls-tunnel/tls-tunnel-redis-ca/ca.crt" in server(pod)


def test_an_address_is_reached_without_names():
    pod = tunnelled(target(host="2001:db8::1", server_name="redis.example.com"))
    assert server(pod)[2] == "[2001:db8::1]:6380"


def test_it_is_restricted_native_and_classic():
    pod = tunnelled()
    assert container(pod, "tls-tunnel")["restartPolicy"] == "Always"
    assert pod_security_level(pod.spec) == "restricted"
    classic = tunnelled(options={"sidecars": "classic", "kubernetes_version": "1.28"})
    assert [c["name"] for c in classic.spec["containers"]] == ["tls-tunnel", "web"]
    assert container(classic, "tls-tunnel")["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "15"]}}}
    assert pod_security_level(classic.spec) == "restricted"


def test_the_health_port_makes_room_for_the_app():
    app = App(name="web", image="web:1", ports=(Port(name="http", number=8083),))
    assert container(tunnelled(app=app), "tls-tunnel")["startupProbe"]["httpGet"]["port"] == 8084


def test_threads_follow_the_cpu_limit():
    limits = {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"cpu": "1500m", "memory": "128Mi"}}
    assert "    nbthread 2\n" in config(tunnelled(resources=limits))
    assert "    nbthread 1\n" in config(tunnelled())


NO_NAME = "is not a full DNS name; a Service's ends in .svc.cluster.local, or your cluster's domain"
DNS = "a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"host": "redis"}, f"targets[0].host 'redis' {NO_NAME}"),
        ({"host": "redis.prod.svc"}, f"targets[0].host 'redis.prod.svc' {NO_NAME}"),
        ({"host": "*.example.com"}, f"targets[0].host '*.example.com' {NO_NAME}"),
        ({"host": "a.b\n    server evil"}, f"targets[0].host 'a.b\\n    server evil' is not allowed: {DNS}"),
        (
            {"host": "10.0.0.1"},
            "targets[0]: host 10.0.0.1 is an address, and certificates are verified by name; set server_name=",
        ),
        ({"server_name": "a b"}, f"targets[0].server_name 'a b' is not allowed: {DNS}"),
        (
            {"port": 443},
            "targets[0]: port 443 takes a privilege that the sidecar does not have; set local_port= to 1024 or more",
        ),
        ({"port": 70000, "local_port": 7000}, "targets[0].port 70000 is not allowed: a whole number from 1 to 65535"),
        ({"local_port": 0}, "targets[0].local_port 0 is not allowed: a whole number from 1024 to 65535"),
        ({"ca_pem": PEM, "ca_secret": SecretKey(name="a", key="b")}, "targets[0]: set at most one of ca_pem and ca_secret"),
        (
            {"ca_secret": SecretKey(name="a", key="../b")},
            "targets[0].ca_secret.key '../b' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ),
        (
            {"env": {"A": "{url}"}},
            "targets[0]: env['A'] has an unknown placeholder {url}; known: host, port; write {{url}} for the text itself",
        ),
        ({"env": {"A": 1}}, "targets[0].env['A'] must be a text, but is the number 1; put it in quotes"),
        (
            {"env": {"1A": "x"}},
            "targets[0].env key '1A' is not allowed: letters, digits, '.', '_' and '-', not starting with a digit",
        ),
        ({"name": "Redis"}, "targets[0].name 'Redis' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
    ],
)
def test_a_target_that_cannot_work_is_refused(changes, line):
    with pytest.raises(ArgumentError) as error:
        EgressTlsTunnel("egress", EgressTlsTunnelArgs(targets=(target(**changes),)))
    assert str(error.value) == f"EgressTlsTunnel 'egress': 1 problem\n  - {line}"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"targets": ()}, "targets is empty; name at least one EgressTarget"),
        ({"targets": (target(), target(local_port=7000))}, "target 'redis' is set twice; give each a name of its own"),
        ({"nameservers": ("ns:53",)}, "nameservers[0] 'ns:53' is not allowed: an address and a port, e.g. 10.0.0.53:53"),
        ({"nameservers": ("10.0.0.1",)}, "nameservers[0] '10.0.0.1' is not allowed: an address and a port, e.g. 10.0.0.53:53"),
        ({"resolve_seconds": 0}, "resolve_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"idle_seconds": 0}, "idle_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"max_connections": 0}, "max_connections 0 is not allowed: a whole number, 1 or more"),
        (
            {"max_connections": 2000},
            "resources.limits.memory 128Mi is too little for max_connections 2000: a server that stops reading could get the tunnel "
            "killed; set it to 224Mi or more, or max_connections= to less",
        ),
        ({"health_port": 0}, "health_port 0 is not allowed: a whole number from 1 to 65535"),
        ({"uid": 0}, "uid 0 is root: use another user id"),
        ({"container_name": "a b"}, "container_name 'a b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {}}, None),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        EgressTlsTunnel("egress", EgressTlsTunnelArgs(**{"targets": (target(),), **args}))
    missing = [f"resources.{part} is missing" for part in ("requests.cpu", "requests.memory", "limits.memory")]
    assert list(error.value.problems) == ([line] if line else missing)


def test_two_targets_on_one_local_port_are_a_conflict():
    with pytest.raises(CompositionError) as error:
        tunnelled(target(), target(name="two", env={}))
    assert str(error.value) == (
        "workload 'web': 1 conflict"
        "\n  - port 6380 of EgressTlsTunnel 'egress' is already taken by EgressTlsTunnel 'egress'; set local_port of target 'two'="
    )
