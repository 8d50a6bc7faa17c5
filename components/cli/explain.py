"""pod-patterns explain."""

import argparse
from typing import Any

from ..picture.explanation import explain
from . import command
from .composed import workload

_EXAMPLES = """\
examples:
  pod-patterns explain dev
  pod-patterns explain dev elasticsearch/env/http.host
  pod-patterns explain dev elasticsearch/readinessProbe
  pod-patterns explain dev nginx-proxy/X-Forwarded-Proto
  pod-patterns explain dev volume/logs

exit status:
  0  done
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "explain",
        help="say which pattern added a part of the pod, and why",
        description="Says which pattern of a stack file added a container, a volume, a port, or anything in a\n"
        "container, which changed it, and why. Without a part: all containers, volumes and ports.",
        epilog=_EXAMPLES,
    )
    command.add_stack_file(parser)
    parser.add_argument(
        "part",
        nargs="?",
        metavar="PART",
        help="CONTAINER, CONTAINER/FIELD, CONTAINER/FIELD/NAME, CONTAINER/TEXT (in a file that it mounts), or the name of a volume or port",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    print(explain(workload(arguments.stack_file).pod, arguments.part), end="")
    return 0
