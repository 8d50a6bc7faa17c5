"""Every example runs as a Pulumi program."""

import runpy
from pathlib import Path

import pytest

from components.testing import Recording, Registration, run
from tests.support.carriers import Helm

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted([*(PROJECT / "examples").glob("*.py"), *(PROJECT / "examples").glob("*/__main__.py")])


def name(path: Path) -> str:
    return path.relative_to(PROJECT / "examples").as_posix()


def carriers(recording: Recording) -> list[Registration]:
    """What carries pods."""
    return [r for kind in ("Deployment", "StatefulSet") for r in recording.all(f"kubernetes:apps/v1:{kind}")]


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_the_example_runs(path: Path) -> None:
    recording = run(lambda: runpy.run_path(str(path), run_name="__main__"), mocks=Helm())
    assert carriers(recording)
    assert recording.exports


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_the_example_can_be_previewed(path: Path) -> None:
    assert carriers(run(lambda: runpy.run_path(str(path), run_name="__main__"), mocks=Helm(), preview=True))
