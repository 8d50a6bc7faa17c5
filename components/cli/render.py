"""pod-patterns render."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..core.errors import ProblemsError
from ..declared import stack, stack_file
from ..offline import manifests, render as render_to
from ..offline.order import ordered
from ..offline.printing import printed
from ..offline.run import run as run_offline
from . import documents
from .documents import InputError

_EXAMPLES = """\
examples:
  pod-patterns render stacks/Pulumi.dev.yaml --keys dev.keys.json | kubectl apply -f -
  pod-patterns render stacks/Pulumi.dev.yaml --keys dev.keys.json -o out/dev

exit status:
  0  done
  2  something is wrong; all of it is on stderr
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "render",
        help="print the manifests of a stack file",
        description="Prints the manifests that a stack file asks for, in the order in which they must be\n"
        "applied, without Pulumi's engine.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stack_file", type=Path, metavar="STACKFILE", help="a file such as stacks/Pulumi.dev.yaml")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="directory to write a file for each object to, instead of stdout")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="where private keys and certificates last from one run to the next, for its owner only. Needed if the stack makes some",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    path: Path = arguments.stack_file
    settings = stack_file.parse(_given(path), str(path))
    # as the engine calls it: Pulumi.<stack>.yaml
    names: dict[str, Any] = {"project": "pod-patterns", "stack": path.stem.removeprefix("Pulumi.") or "stack"}
    keys: Path | None = arguments.keys
    recording = run_offline(lambda: stack.build(settings), keys=keys, **names)
    made = [r.name for r in recording.registrations if r.type.startswith("tls:")]
    if made and keys is None:
        raise ProblemsError(
            str(path), [f"it makes keys and certificates, which must last ({', '.join(made)}); set --keys to a file for them"]
        )
    if arguments.output is None:
        for manifest in manifests(lambda: stack.build(settings), keys=keys, **names):
            print(f"---\n{printed(ordered(manifest))}", end="")
        return 0
    rendering = render_to(lambda: stack.build(settings), arguments.output, keys=keys, **names)
    for file in rendering.files:
        print(f"{'wrote' if file in rendering.written else 'kept '} {file}", file=sys.stderr)
    for file in rendering.removed:
        print(f"removed {file}", file=sys.stderr)
    return 0


def _given(path: Path) -> dict[str, Any]:
    """The keys in the stack file. Raises InputError."""
    try:
        value, problems = documents.read_one(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(str(path), [f"cannot be read: {error.strerror}"]) from None
    config = value.get("config") if isinstance(value, dict) else None
    if not problems and not isinstance(config, dict):
        problems = [f"{path}: has no mapping `config`; a stack file has it, with keys {stack_file.PREFIX}..."]
    if problems:
        raise InputError("stack file", problems)
    assert config is not None
    return stack_file.keys(config)
