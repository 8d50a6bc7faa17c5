"""The findings that are accepted, each with its reason: accepted.yaml. What is not in it fails, and so does what is there in vain."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from .finding import Finding, listed

FILE = Path(__file__).parent / "accepted.yaml"
_FIELDS = {"judge": str, "rule": str, "where": list, "reason": str}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Findings that are accepted for one reason."""

    judge: str
    rule: str
    where: Sequence[str]
    """Globs, of which each must match a finding; `*` goes over slashes too."""
    reason: str

    def globs(self, finding: Finding) -> list[str]:
        """Those that match the finding."""
        if (self.judge, self.rule) != (finding.judge, finding.rule):
            return []
        return [glob for glob in self.where if fnmatchcase(finding.where, glob)]


class AcceptedError(Exception):
    """The file cannot be read; says all that is wrong."""


def read(path: Path = FILE) -> list[Entry]:
    """The entries. Raises AcceptedError."""
    items = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    if not isinstance(items, list):
        raise AcceptedError(f"{path.name} must be a list")
    problems = [line for number, item in enumerate(items, 1) for line in _problems(f"{path.name}: entry {number}", item)]
    if problems:
        raise AcceptedError("\n".join(problems))
    return [Entry(**item) for item in items]


def _problems(where: str, item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{where} must be a mapping with {', '.join(_FIELDS)}"
        return
    for name, kind in _FIELDS.items():
        if not isinstance(item.get(name), kind) or not item[name]:
            yield f"{where}: {name} must be a {'text' if kind is str else 'list of globs'}"
    yield from (f"{where}: {name} is unknown" for name in item if name not in _FIELDS)


def compared(findings: Collection[Finding], entries: Iterable[Entry], judges: Collection[str]) -> list[str]:
    """What is wrong, as lines: findings that are new, and entries of these judges that match none any more."""
    mine = [entry for entry in entries if entry.judge in judges]
    matched = {finding: [(number, glob) for number, e in enumerate(mine) for glob in e.globs(finding)] for finding in findings}
    new = sorted(finding for finding, found in matched.items() if not found)
    used = {pair for found in matched.values() for pair in found}
    stale = [(entry, glob) for number, entry in enumerate(mine) for glob in entry.where if (number, glob) not in used]
    lines = []
    if new:
        lines += [
            f"{len(new)} new finding{'s' * (len(new) > 1)}; fix them, or list them with a reason in judges/{FILE.name}:",
            *listed(new),
        ]
    if stale:
        lines += [f"{len(stale)} of judges/{FILE.name} match{'es' * (len(stale) == 1)} nothing any more; remove:"]
        lines += [f"  {entry.judge} {entry.rule}: {glob}" for entry, glob in stale]
    return lines
