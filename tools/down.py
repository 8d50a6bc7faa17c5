"""`make down`: undoes `make up`."""

import argparse
import sys
from pathlib import Path

import pulumi

from .engine import NoCliError, find
from .render import remove_offline
from .stack import load


def main() -> int:
    """Removes what the stack named on the command line has made; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make down", description=__doc__)
    parser.add_argument("stack", help="name of a file stacks/Pulumi.<name>.yaml")
    stack = load(parser.parse_args().stack)
    directory = stack.rendered_to
    if directory is not None:
        try:
            removed = remove_offline(stack, directory)
        except pulumi.RunError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        for path in removed:
            print(f"  removed {path.name}")
        _remove_empty(directory)
    try:
        engine = find()
    except NoCliError as error:
        if directory is None:
            print(f"error: stack {stack.name!r} needs the Pulumi CLI: {error}", file=sys.stderr)
            return 1
        return 0
    if not engine.succeeds("stack", "select", "--stack", stack.name):
        return 0
    code = engine.popen("destroy", "--yes", "--stack", stack.name).wait()
    stack.ca_file.unlink(missing_ok=True)
    if directory is not None:
        _remove_empty(directory)
    return code


def _remove_empty(directory: Path) -> None:
    """The directories that render mode leaves behind."""
    for path in (directory / "0-crd", directory / "1-manifest", directory):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


if __name__ == "__main__":
    sys.exit(main())
