"""Every block of the README is run, or is listed here with a reason why not; its links lead somewhere."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import components
from components import offline, testing
from components.testing import run
from tests.support.documents import Block, blocks, outside, strange

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def of(language: str, section: str | None = None) -> list[Block]:
    """The README's blocks of a language, in one section or in all."""
    return [block for block in blocks(README) if block.language == language and section in (None, block.section)]


def commands() -> list[str]:
    """The command lines of the README's shell blocks, without comments."""
    lines = [line.partition("#")[0].strip() for block in of("sh") for line in block.text.splitlines()]
    return [line for line in lines if line]


def test_every_block_says_its_language() -> None:
    assert [block for block in blocks(README) if block.language not in ("python", "sh", "text")] == []
    # nor is there a block of another kind: indented, or fenced otherwise
    assert strange(README) == []


# shell


def make_up(done: "subprocess.CompletedProcess[str]", project: Path) -> None:
    """`make up` without a CLI and without a network: manifests in out/render, and a summary."""
    assert done.stdout.startswith("Rendering offline: "), done.stdout
    manifests = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (project / "out" / "render").iterdir()]
    assert {manifest["kind"] for manifest in manifests} == {"ConfigMap", "Deployment", "Secret", "Service"}
    pod = next(manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Deployment")
    names = [container["name"] for container in (*pod["initContainers"], *pod["containers"])]
    assert all(name in done.stdout for name in names), done.stdout


RUN: dict[str, Callable[["subprocess.CompletedProcess[str]", Path], None]] = {"make up": make_up}
"""What is run on a copy of the project, and what is looked at afterwards."""

NOT_RUN = {
    "make test": "would run this test again, within itself",
}
"""What is not run, and why not."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as a fresh clone has it, with the packages of this one: nothing is downloaded."""
    copy = tmp_path / "project"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, copy / name)
    (copy / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith(".requirements"):
            (copy / ".venv" / path.name).symlink_to(path)
    # make's note, newer than requirements.txt, that the packages are there
    (copy / ".venv" / ".requirements").touch()
    return copy


def test_every_command_is_run_or_says_why_not() -> None:
    assert sorted(commands()) == sorted([*RUN, *NOT_RUN])


@pytest.mark.parametrize("command", RUN)
def test_the_command_runs_on_a_fresh_clone(command: str, copy: Path, tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make
    # no Pulumi CLI on PATH, no network to get one from, no login
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "make").symlink_to(make)
    environment = {"PATH": str(programs), "HOME": str(tmp_path / "home"), "https_proxy": "http://127.0.0.1:1"}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=copy, env=environment, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    RUN[command](done, copy)


# Python


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("block", of("python"), ids=lambda block: block.section)
def test_the_python_block_runs_on_its_own(block: Block) -> None:
    run(lambda: exec(block.text, {}))


@pytest.mark.usefixtures("pod_patterns")
def test_the_first_program_exports_what_its_comments_say() -> None:
    program = of("python", "In a program")[0].text
    recording = run(lambda: exec(program, {}))
    said = dict(re.findall(r'^pulumi\.export\("(\w+)".*#\s*(.*)$', program, re.MULTILINE))
    assert said == {"url": "https://elasticsearch.default.svc:9200"}
    assert recording.exports["url"] == said["url"]
    assert recording.exports["ca"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)[^)]*\)", outside(README)))
def test_the_link_leads_somewhere(link: str) -> None:
    # pictures are drawn by `make docs`
    assert link.startswith(("https://", "docs/pictures/")) or (PROJECT / link).exists()


def exported(package: ModuleType) -> set[str]:
    """The names that a package imports for its users."""
    return {name for name, value in vars(package).items() if not name.startswith("_") and not isinstance(value, ModuleType)}


def test_the_reference_describes_what_can_be_imported_and_nothing_else() -> None:
    described = re.findall(r"^### (\w+)$", (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted({*exported(components), *testing.__all__, *offline.__all__})
