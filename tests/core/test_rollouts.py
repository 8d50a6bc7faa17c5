"""Rollouts: the strategy is an argument, and an update that could never finish is refused until it has been chosen."""

from typing import Any

import pytest

from components.core.errors import ArgumentError, CompositionError
from components.core.patch import PodPatch
from components.core.rollout import RollingUpdate
from components.declared.stack_file import SettingsError, parse
from components.patterns.fetch_init import FetchInitArgs
from components.presets.elasticsearch import elasticsearch
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import RESOURCES, Adds, container, web

CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
MOUNT = {"name": "data", "mountPath": "/data"}
WAITS = "the new pod of an update waits forever for the old one to end; set strategy='Recreate', or strategy=RollingUpdate() if"
DEFAULT = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def strategy(**arguments: Any) -> dict[str, Any]:
    recording = run(lambda: Workload("web", WorkloadArgs(**{"app": web(), **arguments})))
    found: dict[str, Any] = recording.one("Deployment").inputs["spec"]["strategy"]
    return found


def refused(**arguments: Any) -> tuple[str, ...]:
    with pytest.raises((ArgumentError, CompositionError)) as error:
        strategy(**arguments)
    return error.value.problems


def gpu(number: int = 1) -> dict[str, Any]:
    return {**RESOURCES, "limits": {**RESOURCES["limits"], "nvidia.com/gpu": number}}


@pytest.mark.parametrize(
    ("given", "rendered"),
    [
        (None, DEFAULT),
        (RollingUpdate(), DEFAULT),
        (
            RollingUpdate(max_surge="25%", max_unavailable=1),
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        ),
        ("Recreate", {"type": "Recreate"}),
    ],
)
def test_the_strategy_is_an_argument(given: Any, rendered: dict[str, Any]) -> None:
    assert strategy(strategy=given) == rendered


HOST_PORT = Adds("side", PodPatch(containers=(container("side", ports=[{"containerPort": 53, "hostPort": 53}]),)))
APART = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "web"}}}
            ]
        }
    }
}
SCARCE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a claim": (
        {"app": web(volumes=[CLAIM], volume_mounts=[MOUNT])},
        [f"volume 'data' (persistentVolumeClaim): where only one node may mount it, {WAITS} it can be shared (ReadWriteMany)"],
    ),
    "a claim of a pattern": (
        {"patterns": [FetchInitArgs(source="https://a.example.com/m", sha256="0" * 64, persistent_volume_claim="models")]},
        [f"volume 'fetched' (persistentVolumeClaim): where only one node may mount it, {WAITS} it can be shared (ReadWriteMany)"],
    ),
    "a disk": (
        {"app": web(volumes=[{"name": "data", "awsElasticBlockStore": {"volumeID": "vol-1"}}], volume_mounts=[MOUNT])},
        [f"volume 'data' (awsElasticBlockStore): where only one node may mount it, {WAITS} it can be shared (ReadWriteMany)"],
    ),
    "a device": (
        {"app": web(resources=gpu())},
        [f"container 'web' needs nvidia.com/gpu: where no node has one to spare, {WAITS} there are enough"],
    ),
    "a port of the node": (
        {"patterns": [HOST_PORT]},
        [f"container 'side' takes port 53 of its node: where every node has such a pod, {WAITS} there are more nodes than replicas"],
    ),
    "a node of its own": (
        {"pod_spec": APART},
        [
            f"affinity.podAntiAffinity keeps pods apart by kubernetes.io/hostname: where each already has such a pod, {WAITS} there are "
            "more of them than replicas"
        ],
    ),
    "two of them": (
        {"app": web(resources=gpu(2), volumes=[CLAIM], volume_mounts=[MOUNT])},
        [
            f"volume 'data' (persistentVolumeClaim): where only one node may mount it, {WAITS} it can be shared (ReadWriteMany)",
            f"container 'web' needs nvidia.com/gpu: where no node has one to spare, {WAITS} there are enough",
        ],
    ),
}


