"""Writes docs/reference.md, the table of every public name, from the docstrings; `--check` fails if it is stale."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.schema.docstrings import documented

from .generated import keep
from .project import PROJECT

REFERENCE = PROJECT / "docs" / "reference.md"
COMPONENTS = PROJECT / "components"

FACES = ("__init__.py", "testing.py", "offline/__init__.py")
"""The files whose imports are what users may import."""

_HEAD = """\
# Reference

Every public name: components with their arguments and outputs, functions, errors. Made from the docstrings by `make reference`.

In a stack file the names are the same, in YAML. `Input[...]` arguments also accept Outputs; everything else is plain, so that a mistake
is found before anything is created. `Label`, `PortNumber`, `Positive` and similar types are texts and whole numbers with a rule, which the
error states in words.
"""

_ROOMS = {
    "Workloads": ("workload", "carriers"),
    "Apps and pods": ("core",),
    "Patterns": ("patterns",),
    "Presets": ("presets",),
    "Certificates": ("certificates",),
    "Workloads that you don't own": ("injection",),
    "Network policies": ("network",),
    "Tests and offline rendering": ("offline",),
    "More": (),
}
"""The page's sections, and which files and folders of components/ each describes; the last one has those of the others."""

_CALLED = ("BoundPort", "CertificateAuthority", "Injection", "Pod", "PodView", "Recording", "Registration")
"""Classes whose methods users call; those of the others are for the fold."""


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
    """Name, type, default and docstring of every documented attribute of an instance, what it inherits included."""
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in known:
            yield from _attributes(known[base.id], known)
    for statement, text in documented(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            kind = ast.unparse(statement.annotation)
            # nobody gives it
            if not kind.startswith("ClassVar"):
                yield statement.target.id, kind, "" if statement.value is None else _default(statement.value), text


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


def _methods(node: ast.ClassDef) -> Iterator[str]:
    """The methods and properties of a class that users call."""
    methods = [m for m in node.body if isinstance(m, ast.FunctionDef) and not m.name.startswith("_")]
    documented = [(m, ast.get_docstring(m)) for m in methods if ast.get_docstring(m)]
    if documented and node.name in _CALLED:
        yield "| method | |\n| --- | --- |"
        for method, text in documented:
            is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in method.decorator_list)
            called = method.name if is_property else f"{method.name}({_arguments(method)})"
            yield f"| `{_cell(called)}` | {_cell(' '.join((text or '').split()))} |"
        yield ""


def _arguments(method: ast.FunctionDef) -> str:
    """Its arguments, without self."""
    return re.sub(r"^self(, /)?(, )?", "", ast.unparse(method.args))


def _entry(path: Path, statement: ast.stmt, text: str, known: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    """What the page says about one name."""
    yield f"### {_name(statement)}\n"
    if isinstance(statement, ast.FunctionDef) and statement.returns:
        yield f"`{_name(statement)}({ast.unparse(statement.args)}) -> {ast.unparse(statement.returns)}`\n"
    yield f"{text}\n"
    if isinstance(statement, ast.ClassDef):
        yield from _table(statement, known)
        yield from _methods(statement)
    yield f"<sub>{path.relative_to(PROJECT).as_posix()}</sub>\n"


class Sources:
    """The library's code, parsed."""

    def __init__(self) -> None:
        self.trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(COMPONENTS.rglob("*.py"))}
        self.known = {node.name: node for tree in self.trees.values() for node in tree.body if isinstance(node, ast.ClassDef)}

    def arguments(self, name: str) -> str:
        """The table of a class: its arguments, or its outputs. Raises KeyError for an unknown class."""
        return "\n".join(_table(self.known[name], self.known))

    def text(self, name: str) -> str:
        """The docstring of a class. Raises KeyError for an unknown class."""
        return ast.get_docstring(self.known[name]) or ""


def reference() -> str:
    """The whole page."""
    sources = Sources()
    sections: dict[str, list[str]] = {section: [] for section in _ROOMS}
    rooms = {part: section for section, parts in _ROOMS.items() for part in parts}
    order = [*rooms, ""]

    def part(path: Path) -> str:
        first = path.relative_to(COMPONENTS).parts[0]
        return first if first in rooms else ""

    for path, names in sorted(_public().items(), key=lambda item: order.index(part(item[0]))):
        section = rooms.get(part(path), "More")
        for statement, text in documented(sources.trees[path].body):
            if _name(statement) in names:
                sections[section] += _entry(path, statement, text, sources.known)
    lines = [line for section, entries in sections.items() if entries for line in (f"## {section}\n", *entries)]
    return "\n".join([_HEAD, *lines]).rstrip() + "\n"


def main() -> None:
    """Writes the page, or with --check compares it."""
    keep(REFERENCE, reference(), command="make reference")


if __name__ == "__main__":
    main()
