"""What holds for any patterns: injecting is composing, and injecting twice is injecting once."""

from typing import Any

import pulumi
import pytest
from hypothesis import given, settings

from components import CompositionError, Injection, Target, inject
from components.core.assembly import SLACK_SECONDS
from components.core.fold import compose
from components.core.pod import Pod
from components.injection.mark import ANNOTATION
from components.presets.elasticsearch import elasticsearch
from tests.core.test_combinations import CHOICES, SIDECARS, chosen, reasons

Wire = dict[str, Any]
APP = elasticsearch()
TARGET = Target(
    name="search",
    ports=APP.ports,
    loopback_ports=APP.loopback_ports,
    log_files=APP.log_files,
    sysctl_alternatives=APP.sysctl_alternatives,
)


def deployment(pod: Pod) -> Wire:
    """What a Workload makes of the pod, files in annotations."""
    annotations, spec = pod.inline()
    template = {"metadata": {"labels": dict(pod.labels), "annotations": annotations}, "spec": spec}
    return {"kind": "Deployment", "metadata": {"name": "search"}, "spec": {"template": template}}


def injected(choice: tuple[list[str], dict[str, int]], sidecars: str, *, times: int = 1) -> Wire:
    bare = deployment(compose(APP, [], sidecars=sidecars))
    # as somebody else writes it: for the app alone
    bare["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] -= SLACK_SECONDS
    manifests = [bare]
    for _ in range(times):
        manifests = inject(manifests, [Injection("ours", TARGET, chosen(choice), sidecars=sidecars)])
    return manifests[0]


@settings(max_examples=200)
@given(CHOICES, SIDECARS)
def test_injecting_into_a_bare_workload_is_composing_it_with_the_patterns(choice: tuple[list[str], dict[str, int]], sidecars: str) -> None:
    if reasons(choice):
        with pytest.raises(CompositionError) as error:
            injected(choice, sidecars)
        assert sorted(error.value.problems) == sorted(reasons(choice))
        return
    pod = compose(APP, chosen(choice), sidecars=sidecars)
    expected, found = deployment(pod), injected(choice, sidecars)
    marks = found["spec"]["template"]["metadata"]["annotations"].pop(ANNOTATION)
    assert marks.startswith('{"ours":')
    theirs, ours = expected["spec"]["template"]["spec"], found["spec"]["template"]["spec"]
    slack = theirs.pop("terminationGracePeriodSeconds") - ours.pop("terminationGracePeriodSeconds")
    # without anything to end besides the app, it stays as it was
    sidecar = len(ours["containers"]) > 1 or any("restartPolicy" in c for c in ours.get("initContainers", ()))
    assert slack == (0 if sidecar else SLACK_SECONDS)
    assert comparable(found) == comparable(expected)


def comparable(value: Any) -> Any:
    """No two Outputs are equal."""
    if isinstance(value, pulumi.Output):
        return "output"
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    return [comparable(inner) for inner in value] if isinstance(value, list | tuple) else value


@settings(max_examples=100)
@given(CHOICES, SIDECARS)
def test_injecting_twice_is_injecting_once(choice: tuple[list[str], dict[str, int]], sidecars: str) -> None:
    if not reasons(choice):
        assert comparable(injected(choice, sidecars, times=2)) == comparable(injected(choice, sidecars))
