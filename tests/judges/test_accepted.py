"""A new finding fails, and so does what is accepted in vain; the file is read strictly."""

from pathlib import Path

import pytest

from judges.__main__ import JUDGES
from judges.accepted import AcceptedError, Entry, compared, read
from judges.finding import Finding

CPU = Finding(judge="kube-score", rule="container-resources", where="golden/all/Deployment/web/web", message="CPU limit is not set")
OTHER = Finding(judge="kube-score", rule="container-resources", where="stacks/dev/Deployment/web/web", message="CPU limit is not set")


def entry(*where: str, judge: str = "kube-score", rule: str = "container-resources") -> Entry:
    return Entry(judge=judge, rule=rule, where=where, reason="throttling")


def test_what_is_accepted_is_silent() -> None:
    assert compared([CPU, OTHER], [entry("*")], ["kube-score"]) == []
    assert compared([CPU, OTHER], [entry("golden/*/web", "stacks/dev/*")], ["kube-score"]) == []


@pytest.mark.parametrize("found", [entry("stacks/*"), entry("*", judge="checkov"), entry("*", rule="pod-probes"), entry("golden/all")])
def test_a_new_finding_is_listed_with_its_rule_and_place(found: Entry) -> None:
    assert compared([CPU], [found], ["kube-score", "checkov"])[:3] == [
        "1 new finding; fix them, or list them with a reason in judges/accepted.yaml:",
        "  kube-score container-resources: CPU limit is not set",
        "    golden/all/Deployment/web/web",
    ]


def test_findings_are_listed_by_rule() -> None:
    probes = Finding(judge="kube-score", rule="pod-probes", where="golden/all/Deployment/web", message="no readiness probe")
    assert compared([OTHER, probes, CPU], [], ["kube-score"]) == [
        "3 new findings; fix them, or list them with a reason in judges/accepted.yaml:",
        "  kube-score container-resources: CPU limit is not set",
        "    golden/all/Deployment/web/web",
        "    stacks/dev/Deployment/web/web",
        "  kube-score pod-probes: no readiness probe",
        "    golden/all/Deployment/web",
    ]


def test_what_matches_nothing_any_more_is_to_be_removed() -> None:
    assert compared([CPU], [entry("golden/*", "stacks/*")], ["kube-score"]) == [
        "1 of judges/accepted.yaml matches nothing any more; remove:",
        "  kube-score container-resources: stacks/*",
    ]


def test_a_judge_that_did_not_run_leaves_its_entries_alone() -> None:
    assert compared([CPU], [entry("*"), entry("*", judge="checkov", rule="CKV_K8S_11")], ["kube-score"]) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: b", ["accepted.yaml must be a list"]),
        ("- x", ["accepted.yaml: entry 1 must be a mapping with judge, rule, where, reason"]),
        (
            "- {judge: a, rule: b, where: x, reason: ''}",
            ["accepted.yaml: entry 1: where must be a list of globs", "accepted.yaml: entry 1: reason must be a text"],
        ),
        ("- {judge: a, rule: b, where: [x], reason: c, why: d}", ["accepted.yaml: entry 1: why is unknown"]),
    ],
)
def test_what_cannot_be_read_is_said_in_full(text: str, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "accepted.yaml").write_text(text)
    with pytest.raises(AcceptedError) as refused:
        read(tmp_path / "accepted.yaml")
    assert str(refused.value).splitlines() == lines


def test_every_entry_is_of_a_judge_that_runs() -> None:
    judges = {judge for names, _ in JUDGES.values() for judge in names}
    assert {entry.judge for entry in read()} <= judges
