"""Article, section 4: the metrics adapter."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import Deployment, deploy

METRIC = "elasticsearch_breakers_estimated_size_bytes{"


def deployed(namespace: Namespace, *encrypted: str) -> Deployment:
    """Elasticsearch with metrics, and TLS in front of these ports."""

    def program() -> None:
        tls = TlsAmbassadorArgs(service_name="elasticsearch", namespace=namespace.name, target_ports=encrypted)
        patterns = [*([TlsAmbassador("tls", tls)] if encrypted else []), MetricsAdapter("metrics")]
        app = elasticsearch(pre_stop_seconds=0)
        workload = Workload("elasticsearch", WorkloadArgs(app=app, patterns=patterns, namespace=namespace.name))
        pulumi.export("ca_pem", workload.ca_pem)

    return deploy(namespace, program)


def shows_metrics(client: Client, *arguments: str) -> None:
    def shown() -> bool:
        answer = client.curl(*arguments)
        assert METRIC in answer.out, answer.text[:300]
        return True

    eventually(shown, f"{METRIC} at {arguments[-1]}", timeout=30)


def annotated_url(namespace: Namespace) -> str:
    """Where the annotations send Prometheus."""
    pod: Mapping[str, Any] = namespace.pods("elasticsearch")[0]
    said = {key.removeprefix("prometheus.io/"): value for key, value in pod["metadata"]["annotations"].items()}
    assert said["scrape"] == "true"
    return f"{said['scheme']}://{pod['status']['podIP']}:{said['port']}{said['path']}"


def test_the_service_carries_the_metrics_of_the_app(namespace: Namespace) -> None:
    deployed(namespace)
    client = Client(namespace)
    shows_metrics(client, "http://elasticsearch:9114/metrics")
    assert annotated_url(namespace).startswith("http://")
    shows_metrics(client, annotated_url(namespace))
    assert json.loads(client.curl("http://elasticsearch:9200").out)["version"]["number"] == "7.9.3"


def test_the_exporter_follows_the_app_that_tls_has_moved(namespace: Namespace) -> None:
    deployed(namespace, "http")
    client = Client(namespace)
    shows_metrics(client, "http://elasticsearch:9114/metrics")
    assert annotated_url(namespace).startswith("http://")
    shows_metrics(client, annotated_url(namespace))
    assert client.curl("-k", "-o", "/dev/null", "-w", "%{http_code}", "https://elasticsearch:9200").out == "200"


def test_the_metrics_are_carried_through_tls_when_asked(namespace: Namespace) -> None:
    deployment = deployed(namespace, "http", "http-prometheus")
    client = Client(namespace)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    shows_metrics(client, "--cacert", ca, "https://elasticsearch:9114/metrics")
    assert annotated_url(namespace).startswith("https://")
    shows_metrics(client, "-k", annotated_url(namespace))
    plain = client.curl("http://elasticsearch:9114/metrics")
    assert METRIC not in plain.out
    assert "The plain HTTP request was sent to HTTPS port" in plain.out
