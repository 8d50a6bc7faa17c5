"""A stack file, found and read without the engine."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.core.errors import ProblemsError
from stacks import settings

from .engine import PROJECT

NAME = "pod-patterns"
"""Name of the project, as in Pulumi.yaml."""


class Stack:
    """One stack: its file's configuration, and the settings in it."""

    def __init__(self, name: str) -> None:
        """Raises ProblemsError if there is no such stack, or its file has mistakes."""
        self.name = name
        path = PROJECT / "stacks" / f"Pulumi.{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.name.split(".")[1] for p in path.parent.glob("Pulumi.*.yaml")))
            raise ProblemsError(f"stack {name!r}", [f"there is no stacks/{path.name}; use STACK= with one of {known}, or write that file"])
        self.path = path
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        self.config: Mapping[str, Any] = document.get("config") or {}
        prefix = f"{NAME}:"
        given = {key.removeprefix(prefix): settings.decoded(value) for key, value in self.config.items() if key.startswith(prefix)}
        self.settings = settings.parse(given, f"stacks/{path.name}")

    @property
    def rendered_to(self) -> Path | None:
        """The directory that a render stack writes to; None for a stack of a cluster."""
        directory = self.settings.file.render
        return None if directory is None else PROJECT / directory

    @property
    def ca_file(self) -> Path:
        """Where `make up` leaves what clients verify the endpoints with."""
        return PROJECT / "out" / f"{self.name}-ca.pem"


def load(name: str) -> Stack:
    """The stack of that name; ends the program with what is wrong, if something is."""
    try:
        return Stack(name)
    except ProblemsError as error:
        sys.exit(f"error: {error}")
    except yaml.YAMLError as error:
        sys.exit(f"error: stacks/Pulumi.{name}.yaml is not YAML: {error}")
