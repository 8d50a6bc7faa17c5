"""Every block of the README is run, or compared with what the library prints, or is listed here with a reason why not."""

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import components
from components import (
    CompositionError,
    LogTailSidecar,
    LogTailSidecarArgs,
    MetricsAdapter,
    Port,
    VaultInit,
    VaultInitArgs,
    VaultSecret,
    Workload,
    WorkloadArgs,
    elasticsearch,
    offline,
    testing,
)
from components.declared.kinds import shipped
from components.testing import run

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"^(?:#+ (?P<section>.*)|```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, and the heading above it."""

    section: str
    language: str
    text: str


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a Markdown document."""
    found, section = [], ""
    for match in _BLOCK.finditer(document):
        if match["text"] is None:
            section = match["section"]
        else:
            found.append(Block(section, match["language"], match["text"]))
    return found


def of(language: str, section: str | None = None) -> list[Block]:
    """The README's blocks of a language, in one section or in all."""
    return [block for block in blocks(README) if block.language == language and section in (None, block.section)]


def commands() -> list[str]:
    """The command lines of the README's shell blocks, without comments."""
    lines = [line.partition("#")[0].strip() for block in of("sh") for line in block.text.splitlines()]
    return [line for line in lines if line]


def outside() -> str:
    """The README without its fenced blocks."""
    return _BLOCK.sub(lambda match: match[0] if match["text"] is None else "", README)


def test_every_block_says_its_language() -> None:
    assert [block for block in blocks(README) if block.language not in ("python", "sh", "text")] == []
    # nor is there a block of another kind: indented, or fenced otherwise
    assert re.findall(r"^(?: {4}|\t|\s*```|\s*~~~).*", outside(), re.MULTILINE) == []


# shell


def make_up(done: "subprocess.CompletedProcess[str]", project: Path) -> None:
    """`make up` without a CLI and without a network: manifests in out/render, and a summary."""
    assert done.stdout.startswith("Rendering offline: "), done.stdout
    manifests = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (project / "out" / "render").iterdir()]
    assert {manifest["kind"] for manifest in manifests} == {"ConfigMap", "Deployment", "Secret", "Service"}
    pod = next(manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Deployment")
    names = [container["name"] for container in (*pod["initContainers"], *pod["containers"])]
    (drawing,) = of("text", "pod-patterns")
    assert set(names) <= set(re.findall(r"[\w-]+", drawing.text))
    assert all(name in done.stdout for name in names), done.stdout


RUN: dict[str, Callable[["subprocess.CompletedProcess[str]", Path], None]] = {"make up": make_up}
"""What is run on a copy of the project, and what is looked at afterwards."""

NOT_RUN = {
    "make test": "would run this test again, within itself",
    "make up STACK=dev": "needs a cluster; tests/e2e/test_article_8_all.py deploys this stack on one",
    "make down STACK=dev": "needs what `make up STACK=dev` has deployed",
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
    program = of("python", "In a Pulumi program of your own")[0].text
    recording = run(lambda: exec(program, {}))
    said = dict(re.findall(r'^pulumi\.export\("(\w+)".*#\s*(.*)$', program, re.MULTILINE))
    assert said == {"url": "https://elasticsearch.default.svc:9200"}
    assert recording.exports["url"] == said["url"]
    assert recording.exports["ca"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.usefixtures("pod_patterns")
def test_the_app_of_your_own_moves_behind_an_ambassador_and_its_probe_goes_through_that() -> None:
    names: dict[str, Any] = {}
    pods: list[Any] = []

    def program() -> None:
        exec("from pod_patterns import TlsAmbassador, TlsAmbassadorArgs, compose", names)
        exec(of("python", "In a Pulumi program of your own")[1].text, names)
        tls = names["TlsAmbassador"]("tls", names["TlsAmbassadorArgs"](service_name="api"))
        pods.append(names["compose"](names["api"], [tls]))

    run(program)
    (app,) = pods[0].spec["containers"]
    assert {"name": "HOST", "value": "127.0.0.1"} in app["env"]
    assert {"name": "PORT", "value": "8081"} in app["env"]
    assert app["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8080, "scheme": "HTTPS"}


@pytest.mark.usefixtures("pod_patterns")
def test_the_unit_test_passes_with_the_first_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__main__.py").write_text(of("python", "In a Pulumi program of your own")[0].text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(of("python", "In unit tests")[0].text, names)
    names["test_search_is_encrypted"]()


# text


def conflict() -> str:
    """What a program prints in which an app has a port of its own at 9114, and VaultInit and LogTailSidecar want the same volume."""

    def program() -> None:
        app = elasticsearch(ports=(Port(name="http", number=9200), Port(name="metrics", number=9114)))
        secret = VaultSecret(path="my-secret", format="json", file="my-secret.json")
        vault = VaultInitArgs(address="https://vault:8200", role="elasticsearch", secrets=(secret,), volume_name="logs")
        # a directory of its own: the preset's logging configuration would want a second volume of the same name
        logs = LogTailSidecarArgs(directory="/var/log/elasticsearch", files=("docker-cluster_server.json",))
        patterns = [MetricsAdapter("metrics"), VaultInit("vault", vault), LogTailSidecar("logs", logs)]
        Workload("elasticsearch", WorkloadArgs(app=app, patterns=patterns))

    with pytest.raises(CompositionError) as error:
        run(program, preview=True)
    return str(error.value)


OUTPUTS: dict[str, Callable[[], str]] = {"When two patterns disagree": conflict}
"""The sections whose text block is output, and what makes that."""

NOT_COMPARED = {"pod-patterns": "a drawing"}
"""The sections whose text block is none."""


def test_every_text_block_is_compared_or_says_why_not() -> None:
    assert sorted(block.section for block in of("text")) == sorted([*OUTPUTS, *NOT_COMPARED])


@pytest.mark.parametrize("section", OUTPUTS)
def test_the_text_block_is_what_the_library_prints(section: str) -> None:
    (block,) = of("text", section)
    assert block.text == OUTPUTS[section]() + "\n"


# the table, and the reference that it links


def test_the_components_table_names_every_pattern_and_only_arguments_that_exist() -> None:
    table = outside().partition("\n## Components\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)(?:\(\))?` \|.*\| ([^|]*) \|$", table, re.MULTILINE)
    assert {name for name, _ in rows} >= set(shipped())
    unknown = []
    for name, arguments in rows:
        args = getattr(components, f"{name}Args", None)
        known = {field.name for field in dataclasses.fields(args)} if args else set()
        # a row may refer to another component
        unknown += [(name, word) for word in re.findall(r"`(\w+)`", arguments) if word not in known and not hasattr(components, word)]
    assert unknown == []


def exported(package: ModuleType) -> set[str]:
    """The names that a package imports for its users."""
    return {name for name, value in vars(package).items() if not name.startswith("_") and not isinstance(value, ModuleType)}


def test_the_reference_describes_what_can_be_imported_and_nothing_else() -> None:
    described = re.findall(r"^## (\w+)$", (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted({*exported(components), *testing.__all__, *offline.__all__})
