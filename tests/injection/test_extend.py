"""extend(): a workload of one's own, in every way in which Pulumi lets one write it."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_kubernetes.apps.v1 import (
    DaemonSetInitArgs,
    DaemonSetSpecArgs,
    DeploymentInitArgs,
    DeploymentSpecArgs,
    StatefulSetInitArgs,
    StatefulSetSpecArgs,
)
from pulumi_kubernetes.batch.v1 import CronJobInitArgs, CronJobSpecArgs, JobInitArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    PodInitArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components import ArgumentError, CompositionError, LogTailSidecarArgs, Port, Rebind, Target, TlsAmbassadorArgs, extend, inject
from components.offline import manifests
from components.testing import run
from tests.injection.test_transform import injection, workload

Wire = dict[str, Any]
TARGET = Target(name="web", ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))])
PATTERNS = (TlsAmbassadorArgs(secret_name="web-tls"), LogTailSidecarArgs(directory="/var/log/app", files=["app.log"]))
META, LABELS = ObjectMetaArgs(name="web"), ObjectMetaArgs(labels={"app": "web"})
SELECTOR = LabelSelectorArgs(match_labels={"app": "web"})


def pod(**fields: Any) -> PodSpecArgs:
    port = ContainerPortArgs(name="http", container_port=8080)
    env = [EnvVarArgs(name="WORD", value=pulumi.Output.from_input("word")), {"name": "KEY", "value": pulumi.Output.secret("key")}]
    app = ContainerArgs(name="web", image="web:1", ports=[port], env=env)
    return PodSpecArgs(containers=[app], security_context=PodSecurityContextArgs(run_as_user=1000), **fields)


def template(**fields: Any) -> PodTemplateSpecArgs:
    return PodTemplateSpecArgs(metadata=LABELS, spec=pod(**fields))


def job(**fields: Any) -> JobSpecArgs:
    return JobSpecArgs(template=template(restart_policy="Never"), **fields)


TYPED: dict[str, tuple[Callable[..., pulumi.Resource], Callable[[], Any]]] = {
    "Deployment": (
        kubernetes.apps.v1.Deployment,
        lambda: DeploymentInitArgs(metadata=META, spec=DeploymentSpecArgs(replicas=2, selector=SELECTOR, template=template())),
    ),
    "StatefulSet": (
        kubernetes.apps.v1.StatefulSet,
        lambda: StatefulSetInitArgs(metadata=META, spec=StatefulSetSpecArgs(service_name="web", selector=SELECTOR, template=template())),
    ),
    "DaemonSet": (
        kubernetes.apps.v1.DaemonSet,
        lambda: DaemonSetInitArgs(metadata=META, spec=DaemonSetSpecArgs(selector=SELECTOR, template=template())),
    ),
    "Job": (kubernetes.batch.v1.Job, lambda: JobInitArgs(metadata=META, spec=job(backoff_limit=3))),
    "CronJob": (
        kubernetes.batch.v1.CronJob,
        lambda: CronJobInitArgs(metadata=META, spec=CronJobSpecArgs(schedule="@daily", job_template=JobTemplateSpecArgs(spec=job()))),
    ),
    "Pod": (kubernetes.core.v1.Pod, lambda: PodInitArgs(metadata=META, spec=pod())),
}


@pytest.mark.parametrize("kind", TYPED)
def test_typed_arguments_of_every_kind_give_what_injection_gives(kind: str) -> None:
    make, arguments = TYPED[kind]
    bare = run(lambda: make("web", **fields(arguments()))).one(kind)
    extended = run(lambda: make("web", **extend(arguments(), PATTERNS, target=TARGET, name="ours"))).one(kind)
    assert extended.inputs == inject([bare.inputs], [injection()])[0]
    assert len(extended.secrets) == len(bare.secrets) == 1


def fields(arguments: Any) -> Wire:
    """As the constructor takes them."""
    return {"metadata": arguments.metadata, "spec": arguments.spec}


def ways() -> list[Any]:
    """One Deployment, written in four."""
    container = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], "env": typed_env()}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [container], "securityContext": {"runAsUser": 1000}},
        },
    }
    typed = TYPED["Deployment"][1]()
    mixed = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": META, "spec": {**spec, "template": template()}}
    return [typed, fields(typed), {"metadata": {"name": "web"}, "spec": spec}, mixed]


@pytest.mark.parametrize("way", range(1, 4))
def test_dicts_typed_arguments_and_both_mixed_are_the_same(way: int) -> None:
    def program(number: int) -> None:
        kubernetes.apps.v1.Deployment("web", **extend(ways()[number], PATTERNS, target=TARGET))

    assert manifests(lambda: program(way)) == manifests(lambda: program(0))


def typed_env() -> list[Wire]:
    return [{"name": "WORD", "value": "word"}, {"name": "KEY", "value": pulumi.Output.secret("key")}]


def where(place: str, wrap: Callable[[Any], Any]) -> Wire:
    given = workload(namespace=None)
    spec = given["spec"]
    if place == "spec":
        return {**given, "spec": wrap(spec)}
    if place == "template":
        return {**given, "spec": {**spec, "template": wrap(spec["template"])}}
    inner = spec["template"]["spec"]
    changed = wrap(inner) if place == "pod" else {**inner, "containers": wrap(inner["containers"])}
    return {**given, "spec": {**spec, "template": {**spec["template"], "spec": changed}}}


@pytest.mark.parametrize("place", ["spec", "template", "pod", "containers"])
@pytest.mark.parametrize("wrap", [pulumi.Output.from_input, pulumi.Output.secret], ids=["known", "secret"])
def test_outputs_may_be_anywhere(place: str, wrap: Callable[[Any], Any]) -> None:
    def program() -> None:
        kubernetes.apps.v1.Deployment("web", **extend(where(place, wrap), PATTERNS, target=TARGET, name="ours"))

    found = run(program).one("Deployment")
    assert found.inputs == inject([workload(namespace=None)], [injection()])[0]
    assert bool(found.secrets) == (wrap is pulumi.Output.secret)


def test_what_it_refuses_inside_an_output_is_never_created() -> None:
    def program() -> None:
        wrong = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["admin"])
        kubernetes.apps.v1.Deployment("web", **extend(where("spec", pulumi.Output.from_input), [wrong]))

    with pytest.raises(CompositionError) as error:
        run(program)
    assert str(error.value) == (
        "injection 'web' into Deployment 'web': 1 conflict\n"
        "  - TlsAmbassador: there is no port 'admin' to stand in front of; set target_ports= (known: http)"
    )


def test_resources_of_patterns_are_named_after_the_workload() -> None:
    recording = run(lambda: kubernetes.apps.v1.Deployment("web", **extend(workload(), [TlsAmbassadorArgs()], target=TARGET_IN_SHOP)))
    owned = recording.one("Secret")
    assert owned.name == "web-tls-ambassador-certificate"
    assert owned.urn in recording.one("Deployment").dependencies


TARGET_IN_SHOP = Target(name="web", namespace="shop", ports=TARGET.ports)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "the manifest must be a mapping, or arguments of a workload"),
        ({"spec": {}}, "the manifest has no metadata.name; set it, or target= and name="),
        ({"metadata": {"name": pulumi.Output.secret}, "spec": {}}, "the manifest has no metadata.name; set it, or target= and name="),
    ],
)
def test_what_cannot_be_extended_is_refused(given: Any, line: str) -> None:
    with pytest.raises(ArgumentError) as error:
        extend(given, PATTERNS)
    assert str(error.value) == f"extend: 1 problem\n  - {line}"
