"""The API server's evaluator of the Pod Security Standards: which pods baseline and restricted refuse, and why."""

import json
from collections.abc import Iterator

from components.core.cluster import version
from tools.install import go_program, output
from tools.project import PROJECT

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
                for standard, reason in ((name, reason) for name, reasons in levels.items() for reason in reasons):
                    message = f"the {standard} standard refuses the pod"
                    yield Finding(judge="pod-security", rule=f"{standard}: {reason}", where=where, message=message)


def _annotations(pod: object) -> dict[str, str]:
    metadata = pod.get("metadata") if isinstance(pod, dict) else None
    return dict((metadata or {}).get("annotations") or {})
