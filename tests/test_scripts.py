"""Every shell script of a pod is a file: whole, valid for the shells of images, and in the pod as it is. `make check` lints them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import need
from tests.support.rendered import NAMES, rendered

PROJECT = Path(__file__).parent.parent
FILES = sorted(path for room in ("components", "stacks") for path in (PROJECT / room).rglob("*.sh"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_what_it_does_and_is_valid_by_itself(path: Path) -> None:
    assert path.read_text().startswith("#!/bin/sh\n# ")
    for shell in ([need("dash")], [need("busybox"), "sh"]):
        subprocess.run([*shell, "-n", str(path)], check=True)


def scripts(value: Any) -> Iterator[str]:
    """Every text in a manifest that a shell is given, by its command or as a file, except for single lines."""
    if isinstance(value, dict):
        yield from (text for name, text in value.items() if name.endswith(".sh"))
        for inner in value.values():
            yield from scripts(inner)
    elif isinstance(value, list):
        if value[:2] == ["/bin/sh", "-c"] and "\n" in value[2]:
            yield value[2]
        for inner in value:
            yield from scripts(inner)


@pytest.mark.parametrize("name", NAMES)
def test_pods_run_the_files_as_they_are(name: str) -> None:
    texts = [path.read_text() for path in FILES]
    for script in scripts(rendered(name)):
        rest = script
        while rest:
            text = next(filter(rest.startswith, texts), "")
            assert text, f"not the text of a file: {rest}"
            rest = rest.removeprefix(text)


def test_the_examples_have_scripts() -> None:
    found = {path.name for path in FILES for name in NAMES if any(path.read_text() in script for script in scripts(rendered(name)))}
    assert found == {path.name for path in FILES}
