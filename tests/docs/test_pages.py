"""Every block of every page of the site is run, or parsed by what reads it, or listed here with a reason why not."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.errors import ProblemsError
from components.declared import injections, stack, stack_file
from components.testing import run
from tests.support.composing import PEM
from tests.support.documents import DOCS, PROJECT, Block, blocks, strange

LANGUAGES = {"python", "sh", "yaml", "text", "diff"}

ELSEWHERE = {"inject.md": "tests/cli/test_docs.py runs its commands, with Helm and kustomize"}
"""Pages whose commands are run by other tests."""

REJECTED = {("tutorial.md", "conflict.yaml"), ("how-to/postgresql.md", "rejected.yaml")}
"""Stack files that show an error."""

NOT_COMPARED = {
    ("concepts.md", "One idea"): "a drawing",
    ("how-to/program.md", "When two patterns disagree"): "tests/test_readme.py makes that conflict",
    ("inject.md", "In a CI step"): "tests/cli/test_docs.py compares it",
}
"""Blocks of text, by page and section, that are not the output of the block before."""

STUBS = ("kubectl", "curl", "pulumi", "helm", "kustomize", "pip", "openssl", "sleep")
"""Programs that need a cluster or a network; they read what they are given, and print nothing."""

PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "_index.md")


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def of(language: str) -> list[Any]:
    """The blocks of a language, each with its page."""
    found = [(page, block) for page in PAGES for block in blocks(text_of(page)) if block.language == language]
    return [pytest.param(page, block, id=f"{page}-{index}-{block.section}") for index, (page, block) in enumerate(found)]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_its_language(page: str) -> None:
    text = text_of(page)
    assert {block.language for block in blocks(text)} <= LANGUAGES
    assert strange(text) == []


# Python


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that programs of the pages read: the first program, and the certificate of somebody else's authority."""
    (tmp_path / "__main__.py").write_text(blocks(text_of("how-to/program.md"))[0].text, encoding="utf-8")
    (tmp_path / "issuer.pem").write_text(PEM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("pod_patterns", "beside")
@pytest.mark.parametrize(("page", "block"), of("python"))
def test_the_python_block_runs_on_its_own(page: str, block: Block) -> None:
    names: dict[str, Any] = {"__name__": page}
    if "\ndef test_" not in block.text:
        run(lambda: exec(block.text, names))
        return
    exec(block.text, names)
    for name in [n for n in names if n.startswith("test_")]:
        names[name]()


# YAML


@pytest.mark.parametrize(("page", "block"), of("yaml"))
def test_the_yaml_block_is_read_by_what_reads_it(page: str, block: Block) -> None:
    for document in yaml.safe_load_all(block.text):
        if "config" in document:
            if (page, block.title) in REJECTED:
                with pytest.raises(ProblemsError):
                    built(document["config"])
            else:
                built(document["config"])
        elif "injections" in document:
            assert injections.parse(document, namespace="prod", keeps=True)[1] == []
        elif document.keys() & {"resources", "transformers"}:
            assert "kustomization.yaml" in block.text
        else:
            assert document["apiVersion"], block.text
            assert document["kind"], block.text


def built(config: Mapping[str, Any]) -> None:
    """The stack file, composed."""
    run(lambda: stack.build(stack_file.parse(stack_file.keys(config), "page")))


# shell


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The directory of the programs that pages call: pod-patterns is real, and notes its exit status."""
    directory = tmp_path / "bin"
    directory.mkdir()
    known = f'grep -q "^$word:" {PROJECT}/Makefile || {{ echo "no target $word" >&2; exit 1; }}'
    scripts = {
        **dict.fromkeys(STUBS, 'case "$*" in *"-f -"*) cat >/dev/null ;; esac'),
        "pod-patterns": f'PYTHONPATH={PROJECT} {sys.executable} -m components "$@"\nstatus=$?\necho $status >>"$STATUS"\nexit $status',
        "make": f"for word; do case $word in *=*) ;; *) {known} ;; esac; done",
        "python3": 'case "$1 $2" in "-m venv") mkdir -p "$3/bin" && : >"$3/bin/activate" ;; *) echo "not found: $*" >&2 ;; esac',
    }
    for name, script in scripts.items():
        (directory / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (directory / name).chmod(0o755)
    return directory


WITH_COMMANDS = [page for page in PAGES if page not in ELSEWHERE and any(b.language == "sh" for b in blocks(text_of(page)))]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_shell_blocks_of_the_page_run_one_after_the_other(page: str, programs: Path, tmp_path: Path) -> None:
    work, status = tmp_path / "work", tmp_path / "status"
    work.mkdir()
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path), "STATUS": str(status), "POD": "pod"}
    output = ""
    for block in blocks(text_of(page)):
        if block.language == "yaml" and block.title:
            (work / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            status.write_text("", encoding="utf-8")
            command = ["/bin/sh", "-uc", block.text]
            done = subprocess.run(command, cwd=work, env=environment, check=False, capture_output=True, text=True, timeout=120)
            output = done.stdout + done.stderr
            assert "not found" not in done.stderr, done.stderr
            assert "no target" not in done.stderr, done.stderr
            wrong = [line for line in status.read_text(encoding="utf-8").split() if line != "0"]
            assert wrong == (["2"] if "|| true" in block.text and "pod-patterns" in block.text else []), output
            # nothing but what the command says
            assert "__str__" not in done.stderr, done.stderr
        elif block.language == "text" and (page, block.section) not in NOT_COMPARED:
            assert block.text == output


@pytest.mark.parametrize(("page", "block"), of("text"))
def test_a_text_block_is_compared_or_says_why_not(page: str, block: Block) -> None:
    languages = [b.language for b in blocks(text_of(page)) if b.section == block.section]
    assert (page, block.section) in NOT_COMPARED or "sh" in languages


def test_what_is_listed_is_there() -> None:
    assert {(page, block.title) for page in PAGES for block in blocks(text_of(page))} >= REJECTED
    assert NOT_COMPARED.keys() <= {(page, block.section) for page in PAGES for block in blocks(text_of(page))}
    assert ELSEWHERE.keys() <= set(PAGES)
