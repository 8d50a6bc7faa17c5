"""The example of somebody else's chart is a good one: Helm takes it, Kubernetes' schemas too, its pods are restricted, and every name in it
that stands for a port is one."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from components.core.pod_security import pod_security_level
from tests.support.chart import CHART, DEFAULTS, FULL, chart, helm, template, values
from tests.test_schemas import NEWEST

Wire = dict[str, Any]
PODS = {"Pod": (), "CronJob": ("spec", "jobTemplate", "spec", "template")}
"""Where a kind has its pod; elsewhere it is spec.template."""


def pods(manifests: list[Wire]) -> Iterator[tuple[str, Wire]]:
    """Every pod that the manifests make, as kind/name and as metadata and spec."""
    for manifest in manifests:
        pod = manifest
        for key in PODS.get(manifest["kind"], ("spec", "template")):
            pod = pod.get(key) or {}
        if "containers" in (pod.get("spec") or {}):
            yield f"{manifest['kind']}/{manifest['metadata']['name']}", pod


def named(manifests: list[Wire], kind: str, name: str) -> Wire:
    (found,) = (m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def selected(manifests: list[Wire], labels: Wire) -> list[Wire]:
    return [pod for _, pod in pods(manifests) if labels.items() <= pod["metadata"]["labels"].items()]


def port_names(pod: Wire) -> set[str]:
    return {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", ())}


@pytest.mark.parametrize("name", [DEFAULTS, FULL])
def test_helm_finds_nothing_wrong(name: str) -> None:
    # it renders the notes too
    assert "0 chart(s) failed" in helm("lint", str(CHART), "--strict", *values(name))


def test_it_holds_what_charts_of_that_size_hold() -> None:
    names = {f"{m['kind']}/{m['metadata']['name']}" for m in chart(DEFAULTS)}
    assert names == {
        *("ConfigMap/orders", "ConfigMap/orders-scripts", "ConfigMap/orders-cache", "ServiceAccount/orders", "PodDisruptionBudget/orders"),
        *("Service/orders", "Service/orders-cache", "Deployment/orders", "StatefulSet/orders-cache", "CronJob/orders-report"),
        *("Job/orders-migration", "Pod/orders-test"),
    }
    assert {f"{m['kind']}/{m['metadata']['name']}" for m in chart()} - names == {
        *("Ingress/orders", "ServiceMonitor/orders", "HorizontalPodAutoscaler/orders"),
        *("NetworkPolicy/orders", "NetworkPolicy/orders-cache"),
    }


@pytest.mark.parametrize("name", [DEFAULTS, FULL])
@pytest.mark.parametrize("version", ["1.29", "1.31", "1.33", NEWEST])
def test_the_objects_are_valid(version: str, name: str) -> None:
    for manifest in chart(name):
        # Kubernetes' own alone, not what a CRD defines
        if manifest["kind"] != "ServiceMonitor":
            assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_every_pod_is_restricted_and_owns_no_volume_by_a_group() -> None:
    found = dict(pods(chart()))
    assert found.keys() == {
        "Deployment/orders",
        "StatefulSet/orders-cache",
        "CronJob/orders-report",
        "Job/orders-migration",
        "Pod/orders-test",
    }
    for name, pod in found.items():
        assert pod_security_level(pod["spec"]) == "restricted", name
        assert "fsGroup" not in pod["spec"]["securityContext"], name


def test_the_app_is_the_second_container_and_its_neighbour_calls_it() -> None:
    heartbeat, app = named(chart(), "Deployment", "orders")["spec"]["template"]["spec"]["containers"]
    assert (heartbeat["name"], app["name"]) == ("heartbeat", "orders")
    (http,) = (port["containerPort"] for port in app["ports"] if port["name"] == "http")
    assert {"name": "ORDERS_URL", "value": f"http://localhost:{http}"} in heartbeat["env"]


def test_every_name_of_a_port_is_one_of_the_pods_that_are_meant() -> None:
    manifests = chart()
    services = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "Service"}
    for name, spec in services.items():
        (pod,) = selected(manifests, spec["selector"])
        assert {port["targetPort"] for port in spec["ports"]} <= port_names(pod), name
    for manifest in (m for m in manifests if m["kind"] == "NetworkPolicy"):
        (pod,) = selected(manifests, manifest["spec"]["podSelector"]["matchLabels"])
        assert {port["port"] for rule in manifest["spec"]["ingress"] for port in rule["ports"]} <= port_names(pod)
    for name, pod in pods(manifests):
        probes = [value for c in pod["spec"]["containers"] for key, value in c.items() if key.endswith("Probe")]
        handlers = [probe.get("httpGet") or probe.get("tcpSocket") for probe in probes]
        assert {handler["port"] for handler in handlers if handler} <= port_names(pod), name
    (path,) = named(manifests, "Ingress", "orders")["spec"]["rules"][0]["http"]["paths"]
    backend = path["backend"]["service"]
    assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["ports"]}


def test_the_monitor_selects_the_service_and_a_port_of_it() -> None:
    monitor, service = (named(chart(), kind, "orders") for kind in ("ServiceMonitor", "Service"))
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}


def test_the_service_has_another_number_than_the_container() -> None:
    (port,) = (p for p in named(chart(), "Service", "orders")["spec"]["ports"] if p["name"] == "http")
    assert (port["port"], port["targetPort"]) == (80, "http")


def test_a_changed_configuration_is_a_new_pod() -> None:
    def checksum(*arguments: str) -> str:
        pod = named(template(*arguments), "Deployment", "orders")["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum("--set", "replicaCount=3")
    assert checksum() != checksum("--set", "config.level=debug")


def test_a_release_of_another_name_is_in_every_name() -> None:
    for manifest in template(*values(FULL), release="north"):
        assert manifest["metadata"]["name"].startswith("north-orders"), manifest["kind"]
