"""`make judge`: puts all that is rendered, and the code, before the judges; fails for what is new, and for what is accepted in vain.

python -m judges [--only NAME ...]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tools.install import MissingError

from . import accepted, checkov, code, kube_score, nginx, pod_security, schemas, scripts, tls
from .finding import Finding
from .subject import Subject, written

JUDGES: dict[str, tuple[tuple[str, ...], Callable[[tuple[Subject, ...]], Iterator[Finding]]]] = {
    "schemas": (("kubernetes-validate",), schemas.judge),
    "pod_security": (("pod-security",), pod_security.judge),
    "kube_score": (("kube-score",), kube_score.judge),
    "checkov": (("checkov",), checkov.judge),
    "scripts": (("shellcheck",), scripts.judge),
    "nginx": (("gixy", "crossplane"), nginx.judge),
    "code": (("bandit", "vulture"), code.judge),
    "tls": (("sslyze", "testssl"), tls.judge),
}
"""By file: the names of the judges in it, and what runs them."""


def main() -> int:
    """Runs the judges that the command line names, or all of them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make judge", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=JUDGES, default=list(JUDGES), help="files of judges")
    parser.add_argument("--list", action="store_true", help="print every finding, those that are accepted too")
    given = parser.parse_args()
    entries, subjects = accepted.read(), written()
    findings: list[Finding] = []
    for name in given.only:
        begun = time.monotonic()
        _, judge = JUDGES[name]
        found = sorted(set(judge(subjects)))
        findings += found
        print(f"{name}: {len(found)} findings in {time.monotonic() - begun:.0f} s", flush=True)
        if given.list:
            print(*(f"  {f.judge} {f.rule} {f.where}: {f.message}" for f in found), sep="\n")
    lines = accepted.compared(findings, entries, [judge for name in given.only for judge in JUDGES[name][0]])
    print(*lines or [f"{len(findings)} findings, every one accepted with a reason in judges/accepted.yaml"], sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (MissingError, accepted.AcceptedError, pytest.skip.Exception) as error:
        # what the support of the tests lacks, it says as in a test
        sys.exit(f"error: {error}")
