"""A render stack without the engine: the same manifests, made offline."""

import runpy
from pathlib import Path
from typing import Any

from components.offline import Rendering, render

from .engine import PROJECT, STATE
from .stack import NAME, Stack


def keys_of(stack: Stack) -> Path:
    """Where keys and certificates of the stack last between renderings."""
    return STATE / f"{stack.name}.keys.json"


def run_program() -> None:
    """The Pulumi program of this project, as the engine would run it."""
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def render_offline(stack: Stack, directory: Path, **settings: Any) -> Rendering:
    """Renders the stack's manifests into the directory. Raises OfflineError, KeyFileError, and what the program raises."""
    STATE.mkdir(mode=0o700, exist_ok=True)
    return render(run_program, directory, keys=keys_of(stack), project=NAME, stack=stack.name, config=stack.config, **settings)


def remove_offline(stack: Stack, directory: Path) -> tuple[Path, ...]:
    """Removes what offline rendering wrote, and its keys; returns the manifests. Raises OfflineError."""
    if not directory.is_dir():
        return ()
    keys = keys_of(stack)
    removed = render(lambda: None, directory, keys=keys).removed
    keys.unlink(missing_ok=True)
    return removed
