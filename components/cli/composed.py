"""The workload of a stack file, composed and not rendered."""

from pathlib import Path
from typing import Any

from ..declared import stack, stack_file
from ..offline.run import run
from ..workload import Workload
from .render import given


def path_of(name: str) -> Path:
    """The stack file of that path, or of the stack of that name: stacks/Pulumi.NAME.yaml, or Pulumi.NAME.yaml."""
    places = (Path(name), Path("stacks") / f"Pulumi.{name}.yaml", Path(f"Pulumi.{name}.yaml"))
    return next((place for place in places if place.is_file()), places[0])


def workload(name: str) -> Workload:
    """What a stack file asks for. Keys and certificates are made for it and forgotten. Raises pulumi.RunError."""
    path = path_of(name)
    settings = stack_file.parse(given(path), str(path))
    built: list[Any] = []
    run(lambda: built.append(stack.build(settings)), project="pod-patterns", stack=path.stem.removeprefix("Pulumi.") or "stack")
    found: Workload = built[0]
    return found
