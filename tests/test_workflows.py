"""What GitHub runs is what this project runs, and says the same of it as other files do."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.programs import need

PROJECT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> Any:
    return yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))


def jobs(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = read(f".github/workflows/{workflow}")["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def pythons() -> list[str]:
    """The versions of Python that the package names."""
    metadata = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [v for c in metadata["classifiers"] for v in re.findall(r"^Programming Language :: Python :: (3\.\d+)$", c)]


def test_actionlint_finds_nothing() -> None:
    # it hands the scripts in them to shellcheck
    command = [need("actionlint"), "-no-color", "-shellcheck", shutil.which("shellcheck") or "", *map(str, WORKFLOWS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ci_runs_what_is_run_here_on_every_python_that_the_package_names() -> None:
    job = jobs("ci.yml")["check-and-test"]
    assert commands(job) == [".ci/run"]
    assert job["strategy"]["matrix"]["python"] == pythons()
    # and mypy judges for the same ones
    (versions,) = re.findall(r"for version in ([\d. ]+);.*mypy", (PROJECT / "Makefile").read_text(encoding="utf-8"))
    assert versions.split() == pythons()


def test_its_stages_are_all_there() -> None:
    run = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^ *(?:\S+ )?(make \w+)$", run, re.MULTILINE) == ["make check", "make docs", "make test", "make e2e"]
    # the one that needs a cluster has one of its own
    assert "make e2e" in commands(jobs("ci.yml")["end-to-end"])


def test_a_release_is_checked_built_attested_tagged_and_published_in_this_order() -> None:
    found = jobs("release.yml")
    assert [(name, job.get("needs")) for name, job in found.items()] == [
        ("check", None),
        ("build", "check"),
        ("tag", "build"),
        ("publish", "tag"),
    ]
    assert found["check"]["uses"] == "./.github/workflows/ci.yml"
    assert "make wheel ARGS=--release" in commands(found["build"])
    # no password: PyPI knows the workflow
    assert found["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (PROJECT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_by_itself_and_names_a_version_of_every_action(path: Path) -> None:
    workflow = read(path.relative_to(PROJECT).as_posix())
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for job in workflow["jobs"].values() for step in job.get("steps", ()) if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+|[0-9a-f]{40})", name)] == []
    assert all("timeout-minutes" in job or "uses" in job for job in workflow["jobs"].values())


def test_dependabot_watches_every_place_where_versions_stand() -> None:
    updates = {entry["package-ecosystem"]: entry for entry in read(".github/dependabot.yml")["updates"]}
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.splitlines()
    modules = {"/" + str(Path(name).parent) for name in listed if Path(name).name == "go.mod"}
    assert set(updates["gomod"]["directories"]) == modules
    pinned = {
        "/" + name.rpartition("/")[0] for name in listed if Path(name).name == "requirements.txt" and "==" in (PROJECT / name).read_text()
    }
    assert set(updates["pip"]["directories"]) >= pinned
    assert "github-actions" in updates


def test_hooks_and_the_container_of_developers_use_what_the_project_uses() -> None:
    hooks = {hook["id"]: hook["entry"] for hook in read(".pre-commit-config.yaml")["repos"][0]["hooks"]}
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv")
    for entry in hooks.values():
        assert " ".join(entry.split()[:2]) in makefile
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    oldest = next(iter(pythons()))
    assert container["image"] == f"python:{oldest}-bookworm"


@pytest.mark.parametrize("path", sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name)
def test_a_template_of_issues_has_what_github_asks_for(path: Path) -> None:
    template = read(path.relative_to(PROJECT).as_posix())
    if path.name == "config.yml":
        assert template == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(template)
    fields = [item for item in template["body"] if item["type"] != "markdown"]
    assert all(item["attributes"]["label"] for item in fields)
    assert len({item["id"] for item in fields}) == len(fields)
