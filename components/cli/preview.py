"""pod-patterns preview."""

import argparse
from typing import Any

import pulumi

from . import command, engine, project, stack as stacks
from .engine import NoCliError

_EXAMPLES = """\
example:
  pod-patterns preview dev

exit status: that of the Pulumi CLI, 0 with changes and without; or
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "preview",
        help="show what `up` would change",
        description="Shows what `up` would change in the cluster, with Pulumi. What a change to a stack file changes\n"
        "in the manifests is shown by `diff`, without a cluster.",
        epilog=_EXAMPLES,
    )
    command.add_stack(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    stack = stacks.of(project.find(), arguments.stack)
    try:
        found = engine.find(stack.project)
    except NoCliError as error:
        raise pulumi.RunError(f"a preview needs the Pulumi CLI: {error}; install it, or try: pod-patterns diff {stack.name}") from None
    found.select(stack.name)
    return found.popen("preview", "--stack", stack.name, "--diff").wait()
