"""pod-patterns, the command."""

import argparse
import signal
import sys
from collections.abc import Sequence

import pulumi

from ..version import VERSION
from . import explain, inject, picture, render

WRONG = 2
"""Exit status when something is wrong, as argparse has it for its own."""


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="pod-patterns", description="Kubernetes workloads extended by patterns, without Pulumi's engine.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (inject, render, picture, explain):
        command.add_to(commands)
    arguments = parser.parse_args(given)
    try:
        status: int = arguments.run(arguments)
    except pulumi.RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    return status


def entry() -> None:
    """What the console script calls."""
    # whoever closes the pipe has seen enough
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
