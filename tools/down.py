"""`make down`: undoes `make up`."""

import argparse
import sys
from contextlib import suppress

import pulumi

from .engine import NoCliError, find, reported
from .render import remove_offline
from .stack import Stack


@reported()
def main() -> int:
    """Removes what the stack named on the command line has made; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make down", description=__doc__)
    parser.add_argument("stack", help="name of a file stacks/Pulumi.<name>.yaml")
    stack = Stack(parser.parse_args().stack)
    directory, code = stack.rendered_to, 0
    for path in remove_offline(stack):
        print(f"  removed {path.name}")
    try:
        engine = find()
        if engine.selects(stack.name):
            code = engine.popen("destroy", "--yes", "--stack", stack.name).wait()
            stack.ca_file.unlink(missing_ok=True)
    except NoCliError as error:
        if directory is None:
            raise pulumi.RunError(f"stack {stack.name!r} needs the Pulumi CLI: {error}") from None
    # the directories that render mode leaves behind
    for path in (directory / "0-crd", directory / "1-manifest", directory) if directory else ():
        with suppress(OSError):
            path.rmdir()
    return code


if __name__ == "__main__":
    sys.exit(main())
