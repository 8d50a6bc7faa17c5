"""Writes docs/reference.md, the table of every public name, from the docstrings; `--check` fails if it is stale."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.schema.docstrings import documented

from .engine import PROJECT

REFERENCE = PROJECT / "docs" / "reference.md"
COMPONENTS = PROJECT / "components"

FACES = ("__init__.py", "testing.py", "offline/__init__.py")
"""The files whose imports are what users may import."""

_HEAD = """\
# Reference

Every public name: components with their arguments and outputs, functions, errors. Made from the docstrings by `make reference`.

In a stack file the names are the same, in YAML. `Input` means that an Output is welcome; everything else is plain, so that a mistake
is found before anything is created. `Label`, `PortNumber`, `Positive` and their kind are texts and whole numbers with a rule, which an
error states in words.
"""


def _public() -> dict[Path, set[str]]:
    """The file that defines them -> the public names; what users make first, then what lies deeper."""
    found: dict[Path, set[str]] = {}
    for face in (COMPONENTS / name for name in FACES):
        for node in ast.parse(face.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                module = face.parent.joinpath(*str(node.module).split(".")).with_suffix(".py")
                found.setdefault(module, set()).update(alias.name for alias in node.names)
    return dict(sorted(found.items(), key=lambda item: (len(item[0].parts), item[0])))


def _attributes(node: ast.ClassDef, known: Mapping[str, ast.ClassDef]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and docstring of every documented attribute, what it inherits included."""
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in known:
            yield from _attributes(known[base.id], known)
    for statement, text in documented(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            default = "" if statement.value is None else _default(statement.value)
            yield statement.target.id, ast.unparse(statement.annotation), default, text


def _default(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "sized":
        cpu, memory, limit = (str(argument.value) for argument in value.args if isinstance(argument, ast.Constant))
        return f"{cpu}, {memory} to {limit}"
    if isinstance(value, ast.Call):
        factory = next((k.value for k in value.keywords if k.arg == "default_factory"), None)
        return ast.unparse(factory.body) if isinstance(factory, ast.Lambda) else "{}"
    return ast.unparse(value)


def _cell(text: str) -> str:
    text = re.sub(r"^Annotated\[(.*), Elsewhere\]$", r"\1", text)
    return text.replace("|", "\\|").replace("pulumi.", "").replace("\n", " ")


def _table(node: ast.ClassDef, known: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    # an argument that is said again replaces the inherited one
    attributes = list({row[0]: row for row in _attributes(node, known)}.values())
    is_args = any(isinstance(decorator, ast.Call) for decorator in node.decorator_list)
    if attributes:
        yield "| argument | type | default | |\n| --- | --- | --- | --- |" if is_args else "| output | type | |\n| --- | --- | --- |"
        for name, kind, default, text in attributes:
            middle = f" {f'`{_cell(default)}`' if default else 'required'} |" if is_args else ""
            yield f"| `{name}` | `{_cell(kind)}` |{middle} {_cell(text)} |"
        yield ""


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def reference() -> str:
    """The whole page."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(COMPONENTS.rglob("*.py"))}
    known = {node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)}
    lines = [_HEAD]
    for path, names in _public().items():
        for statement, text in documented(trees[path].body):
            if _name(statement) not in names:
                continue
            lines.append(f"## {_name(statement)}\n")
            if isinstance(statement, ast.FunctionDef) and statement.returns:
                lines.append(f"`{_name(statement)}({ast.unparse(statement.args)}) -> {ast.unparse(statement.returns)}`\n")
            lines.append(f"{text}\n")
            if isinstance(statement, ast.ClassDef):
                lines += _table(statement, known)
            lines.append(f"<sub>{path.relative_to(PROJECT).as_posix()}</sub>\n")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Writes the page, or with --check compares it."""
    page = reference()
    if "--check" not in sys.argv[1:]:
        REFERENCE.parent.mkdir(exist_ok=True)
        REFERENCE.write_text(page, encoding="utf-8")
    elif not REFERENCE.is_file() or REFERENCE.read_text(encoding="utf-8") != page:
        sys.exit(f"{REFERENCE.relative_to(PROJECT)} is stale; run `make reference`")


if __name__ == "__main__":
    main()
