"""The workload of a stack file, composed and not rendered."""

from pathlib import Path

from ..declared import stack as declared
from ..offline.run import run
from ..workload import Workload
from . import project, stack as stacks
from .documents import InputError


def workload(name: str) -> Workload:
    """What a stack file asks for. name: its path, or that of a stack of the project here.

    Keys and certificates are made for it and forgotten. Raises pulumi.RunError.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        settings, places = stacks.file(path)
    else:
        stack = stacks.of(project.find(), name)
        if stack.settings is None:
            raise InputError(
                stacks.shown(stack.path), ["asks for no workload; use a stack file with keys pod-patterns:..., or Workload.picture()"]
            )
        settings, places = stack.settings, stack.places
    built: list[Workload] = []
    with places.located():
        run(lambda: built.append(declared.build(settings)), project="pod-patterns", stack=name if path.suffix == "" else path.stem)
    return built[0]
