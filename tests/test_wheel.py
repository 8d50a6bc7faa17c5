"""The wheel ships the library under the name pod_patterns, whole."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

PROGRAM = """
from pod_patterns import App, Workload, WorkloadArgs, elasticsearch
from pod_patterns.testing import run
from pod_patterns.offline import manifests
import pod_patterns, sys
assert "components" not in sys.modules
recording = run(lambda: Workload("w", WorkloadArgs(app=elasticsearch())))
print([m["kind"] for m in manifests(recording)], pod_patterns.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # from a copy: a build leaves its traces beside the sources
    source = directory / "source"
    source.mkdir()
    for name in ("components", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(PROJECT / name), str(source / name)], check=True)
    command = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(directory.glob("*.whl"))


def test_it_holds_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    library = PROJECT / "components"
    sources = {p.relative_to(library).as_posix() for p in library.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert names == {f"pod_patterns/{name}" for name in sources}


def test_it_works_installed_far_from_the_project(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "['Service', 'Deployment']" in done.stdout
    assert str(tmp_path) in done.stdout
