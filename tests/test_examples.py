"""Every example is a project that runs as it is: previewed, deployed, and rendered by the command. So is what the template makes."""

import ast
import importlib
import re
import runpy
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from components.declared.kinds import shipped
from components.testing import Recording, Registration, run
from tests.support.carriers import Helm

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted(path.parent for path in (PROJECT / "examples").glob("*/__main__.py"))
NEWEST = kubernetes_validate.latest_version()
TEMPLATE = PROJECT / "template"


def name(path: Path) -> str:
    return path.name


def program(directory: Path) -> Callable[[], object]:
    """The program of a project."""
    return lambda: runpy.run_path(str(directory / "__main__.py"), run_name="__main__")


def carriers(recording: Recording) -> list[Registration]:
    """What carries pods."""
    return [r for kind in ("Deployment", "StatefulSet") for r in recording.all(f"kubernetes:apps/v1:{kind}")]


def patterns(directory: Path) -> set[str]:
    """The kinds of patterns that a program names."""
    tree = ast.parse((directory / "__main__.py").read_text(encoding="utf-8"))
    return {node.id.removesuffix("Args") for node in ast.walk(tree) if isinstance(node, ast.Name)} & {*shipped()}


def command(*arguments: str) -> int:
    """The command, as it is when the wheel is installed."""
    status: int = importlib.import_module("pod_patterns.cli.main").main(arguments)
    return status


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("directory", EXAMPLES, ids=name)
def test_the_example_runs(directory: Path) -> None:
    recording = run(program(directory), mocks=Helm())
    assert carriers(recording)
    assert recording.exports


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("directory", EXAMPLES, ids=name)
def test_the_example_can_be_previewed(directory: Path) -> None:
    assert carriers(run(program(directory), mocks=Helm(), preview=True))


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("directory", [path for path in EXAMPLES if path.name != "chart"], ids=name)
def test_the_example_is_rendered_by_the_command_of_its_readme(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(directory, tmp_path / "examples" / directory.name)
    (rendered,) = re.findall(r"^pod-patterns (.*)$", (directory / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    with chdir(tmp_path):
        assert command(*rendered.split()) == 0
    manifests = list(yaml.safe_load_all(capsys.readouterr().out))
    assert {"Deployment", "StatefulSet"} & {manifest["kind"] for manifest in manifests}
    for manifest in manifests:
        if manifest["kind"] != "Certificate":
            kubernetes_validate.validate(manifest, NEWEST, strict=True)


@pytest.mark.usefixtures("pod_patterns")
def test_what_only_a_provider_knows_is_not_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("render", str(PROJECT / "examples" / "chart"), "--keys", str(tmp_path / "keys.json")) == 2
    assert capsys.readouterr().err == (
        "error: injection 'orders': 1 problem\n"
        "  - meets no workload, but has to meet Deployment 'orders' in namespace 'shop' alone; name what it makes in target=, and pass its "
        "transform to it\n"
    )


@pytest.mark.parametrize("directory", EXAMPLES, ids=name)
def test_the_example_is_a_project_that_installs_this_library(directory: Path) -> None:
    project = yaml.safe_load((directory / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    assert project["description"]
    lines = (directory / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert (directory / lines[-1]).resolve() == PROJECT
    assert "\npulumi up\n" in (directory / "README.md").read_text(encoding="utf-8")


def test_the_table_names_every_example_and_its_patterns_and_they_are_all() -> None:
    table = (PROJECT / "examples" / "README.md").read_text(encoding="utf-8")
    rows = {
        row[0]: set(re.findall(r"`(\w+)`", row[1])) for row in re.findall(r"^\| \[(\w+)\]\(\1\) \|.*\| ([^|]*) \|$", table, re.MULTILINE)
    }
    assert rows == {path.name: patterns(path) or {"RedisTunnel"} for path in EXAMPLES}
    assert set().union(*rows.values()) >= {*shipped()}


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """What `pulumi new` makes of the template: the words are replaced in every file, and `template:` is gone."""
    directory = tmp_path / "acme-web"
    shutil.copytree(TEMPLATE, directory)
    words = {"${PROJECT}": "acme-web", "${DESCRIPTION}": "Acme's web application"}
    for path in (path for path in directory.rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        path.write_text(text, encoding="utf-8")
    project = yaml.safe_load((directory / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project.pop("template")["description"]
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    return directory


@pytest.mark.usefixtures("pod_patterns")
def test_the_template_makes_a_project_that_runs_and_is_rendered(new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert all("${" not in path.read_text(encoding="utf-8") for path in new.rglob("*") if path.is_file())
    recording = run(program(new), project="acme-web")
    assert recording.exports["url"] == "https://web.default.svc:9898"
    with chdir(new):
        assert command("render", ".") == 0
    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["Secret", "ConfigMap", "Service", "Deployment"]
    # a second time with the same keys
    with chdir(new):
        assert command("render", ".", "-o", "out") == 0
        assert command("render", ".", "-o", "out") == 0
    assert capsys.readouterr().err.count("kept ") == 4
    assert {path.name for path in new.iterdir()} == {*(path.name for path in TEMPLATE.iterdir()), ".state", "out"}
