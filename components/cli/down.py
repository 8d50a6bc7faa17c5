"""pod-patterns down: undoes `up`."""

import argparse
from contextlib import suppress
from typing import Any

import pulumi

from . import command, engine, program, project, stack as stacks
from .engine import NoCliError

_EXAMPLES = """\
example:
  pod-patterns down dev

exit status:
  0  done
  2  something is wrong; all of it is on stderr
  otherwise that of the Pulumi CLI
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "down",
        help="undo `up`",
        description="Removes what `up` has made of a stack, without a question: from the cluster, or the manifests.",
        epilog=_EXAMPLES,
    )
    command.add_stack(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    stack = stacks.of(project.find(), arguments.stack)
    directory, code = stack.rendered_to, 0
    for path in program.remove(stack):
        print(f"  removed {path.name}")
    try:
        found = engine.find(stack.project)
        if found.selects(stack.name):
            code = found.popen("destroy", "--yes", "--stack", stack.name).wait()
            stack.ca_file.unlink(missing_ok=True)
    except NoCliError as error:
        if directory is None:
            raise pulumi.RunError(f"stack {stack.name!r} needs the Pulumi CLI: {error}") from None
    # the directories that render mode leaves behind
    for path in (directory / "0-crd", directory / "1-manifest", directory) if directory else ():
        with suppress(OSError):
            path.rmdir()
    return code
