"""One fold: composing an app is folding over the pod of the app, and the pod that it starts from is not changed."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from components.core.app import App
from components.core.base import Base, own
from components.core.cluster import cluster
from components.core.errors import CompositionError
from components.core.fold import compose, fold
from components.core.patch import PodPatch
from components.core.pod import Pod
from components.presets.elasticsearch import elasticsearch
from tests.core.test_combinations import CHOICES, SIDECARS, chosen
from tests.support.pods import Adds, container, web

VERSIONS = st.sampled_from(["1.29", "1.30", "1.36"])


def outcome(call: Any) -> tuple[str, Any]:
    """The pod in comparable form, or what is wrong."""
    try:
        pod: Pod = call()
    except CompositionError as error:
        return str(error), None
    return "", (str(pod.spec), str(pod.annotations), str(pod.labels), str(pod.ports), str(pod.health_ports))


@settings(max_examples=200)
@given(CHOICES, SIDECARS, VERSIONS)
def test_to_compose_is_to_fold_over_the_pod_of_the_app(choice: tuple[list[str], dict[str, int]], sidecars: str, version: str) -> None:
    app, patterns = elasticsearch(), chosen(choice)
    target, problems = cluster(version, sidecars)
    assert problems == []
    composed = outcome(lambda: compose(app, patterns, sidecars=sidecars, kubernetes_version=version))
    folded = outcome(lambda: fold(own(app, target), app, patterns, where="workload 'elasticsearch'", cluster=target))
    assert composed == folded


FOREIGN = {
    "hostname": "theirs",
    "containers": [
        {"name": "side", "image": "side:1", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}], "env": None},
        {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], "volumeMounts": None},
    ],
    "initContainers": [{"name": "first", "image": "first:1"}],
    "volumes": None,
}


def injected(*patterns: Any, app: App | None = None) -> Pod:
    target, _ = cluster("1.30", "native")
    base = Base(spec=deepcopy(FOREIGN), app_container="web")
    pod = fold(base, app or web(), patterns, where="pod 'theirs'", cluster=target)
    assert base.spec == FOREIGN
    return pod


def test_what_is_somebody_else_s_is_kept_as_it_is() -> None:
    spec = injected(Adds("a", PodPatch(init_containers=(container("new"),)))).spec
    assert spec["hostname"] == "theirs"
    assert spec["containers"][0] == FOREIGN["containers"][0]
    assert [c["name"] for c in spec["initContainers"]] == ["new", "first"]
    assert spec["initContainers"][1] == FOREIGN["initContainers"][0]
    assert "securityContext" not in spec


def test_what_is_added_may_not_collide_with_what_is_there_nor_with_itself() -> None:
    taken = container("tool", ports=[{"containerPort": 8080}])
    with pytest.raises(CompositionError) as error:
        injected(Adds("a", PodPatch(init_containers=(taken,))), Adds("b", PodPatch(init_containers=(taken,))))
    assert error.value.problems == (
        "port 8080 of Adds 'a' is already taken by the app; set port=",
        "container name 'tool' of Adds 'b' is already taken by Adds 'a'; set container_name=",
        "port 8080 of Adds 'b' is already taken by the app; set port=",
    )
