"""A project's program, run without the engine."""

import runpy
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pulumi

from ..offline import Rendering, manifests, render
from .documents import InputError
from .stack import Stack, shown
from .terminal import waiting


def rendered(stack: Stack, directory: Path, keys: Path | None = None) -> Rendering:
    """Writes the stack's manifests into the directory. Raises OfflineError, KeyFileError, and what the program raises."""
    program, settings, directory = _program(stack), _settings(stack, keys), directory.absolute()
    with _at(stack):
        return render(program, directory, **settings)


def printed(stack: Stack, keys: Path | None = None) -> list[dict[str, Any]]:
    """The stack's manifests in apply order. Raises the same."""
    program, settings = _program(stack), _settings(stack, keys)
    with _at(stack):
        return manifests(program, **settings)


def remove(stack: Stack) -> tuple[Path, ...]:
    """Removes what offline rendering wrote, and its keys; returns the manifests. Raises OfflineError."""
    if stack.rendered_to is None or not stack.rendered_to.is_dir():
        return ()
    removed = render(lambda: None, stack.rendered_to, keys=stack.keys).removed
    stack.keys.unlink(missing_ok=True)
    return removed


def _settings(stack: Stack, keys: Path | None) -> dict[str, Any]:
    wrong = [f"{key}: is encrypted; only Pulumi's engine can read it" for key, value in stack.config.items() if _is_encrypted(value)]
    if wrong:
        raise InputError(shown(stack.path), stack.places.of(wrong))
    if keys is None:
        stack.project.make_state()
    return {
        "keys": keys.absolute() if keys else stack.keys,
        "project": stack.project.name,
        "stack": stack.name,
        "config": stack.config,
    }


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def _program(stack: Stack) -> Any:
    project = stack.project
    main = project.program / "__main__.py"
    name = shown(main)
    if project.runtime != "python" or not main.is_file():
        what = f"runtime {project.runtime}" if project.runtime != "python" else f"no {main.name}"
        raise pulumi.RunError(f"{shown(project.program)}: is not a program in Python ({what}); only such run without Pulumi's engine")

    def run() -> None:
        try:
            runpy.run_path(str(main), run_name="__main__")
        except ModuleNotFoundError as error:
            way_out = "install what the program needs beside this command, e.g. pip install -r requirements.txt"
            raise pulumi.RunError(f"{name}: {error}; {way_out}") from None

    return run


@contextmanager
def _at(stack: Stack) -> Iterator[None]:
    """In the program's directory, from which it imports, as the engine runs it; problems get their places."""
    where = str(stack.project.program)
    with stack.places.located(), waiting(f"Rendering stack {stack.name}"), chdir(where):
        sys.path.insert(0, where)
        try:
            yield
        finally:
            sys.path.remove(where)
