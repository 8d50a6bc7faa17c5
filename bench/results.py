"""Results: rounds of figures, kept as JSON, and what they come to."""

import json
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One figure of one candidate in one round."""

    row: str
    """What was measured: a load."""
    candidate: str
    """Whose figure it is."""
    round: int
    values: dict[str, float]
    """Figures by name."""


@dataclass(kw_only=True)
class Results:
    """All figures of one run."""

    title: str
    command: str
    """The command that makes them anew."""
    samples: list[Sample] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    """Versions and settings."""

    @classmethod
    def begun(cls, title: str) -> "Results":
        """None yet, of the command that runs."""
        name = Path(sys.argv[0]).with_suffix("").relative_to(Path.cwd())
        module = ".".join(part for part in name.parts if part != "__main__")
        return cls(title=title, command=shlex.join(["python", "-m", module, *sys.argv[1:]]))

    def rows(self) -> list[str]:
        """What was measured, in order."""
        return list(dict.fromkeys(sample.row for sample in self.samples))

    def candidates(self, row: str) -> list[str]:
        """Who was measured there, in order."""
        return list(dict.fromkeys(sample.candidate for sample in self.samples if sample.row == row))

    @property
    def apart(self) -> bool:
        """Whether each of several loads has candidates of its own."""
        pairs = {(sample.row, sample.candidate) for sample in self.samples}
        return len(self.rows()) > 1 and len({candidate for _, candidate in pairs}) == len(pairs)

    def group(self, name: str) -> "Results":
        """Those of the candidates that `notes["groups"]` has in a group: what is compared with each other."""
        groups = self.notes["groups"]
        return replace(self, samples=[sample for sample in self.samples if groups[sample.candidate] == name])

    def of(self, row: str, candidate: str, value: str) -> list[float]:
        """One figure over the rounds."""
        return [s.values[value] for s in self.samples if s.row == row and s.candidate == candidate and value in s.values]

    def save(self, path: Path) -> None:
        """Writes them as JSON."""
        machine = {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()}
        kept = {"title": self.title, "command": self.command, "notes": {**machine, **self.notes}}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**kept, "samples": [asdict(sample) for sample in self.samples]}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Reads what `save` wrote."""
        kept = json.loads(path.read_text())
        return cls(**{**kept, "samples": [Sample(**sample) for sample in kept["samples"]]})


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, and the first and third quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def table(results: Results, value: str, *, unit: str, scale: float = 1) -> str:
    """One figure of all rows in Markdown: medians, and the quartiles behind them."""
    lines = []
    for row in results.rows():
        known = {name: interval(found) for name in results.candidates(row) if (found := results.of(row, name, value))}
        if not known:
            continue
        lines += [f"**{row}** ({unit})", "", "| | median | quartiles |", "|---|---:|---:|"]
        lines += [f"| {name} | {m * scale:,.4g} | {low * scale:,.4g}–{high * scale:,.4g} |" for name, (m, low, high) in known.items()]
        lines.append("")
    return "\n".join(lines)


BEST = {"per_second": max, "lines": max, "written": max}
"""Figures of which more is better; of all others less is."""


def wide(results: Results, value: str, *, scale: float = 1) -> str:
    """One figure in Markdown, a row for each load and a column for each candidate: medians, those in bold that are the best, or whose
    quartiles overlap with those of the best."""
    names = list(dict.fromkeys(sample.candidate for sample in results.samples if value in sample.values))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for row in results.rows():
        known = {name: interval(found) for name in names if (found := results.of(row, name, value))}
        if not known:
            continue
        _, low, high = BEST.get(value, min)(known.values())
        cells = []
        for name in names:
            middle, first, third = known.get(name, (None, 0.0, 0.0))
            text = "" if middle is None else figure(middle * scale)
            cells.append(f"**{text}**" if text and first <= high and third >= low else text)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def long(results: Results, value: str, *, scale: float = 1) -> str:
    """The same, a row for each load and candidate: where loads have candidates of their own."""
    lines = ["| | | median | quartiles |", "|---|---|---:|---:|"]
    for row in results.rows():
        for name in sorted(results.candidates(row)):
            if found := results.of(row, name, value):
                middle, low, high = (figure(number * scale) for number in interval(found))
                lines.append(f"| {row} | {name} | {middle} | {low}–{high} |")
    return "\n".join(lines) + "\n"


def figure(value: float) -> str:
    """Three digits, more where there are more before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
