"""Programs that others wrote, for the judges and the SBOM: pinned, each apart from the others, and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .project import PROJECT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pod-patterns" / "judges"
REQUIREMENTS = Path(__file__).parent / "requirements"
_TAIL = 5
# seconds; testssl.sh makes hundreds of connections
_PATIENCE = 1800


class MissingError(Exception):
    """A program is not there and cannot be installed, or fails; says why."""


def python_tool(name: str, program: str | None = None) -> Path:
    """The program of requirements/<name>.txt. program: its name (default: the same)."""
    return python_environment(REQUIREMENTS / f"{name}.txt") / "bin" / (program or name)


def python_environment(requirements: Path) -> Path:
    """A virtual environment with these requirements, and nothing else."""
    name = requirements.stem
    venv = CACHE / f"{name}-{_digest(sys.version.encode(), requirements.read_bytes())}"
    if not (venv / "complete").exists():
        # a part of it may be left over from a run that was ended
        shutil.rmtree(venv, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(venv)], name)
        _run([str(venv / "bin" / "pip"), "install", "--quiet", "--requirement", str(requirements)], name)
        (venv / "complete").touch()
    return venv


def go_tool(package: str, version: str) -> Path:
    """The program of a Go module."""
    name = package.rpartition("/")[2]
    directory = CACHE / f"{name}-{version}"
    if not (directory / name).exists():
        _run(["go", "install", "-ldflags", "-s -w", f"{package}@{version}"], name, {"GOBIN": str(directory), "CGO_ENABLED": "0"})
    return directory / name


def go_program(directory: Path) -> Path:
    """The program whose source lies in that directory of the project."""
    sources = sorted(path for path in directory.iterdir() if path.suffix in (".go", ".mod", ".sum"))
    built = CACHE / f"{directory.name}-{_digest(*(path.read_bytes() for path in sources))}"
    if not built.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _run(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(built), "."], directory.name, {"CGO_ENABLED": "0"}, directory)
    return built


def debian(program: str, package: str) -> str:
    """A program that a package of the distribution brings."""
    found = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if found is None:
        raise MissingError(f"{program} is missing; install it, e.g. with: apt-get install {package}")
    return found


def output(command: Sequence[object], codes: Sequence[int] = (0, 1), **options: str) -> str:
    """What a program prints. codes: of an exit that says that it did its work (default: 0 and 1). options: `input` and `cwd` of it."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_PATIENCE, **options)  # type: ignore[call-overload]
    except subprocess.TimeoutExpired:
        raise MissingError(f"{Path(words[0]).name} did not end within {_PATIENCE} s") from None
    if done.returncode not in codes:
        raise MissingError(f"{Path(words[0]).name} failed with status {done.returncode}: {_last(done.stderr + done.stdout)}")
    return str(done.stdout)


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]


def _run(command: list[str], name: str, environment: Mapping[str, str] | None = None, directory: Path = PROJECT) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except FileNotFoundError:
        raise MissingError(f"{name} cannot be installed: {command[0]} is not on PATH") from None
    if done.returncode:
        raise MissingError(f"{name} cannot be installed: {_last(done.stderr)}")


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL:])
