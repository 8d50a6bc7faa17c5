"""Finding: what a judge dislikes, and where."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, order=True, kw_only=True)
class Finding:
    """One thing that a judge dislikes."""

    judge: str
    """The judge's name, as in the table of `judges.__main__`."""
    rule: str
    """The judge's own name of the rule."""
    where: str
    """What it is about: `<subject>/<kind>/<name>`, with a container behind it, or a file of the project."""
    message: str
    """What the judge says, in one line."""


def one_line(text: str) -> str:
    """A text of a judge without its line breaks, and not longer than a terminal is patient."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 300 else f"{joined[:297]}..."


def listed(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as lines: each rule once, then every place."""

    def rule(finding: Finding) -> tuple[str, str]:
        return finding.judge, finding.rule

    for (judge, name), group in groupby(sorted(findings), key=rule):
        found = list(group)
        yield f"  {judge} {name}: {found[0].message}"
        yield from dict.fromkeys(f"    {finding.where}" for finding in found)
