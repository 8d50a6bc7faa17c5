"""The level of a pod, on every version of Kubernetes, is what the API server's own evaluator says."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from components.core.cluster import version
from components.core.pod_security import pod_security_level
from tests.support.changed_pods import SCRATCH, Pod, changed, changed_once, composed
from tests.support.programs import need

Verdict = Mapping[str, Mapping[str, Sequence[str]]]
"""Why the evaluator refuses a pod, by version and standard."""

COMPOSED, FROM_SCRATCH = 3000, 3000
CONTROLS = {
    *(
        "host namespaces",
        "hostPath volumes",
        "hostPort",
        "hostProcess",
        "non-default capabilities",
        "privileged",
        "probe or lifecycle host",
    ),
    *("allowPrivilegeEscalation != false", "forbidden AppArmor profile", "forbidden sysctls", "procMount", "restricted volume types"),
    *("runAsNonRoot != true", "runAsUser=0", "seLinuxOptions", "seccompProfile", "unrestricted capabilities"),
}


def verdicts(pods: Iterable[Pod]) -> list[Verdict]:
    """What the evaluator says of each."""
    lines = "".join(json.dumps(pod) + "\n" for pod in pods)
    done = subprocess.run([need("pod-security")], input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def level(reasons: Mapping[str, Sequence[str]]) -> str:
    """The strictest standard that refuses nothing."""
    return next((standard for standard in ("restricted", "baseline") if not reasons[standard]), "privileged")


def differing(pods: Sequence[Pod], said: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Where this package says something else."""
    found = []
    for pod, verdict in zip(pods, said, strict=True):
        for release, reasons in verdict.items():
            ours = pod_security_level(pod["spec"], version(release), pod["annotations"])
            if ours != level(reasons):
                found.append({"release": release, "ours": ours, "reasons": reasons, "pod": pod})
    return found


@pytest.fixture(scope="module")
def judged() -> tuple[list[Pod], list[Verdict]]:
    examples = composed()
    once = [pod for base in SCRATCH for pod in changed_once(base)]
    pods = [*examples, *SCRATCH, *once, *changed(examples, COMPOSED, seed=1), *changed(SCRATCH, FROM_SCRATCH, seed=2)]
    return pods, verdicts(pods)


def test_no_pod_is_judged_differently_on_any_version(judged: tuple[list[Pod], list[Verdict]]) -> None:
    pods, said = judged
    assert len(pods) >= 5000
    found = differing(pods, said)
    assert not found, f"{len(found)} differ; the first: {json.dumps(found[0])}"


def test_these_pods_put_every_control_and_every_version_to_the_test(judged: tuple[list[Pod], list[Verdict]]) -> None:
    _, said = judged
    # up to the first version that the evaluator does not know
    assert [list(verdict) for verdict in said[:1]] == [[f"1.{minor}" for minor in range(25, 39)]]
    alone = Counter(
        reasons[0].replace("profiles", "profile")
        for verdict in said
        for standards in verdict.values()
        for reasons in standards.values()
        if len(reasons) == 1
    )
    assert set(alone) == CONTROLS
    assert min(alone.values()) >= 100
    for release in said[0]:
        levels = Counter(level(verdict[release]) for verdict in said)
        assert set(levels) == {"restricted", "baseline", "privileged"}
        assert min(levels.values()) >= 500
    assert sum(len({level(reasons) for reasons in verdict.values()}) > 1 for verdict in said) >= 200
