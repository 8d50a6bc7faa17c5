"""checkov: the benchmarks of CIS and more, object by object."""

import json
from collections.abc import Iterator

from tools.install import output, python_tool

from .finding import Finding, one_line
from .subject import BUILT, Subject


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """Whatever its rules for Kubernetes refuse."""
    by_file = {f"{subject.name}.yaml": subject for subject in subjects}
    directory = BUILT / "manifests"
    options = ["--framework", "kubernetes", "--output", "json", "--quiet", "--compact", "--skip-download"]
    said = json.loads(output([python_tool("checkov"), "--directory", directory, *options], cwd=str(directory)))
    for failed in said["results"]["failed_checks"]:
        subject = by_file[failed["file_path"].removeprefix("/")]
        # kind, namespace and name; a pod of a template has its labels behind them
        kind, _, name = failed["resource"].partition(".app.kubernetes.io/")[0].split(".", 2)
        where = subject.where(kind, name)
        yield Finding(judge="checkov", rule=failed["check_id"], where=where, message=one_line(failed["check_name"]))
