"""A render stack without the engine: the same manifests, made offline."""

import runpy
from pathlib import Path

from components.offline import Rendering, render

from .engine import PROJECT, STATE
from .stack import NAME, Stack


def run_program() -> None:
    """The Pulumi program of this project, as the engine would run it."""
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def render_offline(stack: Stack, directory: Path) -> Rendering:
    """Renders the stack's manifests into the directory. Raises OfflineError, KeyFileError, and what the program raises."""
    STATE.mkdir(mode=0o700, exist_ok=True)
    return render(run_program, directory, keys=_keys(stack), project=NAME, stack=stack.name, config=stack.config)


def remove_offline(stack: Stack) -> tuple[Path, ...]:
    """Removes what offline rendering wrote, and its keys; returns the manifests. Raises OfflineError."""
    if stack.rendered_to is None or not stack.rendered_to.is_dir():
        return ()
    removed = render(lambda: None, stack.rendered_to, keys=_keys(stack)).removed
    _keys(stack).unlink(missing_ok=True)
    return removed


def _keys(stack: Stack) -> Path:
    """Where keys and certificates of the stack last between renderings."""
    return STATE / f"{stack.name}.keys.json"
