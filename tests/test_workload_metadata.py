"""Labels, annotations and fields of a Service that most services need; each where it was asked for, and nowhere else."""

from typing import Any

import kubernetes_validate
import pulumi
import pytest

from components import (
    App,
    ArgumentError,
    CompositionError,
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    MetricsAdapterArgs,
    Port,
    SecretLeakError,
    ServiceArgs,
    StatefulSet,
    Workload,
    WorkloadArgs,
)
from components.testing import Recording, run

APP = App(name="web", image="web:1", ports=[Port(name="http", number=8080)])
OWN = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web", "app.kubernetes.io/managed-by": "pulumi"}


def made(*patterns: Any, app: App = APP, **fields: Any) -> Recording:
    return run(lambda: Workload("web", WorkloadArgs(app=app, patterns=patterns, **fields)))


def spec(service_type: str = "ClusterIP", **fields: Any) -> dict[str, Any]:
    """What these arguments add to the Service's spec."""
    manifests = [made(service_type=service_type, service=args).one("Service").inputs for args in (ServiceArgs(), ServiceArgs(**fields))]
    for version in ("1.29", "1.33"):
        assert kubernetes_validate.validate({"apiVersion": "v1", "kind": "Service", **manifests[1]}, version, strict=True) == version
    plain, asked = (manifest["spec"] for manifest in manifests)
    assert plain == {key: value for key, value in asked.items() if key in plain}
    return {key: value for key, value in asked.items() if key not in plain}


@pytest.mark.parametrize(
    ("service_type", "fields", "added"),
    [
        ("ClusterIP", {"headless": True}, {"clusterIP": "None"}),
        (
            "ClusterIP",
            {"session_affinity_seconds": 600},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 600}}},
        ),
        ("ClusterIP", {"internal_traffic_policy": "Local"}, {"internalTrafficPolicy": "Local"}),
        ("NodePort", {"external_traffic_policy": "Local"}, {"externalTrafficPolicy": "Local"}),
        ("LoadBalancer", {"load_balancer_class": "service.k8s.aws/nlb"}, {"loadBalancerClass": "service.k8s.aws/nlb"}),
        ("LoadBalancer", {"load_balancer_source_ranges": ["192.0.2.0/24"]}, {"loadBalancerSourceRanges": ["192.0.2.0/24"]}),
        ("LoadBalancer", {}, {}),
    ],
)
def test_a_service_says_what_it_is_asked_to(service_type: str, fields: dict[str, Any], added: dict[str, Any]) -> None:
    assert spec(service_type, **fields) == added


def test_each_object_has_its_own_labels_and_annotations() -> None:
    recording = made(
        labels={"team": "a"},
        annotations={"a": "deployment"},
        pod_labels={"b": "pod"},
        pod_annotations={"c": pulumi.Output.from_input("pod")},
        service=ServiceArgs(labels={"d": "service"}, annotations={"e": pulumi.Output.from_input("service")}),
    )
    deployment, service = recording.one("Deployment").inputs, recording.one("Service").inputs
    assert deployment["metadata"]["labels"] == {**OWN, "team": "a"}
    assert deployment["metadata"]["annotations"] == {"a": "deployment", "pulumi.com/timeoutSeconds": "600"}
    template = deployment["spec"]["template"]["metadata"]
    assert template["labels"] == {**OWN, "team": "a", "b": "pod"}
    assert template["annotations"] == {"c": "pod", "kubectl.kubernetes.io/default-container": "web"}
    assert service["metadata"]["labels"] == {**OWN, "team": "a", "d": "service"}
    assert service["metadata"]["annotations"] == {"e": "service"}
    assert "b" not in deployment["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (StatefulSet(), {"pulumi.com/timeoutSeconds": "600"}),
        (StatefulSet(partition=1), {"pulumi.com/skipAwait": "true"}),
        (DaemonSet(), {"pulumi.com/timeoutSeconds": "600"}),
        (Job(), {"pulumi.com/timeoutSeconds": "600"}),
        (CronJob(schedule="@daily"), {"pulumi.com/timeoutSeconds": "600"}),
    ],
)
def test_annotations_are_on_every_kind(kind: Any, own: dict[str, str]) -> None:
    metadata = made(kind=kind, annotations={"a": "b"}).one(type(kind).__name__).inputs["metadata"]
    assert metadata["annotations"] == {"a": "b", **own}


