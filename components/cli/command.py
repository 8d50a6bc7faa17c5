"""What the commands of the parser have in common."""

import argparse
from typing import Any


def add(commands: Any, name: str, *, help: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A command, whose help keeps the lines of its description and of its examples as they are."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def add_stack_file(parser: argparse.ArgumentParser) -> None:
    """The argument for a stack file, by its path or by the name of its stack."""
    parser.add_argument("stack_file", metavar="STACK", help="a file such as stacks/Pulumi.dev.yaml, or the name of its stack")


def add_stack(parser: argparse.ArgumentParser) -> None:
    """The argument for a stack of the project here."""
    parser.add_argument("stack", metavar="STACK", help="a stack of the project here (the Pulumi.yaml in this directory or above)")
