"""The transform of an injection, called as the engine calls it: in charts, YAML, components and a whole stack."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components import (
    Injection,
    InjectionError,
    LogTailSidecarArgs,
    Port,
    Rebind,
    SysctlInitArgs,
    Target,
    TlsAmbassador,
    TlsAmbassadorArgs,
    inject,
)
from components.offline import OfflineError, manifests
from components.testing import UNKNOWN, Recording, run, secret
from tests.support.carriers import Carriers

Wire = dict[str, Any]
MOVES = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))
TLS = TlsAmbassadorArgs(secret_name="web-tls")
LOGS = LogTailSidecarArgs(directory="/var/log/app", files=["app.log"])
TEMPLATE: Wire = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"checksum/config": "abc"}},
    "spec": {
        "initContainers": [{"name": "prepare", "image": "web:1", "command": ["prepare", "all"]}],
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "args": ["--serve", "--workers=2"],
                "env": [{"name": "WORD", "value": "word"}, {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "k", "key": "k"}}}],
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
                "securityContext": {"runAsUser": 1000, "runAsNonRoot": True},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
        "terminationGracePeriodSeconds": 45,
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "key", "secret": {"secretName": "k"}}],
    },
}


def workload(kind: str = "Deployment", version: str = "apps/v1", namespace: str | None = "shop") -> Wire:
    """A manifest of that kind."""
    metadata = {"name": "web", **({"namespace": namespace} if namespace else {})}
    spec: Wire = {"template": deepcopy(TEMPLATE)}
    if kind == "CronJob":
        spec["template"]["spec"]["restartPolicy"] = "Never"
        spec = {"schedule": "@hourly", "jobTemplate": {"spec": spec}}
    else:
        spec |= {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def injection(*patterns: Any, name: str = "ours", **target: Any) -> Injection:
    return Injection(name, Target(**{"name": "web", "ports": [MOVES], **target}), patterns or (TLS, LOGS))


def within(*injections: Injection) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(transforms=[injection.transform for injection in injections])


def chart(*injections: Injection) -> pulumi.Resource:
    """A chart; its children are what the mocks are told."""
    return kubernetes.helm.v4.Chart("c", chart="./chart", opts=within(*injections))


def injected(manifest: Wire, *patterns: Any, preview: bool = False, **target: Any) -> Recording:
    """What comes of a chart that makes the manifest."""
    mocks = Carriers({"c": [manifest]})
    return run(lambda: (found := injection(*patterns, **target)).expect(chart(found)), mocks=mocks, preview=preview)


class Theirs(pulumi.ComponentResource):
    """Somebody else's component."""

    def __init__(self, name: str, given: Wire, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("theirs:index:Theirs", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.made = kubernetes.apps.v1.Deployment("web", metadata=given["metadata"], spec=given["spec"], opts=own)


def of_objects(given: Wire) -> Any:
    found = injection()
    return found.expect(kubernetes.yaml.v2.ConfigGroup("g", objs=[given], opts=within(found)))


def of_a_chart(_given: Wire) -> Any:
    found = injection()
    return found.expect(chart(found))


def of_a_component(given: Wire) -> Any:
    found = injection()
    return found.expect(Theirs("t", given, within(found)).made)


def of_the_stack(given: Wire) -> Any:
    found = injection()
    pulumi.runtime.register_resource_transform(found.transform)
    return found.expect(Theirs("t", given).made)


@pytest.mark.parametrize("program", [of_objects, of_a_chart, of_a_component, of_the_stack])
def test_the_pod_is_the_same_wherever_its_workload_comes_from(program: Callable[[Wire], Any]) -> None:
    given = workload()
    recording = run(lambda: program(given), mocks=Carriers({"c": [given]}))
    assert recording.one("Deployment").inputs == inject([given], [injection()])[0]
    assert recording.value == "Deployment 'web' in namespace 'shop'"


@pytest.mark.parametrize(
    ("kind", "version", "target"),
    [
        ("StatefulSet", "apps/v1", {}),
        ("DaemonSet", "apps/v1", {"kind": "DaemonSet"}),
        ("CronJob", "batch/v1", {}),
        ("Rollout", "argoproj.io/v1alpha1", {"kind": "Rollout", "template": ("spec", "template")}),
    ],
)
def test_every_kind_with_a_pod_is_reached(kind: str, version: str, target: Wire) -> None:
    given = workload(kind, version)
    assert injected(given, **target).one(kind).inputs == inject([given], [injection(**target)])[0]


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value."""
    if above:
        yield above
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from paths(below, (*above, key))


def replaced(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """A copy with that place changed."""
    if not path:
        return change(value)
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], change)
    return copy


PLACES = [("spec",), *(("spec", *path) for path in paths(workload()["spec"]))]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_secret_may_be_anywhere(place: tuple[Any, ...]) -> None:
    given = workload()
    found = injected(replaced(given, place, secret)).one("Deployment")
    assert found.inputs == inject([given], [injection()])[0]
    # it is still one
    hidden = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" if key.isalnum() else f'["{key}"]' for key in place)[1:]
    moved = hidden.replace("initContainers[0]", f"initContainers[{len(added(found.inputs))}]")
    assert any(moved.startswith(path) for path in found.secrets)


def added(manifest: Wire) -> list[str]:
    return [c["name"] for c in manifest["spec"]["template"]["spec"]["initContainers"] if c["name"] != "prepare"]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_what_a_preview_does_not_know_may_be_anywhere(place: tuple[Any, ...]) -> None:
    recording = injected(replaced(workload(), place, lambda _: UNKNOWN), preview=True)
    assert UNKNOWN in str(recording.one("Deployment").inputs)
    assert recording.value == "Deployment 'web' in namespace 'shop'"


def test_markers_and_unknown_values_of_older_ways_are_understood() -> None:
    def program() -> Any:
        found = injection()
        given = workload()
        results = []
        for spec in (secret(given["spec"]), pulumi.output.Unknown()):
            args = pulumi.ResourceTransformArgs(
                custom=True,
                type_="kubernetes:apps/v1:Deployment",
                name="c:shop/web",
                props={**given, "spec": spec},
                opts=pulumi.ResourceOptions(),
            )
            result = found.transform(args)
            assert result is not None
            results.append(result.props["spec"])
        assert isinstance(results[1], pulumi.output.Unknown)
        return results[0]

    assert run(program).value == inject([workload()], [injection()])[0]["spec"]


def test_an_object_that_pulumi_names_is_known_by_its_logical_name() -> None:
    given = {**workload(), "metadata": {"labels": {"app": "web"}}}

    def program() -> Any:
        found = injection()
        return found.expect(Theirs("t", given, within(found)).made)

    recording = run(program)
    assert recording.value == "Deployment 'web'"
    assert "name" not in recording.one("Deployment").inputs["metadata"]
    assert added(recording.one("Deployment").inputs) == ["nginx-proxy", "logs"]


def test_two_injections_go_in_in_the_order_of_the_list() -> None:
    first, second = injection(LOGS, name="first"), injection(TLS, name="second")
    recording = run(lambda: chart(first, second), mocks=Carriers({"c": [workload()]}))
    assert recording.one("Deployment").inputs == inject([workload()], [first, second])[0]
    assert added(recording.one("Deployment").inputs) == ["logs", "nginx-proxy"]


def test_the_same_transform_twice_is_once() -> None:
    def program() -> Any:
        found = injection()
        pulumi.runtime.register_resource_transform(found.transform)
        return found.expect(chart(found))

    recording = run(program, mocks=Carriers({"c": [workload()]}))
    assert recording.one("Deployment").inputs == inject([workload()], [injection()])[0]
    assert recording.value == "Deployment 'web' in namespace 'shop'"


def test_what_is_no_target_is_registered_as_it_was() -> None:
    hooks = [{**workload(), "metadata": {"name": "web", "annotations": {"helm.sh/hook": hook}}} for hook in ("test", "pre-install")]
    others = [{**workload(), "metadata": {"name": "other", "namespace": "shop"}}, *hooks]
    recording = run(lambda: chart(injection()), mocks=Carriers({"c": [workload(), others[0]]}))
    assert recording.one("Deployment", "c:shop/other").inputs == others[0]
    for hook in hooks:
        recording = run(lambda: chart(injection()), mocks=Carriers({"c": [hook]}))
        assert recording.one("Deployment").inputs["spec"] == workload()["spec"]


def test_a_certificate_that_the_injection_makes_is_there_before_the_pod() -> None:
    recording = injected(workload(), TlsAmbassadorArgs(), namespace="shop")
    names = [(r.type.split(":")[-1], r.name) for r in recording.registrations]
    assert sorted(names) == sorted(
        [
            ("TlsAmbassador", "ours-tls-ambassador"),
            ("PrivateKey", "ours-tls-ambassador-key"),
            ("SelfSignedCert", "ours-tls-ambassador-certificate"),
            ("Secret", "ours-tls-ambassador-certificate"),
            ("Chart", "c"),
            ("Deployment", "c:shop/web"),
        ]
    )
    assert names[-1] == ("Deployment", "c:shop/web")
    owned, deployment = recording.one("Secret"), recording.one("Deployment")
    assert owned.inputs["metadata"]["namespace"] == "shop"
    assert owned.urn in deployment.dependencies
    volumes = {v["name"]: v for v in deployment.inputs["spec"]["template"]["spec"]["volumes"]}
    assert volumes["nginx-proxy-certificate"]["secret"]["secretName"] == owned.outputs["metadata"]["name"]


def test_it_can_be_previewed_before_the_certificate_exists() -> None:
    assert injected(workload(), TlsAmbassadorArgs(), namespace="shop", preview=True).value == "Deployment 'web' in namespace 'shop'"


def failed(program: Callable[[], Any], mocks: Carriers, caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """The error that ends the run, and what was logged; no workload was registered."""
    caplog.clear()
    with pytest.raises(pulumi.RunError) as error:
        run(program, mocks=mocks)
    assert "kubernetes:apps/v1:Deployment" not in mocks.made
    return str(error.value), [record.getMessage() for record in caplog.records]


ELSEWHERE = (
    "injection 'ours' into Deployment 'web': 1 conflict\n"
    "  - TlsAmbassador 'ours-tls-ambassador' makes its resources in namespace 'default', but the workload is in 'shop'; set namespace= of "
    "the target, or of the pattern"
)


def test_a_certificate_in_another_namespace_is_rejected_before_anything_is_unprotected(caplog: pytest.LogCaptureFixture) -> None:
    mocks = Carriers({"c": [workload()]})
    assert failed(lambda: chart(injection(TlsAmbassadorArgs())), mocks, caplog) == ("injection 'ours' failed", [ELSEWHERE])


TAKEN = (
    "injection 'ours' into Deployment 'web': 1 conflict\n"
    "  - TlsAmbassador: there is no port 'admin' to stand in front of; set target_ports= (known: http)"
)


@pytest.mark.parametrize("place", [("kind",), ("spec",), ("spec", "template"), ("spec", "template", "spec", "containers")])
def test_what_is_rejected_is_said_once_and_never_created(place: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    mocks = Carriers({"c": [workload() if place == ("kind",) else replaced(workload(), place, secret)]})
    wrong = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["admin"])
    assert failed(lambda: chart(injection(wrong)), mocks, caplog) == ("injection 'ours' failed", [TAKEN])


def test_a_target_without_a_pod_template_is_rejected(caplog: pytest.LogCaptureFixture) -> None:
    mocks = Carriers({"c": [workload("Rollout", "argoproj.io/v1alpha1")]})
    error, logged = failed(lambda: chart(injection(kind="Rollout", template=("spec", "pod"))), mocks, caplog)
    assert error == "injection 'ours' failed"
    assert logged == [
        "injection 'ours' into Rollout 'web': 1 conflict\n  - it has no pod template at spec.pod; set template= of the target"
    ]
    assert mocks.made == ["kubernetes:helm.sh/v4:Chart"]


NOBODY = "meets no workload, but has to meet workload 'web' alone; name what it makes in target=, and pass its transform to it"


def test_a_match_that_did_not_happen_fails_the_run_where_it_is_expected() -> None:
    other = {**workload(), "metadata": {"name": "other"}}
    with pytest.raises(InjectionError) as error:
        run(lambda: (found := injection()).expect(chart(found)), mocks=Carriers({"c": [other]}))
    assert str(error.value) == f"injection 'ours': 1 problem\n  - {NOBODY}"


def test_a_match_that_did_not_happen_fails_offline_rendering_expected_or_not() -> None:
    other = {**workload(), "metadata": {"name": "other"}}
    with pytest.raises(OfflineError) as error:
        manifests(lambda: Theirs("t", other, within(injection())))
    assert str(error.value) == f"offline rendering: 1 problem\n  - injection 'ours' {NOBODY}"
    (rendered,) = manifests(lambda: Theirs("t", workload(), within(injection())))
    assert rendered == inject([workload()], [injection()])[0]


def test_two_workloads_of_one_name_are_one_too_many() -> None:
    mocks = Carriers({"c": [workload(), workload(namespace="other")]})
    with pytest.raises(InjectionError) as error:
        run(lambda: (found := injection()).expect(chart(found)), mocks=mocks)
    assert str(error.value) == (
        "injection 'ours': 1 problem\n"
        "  - meets 2 workloads (Deployment 'web' in namespace 'shop', Deployment 'web' in namespace 'other'), but has to meet workload "
        "'web' alone; set kind= or namespace= of the target"
    )


def test_a_patch_of_a_workload_is_no_workload() -> None:
    def program() -> None:
        options = within(injection())
        kubernetes.apps.v1.DeploymentPatch("web", metadata={"name": "web"}, spec={"replicas": 3}, opts=options)

    assert run(program).one("DeploymentPatch").inputs["spec"] == {"replicas": 3}


def test_patterns_made_by_hand_can_be_injected() -> None:
    def program() -> Any:
        made = TlsAmbassador("made", TlsAmbassadorArgs(service_name="web", namespace="shop"))
        found = injection(made)
        return found.expect(chart(found))

    recording = run(program, mocks=Carriers({"c": [workload()]}))
    assert recording.one("Secret").urn in recording.one("Deployment").dependencies


def test_classic_sidecars_are_rejected_in_a_job(caplog: pytest.LogCaptureFixture) -> None:
    given = workload("CronJob", "batch/v1")

    def program() -> None:
        chart(Injection("ours", Target(name="web"), [SysctlInitArgs(), LOGS], sidecars="classic", kubernetes_version="1.28"))

    _, logged = failed(program, Carriers({"c": [given]}), caplog)
    assert logged == [
        "injection 'ours' into CronJob 'web': 1 conflict\n  - sidecars='classic' never end, and so would no CronJob; use native ones"
    ]
