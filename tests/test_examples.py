"""Every example, and every Python block of the README, runs as a Pulumi program."""

import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.testing import run

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))


@pytest.fixture(autouse=True)
def pod_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library under the name that its wheel gives it."""
    (tmp_path / "pod_patterns").symlink_to(PROJECT / "components")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] == "pod_patterns"]:
        del sys.modules[name]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_example_runs(path: Path) -> None:
    recording = run(lambda: runpy.run_path(str(path), run_name="__main__"))
    assert recording.all("kubernetes:apps/v1:Deployment")
    assert recording.exports


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_example_can_be_previewed(path: Path) -> None:
    assert run(lambda: runpy.run_path(str(path), run_name="__main__"), preview=True).all("kubernetes:apps/v1:Deployment")


def test_the_python_blocks_of_the_readme_run_one_after_another() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}

    def program() -> None:
        exec("import pulumi\nfrom pod_patterns import *", names)
        for block in blocks:
            exec(block, names)

    recording = run(program)
    assert recording.exports["url"] == "https://elasticsearch.default.svc:9200"
    assert recording.exports["ca"].startswith("-----BEGIN CERTIFICATE-----")


def test_the_pattern_in_the_readme_is_the_example_and_has_under_thirty_lines() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    example = (PROJECT / "examples" / "own_pattern.py").read_text(encoding="utf-8").replace("  # noqa: ARG002", "")
    own = example[example.index("class RedisTunnel") : example.index("\n\n\nshop")]
    assert own in readme
    assert len(own.splitlines()) < 30
