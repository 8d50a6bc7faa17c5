"""The commands of docs/inject.md, run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
TOOLS = Path.home() / ".cache" / "pod-patterns" / "bin"
TEXT = (PROJECT / "docs" / "inject.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
HINTS = re.findall(r"^(hint: .*)$", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, a chart called shop, and the command."""
    path = tmp_path_factory.mktemp("docs")
    for name, content in re.findall(r"```yaml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL):
        (path / name).write_text(content)
    (path / "shop" / "templates").mkdir(parents=True)
    (path / "shop" / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    shutil.copy(path / "manifests.yaml", path / "shop" / "templates")
    (path / "bin" / "lib").mkdir(parents=True)
    (path / "bin" / "lib" / "pod_patterns").symlink_to(PROJECT / "components")
    command = path / "bin" / "pod-patterns"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={path / "bin" / "lib"} exec {sys.executable} -m pod_patterns "$@"\n')
    command.chmod(0o755)
    return path


@pytest.mark.parametrize("script", SCRIPTS, ids=[re.sub(r"\W+", "-", script[:50]) for script in SCRIPTS])
def test_a_command_of_the_page_does_what_it_says(script: str, directory: Path) -> None:
    environment = {**os.environ, "PATH": f"{directory / 'bin'}:{TOOLS}:{os.environ['PATH']}"}
    program = script.split(maxsplit=1)[0]
    if shutil.which(program, path=environment["PATH"]) is None:
        pytest.skip(f"{program} is not installed")
    (directory / "out.yaml").unlink(missing_ok=True)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    if "out.yaml" in script:
        kinds = [m["kind"] for m in yaml.safe_load_all((directory / "out.yaml").read_text()) if m]
        assert {"Service", "Deployment", "Ingress"} <= set(kinds)
        assert "nginx-proxy" in (directory / "out.yaml").read_text()
        assert ("Secret" in kinds) == ("--keys" in script)
    if "< manifests.yaml" in script:
        assert done.stderr.splitlines() == HINTS
