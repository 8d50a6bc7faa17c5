"""The prose linter finds what it looks for, in documents and in code, at its line."""

import subprocess
from pathlib import Path

import pytest

from tests.support.documents import PROJECT
from tests.support.programs import need
from tools.prose import extracted, is_prose

CODE = '''\
"""A module about something."""

NAME = "x"
"""The name, for ever the same."""


def refuse(what: str) -> None:
    raise ValueError(f"{what} is no name that anybody knows")
'''


def test_docstrings_and_messages_stand_at_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(CODE, encoding="utf-8")
    lines = extracted(path).splitlines()
    assert {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()} == {
        1: "A module about something.",
        4: "The name, for ever the same.",
        8: "`x` is no name that anybody knows",
    }


@pytest.mark.parametrize("text", ["nginx:1.28-alpine", "#!/bin/sh\necho one two three four", "foo = bar baz\nqux quux = x y z\n"])
def test_what_is_no_english_is_left_out(text: str) -> None:
    assert not is_prose(text)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The volume is no configMap.", "is no configMap"),
        ("It waits for ever.", "forever"),
        ("Such a port is refused.", "rejected"),
        ("It is very simple.", "very"),
        ("There is no other way, and it is no longer open.", ""),
        ("Connections get connection refused.", ""),
    ],
)
def test_a_sentence_is_found(sentence: str, found: str, tmp_path: Path) -> None:
    vale = need("vale")
    (tmp_path / "page.md").write_text(f"{sentence}\n", encoding="utf-8")
    command = [vale, f"--config={PROJECT / '.vale.ini'}", "--output=line", str(tmp_path / "page.md")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (found in done.stdout) if found else done.stdout == ""
    assert done.returncode == (1 if found else 0), done.stdout + done.stderr
