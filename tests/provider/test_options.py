"""The options of a component: those that it has itself, and those that its children inherit."""

from typing import Any

import pulumi
from pulumi.runtime.proto import alias_pb2, provider_pb2

from components.offline.recording import UNKNOWN
from components.provider.options import options

from ..support.provider import PROVIDER_ID, STACK_URN, Engine, output
from .test_equality import PODINFO

NAMESPACE = "urn:pulumi:stack::project::kubernetes:core/v1:Namespace::shop"
PARENT = "urn:pulumi:stack::project::shop:index:Shop::shop"
CLUSTER = f"urn:pulumi:stack::project::pulumi:providers:kubernetes::cluster::{PROVIDER_ID}"
INPUTS = {"app": PODINFO, "patterns": [{"tlsAmbassador": {}}]}


def one(engine: Engine, type_: str) -> Any:
    """The only request for a resource of that type."""
    (found,) = (r for r in engine.registrations.values() if r.type.endswith(type_))
    return found.request


def test_a_parent(engine: Engine) -> None:
    urn = engine.construct("Workload", "web", INPUTS, parent=PARENT)["urn"]
    assert urn == "urn:pulumi:stack::project::shop:index:Shop$pod-patterns:index:Workload::web"
    assert one(engine, ":Workload").parent == PARENT
    assert one(engine, ":Deployment").parent == urn


def test_protection_is_inherited(engine: Engine) -> None:
    engine.construct("Workload", "web", INPUTS, protect=True)
    assert {r.name for r in engine.registrations.values() if not r.request.protect} == set()
    engine.begin()
    engine.construct("Workload", "web", INPUTS)
    assert {r.name for r in engine.registrations.values() if r.request.protect} == set()


def test_the_provider_of_a_cluster_makes_every_object(engine: Engine) -> None:
    engine.construct("Workload", "web", INPUTS, providers={"kubernetes": CLUSTER})
    made_by = {r.type.split(":")[0]: r.request.provider for r in engine.registrations.values()}
    assert made_by == {"pod-patterns": "", "kubernetes": CLUSTER, "tls": ""}


def test_the_component_has_the_others(engine: Engine) -> None:
    engine.construct(
        "Workload",
        "web",
        INPUTS,
        dependencies=[NAMESPACE],
        aliases=[alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="shop")), alias_pb2.Alias(urn=PARENT)],
        customTimeouts=provider_pb2.ConstructRequest.CustomTimeouts(create="20m"),
        ignoreChanges=["replicas"],
        replaceOnChanges=["app"],
        retainOnDelete=True,
        deletedWith=NAMESPACE,
        additionalSecretOutputs=["summary"],
    )
    request = one(engine, ":Workload")
    assert list(request.dependencies) == [NAMESPACE]
    assert [a.urn or a.spec.name for a in request.aliases] == ["shop", PARENT]
    assert request.customTimeouts.create == "20m"
    assert request.retainOnDelete
    assert request.deletedWith == NAMESPACE
    assert list(request.ignoreChanges) == ["replicas"]


def test_what_nobody_set_is_inherited() -> None:
    read = options(pulumi.ResourceOptions(), provider_pb2.ConstructRequest())
    assert (read.custom_timeouts, read.retain_on_delete, read.delete_before_replace, read.additional_secret_outputs) == (None,) * 4


def test_an_object_depends_on_what_its_inputs_depend_on(engine: Engine) -> None:
    inputs = {**INPUTS, "namespace": output("shop", NAMESPACE)}
    depends = provider_pb2.ConstructRequest.PropertyDependencies(urns=[NAMESPACE])
    engine.construct("Workload", "web", inputs, inputDependencies={"namespace": depends})
    objects = [r for r in engine.registrations.values() if r.type.startswith("kubernetes:")]
    assert len(objects) == 4
    assert all(NAMESPACE in r.dependencies for r in objects)


def test_a_preview_in_which_little_is_known(engine: Engine) -> None:
    engine.begin(preview=True)
    inputs = {**INPUTS, "app": {**PODINFO, "image": output(UNKNOWN, PARENT)}, "namespace": output(UNKNOWN, NAMESPACE)}
    answer = engine.construct("Workload", "web", inputs)
    assert {name for name, value in answer.items() if value == UNKNOWN} == {"caPem", "certificateExpiresAt", "endpoints"}
    deployment = next(r for r in engine.registrations.values() if r.type.endswith(":Deployment"))
    assert deployment.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == UNKNOWN
    assert deployment.inputs["metadata"]["namespace"] == UNKNOWN
    assert deployment.parent != STACK_URN
