"""A stack: what its file says, read without the engine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..declared import stack_file
from ..declared.stack_file import Settings
from . import documents
from .documents import InputError
from .places import Places
from .project import Project


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of a project."""

    project: Project
    name: str
    path: Path
    """Its file, which need not be there."""
    config: Mapping[str, Any]
    """The configuration in its file."""
    settings: Settings | None
    """What the file says of a workload; None for a program that makes everything itself."""
    places: Places
    """Where the keys of the file are."""

    @property
    def rendered_to(self) -> Path | None:
        """The directory that a render stack writes to; None for a stack of a cluster."""
        directory = self.settings and self.settings.file.render
        return self.project.directory / directory if directory else None

    @property
    def keys(self) -> Path:
        """Where keys and certificates of the stack last between renderings."""
        return self.project.state / f"{self.name}.keys.json"

    @property
    def ca_file(self) -> Path:
        """Where `up` leaves what clients verify the endpoints with."""
        return self.project.directory / "out" / f"{self.name}-ca.pem"


def of(project: Project, name: str) -> Stack:
    """A stack of the project. Raises InputError and SettingsError."""
    path, known = project.stack_file(name), project.known()
    # of a project without any, every stack is without configuration
    if not path.is_file() and known:
        missing = f"there is no {shown(path)}; name one of {', '.join(known)}, or write that file"
        raise InputError(f"stack {name!r}", [missing])
    text = path.read_text(encoding="utf-8") if path.is_file() else "config: {}"
    places = Places(shown(path), text, stack_file.PREFIX)
    config = configuration(shown(path), text, empty=True)
    settings = settings_of(shown(path), config, places) if any(key.startswith(stack_file.PREFIX) for key in config) else None
    return Stack(project=project, name=name, path=path, config={**project.defaults, **config}, settings=settings, places=places)


def configuration(name: str, text: str, *, empty: bool = False) -> dict[str, Any]:
    """The configuration in the text of a stack file. empty: whether it may have none. Raises InputError."""
    value, problems = documents.read_one(name, text.encode())
    config = value.get("config") if isinstance(value, dict) else None
    if not problems and empty and config is None and (value is None or isinstance(value, dict)):
        config = {}
    if not problems and not isinstance(config, dict):
        problems = [f"{name}: has no mapping `config`; a stack file has it, with keys {stack_file.PREFIX}..."]
    if problems:
        raise InputError("stack file", problems)
    assert config is not None
    return {str(key): value for key, value in config.items()}


def file(path: Path) -> tuple[Settings, Places]:
    """What a stack file asks for, without its project. Raises InputError and SettingsError."""
    try:
        text = path.read_bytes().decode(errors="surrogateescape")
    except OSError as error:
        raise InputError(str(path), [f"cannot be read: {error.strerror}"]) from None
    places = Places(str(path), text, stack_file.PREFIX)
    return settings_of(str(path), configuration(str(path), text), places), places


def settings_of(name: str, config: Mapping[str, Any], places: Places) -> Settings:
    """The settings in the configuration of a stack file of that name. Raises SettingsError, each problem with its place."""
    with places.located():
        return stack_file.parse(stack_file.keys(config), name)


def shown(path: Path) -> str:
    """The path as it is seen from the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else os.path.relpath(path, here)
