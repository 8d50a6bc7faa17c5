"""ServiceMonitors: the same as PodMonitors, by a Service of their own."""

from typing import Any

import kubernetes_validate
import pytest

from components import (
    App,
    ArgumentError,
    CompositionError,
    MetricsAdapterArgs,
    Monitor,
    Port,
    TlsAmbassadorArgs,
    Workload,
    WorkloadArgs,
    inject,
)
from components.testing import run
from tests.injection.test_inject import deployment, injection
from tests.patterns.test_pod_monitor import APP, BEHIND, SELECTOR, shop

METRICS = MetricsAdapterArgs(exporter="redis", scrape="service_monitor", pod_monitor_labels={"release": "prometheus"}, interval="10s")
OWN = {"pod-patterns/scraped": "web-http-prometheus"}


def test_it_looks_for_a_service_of_its_own() -> None:
    recording = shop(METRICS, labels={"team": "search"})
    monitor = recording.one("ServiceMonitor", "web-http-prometheus")
    assert monitor.parent == recording.one("Workload").urn
    assert monitor.inputs["metadata"]["labels"].items() >= {"release": "prometheus", "team": "search"}.items()
    assert monitor.inputs["spec"] == {
        "selector": {"matchLabels": OWN},
        "endpoints": [{"port": "http-prometheus", "path": "/metrics", "interval": "10s", "scrapeTimeout": "10s"}],
    }
    service = recording.one("Service", "web-http-prometheus").inputs
    # nobody else's monitor finds it by the labels of the workload
    assert service["metadata"] == {"name": "web-http-prometheus", "namespace": "shop", "labels": OWN}
    assert service["spec"] == {
        "clusterIP": "None",
        "selector": SELECTOR,
        "ports": [{"name": "http-prometheus", "port": 9114, "targetPort": 9114, "protocol": "TCP", "appProtocol": "http"}],
    }
    assert not recording.all("PodMonitor")


def test_it_verifies_the_certificate_in_front_of_the_port() -> None:
    recording = shop(BEHIND, METRICS)
    (endpoint,) = recording.one("ServiceMonitor").inputs["spec"]["endpoints"]
    assert (endpoint["scheme"], endpoint["tlsConfig"]["serverName"]) == ("https", "web")
    assert endpoint["tlsConfig"]["ca"] == {"configMap": {"name": "web-http-prometheus-ca", "key": "ca.crt"}}
    (port,) = recording.one("Service", "web-http-prometheus").inputs["spec"]["ports"]
    assert (port["port"], port["appProtocol"]) == (9114, "https")


def test_a_port_of_the_app_has_one() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080, monitor=Monitor(kind="ServiceMonitor", path="/own"))])
    recording = run(lambda: Workload("web", WorkloadArgs(app=app)))
    assert recording.one("ServiceMonitor").inputs["spec"]["endpoints"][0]["path"] == "/own"
    assert recording.one("Service", "web-http").inputs["spec"]["ports"][0]["targetPort"] == 8080


def test_an_injection_makes_both() -> None:
    manifests: list[dict[str, Any]] = inject([deployment()], [injection(METRICS, TlsAmbassadorArgs(secret_name="tls"), name="ours")])
    assert [m["kind"] for m in manifests] == ["Deployment", "Service", "ServiceMonitor"]
    service, monitor = manifests[1:]
    assert monitor["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"] == {"pod-patterns/scraped": "ours-http-prometheus"}
    assert service["spec"]["selector"] == deployment()["spec"]["selector"]["matchLabels"]
    assert kubernetes_validate.validate(service, "1.33", strict=True)


def test_its_service_has_a_name_that_is_one() -> None:
    name = "w" * 50
    line = (
        f"the Service for the ServiceMonitor of port 'http-prometheus', called '{name}-http-prometheus' is not allowed: a-z, 0-9 and '-', "
        "starting with a letter, 63 characters at most"
    )
    with pytest.raises(ArgumentError) as error:
        run(lambda: Workload(name, WorkloadArgs(app=APP, patterns=[METRICS])))
    assert str(error.value) == f"workload '{name}': 1 problem\n  - {line}"
    with pytest.raises(CompositionError) as conflict:
        inject([deployment()], [injection(METRICS, name=name)])
    assert conflict.value.problems == (line,)
