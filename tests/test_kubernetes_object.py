"""KubernetesObject against the classes of pulumi_kubernetes: the engine cannot tell them apart."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from google.protobuf.json_format import MessageToDict

from components import App, Port, Workload, WorkloadArgs
from components.kubernetes_object import KubernetesObject
from components.testing import run

METADATA = {"name": "web", "namespace": "shop", "labels": {"a": "b"}}
SPEC = {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"]}
POD = {"containers": [{"name": "app", "image": "web:1", "ports": [{"containerPort": 80}], "livenessProbe": {"periodSeconds": 5}}]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
KINDS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "v1 Secret": (
        kubernetes.core.v1.Secret,
        {"type": "Opaque", "immutable": True, "stringData": {"k": "s"}, "data": {"d": "cw=="}},
    ),
    "v1 ConfigMap": (kubernetes.core.v1.ConfigMap, {"data": {"k": "v"}, "immutable": True}),
    "v1 Service": (kubernetes.core.v1.Service, {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}),
    "v1 Namespace": (kubernetes.core.v1.Namespace, {}),
    "apps/v1 Deployment": (kubernetes.apps.v1.Deployment, {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}),
    "networking.k8s.io/v1 NetworkPolicy": (kubernetes.networking.v1.NetworkPolicy, {"spec": SPEC}),
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": (
        kubernetes.rbac.v1.ClusterRoleBinding,
        {"roleRef": {"apiGroup": "g", "kind": "ClusterRole", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "n"}]},
    ),
}
PYTHON = {"stringData": "string_data", "roleRef": "role_ref"}


def registered(program: Callable[[], Any]) -> dict[str, Any]:
    """What the engine is asked for, but for the place in the source, and for types that a kind had in former versions of Kubernetes."""
    [registration] = run(program).registrations
    request = MessageToDict(registration.request)
    for field in ("sourcePosition", "stackTrace", "aliases", "supportsResultReporting"):
        request.pop(field, None)
    return {key: sorted(value) if key == "additionalSecretOutputs" else value for key, value in request.items()}


@pytest.mark.parametrize("named", KINDS)
def test_the_engine_is_asked_for_the_same_as_by_the_class_of_the_kind(named: str) -> None:
    (sdk, fields), (version, kind) = KINDS[named], named.split()
    given = {PYTHON.get(name, name): value for name, value in fields.items()}
    ours = registered(lambda: KubernetesObject("web", {"apiVersion": version, "kind": kind, "metadata": METADATA, **fields}))
    theirs = registered(lambda: sdk("web", metadata=METADATA, **given))
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)
    assert ours["version"]


def test_an_object_of_a_custom_kind_too() -> None:
    api, kind, spec = "monitoring.coreos.com/v1", "PodMonitor", {"podMetricsEndpoints": [{"port": "metrics"}]}
    ours = registered(lambda: KubernetesObject("web", {"apiVersion": api, "kind": kind, "metadata": METADATA, "spec": spec}))
    assert ours == registered(lambda: kubernetes.apiextensions.CustomResource("web", api, kind, metadata=METADATA, spec=spec))


def test_options_are_those_given_and_the_version_may_be_among_them() -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA}
    ours = registered(lambda: KubernetesObject("web", manifest, pulumi.ResourceOptions(version="4.0.0", protect=True)))
    assert (ours["version"], ours["protect"]) == ("4.0.0", True)


# Pulumi throws away the Outputs that other tests have made without a program
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_mocks_that_answer_with_what_they_were_given_give_no_name() -> None:
    class Echo(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
            return f"{args.name}-id", args.inputs

        def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
            return args.args

    seen = []

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        web = Workload("web", WorkloadArgs(app=App(name="web", image="web:1", ports=[Port(name="http", number=80)])))
        nameless = KubernetesObject("files", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
        return pulumi.Output.all(web.service_name, web.target, nameless.object_name).apply(seen.extend)

    try:
        pulumi.runtime.set_mocks(Echo())
        program()
    finally:
        pulumi.runtime.reset_options()
    assert seen == ["web", {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, None]
