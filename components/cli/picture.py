"""pod-patterns picture."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..core.errors import ProblemsError
from . import command
from .composed import workload

_EXAMPLES = """\
examples:
  pod-patterns picture stacks/Pulumi.dev.yaml
  pod-patterns picture dev -o pod.svg
  pod-patterns picture dev --timeline -o start-and-stop.svg

exit status:
  0  done
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "picture",
        help="draw the pod of a stack file",
        description="Draws the pod that a stack file asks for: its containers in start order, who listens where,\n"
        "what is encrypted, who asks whom, and who may write to which volume. As text, or as SVG.",
        epilog=_EXAMPLES,
    )
    command.add_stack_file(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write SVG to this file instead, - for stdout")
    parser.add_argument("--timeline", action="store_true", help="how the pod starts and stops; needs -o")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    if arguments.timeline and arguments.output is None:
        arguments.parser.error("--timeline is drawn as SVG; set -o to a file for it, - for stdout")
    picture = workload(arguments.stack_file).picture()
    if arguments.output is None:
        print(picture.text(), end="")
        return 0
    svg = picture.timeline() if arguments.timeline else picture.svg()
    if arguments.output == "-":
        print(svg, end="")
        return 0
    path = Path(arguments.output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise ProblemsError(str(path), [f"cannot be written: {error.strerror}"]) from None
    print(f"wrote {path}", file=sys.stderr)
    return 0
