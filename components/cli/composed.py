"""The workload of a stack file, composed and not rendered."""

from pathlib import Path
from typing import Any

from ..declared import stack, stack_file
from ..offline.run import run
from ..workload import Workload
from . import documents
from .documents import InputError


def workload(name: str) -> Workload:
    """What a stack file asks for. name: its path, or that of its stack: stacks/Pulumi.NAME.yaml, or Pulumi.NAME.yaml.

    Keys and certificates are made for it and forgotten. Raises pulumi.RunError.
    """
    places = (Path(name), Path("stacks") / f"Pulumi.{name}.yaml", Path(f"Pulumi.{name}.yaml"))
    path = next((place for place in places if place.is_file()), places[0])
    settings = stack_file.parse(stack_file.keys(_configuration(path)), str(path))
    built: list[Workload] = []
    run(lambda: built.append(stack.build(settings)), project="pod-patterns", stack=path.stem.removeprefix("Pulumi.") or "stack")
    return built[0]


def _configuration(path: Path) -> dict[str, Any]:
    try:
        value, problems = documents.read_one(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(str(path), [f"cannot be read: {error.strerror}"]) from None
    config = value.get("config") if isinstance(value, dict) else None
    if not problems and not isinstance(config, dict):
        problems = [f"{path}: has no mapping `config`; a stack file has it, with keys {stack_file.PREFIX}..."]
    if problems:
        raise InputError("stack file", problems)
    return dict(config or {})
