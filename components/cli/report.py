"""What is wrong, on standard error: on a terminal in a box, elsewhere as plain text."""

import re
import sys
from pathlib import Path
from typing import Any

import pulumi

from ..core.errors import ProblemsError
from . import terminal

_PLACE = re.compile(r"(?P<file>[^\s:][^:]*):(?P<line>\d+)(?::\d+)?: ")
_WIDEST = 120


def report(error: pulumi.RunError) -> None:
    """Says what is wrong, all of it."""
    screen = terminal.console()
    if screen is None:
        print(f"error: {error}", file=sys.stderr)
        return
    from rich.box import ROUNDED  # noqa: PLC0415
    from rich.panel import Panel  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title, body = _contents(error)
    width = min(screen.width, _WIDEST)
    heading = Text(f"error: {title}" if title else "error")
    screen.print(Panel(body, title=heading, title_align="left", border_style="red", box=ROUNDED, width=width, padding=(0, 1)))


def _contents(error: pulumi.RunError) -> tuple[str, Any]:
    """Title and text of the box."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not isinstance(error, ProblemsError):
        first, _, rest = str(error).partition(": ")
        return (first, Text(rest)) if rest and "\n" not in first and len(first) < 40 else ("", Text(str(error)))
    parts: list[Any] = []
    for problem in error.problems:
        parts += ["", *_problem(problem)] if parts else _problem(problem)
    return str(error).partition("\n")[0], Group(*parts)


def _problem(problem: str) -> list[Any]:
    """A problem under its place, and above the line of the file that it is about."""
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    match = _PLACE.match(problem)
    if match is None:
        return [Text(problem)]
    number = int(match["line"])
    path, _, rest = problem[match.end() :].partition(": ")
    key = Text.assemble((f"{match['file']}, line {number}", "bold cyan"))
    # `app.udi: unknown key`, but not `port 80 of x: taken`
    if rest and " " not in path:
        key.append(f"  {path}", "bold")
    else:
        rest = problem[match.end() :]
    shown = [key, Padding(Text(rest), (0, 0, 0, 2))]
    line = _line(match["file"], number)
    return [*shown, Padding(Text(f"{number} | {line}", "dim", no_wrap=True, overflow="ellipsis"), (0, 0, 0, 2))] if line else shown


def _line(file: str, number: int) -> str:
    """The line of the file, if it can be read: standard input and revisions of git cannot."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    return lines[number - 1].rstrip() if 0 < number <= len(lines) else ""
