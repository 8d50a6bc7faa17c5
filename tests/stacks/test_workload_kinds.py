"""The kind of a workload in a stack file: `kind: {kind: StatefulSet, ...}`, as patterns have theirs."""

from typing import Any

import pytest

from components.carriers import CronJob, DaemonSet, Deployment, Job, StatefulSet
from components.carriers.claim import Claim
from components.declared import stack
from components.declared.stack_file import SettingsError, parse
from components.testing import run

WEB = {"name": "web", "image": "web:1"}


def kind(given: Any) -> Any:
    return parse({"app": WEB, "workload": {"kind": given}}, "x").workload.kind


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"kind": "Deployment"}, Deployment()),
        ({"kind": "DaemonSet"}, DaemonSet()),
        ({"kind": "Job", "backoff_limit": 0}, Job(backoff_limit=0)),
        (
            {"kind": "CronJob", "schedule": "@daily", "job": {"backoff_limit": 0}},
            CronJob(schedule="@daily", job=Job(backoff_limit=0)),
        ),
        (
            {"kind": "StatefulSet", "claims": [{"name": "data", "size": "1Gi", "mount_path": "/data"}], "pod_management": "Parallel"},
            StatefulSet(claims=[Claim(name="data", size="1Gi", mount_path="/data")], pod_management="Parallel"),
        ),
    ],
)
def test_a_kind_is_written_with_its_name_and_its_arguments(given: Any, meant: Any) -> None:
    assert kind(given) == meant


def test_without_one_it_is_a_deployment() -> None:
    assert parse({"app": WEB}, "x").workload.kind == Deployment()


KNOWN = "CronJob, DaemonSet, Deployment, Job, StatefulSet"
REFUSED: dict[str, tuple[Any, list[str]]] = {
    "a name alone": ("Job", ["workload.kind must be a mapping with a kind, but is the text 'Job'"]),
    "no name": ({"claims": []}, [f"workload.kind.kind: missing; known: {KNOWN}"]),
    "an unknown one": ({"kind": "Stateful"}, [f"workload.kind.kind: unknown value 'Stateful', did you mean 'StatefulSet'? known: {KNOWN}"]),
    "an argument of another": (
        {"kind": "DaemonSet", "claims": []},
        ["workload.kind.claims: unknown key; known: kind, min_ready_seconds"],
    ),
    "a missing argument": ({"kind": "CronJob"}, ["workload.kind.schedule: missing"]),
    "one wrong by itself": (
        {"kind": "Job", "backoff_limit": -1},
        ["workload.kind.backoff_limit -1 is not allowed: a whole number, 0 or more"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_none_is_refused_with_its_path(case: str) -> None:
    given, lines = REFUSED[case]
    with pytest.raises(SettingsError) as error:
        kind(given)
    assert error.value.problems == tuple(lines)


def test_what_the_workload_asks_of_a_kind_that_has_it_not_is_refused_too() -> None:
    with pytest.raises(SettingsError) as error:
        parse({"app": WEB, "workload": {"kind": {"kind": "DaemonSet"}, "replicas": 3}}, "x")
    assert error.value.problems == ("workload: replicas is 3, but a DaemonSet has one pod on every node; leave replicas out",)


def test_elasticsearch_keeps_its_data_on_a_claim() -> None:
    claim = {"name": "data", "size": "10Gi", "mount_path": "/usr/share/elasticsearch/data"}
    found = parse({"app": {"preset": "elasticsearch"}, "workload": {"kind": {"kind": "StatefulSet", "claims": [claim]}}}, "x")
    spec = run(lambda: stack.build(found)).one("StatefulSet").inputs["spec"]
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    assert spec["template"]["spec"]["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": claim["mount_path"]}]
    assert spec["template"]["spec"]["volumes"] == []
