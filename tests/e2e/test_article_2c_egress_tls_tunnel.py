"""Article, section 2c: a secure tunnel to a database outside the pod, for an app that speaks no TLS."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.certificates import CertificateAuthority, ClientCertificateArgs, ServerCertificateArgs
from components.core.app import App
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Done, Namespace, eventually
from .deploy import deploy

REDIS = "redis:7.4-alpine"
OPTIONS = ("--protected-mode", "no", "--port", "0", "--tls-port", "6379", "--save", "")
FILES = ("--tls-cert-file", "/tls/tls.crt", "--tls-key-file", "/tls/tls.key", "--tls-ca-cert-file", "/tls/ca.crt")


def server(name: str, secret: str, labels: dict[str, str]) -> dict[str, Any]:
    """A Redis that speaks TLS only, asks for a client certificate, and has its pod's name under `who`."""
    command = ["redis-server", *OPTIONS, *FILES, "--unixsocket", "/tmp/redis.sock"]
    own = ["redis-cli", "-s", "/tmp/redis.sock"]
    container = {
        "name": "redis",
        "image": REDIS,
        "command": command,
        "readinessProbe": {"exec": {"command": [*own, "set", "who", name]}, "periodSeconds": 1},
        "securityContext": {"runAsUser": 999, "allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
    }
    volume = {"name": "tls", "secret": {"secretName": secret}}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


@dataclass(frozen=True)
class Tunnelled:
    """redis-cli in the app's place, and the servers outside its pod."""

    namespace: Namespace

    def run(self, script: str) -> Done:
        """Runs a line of shell in the app's container."""
        return self.namespace.exec(self.namespace.pod("client"), "client", "sh", "-c", script)

    def redis(self, env: str, *command: str) -> str:
        """What redis-cli answers by the address in that variable."""
        return self.run(f'timeout 10 redis-cli -u "${env}" {" ".join(command)}').text.strip()

    def log(self) -> str:
        return self.namespace.logs(self.namespace.pod("client"), "tls-tunnel")


@pytest.fixture(scope="module")
def tunnelled(module_namespace: Namespace) -> Tunnelled:
    namespace = module_namespace.name
    client = App(
        name="client",
        image=REDIS,
        command=("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"),
        pre_stop_seconds=0,
        stop_seconds=2,
    )

    def program() -> None:
        ours, foreign = CertificateAuthority("ours"), CertificateAuthority("foreign")
        issued = ours.issue("redis", ServerCertificateArgs(service_name="redis", namespace=namespace))
        shown = ours.issue_client("client", ClientCertificateArgs(common_name="client", namespace=namespace))
        host = f"redis.{namespace}.svc.cluster.local"

        def target(name: str, local_port: int, **changes: Any) -> EgressTarget:
            env = {name.upper(): "redis://{host}:{port}/0"}
            certified = {"ca_pem": ours.ca_pem, "client_certificate_secret": shown.secret_name}
            return EgressTarget(**{"name": name, "host": host, "port": 6379, "local_port": local_port, "env": env, **certified, **changes})

        targets = (
            target("good", 6379),
            target("name", 6380, server_name="other.example.com"),
            target("authority", 6381, ca_pem=foreign.ca_pem),
            target("unshown", 6382, client_certificate_secret=None),
        )
        tunnel = EgressTlsTunnel("egress", EgressTlsTunnelArgs(targets=targets, resolve_seconds=1))
        workload = Workload("client", WorkloadArgs(app=client, patterns=[tunnel], namespace=namespace))
        pulumi.export("secret", issued.secret_name)
        pulumi.export("level", workload.pod_security_level)

    deployment = deploy(module_namespace, program)
    assert deployment.outputs["level"] == "restricted"
    # headless: its DNS answer is the address of the pod behind it
    spec = {"clusterIP": "None", "selector": {"app": "redis", "active": "yes"}, "ports": [{"port": 6379}]}
    module_namespace.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "redis"}, "spec": spec},
        server("first", deployment.outputs["secret"], {"app": "redis", "active": "yes"}),
        server("second", deployment.outputs["secret"], {"app": "redis", "active": "no"}),
    )
    for name in ("first", "second"):
        module_namespace.wait(f"pod/{name}", "condition=Ready")
    return Tunnelled(module_namespace)


def test_plain_text_in_the_pod_is_verified_tls_outside(tunnelled: Tunnelled) -> None:
    eventually(lambda: tunnelled.redis("GOOD", "ping") == "PONG", "an answer through the tunnel", timeout=30)
    assert tunnelled.redis("GOOD", "set", "greeting", "hello") == "OK"
    assert tunnelled.redis("GOOD", "get", "greeting") == "hello"
    # the server speaks nothing else
    plain = tunnelled.run("timeout 10 redis-cli -h redis ping")
    assert "PONG" not in plain.text


@pytest.mark.parametrize("env", ["NAME", "AUTHORITY"])
def test_a_server_that_cannot_be_verified_is_refused(tunnelled: Tunnelled, env: str) -> None:
    said = f"{env.lower()} at "

    def refused() -> bool:
        assert "PONG" not in tunnelled.redis(env, "ping")
        return any(line.startswith(said) and "certificate verify failed" in line for line in tunnelled.log().splitlines())

    eventually(refused, "a line of the log that says why", timeout=30)


def test_a_server_that_asks_for_a_certificate_refuses_who_has_none(tunnelled: Tunnelled) -> None:
    assert "PONG" not in tunnelled.redis("UNSHOWN", "ping")


def test_the_tunnel_is_not_reached_from_outside_the_pod(tunnelled: Tunnelled) -> None:
    namespace = tunnelled.namespace
    address = namespace.get("pod", namespace.pod("client"))["status"]["podIP"]
    answer = namespace.exec("second", "redis", "redis-cli", "-h", address, "-p", "6379", "ping")
    assert "Connection refused" in answer.text


def test_a_server_that_moves_to_another_address_is_followed(tunnelled: Tunnelled) -> None:
    assert tunnelled.redis("GOOD", "get", "who") == "first"
    tunnelled.namespace.kubectl("label", "pod", "first", "active=no", "--overwrite")
    tunnelled.namespace.kubectl("label", "pod", "second", "active=yes", "--overwrite")
    eventually(lambda: tunnelled.redis("GOOD", "get", "who") == "second", "the second server", timeout=60)
    (pod,) = tunnelled.namespace.pods("client")
    assert [c["restartCount"] for c in pod["status"]["initContainerStatuses"]] == [0]
