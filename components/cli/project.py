"""A Pulumi project, found as Pulumi finds it: from a directory upward."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import documents
from .documents import InputError

FILES = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True, kw_only=True)
class Project:
    """What Pulumi.yaml says, as far as it matters here."""

    directory: Path
    """Where Pulumi.yaml is."""
    name: str
    stacks: Path
    """Directory of the stack files."""
    program: Path
    """Directory of the program."""
    runtime: str
    defaults: dict[str, Any]
    """Configuration that every stack has, unless its file differs."""

    @property
    def state(self) -> Path:
        """Directory of the local backend, its passphrase, and keys of what is rendered."""
        return self.directory / ".state"

    def make_state(self) -> Path:
        """The directory `state`, there now: for its owner only, and ignored by git."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return self.state

    def stack_file(self, stack: str) -> Path:
        """The file of a stack, which need not be there."""
        return self.stacks / f"Pulumi.{stack}.yaml"

    def known(self) -> list[str]:
        """The names of the stacks that have a file."""
        return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in self.stacks.glob("Pulumi.*.yaml"))


def find() -> Project:
    """The project of the working directory. Raises InputError."""
    here = Path.cwd()
    for directory in (here, *here.parents):
        if any((directory / name).is_file() for name in FILES):
            return read(directory)
    raise InputError(str(here), ["no Pulumi.yaml here, nor in a directory above; change to the directory of a project"])


def read(directory: Path) -> Project:
    """The project in this directory. Raises InputError."""
    path = next((directory / name for name in FILES if (directory / name).is_file()), directory / FILES[0])
    try:
        given, problems = documents.read_one(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(str(path), [f"cannot be read: {error.strerror}"]) from None
    if not problems and not (isinstance(given, dict) and isinstance(given.get("name"), str)):
        problems = [f"{path}: has no name; the file of a project must have `name` and `runtime`"]
    if problems:
        raise InputError("project", problems)
    runtime = given.get("runtime")
    program = (directory / str(given.get("main") or ".")).resolve()
    return Project(
        directory=directory.resolve(),
        name=given["name"],
        stacks=(directory / str(given.get("stackConfigDir") or ".")).resolve(),
        program=program if program.is_dir() else program.parent,
        runtime=str(runtime.get("name") if isinstance(runtime, dict) else runtime),
        defaults=_defaults(given.get("config")),
    )


def _defaults(given: Any) -> dict[str, Any]:
    """The project's own configuration: values, or mappings that describe them."""
    found = {}
    for key, value in (given if isinstance(given, dict) else {}).items():
        default = value.get("value", value.get("default")) if isinstance(value, dict) else value
        if default is not None:
            found[str(key)] = default
    return found
