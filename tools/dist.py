"""`make wheel`: builds the source distribution, and the wheel from that, into dist/, and checks both; `--release` asks for more."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pulumi

from .project import PROJECT, reported

SOURCES = ("components", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
"""What a build reads."""
PLACEHOLDER = ".example"
"""In addresses that are still to be set; nobody can own them (RFC 2606)."""

_ADDRESS = re.compile(rf"[\w-]{re.escape(PLACEHOLDER)}(?![\w.-])")


class DistError(pulumi.RunError):
    """What was to be built is not fit to be published."""


def copied(directory: Path) -> Path:
    """The sources in that directory: a build leaves its traces beside them, and takes up those of an earlier one."""
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            directory.mkdir(exist_ok=True)
            shutil.copy2(source, directory / name)
    return directory


def build(source: Path, directory: Path, *kinds: str) -> list[Path]:
    """What is built of the sources, without a network. kinds: --wheel, --sdist (default: both, the wheel from the sdist)."""
    # the files of a wheel carry a date
    _run("build", "--no-isolation", *kinds, "--outdir", directory, source, SOURCE_DATE_EPOCH="315532800")
    return sorted(directory.iterdir())


def check(built: Sequence[Path]) -> None:
    """Has everything looked at that a package index or its users would stumble over. Raises DistError."""
    (wheel,) = (path for path in built if path.suffix == ".whl")
    (sdist,) = (path for path in built if path.name.endswith(".tar.gz"))
    _run("twine", "--no-color", "check", "--strict", wheel, sdist)
    _run("check_wheel_contents", wheel)
    _run("validate_pyproject", PROJECT / "pyproject.toml", VALIDATE_PYPROJECT_NO_NETWORK="true")
    _run("pyroma", "--min", "10", "--file", sdist)


def _run(module: str, *arguments: str | Path, **environment: str) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    plain = {**os.environ, "COLUMNS": "500", **environment}
    done = subprocess.run(command, env=plain, check=False, capture_output=True, text=True)
    if done.returncode:
        raise DistError(f"{module}: {(done.stdout + done.stderr).strip()}")


def unreleasable(wheel: Path, changelog: str) -> list[str]:
    """Why the wheel must not be published."""
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    version = re.escape(metadata["Version"])
    dated = re.search(rf"^## {version} — \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)
    found = [] if dated else [f"CHANGELOG.md has no dated section for {metadata['Version']}; write the day in place of 'unreleased'"]
    for field in ("Author-email", "Project-URL"):
        placeholders = [value for value in metadata.get_all(field, []) if _ADDRESS.search(value)]
        found += [f"{field} {value!r} is a placeholder; set it in pyproject.toml" for value in placeholders]
    return found


@reported()
def main() -> None:
    """Builds and checks."""
    parser = argparse.ArgumentParser(prog="python -m tools.dist", description=__doc__)
    parser.add_argument("--release", action="store_true", help="rejects placeholders in the metadata and an undated changelog")
    arguments = parser.parse_args()
    directory = PROJECT / "dist"
    shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        built = build(copied(Path(temporary) / "source"), directory)
    check(built)
    wheel = next(path for path in built if path.suffix == ".whl")
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    problems = unreleasable(wheel, changelog) if arguments.release else []
    if problems:
        raise DistError("\n  - ".join(["not fit for a release", *problems]))
    for path in built:
        print(path.relative_to(PROJECT))


if __name__ == "__main__":
    main()
