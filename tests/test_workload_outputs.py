"""What users write beside a workload, made of what it says of itself: an autoscaler, a disruption budget, an Ingress."""

from typing import Any

import kubernetes_validate
import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components import App, CronJob, DaemonSet, Job, Port, StatefulSet, Workload, WorkloadArgs
from components.offline import manifests
from components.testing import run

APP = App(name="web", image="web:1", ports=[Port(name="http", number=8080)])


def program() -> None:
    workload = Workload("shop", WorkloadArgs(app=APP, namespace="prod", service_name="front", replicas=None))
    metadata = {"namespace": "prod", "name": "shop"}
    kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
        "shop", metadata=metadata, spec={"scaleTargetRef": workload.target, "minReplicas": 2, "maxReplicas": 5}
    )
    kubernetes.policy.v1.PodDisruptionBudget(
        "shop", metadata=metadata, spec={"minAvailable": 1, "selector": {"matchLabels": workload.selector}}
    )
    backend = {"service": {"name": workload.service_name, "port": {"name": "http"}}}
    rule = {"host": "shop.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    kubernetes.networking.v1.Ingress("shop", metadata=metadata, spec={"rules": [rule]})


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {manifest["kind"]: manifest for manifest in manifests(program)}


def test_the_autoscaler_scales_the_workload(made: dict[str, Any]) -> None:
    target, deployment = made["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"], made["Deployment"]
    assert target == {"apiVersion": deployment["apiVersion"], "kind": deployment["kind"], "name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]


def test_the_budget_counts_its_pods(made: dict[str, Any]) -> None:
    selector, spec = made["PodDisruptionBudget"]["spec"]["selector"], made["Deployment"]["spec"]
    assert selector == spec["selector"]
    assert selector["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_ingress_leads_to_a_port_of_its_service(made: dict[str, Any]) -> None:
    (rule,) = made["Ingress"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == made["Service"]["metadata"]["name"] == "front"
    assert backend["port"]["name"] in [port["name"] for port in made["Service"]["spec"]["ports"]]


@pytest.mark.parametrize("kind", [StatefulSet(), DaemonSet(), Job(), CronJob(schedule="@daily")])
def test_of_every_kind_it_is_said_what_was_made(kind: Any) -> None:
    recording = run(lambda: pulumi.export("target", Workload("shop", WorkloadArgs(app=APP, kind=kind)).target))
    made = recording.one(type(kind).__name__)
    target = recording.exports["target"]
    assert (target["kind"], target["name"]) == (type(kind).__name__, made.outputs["metadata"]["name"])
    assert made.type == f"kubernetes:{target['apiVersion']}:{target['kind']}"


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_they_are_valid(version: str, made: dict[str, Any]) -> None:
    for manifest in made.values():
        assert kubernetes_validate.validate(manifest, version, strict=True) == version
