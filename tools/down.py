"""`make down`: undoes `make up`."""

import argparse
import sys
from pathlib import Path

import pulumi

from components.offline import render

from .engine import PROJECT, NoCliError, find
from .render import keys_of
from .stack import load


def main() -> int:
    """Removes what the stack named on the command line has made; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make down", description=__doc__)
    parser.add_argument("stack", help="name of a file stacks/Pulumi.<name>.yaml")
    stack = load(parser.parse_args().stack)
    directory = stack.rendered_to
    if directory is not None:
        try:
            _remove_rendering(directory, keys_of(stack))
        except pulumi.RunError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
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
    (PROJECT / "out" / f"{stack.name}-ca.pem").unlink(missing_ok=True)
    if directory is not None:
        _remove_empty(directory)
    return code


def _remove_empty(directory: Path) -> None:
    """The directories that render mode leaves behind."""
    for path in (directory / "0-crd", directory / "1-manifest", directory):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _remove_rendering(directory: Path, keys: Path) -> None:
    """Removes what offline rendering wrote, and the directory if nothing else is in it."""
    if not directory.is_dir():
        return
    for path in render(lambda: None, directory, keys=keys).removed:
        print(f"  removed {path.name}")
    keys.unlink(missing_ok=True)
    _remove_empty(directory)


if __name__ == "__main__":
    sys.exit(main())
