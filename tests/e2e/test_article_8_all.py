"""Article, section 8: all of it at once, as the stack `dev` has it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .client import Client
from .cluster import Namespace, eventually, json_lines
from .deploy import Deployment, deploy_stack
from .node import Node

FILE = "/vault/secrets/my-secret.json"


@dataclass(frozen=True)
class Everything:
    """Elasticsearch with the five patterns, a client with its certificate in `ca`, and how long the deployment took."""

    deployment: Deployment
    namespace: Namespace
    pod: str
    client: Client
    ca: str
    seconds: float


@pytest.fixture(scope="module")
def everything(module_namespace: Namespace, node: Node) -> Everything:
    assert node
    start = time.monotonic()
    deployment = deploy_stack(module_namespace, "dev")
    seconds = time.monotonic() - start
    client = Client(module_namespace)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    return Everything(deployment, module_namespace, module_namespace.pod("elasticsearch"), client, ca, seconds)


def test_all_five_are_in_one_pod_which_is_ready(everything: Everything, figure: Callable[[str], None]) -> None:
    status = everything.namespace.get("pod", everything.pod)["status"]
    done = {c["name"]: c["state"]["terminated"]["reason"] for c in status["initContainerStatuses"] if "terminated" in c["state"]}
    assert done == {"update-sysctl": "Completed", "get-secret": "Completed"}
    running = [c for c in (*status["initContainerStatuses"], *status["containerStatuses"]) if c["name"] not in done]
    assert sorted(c["name"] for c in running) == ["elasticsearch", "logs", "nginx-proxy", "prometheus-exporter"]
    assert all(c["ready"] for c in running)
    assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "True"
    figure(f"dev stack ready, Vault included, in {everything.seconds:.0f} s")


def test_nothing_in_it_was_restarted(everything: Everything) -> None:
    status = everything.namespace.get("pod", everything.pod)["status"]
    restarts = {c["name"]: c["restartCount"] for c in (*status["initContainerStatuses"], *status["containerStatuses"])}
    assert set(restarts.values()) == {0}, restarts


def test_the_outputs_say_what_is_there(everything: Everything) -> None:
    outputs, host = everything.deployment.outputs, f"elasticsearch.{everything.namespace}.svc"
    assert outputs["endpoints"] == {"http": f"https://{host}:9200", "http-prometheus": f"http://{host}:9114"}
    assert outputs["plaintext_ports"] == [9114]
    assert (outputs["pod_security_level"], outputs["privileged_containers"]) == ("privileged", ["update-sysctl"])
    answer = everything.client.curl("--cacert", everything.ca, outputs["endpoints"]["http"])
    assert json.loads(answer.out)["tagline"] == "You Know, for Search"


def test_the_traffic_is_encrypted(everything: Everything) -> None:
    answer = everything.client.curl("--cacert", everything.ca, "https://elasticsearch:9200")
    assert answer.code == 0, answer.text
    assert json.loads(answer.out)["version"]["number"] == "7.9.3"
    assert "The plain HTTP request was sent to HTTPS port" in everything.client.curl("http://elasticsearch:9200").out


def test_the_metrics_are_there(everything: Everything) -> None:
    metric = "elasticsearch_breakers_estimated_size_bytes{"
    url = "http://elasticsearch:9114/metrics"
    eventually(lambda: metric in everything.client.curl(url).out, metric, timeout=30)


def test_the_logs_are_there(everything: Everything) -> None:
    def messages() -> list[str]:
        return [line["message"] for line in json_lines(everything.namespace.logs(everything.pod, "logs"))]

    eventually(lambda: "started" in messages(), "the line that says started", timeout=30)


def test_the_node_is_prepared(everything: Everything, node: Node) -> None:
    assert everything.deployment
    assert node.max_map_count() >= 262144


def test_the_secret_is_there_for_the_app_alone(everything: Everything) -> None:
    def run(container: str, *command: str) -> tuple[int, str]:
        done = everything.namespace.exec(everything.pod, container, *command)
        return done.code, done.out

    code, text = run("elasticsearch", "cat", FILE)
    assert code == 0
    secret = json.loads(text)
    assert (secret["username"], len(secret["password"])) == ("demo", 32)
    assert run("elasticsearch", "stat", "-c", "%a %u", FILE) == (0, "400 1000\n")
    for other in ("logs", "nginx-proxy"):
        assert run(other, "sh", "-c", f"test ! -e {FILE} && ! grep -q secrets /proc/mounts") == (0, "")
    spec = everything.namespace.get("pod", everything.pod)["spec"]
    exporter = next(c for c in spec["initContainers"] if c["name"] == "prometheus-exporter")
    assert exporter.get("volumeMounts", []) == []