@pytest.mark.parametrize(("arguments", "lines"), SCARCE.values(), ids=SCARCE.keys())
@pytest.mark.parametrize("replicas", [1, 3])
def test_an_update_that_could_wait_for_ever_is_refused(arguments: dict[str, Any], lines: list[str], replicas: int) -> None:
    assert refused(**arguments, replicas=replicas) == tuple(lines)


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in SCARCE.values()], ids=SCARCE.keys())
@pytest.mark.parametrize("chosen", ["Recreate", RollingUpdate(), RollingUpdate(max_surge=0, max_unavailable=1)], ids=str)
def test_a_choice_is_taken(arguments: dict[str, Any], chosen: Any) -> None:
    strategy(**arguments, strategy=chosen)


SHARED: dict[str, dict[str, Any]] = {
    "read only": {"name": "data", "persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
    "a claim of the pod's own": {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}},
    "a directory of the pod's own": {"name": "data", "emptyDir": {}},
    "a network file system": {"name": "data", "nfs": {"server": "nfs.example.com", "path": "/"}},
}


@pytest.mark.parametrize("volume", SHARED.values(), ids=SHARED.keys())
def test_what_many_pods_can_have_takes_no_choice(volume: dict[str, Any]) -> None:
    assert strategy(app=web(volumes=[volume], volume_mounts=[MOUNT])) == DEFAULT


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            RollingUpdate(max_surge=0, max_unavailable="0%"),
            ["strategy: max_surge and max_unavailable are both 0, so that no pod could be replaced; set one of them to 1"],
        ),
        (RollingUpdate(max_surge=-1), ["strategy.max_surge -1 is not allowed: a whole number, 0 or more"]),
        (
            RollingUpdate(max_surge="1", max_unavailable="101%"),  # type: ignore[arg-type]
            [
                "strategy.max_surge '1' is not allowed: a number of pods, or a percentage such as 25%",
                "strategy.max_unavailable '101%' is not allowed: a number of pods, or a percentage up to 100%",
            ],
        ),
        ("OnDelete", ["strategy must be a RollingUpdate or one of Recreate, but is the text 'OnDelete'"]),
    ],
)
def test_a_strategy_that_cannot_be_is_refused(given: Any, lines: list[str]) -> None:
    assert refused(strategy=given) == tuple(lines)


@pytest.mark.parametrize("replicas", [0, 1])
def test_one_elasticsearch_is_fine(replicas: int) -> None:
    strategy(app=elasticsearch(), replicas=replicas)


@pytest.mark.parametrize(
    ("replicas", "reason"), [(3, "replicas is 3"), (None, "replicas is None, which leaves the number to an autoscaler")]
)
def test_three_databases_behind_one_service_are_refused(replicas: int | None, reason: str) -> None:
    line = (
        f"{reason}, but each pod of 'elasticsearch' is a whole of its own (App.single), so that clients of the Service would meet now one, "
        "now another; set replicas=1, or App.single=False if its pods know each other"
    )
    assert refused(app=elasticsearch(), replicas=replicas) == (line,)
    strategy(app=elasticsearch(single=False), replicas=replicas)


def test_a_stack_file_can_say_both():
    app = {"name": "web", "image": "web:1"}
    for given, chosen in (
        ("Recreate", "Recreate"),
        ({}, RollingUpdate()),
        ({"max_unavailable": "10%"}, RollingUpdate(max_unavailable="10%")),
    ):
        assert parse({"app": app, "workload": {"strategy": given}}, "stack").workload.strategy == chosen
    with pytest.raises(SettingsError) as error:
        parse({"app": app, "workload": {"strategy": {"max_surge": 0}}}, "stack")
    assert error.value.problems == (
        "workload.strategy: max_surge and max_unavailable are both 0, so that no pod could be replaced; set one of them to 1",
    )
