"""Transforms are called as the engine calls them, and a resource is registered as they leave it."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.offline import OfflineError, manifests
from components.testing import UNKNOWN, run
from tests.support.carriers import Carriers

Args = pulumi.ResourceTransformArgs
Result = pulumi.ResourceTransformResult
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"file": "x"}}


def adding(word: str) -> Any:
    """A transform that appends a word to every ConfigMap."""

    def transform(args: Args) -> Result | None:
        if not args.type_.endswith(":ConfigMap"):
            return None
        data = {**args.props["data"], "words": args.props["data"].get("words", "") + word}
        return Result(props={**args.props, "data": data}, opts=args.opts)

    return transform


class Outer(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test:index:Outer", name, {}, opts)
        Inner(name, pulumi.ResourceOptions(parent=self, transforms=[adding("inner ")]))


class Inner(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test:index:Inner", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self, transforms=[adding("own "), adding("other ")])
        kubernetes.core.v1.ConfigMap(name, data={"file": "x"}, opts=own)


def test_a_resources_own_come_first_then_those_of_its_parents_upward_then_those_of_the_stack() -> None:
    def program() -> None:
        kubernetes.core.v1.ConfigMap("before", data={})
        pulumi.runtime.register_resource_transform(adding("stack "))
        pulumi.runtime.register_resource_transform(adding("last "))
        Outer("a", pulumi.ResourceOptions(transforms=[adding("outer ")]))

    recording = run(program)
    assert recording.one("ConfigMap", "a").inputs["data"] == {"file": "x", "words": "own other inner outer stack last "}
    assert recording.one("ConfigMap", "before").inputs["data"] == {}
    assert len(recording.transforms) == 6


def test_what_a_provider_makes_of_a_remote_component_is_reached_and_there_before_its_urn() -> None:
    def program() -> Any:
        seen: list[str] = []

        def look(args: Args) -> None:
            seen.append(args.name)

        group = kubernetes.yaml.v2.ConfigGroup("g", objs=[CONFIG], opts=pulumi.ResourceOptions(transforms=[adding("group"), look]))
        return group.urn.apply(lambda _: list(seen))

    recording = run(program, mocks=Carriers())
    child = recording.one("ConfigMap")
    assert (child.name, child.parent) == ("g:default/theirs", recording.one("ConfigGroup").urn)
    assert child.inputs["data"] == {"file": "x", "words": "group"}
    assert recording.value == ["g", "g:default/theirs"]


@pytest.mark.parametrize("preview", [False, True])
def test_they_see_wire_names_floats_and_outputs_where_something_is_secret_or_unknown(preview: bool) -> None:
    seen: dict[str, Any] = {}

    def look(args: Args) -> None:
        if args.type_.endswith("Deployment"):
            seen.update(args.props)

    def program() -> None:
        first = kubernetes.core.v1.ConfigMap("first", metadata={"name": "first"}, data={})
        env = [{"name": "A", "value": pulumi.Output.secret("s")}, {"name": "B", "value": first.id}]
        container = {"name": "web", "image": "web:1", "env": env, "ports": [{"container_port": 8080}]}
        spec = {"replicas": 2, "selector": {"match_labels": {}}, "template": {"spec": {"containers": [container]}}}
        kubernetes.apps.v1.Deployment("web", spec=spec, opts=pulumi.ResourceOptions(transforms=[look]))

    recording = run(program, preview=preview)
    assert (seen["kind"], seen["apiVersion"]) == ("Deployment", "apps/v1")
    assert "metadata" not in seen
    replicas, container = seen["spec"]["replicas"], seen["spec"]["template"]["spec"]["containers"][0]
    assert (replicas, type(replicas)) == (2, float)
    assert type(container["ports"][0]["containerPort"]) is float
    assert isinstance(container["env"][0]["value"], pulumi.Output)
    assert isinstance(container["env"][1]["value"], pulumi.Output) == preview
    # and what they leave alone is registered as it was
    registered = recording.one("Deployment")
    env = registered.inputs["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env[1]["value"] == (UNKNOWN if preview else "default/first")
    assert registered.secrets == {"spec.template.spec.containers[0].env[0].value"}
    assert type(registered.inputs["spec"]["replicas"]) is int


def test_options_come_and_go() -> None:
    def transform(args: Args) -> Result:
        assert args.opts.protect
        assert args.opts.ignore_changes == ["data"]
        more = pulumi.ResourceOptions(depends_on=[first[0]], ignore_changes=["metadata"])
        return Result(props=args.props, opts=pulumi.ResourceOptions.merge(args.opts, more))

    first: list[pulumi.Resource] = []

    def program() -> None:
        first.append(kubernetes.core.v1.ConfigMap("first", data={}))
        options = pulumi.ResourceOptions(protect=True, ignore_changes=["data"], transforms=[transform])
        kubernetes.core.v1.ConfigMap("second", data={}, opts=options)

    recording = run(program)
    second = recording.one("ConfigMap", "second")
    assert second.dependencies == (recording.one("ConfigMap", "first").urn,)
    assert second.request.protect
    assert list(second.request.ignoreChanges) == ["data", "metadata"]


def test_one_may_wait_for_what_is_registered_later_and_what_it_adds_can_be_secret() -> None:
    def program() -> None:
        made: list[kubernetes.core.v1.Secret] = []

        def transform(args: Args) -> Result:
            return Result(props={**args.props, "data": {"name": made[0].metadata.name, "word": pulumi.Output.secret("w")}}, opts=args.opts)

        kubernetes.core.v1.ConfigMap("a", data={}, opts=pulumi.ResourceOptions(transforms=[transform]))
        made.append(kubernetes.core.v1.Secret("b", metadata={"name": "later"}, string_data={"x": "y"}))

    recording = run(program)
    assert recording.one("ConfigMap").inputs["data"] == {"name": "later", "word": "w"}
    assert recording.one("ConfigMap").secrets == {"data.word"}
    assert [r.name for r in recording.registrations] == ["b", "a"]


def test_what_one_raises_is_raised_and_its_resource_is_not_there() -> None:
    def transform(args: Args) -> None:
        raise ZeroDivisionError(args.name)

    def program() -> None:
        kubernetes.yaml.v2.ConfigGroup("g", objs=[CONFIG], opts=pulumi.ResourceOptions(transforms=[transform]))
        options = pulumi.ResourceOptions(transforms=[adding("word"), transform])
        kubernetes.core.v1.ConfigMap("c", data={}, opts=options)

    mocks = Carriers()
    with pytest.raises(ZeroDivisionError):
        run(program, mocks=mocks)
    assert mocks.made == []


def test_offline_rendering_runs_them() -> None:
    def program() -> None:
        kubernetes.core.v1.ConfigMap("c", metadata={"name": "c"}, data={}, opts=pulumi.ResourceOptions(transforms=[adding("word")]))

    assert manifests(program)[0]["data"] == {"words": "word"}
    with pytest.raises(OfflineError):
        manifests(lambda: kubernetes.yaml.v2.ConfigGroup("g", objs=[CONFIG]))