def test_an_update_waits_for_pods_to_stay_ready() -> None:
    for kind, cls in {"Deployment": Deployment, "DaemonSet": DaemonSet}.items():
        assert made(kind=cls(min_ready_seconds=30)).one(kind).inputs["spec"]["minReadySeconds"] == 30
        assert "minReadySeconds" not in made(kind=cls()).one(kind).inputs["spec"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"kind": Job(), "service": ServiceArgs(headless=True)},
            "service is set, but no Service leads to a Job; leave service out",
        ),
        (
            {"service": ServiceArgs(headless=True), "service_type": "NodePort"},
            "service.headless is set, but a Service of type NodePort has an address of its own; leave one of them out",
        ),
        (
            {"service": ServiceArgs(headless=True, session_affinity_seconds=1)},
            "service.session_affinity_seconds is set, but no connection goes through a headless Service; leave one of them out",
        ),
        (
            {"service": ServiceArgs(headless=True, internal_traffic_policy="Local")},
            "service.internal_traffic_policy is set, but no connection goes through a headless Service; leave one of them out",
        ),
        (
            {"service": ServiceArgs(load_balancer_class="a"), "service_type": "NodePort"},
            "service.load_balancer_class is set, but service_type is NodePort; set it to LoadBalancer",
        ),
        (
            {"service": ServiceArgs(load_balancer_source_ranges=["10.0.0.0/8"])},
            "service.load_balancer_source_ranges is set, but service_type is ClusterIP; set it to LoadBalancer",
        ),
        (
            {"service": ServiceArgs(external_traffic_policy="Local")},
            "service.external_traffic_policy is set, but nothing comes from outside to a ClusterIP; set service_type=",
        ),
        (
            {"service": ServiceArgs(session_affinity_seconds=86401)},
            "service.session_affinity_seconds 86401 is not allowed: a whole number from 1 to 86400",
        ),
        (
            {"service": ServiceArgs(labels={"app.kubernetes.io/name": "b"})},
            "label 'app.kubernetes.io/name' of service.labels is set by the workload itself; remove it",
        ),
        (
            {"pod_labels": {"app.kubernetes.io/name": "b"}},
            "label 'app.kubernetes.io/name' of pod_labels is set by the workload itself; remove it",
        ),
        (
            {"pod_labels": {"a": "b c"}},
            "pod_labels['a'] 'b c' is not allowed: letters, digits and '-_.', 63 characters at most",
        ),
        (
            {"annotations": {"pulumi.com/timeoutSeconds": "5"}},
            "annotation 'pulumi.com/timeoutSeconds' is set by the workload itself; set rollout_timeout_seconds=",
        ),
        (
            {"pod_spec": {"activeDeadlineSeconds": 60}},
            "pod field 'activeDeadlineSeconds' ends pods, and Kubernetes lets none of a Deployment end; remove it, or set kind=Job()",
        ),
        (
            {"kind": Deployment(min_ready_seconds=600)},
            "min_ready_seconds 600 is not less than rollout_timeout_seconds 600, when an update fails; raise that",
        ),
    ],
)
def test_what_does_not_go_together_is_rejected(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError) as error:
        made(**fields)
    assert str(error.value) == f"workload 'web': 1 problem\n  - {problem}"


def test_a_headless_service_translates_no_port_numbers() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080, service_number=80)])
    with pytest.raises(ArgumentError) as error:
        made(app=app, service=ServiceArgs(headless=True))
    assert error.value.problems == (
        "port 'http' of the app has service_number 80, but a headless Service leads to the pods' own 8080; leave service_number out",
    )


def test_annotations_of_the_pods_collide_with_nothing_unnoticed() -> None:
    with pytest.raises(CompositionError) as error:
        made(MetricsAdapterArgs(exporter="redis"), pod_annotations={"prometheus.io/port": "1"})
    assert error.value.problems == (
        "annotation 'prometheus.io/port' of the workload's arguments is already set by MetricsAdapter; remove one of them",
    )


def test_a_secret_is_no_annotation() -> None:
    with pytest.raises(SecretLeakError) as error:
        run(lambda: Workload("web", WorkloadArgs(app=APP, pod_annotations={"a": pulumi.Output.secret("b")})))
    assert error.value.problems == ("annotation 'a' is a secret Output; remove it",)
