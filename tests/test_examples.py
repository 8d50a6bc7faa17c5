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


def test_the_pattern_in_the_readme_is_the_example_and_has_under_thirty_lines() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    example = (PROJECT / "examples" / "own_pattern.py").read_text(encoding="utf-8").replace("  # noqa: ARG002", "")
    own = example[example.index("@dataclass(frozen=True, kw_only=True)\nclass RedisTunnelArgs") : example.index("\n\n\nshop")]
    assert own in readme
    assert len(own.splitlines()) < 30
