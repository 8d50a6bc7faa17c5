"""A stack file, found and read without the engine."""

from collections.abc import Mapping
from typing import Any

import pulumi
import yaml

from components.core.errors import ProblemsError
from components.declared import stack_file

from .engine import PROJECT

NAME = "pod-patterns"
"""Name of the project, as in Pulumi.yaml."""


class Stack:
    """One stack: its file's configuration, and the settings in it."""

    def __init__(self, name: str) -> None:
        """Raises pulumi.RunError if there is no such stack, or its file has mistakes."""
        self.name = name
        self.path = path = PROJECT / "stacks" / f"Pulumi.{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.name.split(".")[1] for p in path.parent.glob("Pulumi.*.yaml")))
            raise ProblemsError(f"stack {name!r}", [f"there is no stacks/{path.name}; use STACK= with one of {known}, or write that file"])
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise pulumi.RunError(f"stacks/{path.name} is not YAML: {error}") from None
        self.config: Mapping[str, Any] = document.get("config") or {}
        self.settings = stack_file.parse(stack_file.keys(self.config), f"stacks/{path.name}")
        directory = self.settings.file.render
        self.rendered_to = None if directory is None else PROJECT / directory
        """The directory that a render stack writes to; None for a stack of a cluster."""
        self.ca_file = PROJECT / "out" / f"{name}-ca.pem"
        """Where `make up` leaves what clients verify the endpoints with."""
