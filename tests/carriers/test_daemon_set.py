"""DaemonSets: what they say, and what they cannot carry."""

from typing import Any

import pytest

from components.carriers import DaemonSet
from components.core.errors import ArgumentError, CompositionError
from components.core.rollout import RollingUpdate
from components.testing import Recording, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import web


def agent(**arguments: Any) -> Recording:
    return run(lambda: Workload("agent", WorkloadArgs(**{"app": web(), **arguments, "kind": DaemonSet()})))


def refused(**arguments: Any) -> tuple[str, ...]:
    with pytest.raises((ArgumentError, CompositionError)) as error:
        agent(**arguments)
    return error.value.problems


def test_a_node_has_the_new_pod_before_the_old_one_goes() -> None:
    found = agent().one("DaemonSet").inputs
    assert found["metadata"]["name"] == "web"
    assert {key: value for key, value in found["spec"].items() if key != "template"} == {
        "selector": {"matchLabels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "agent"}},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 3,
    }
    assert agent().one("Service").inputs["metadata"]["name"] == "web"


def test_or_the_old_one_goes_first() -> None:
    spec = agent(strategy=RollingUpdate(max_surge=0, max_unavailable="10%"), replicas=None).one("DaemonSet").inputs["spec"]
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}


FIRST = "RollingUpdate(max_surge=0, max_unavailable=1)"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "replicas": ({"replicas": 3}, "replicas is 3, but a DaemonSet has one pod on every node; leave replicas out"),
    "Recreate": (
        {"strategy": "Recreate"},
        f"strategy 'Recreate' is none of a DaemonSet; set strategy={FIRST}, which ends the old pod of a node first",
    ),
    "both": (
        {"strategy": RollingUpdate(max_surge="10%", max_unavailable=1)},
        "strategy has both max_surge and max_unavailable, but a DaemonSet takes one of them: a node has the new pod first, or is without "
        "one for a moment; set the other to 0",
    ),
    "a whole": (
        {"app": web(single=True)},
        "a DaemonSet has a pod on every node, but each pod of 'web' is a whole of its own (App.single), so that clients of the Service "
        "would meet now one, now another; set kind=StatefulSet(), or App.single=False if its pods know each other",
    ),
    "a device": (
        {"app": web(resources={"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}})},
        "container 'web' needs nvidia.com/gpu: where no node has one to spare, the new pod of an update waits forever for the old one to "
        f"end; set strategy={FIRST}, or strategy=RollingUpdate() if there are enough",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_be_is_refused(case: str) -> None:
    arguments, line = REFUSED[case]
    assert refused(**arguments) == (line,)
