"""Lints the English of the project with Vale: documents, docstrings and messages. The rules are in prose/PodPatterns.

Vale reads no Python strings. So docstrings and messages are written to build/prose, each at the line where it stands.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .project import PROJECT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "examples")
CODE = ("components", "stacks", "tools")
EXTRACTED = PROJECT / "build" / "prose"

_BINARY = Path.home() / ".cache" / "pod-patterns" / "bin" / "vale"


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Docstrings, and what else has the shape of a message, each with its line."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "`x`" for part in node.values)


def is_prose(text: str) -> bool:
    """Whether it is English: words with spaces between them, and neither code nor a script."""
    return text.count(" ") > 2 and not re.search(r"^\s*(#!|\{%|[A-Z_]+=)|^\S+ \{$|;\n| = .*\n", text, re.MULTILINE)


def extracted(path: Path) -> str:
    """The docstrings and messages of a file, each at its line; what lies between them is empty."""
    lines = [""] * (path.read_text(encoding="utf-8").count("\n") + 1)
    for number, text in sentences(ast.parse(path.read_text(encoding="utf-8"))):
        if is_prose(text):
            for offset, line in enumerate(text.splitlines()):
                if number + offset <= len(lines):
                    lines[number + offset - 1] += f" {line.strip()}"
    return "\n".join(lines) + "\n"


def main() -> None:
    """Lints everything; exits with Vale's status."""
    vale = shutil.which("vale") or (str(_BINARY) if _BINARY.exists() else None)
    if vale is None:
        sys.exit("vale is missing; install it, e.g. with: go install github.com/vale-cli/vale/v3/cmd/vale@v3.21.0")
    shutil.rmtree(EXTRACTED, ignore_errors=True)
    for path in (path for folder in CODE for path in (PROJECT / folder).rglob("*.py")):
        copy = EXTRACTED / path.relative_to(PROJECT).with_suffix(".py.md")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(extracted(path), encoding="utf-8")
    sources = [*DOCUMENTS, str(EXTRACTED.relative_to(PROJECT))]
    done = subprocess.run([vale, "--output=line", *sources], cwd=PROJECT, check=False, capture_output=True, text=True)
    print(done.stdout.replace("build/prose/", "").replace(".py.md:", ".py:") + done.stderr, end="")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
