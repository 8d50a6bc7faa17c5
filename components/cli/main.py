"""pod-patterns, the command."""

import argparse
import signal
import sys
from collections.abc import Sequence

import pulumi

from ..version import VERSION
from . import completion, diff, down, explain, inject, picture, preview, render, report, up

WRONG = 2
"""Exit status when something is wrong, as argparse has it for its own."""

_EXAMPLES = """\
examples:
  pod-patterns up dev
  pod-patterns diff dev --against main
  pod-patterns render dev | kubectl apply -f -
  pod-patterns inject -f patterns.yaml < manifests.yaml
  pod-patterns COMMAND --help

exit status: 0 done, 2 something is wrong; others are in the help of the command
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    whole = argparse.ArgumentParser(
        prog="pod-patterns",
        description="Kubernetes workloads extended by patterns.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in (up, preview, down, render, diff, inject, picture, explain, completion):
        command.add_to(commands)
    whole.set_defaults(whole=whole)
    return whole


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    arguments = parser().parse_args(given)
    try:
        status: int = arguments.run(arguments)
    except pulumi.RunError as error:
        report.report(error)
        return WRONG
    return status


def entry() -> None:
    """What the console script calls."""
    # whoever closes the pipe has seen enough
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
