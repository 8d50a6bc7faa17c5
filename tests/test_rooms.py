"""Imports point one way, by a table: each room can be read, tested and used without those above it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
LIBRARY = PROJECT / "components"
FILES = sorted(path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py"))

# room -> rooms it may import, besides itself; a module at the top is a room of its own
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "certificates": {"core", "kubernetes_object"},
    "patterns/shared": {"core"},
    "patterns": {"core", "certificates", "kubernetes_object", "patterns/shared"},
    "carriers": {"core"},
    "presets": {"carriers", "core", "workload"},
    "injection": {"core", "kubernetes_object", "network"},
    "cli": {"core", "declared", "injection", "offline", "picture", "version", "workload"},
    "__main__": {"cli"},
    "network": {"core"},
    "picture": {"core"},
    "kubernetes_object": set(),
    "workload": {"carriers", "certificates", "core", "kubernetes_object", "network", "picture"},
    "declared": {"certificates", "core", "injection", "kubernetes_object", "network", "patterns", "presets", "workload"},
    "schema": {"certificates", "core", "declared", "workload"},
    "provider": {"certificates", "core", "declared", "injection", "schema", "workload"},
    "offline": {"core", "injection"},
    "testing": {"offline"},
    "version": set(),
}
ABOVE = {"stacks", "tools", "tests", "bench", "judges", "examples", "components", "pod_patterns"}
PROVIDERS = {"pulumi_kubernetes", "pulumi_tls"}


def room(path: Path) -> str:
    """The room that a file of the library is in; the names that the package exports are in none."""
    if len(path.parts) == 1:
        return path.stem
    return path.parent.as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def absolute(path: Path) -> set[str]:
    """Top-level packages that the module imports by their full name, inside functions too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


def imported(path: Path) -> Iterator[Path]:
    """Files of the library that a file of the library imports."""
    for node in ast.walk(tree(LIBRARY / path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1] / (node.module or "").replace(".", "/")
            inside = [base / f"{alias.name}{end}" for alias in node.names for end in (".py", "/__init__.py")]
            places = [base.with_suffix(".py") if node.module else base, *inside]
            found = [place for place in places if place.suffix and (LIBRARY / place).is_file()]
            yield from found or [base / "__init__.py"]


def names(path: Path) -> set[str]:
    """Every dotted name in the module, e.g. os.environ, and every name that it imports, e.g. pulumi.Config."""
    nodes = list(ast.walk(tree(path)))
    dotted = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute | ast.Name)}
    from_packages = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0)
    return dotted | {f"{node.module}.{alias.name}" for node in from_packages for alias in node.names}


def test_every_file_is_in_a_room() -> None:
    assert {room(path) for path in FILES} == {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_what_its_room_may_and_nothing_above_the_library(path: Path) -> None:
    rooms = {room(other) for other in imported(path)}
    if room(path) != "__init__":
        assert rooms <= ROOMS[room(path)] | {room(path)}
    assert not absolute(LIBRARY / path) & ABOVE
    if room(path) == "core":
        assert not absolute(LIBRARY / path) & PROVIDERS


@pytest.mark.parametrize("path", [path for path in FILES if room(path) == "patterns" and path.stem != "__init__"], ids=str)
def test_patterns_do_not_import_each_other(path: Path) -> None:
    assert "patterns" not in {room(other) for other in imported(path)}


def test_imports_between_files_of_the_library_form_no_circle() -> None:
    edges = {path: set(imported(path)) for path in FILES}
    while edges:
        free = [path for path, others in edges.items() if not others & set(edges)]
        assert free, f"these import each other: {', '.join(sorted(map(str, edges)))}"
        for path in free:
            del edges[path]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_library_reads_neither_configuration_nor_environment(path: Path) -> None:
    # NO_COLOR and TERM are how people tell every command; the other is handed to Pulumi's CLI, with the backend that it is to use
    exceptions = {
        "offline/run.py": {"pulumi.get_stack", "pulumi.get_project"},
        "cli/terminal.py": {"os.environ"},
        "cli/engine.py": {"os.environ"},
    }
    allowed = exceptions.get(path.as_posix(), set())
    forbidden = {"os.environ", "os.getenv", "pulumi.Config", "pulumi.get_stack", "pulumi.get_project", "pulumi.runtime.get_config"}
    assert not names(LIBRARY / path) & (forbidden - allowed)


def test_importing_the_library_loads_no_types_of_the_kubernetes_sdk() -> None:
    # more than half of the time that a command takes to start; an annotation that is not a text loads them
    code = (
        "import sys, components.cli.main; print([name for name in sys.modules if name.startswith('pulumi_kubernetes.') and '.v1' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


WRITTEN = sorted(path.relative_to(PROJECT) for part in ("components", "stacks", "tools") for path in (PROJECT / part).rglob("*.py"))


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_a_file_has_at_most_300_lines_and_a_function_60(path: Path) -> None:
    functions = (node for node in ast.walk(tree(PROJECT / path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    assert [f.name for f in functions if f.end_lineno is None or f.end_lineno - f.lineno >= 60] == []
    assert len((PROJECT / path).read_text(encoding="utf-8").splitlines()) <= 300


def test_only_the_settings_read_the_configuration() -> None:
    readers = set()
    for path in (p for part in ("components", "stacks", "tools", "examples", "bench") for p in (PROJECT / part).glob("**/*.py")):
        if {"pulumi.Config", "pulumi.runtime.config", "pulumi.runtime.get_config"} & names(path):
            readers.add(path.relative_to(PROJECT).as_posix())
    assert readers == {"stacks/settings.py"}
