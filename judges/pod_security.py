"""The API server's evaluator of the Pod Security Standards: which pods the restricted standard refuses, and why."""

import json
from collections.abc import Iterator

from components.core.cluster import version
from tools.engine import PROJECT
from tools.install import go_program, output

from .finding import Finding
from .subject import Subject

EVALUATOR = PROJECT / "tests" / "support" / "pod_security"


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """Every reason in every version from the one that a pod is for."""
    pods = [(subject, where, pod) for subject in subjects for where, pod in subject.pods()]
    lines = "".join(json.dumps({"annotations": _annotations(pod), "spec": pod["spec"]}) + "\n" for _, _, pod in pods)
    verdicts = output([go_program(EVALUATOR)], input=lines).splitlines()
    for (subject, where, _), verdict in zip(pods, verdicts, strict=True):
        for release, levels in json.loads(verdict).items():
            if version(release) >= subject.kubernetes:
                for reason in levels["restricted"]:
                    standard = "baseline" if reason in levels["baseline"] else "restricted"
                    yield Finding(judge="pod-security", rule=reason, where=where, message=f"the {standard} standard refuses the pod")


def _annotations(pod: object) -> dict[str, str]:
    metadata = pod.get("metadata") if isinstance(pod, dict) else None
    return dict((metadata or {}).get("annotations") or {})
