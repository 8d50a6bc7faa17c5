"""pod-patterns render."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..core.errors import ProblemsError
from ..declared import stack as declared
from ..offline import Rendering, manifests, render as render_to
from ..offline.order import ordered
from ..offline.printing import stream
from ..offline.rendering import record
from . import command, program, project, stack as stacks
from .terminal import waiting

_EXAMPLES = """\
examples:
  pod-patterns render dev | kubectl apply -f -
  pod-patterns render examples/private_api -o out/private-api
  pod-patterns render stacks/Pulumi.dev.yaml --keys dev.keys.json

exit status:
  0  done
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "render",
        help="print the manifests of a stack",
        description="Prints the manifests that a stack asks for, in the order in which they must be applied,\n"
        "without Pulumi's engine and without a cluster. Of a project, the program is run; of a stack\n"
        "file, the keys pod-patterns:... are read.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("what", metavar="STACK", help="a stack of the project here, the directory of a project, or a stack file")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="directory to write a file for each object to, instead of stdout")
    parser.add_argument(
        "-s", "--stack", default="dev", metavar="STACK", help="the stack, where a directory is given; needs no file (default: dev)"
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="where private keys and certificates last from one run to the next, for its owner only (default: .state/STACK.keys.json of "
        "the project; a stack file that makes some needs one)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    path, output, keys = Path(arguments.what), arguments.output, arguments.keys
    # as a path is written; anything else is a name
    if path.suffix in (".yaml", ".yml"):
        return _of_file(path, output, keys)
    is_directory = path.is_dir() and (len(path.parts) > 1 or any((path / name).is_file() for name in project.FILES))
    stack = stacks.of(project.read(path), arguments.stack) if is_directory else stacks.of(project.find(), arguments.what)
    if output is None:
        return _print(program.printed(stack, keys))
    return _list(program.rendered(stack, output, keys))


def _of_file(path: Path, output: Path | None, keys: Path | None) -> int:
    """Renders what a stack file says, without a program."""
    settings, places = stacks.file(path)
    # as the engine calls it: Pulumi.<stack>.yaml
    names: dict[str, Any] = {"project": "pod-patterns", "stack": path.stem.removeprefix("Pulumi.") or "stack"}
    with places.located(), waiting(f"Rendering {path}"):
        recording = record(lambda: declared.build(settings), keys=keys, **names)
        made = [r.name for r in recording.registrations if r.type.startswith("tls:")]
        if made and keys is None:
            way_out = "set --keys to a file for them"
            raise ProblemsError(str(path), [f"it makes keys and certificates, which must last ({', '.join(made)}); {way_out}"])
        if output is None:
            return _print(manifests(recording))
        return _list(render_to(recording, output, keys=keys))


def _print(objects: list[dict[str, Any]]) -> int:
    print(stream(map(ordered, objects)), end="")
    return 0


def _list(rendering: Rendering) -> int:
    for file in rendering.files:
        print(f"{'wrote' if file in rendering.written else 'kept '} {stacks.shown(file)}", file=sys.stderr)
    for file in rendering.removed:
        print(f"removed {stacks.shown(file)}", file=sys.stderr)
    return 0
