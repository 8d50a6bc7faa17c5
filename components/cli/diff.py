"""pod-patterns diff."""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ProblemsError
from ..declared import stack as declared, stack_file
from ..declared.stack_file import Settings
from ..offline.order import ordered
from ..offline.rendering import by_urn
from ..offline.run import run as run_offline
from . import command, project, stack as stacks
from .difference import bold, difference
from .documents import InputError
from .places import Places
from .steps import steps
from .terminal import coloured, waiting
from .unsaved import UnsavedMocks

_EXAMPLES = """\
examples:
  pod-patterns diff dev                                    what is not committed yet
  pod-patterns diff dev --against main                     what a branch changes
  pod-patterns diff stacks/Pulumi.prod.yaml --against stacks/Pulumi.dev.yaml

exit status:
  0  no manifest changes
  1  some do
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "diff",
        help="show what a change to a stack file changes in the manifests",
        description="Shows what a change to a stack file changes in the manifests: pattern by pattern, what was\n"
        "changed in the file, then the difference of each object. Nothing is run but this command: no\n"
        "engine, no cluster. The values of Secrets are not shown. Only a stack file with keys\n"
        "pod-patterns:... can be compared; what a program does on its own is shown by `preview`.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("what", metavar="STACK", help="a stack of the project here, or a stack file")
    parser.add_argument(
        "--against",
        default="HEAD",
        metavar="REF|FILE",
        help="what it was: the same file in a revision of git, or another file (default: HEAD, as committed last)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    path = Path(arguments.what)
    if path.suffix not in (".yaml", ".yml"):
        path = stacks.of(project.find(), arguments.what).path
    before, after = _earlier(path, arguments.against), _version(stacks.shown(path), _read(path))
    colours = coloured(sys.stdout)
    with waiting("Rendering both versions"):
        parts = [("".join(bold(f"{title}\n", colours) for title in titles), lines) for titles, lines in _changes(before, after, colours)]
    print("\n".join(heading + ("".join(lines) or "  changes no manifest\n") for heading, lines in parts), end="")
    return 1 if any(lines for _, lines in parts) else 0


@dataclass(frozen=True, kw_only=True)
class _Version:
    """One version of the stack file."""

    name: str
    given: Mapping[str, Any]
    settings: Settings
    places: Places


def _version(name: str, text: str) -> _Version:
    config = stacks.configuration(name, text)
    places = Places(name, text, stack_file.PREFIX)
    return _Version(name=name, given=stack_file.keys(config), settings=stacks.settings_of(name, config, places), places=places)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(stacks.shown(path), [f"cannot be read: {getattr(error, 'strerror', None) or error}"]) from None


def _earlier(path: Path, against: str) -> _Version:
    """The version to compare with: another file, or the same in a revision of git."""
    other = Path(against)
    if other.is_file():
        return _version(stacks.shown(other), _read(other))
    command = ["git", "-C", str(path.parent), "show", f"{against}:./{path.name}"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        problem = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        problem = f"git cannot be run: {error.strerror}"
    if problem:
        way_out = "set --against to a revision that has the file, or to another file"
        raise InputError(stacks.shown(path), [f"nothing to compare with ({' '.join(problem.split())}); {way_out}"])
    return _version(f"{against}:{stacks.shown(path)}", done.stdout)


def _changes(before: _Version, after: _Version, colours: bool) -> Iterator[tuple[Sequence[str], list[str]]]:
    """What was changed in the file, and the differences that this makes in the manifests."""
    mocks = UnsavedMocks(status=False)
    pending: list[str] = []
    with before.places.located():
        old = _objects(before.settings, mocks)
    for step in steps(before.given, after.given):
        pending += step.titles
        try:
            is_last = step.given == after.given
            with after.places.located():
                new = _objects(after.settings if is_last else stack_file.parse(step.given, after.name), mocks)
        except ProblemsError:
            if is_last:
                raise
            # it only holds together with what follows
            continue
        yield pending, list(_differences(old, new, colours))
        old, pending = new, []


def _objects(settings: Settings, mocks: UnsavedMocks) -> dict[str, dict[str, Any]]:
    """The manifests by URN, which stays when content gives an object another name."""
    recording = run_offline(lambda: declared.build(settings), mocks=mocks, project="pod-patterns", stack="diff")
    return {urn: ordered(manifest) for urn, manifest in by_urn(recording).items()}


def _differences(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], colours: bool) -> Iterator[str]:
    for urn in dict.fromkeys([*new, *old]):
        if old.get(urn) != new.get(urn):
            yield difference(old.get(urn), new.get(urn), colours=colours)
