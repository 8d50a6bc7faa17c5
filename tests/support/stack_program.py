"""The program of this project and its stacks, without the command."""

import runpy
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
NAME = "pod-patterns"
"""Of the project, as in Pulumi.yaml."""


def run_program() -> None:
    """The Pulumi program of this project, as the engine would run it."""
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def configuration(stack: str) -> dict[str, Any]:
    """What the file of a stack says."""
    document = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    return dict(document["config"])
