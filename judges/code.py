"""bandit and vulture on the project's own Python: what is unsafe, and what nobody uses."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tools.install import output, python_tool
from tools.project import PROJECT

from .finding import Finding, one_line
from .subject import Subject

PARTS = ("components", "stacks", "tools", "bench", "judges", "examples", "__main__.py")
_DEAD = re.compile(r"(?P<path>[^:]+):\d+: (?P<rule>\w+ [\w ]+?) '(?P<name>[^']+)' \(\d+% confidence\)|(?P<other>.*)")


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:  # noqa: ARG001
    """What both say."""
    yield from _bandit()
    yield from _vulture()


def _bandit() -> Iterator[Finding]:
    words = [python_tool("bandit"), "--recursive", "--quiet", "--format", "json", *PARTS]
    for issue in json.loads(output(words, cwd=str(PROJECT)))["results"]:
        path = Path(issue["filename"])
        # the line itself, because its number changes
        line = (PROJECT / path).read_text(encoding="utf-8").splitlines()[issue["line_number"] - 1].strip()
        yield Finding(judge="bandit", rule=issue["test_id"], where=f"{path}: {line}", message=one_line(issue["issue_text"]))


def _vulture() -> Iterator[Finding]:
    # tests use what programs of users would
    words = [python_tool("vulture"), *PARTS, "tests"]
    for line in output(words, codes=(0, 3), cwd=str(PROJECT)).splitlines():
        found = _DEAD.fullmatch(line)
        if line.startswith("tests/"):
            continue
        if found and not found["other"]:
            yield Finding(judge="vulture", rule=found["rule"], where=f"{found['path']}: {found['name']}", message="nobody uses it")
        else:
            yield Finding(judge="vulture", rule="other", where=line.partition(":")[0], message=one_line(line))
