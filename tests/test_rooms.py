"""Imports point one way, so that each room can be read, tested and used without those above it."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
COMPONENTS = {path.stem: path for path in (PROJECT / "components").glob("*.py")}
CORE = ("checks", "app", "patch", "claims", "container", "pod", "secrecy", "pod_security", "summary", "placeholders")
ABOVE = ("stacks", "tools", "tests", "bench", "examples", "components", "pod_patterns")


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


def siblings(path: Path) -> set[str]:
    """Modules of its own package that the module imports relatively."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {str(node.module).partition(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def names(path: Path) -> set[str]:
    """Every dotted name in the module, e.g. os.environ."""
    return {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute | ast.Name)}


def imported(path: Path) -> set[str]:
    """Every name that the module imports from a package, e.g. pulumi.Config."""
    nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.level == 0)
    return {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


def is_pattern(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name in ("patch", "wrap") for node in ast.walk(tree(path)))


PATTERNS = sorted(name for name, path in COMPONENTS.items() if is_pattern(path))


def test_the_patterns_are_found() -> None:
    assert {"tls_ambassador", "metrics_adapter", "log_tail_sidecar", "sysctl_init", "vault_init"} <= set(PATTERNS)
    assert not set(PATTERNS) & {*CORE, "workload"}


@pytest.mark.parametrize("module", COMPONENTS)
def test_the_library_imports_itself_relatively_and_nothing_above_it(module: str) -> None:
    assert not absolute(COMPONENTS[module]) & set(ABOVE)
    assert all(node.level < 2 for node in ast.walk(tree(COMPONENTS[module])) if isinstance(node, ast.ImportFrom))


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_no_pattern_no_workload_and_no_provider(module: str) -> None:
    assert siblings(COMPONENTS[module]) <= set(CORE)
    assert not absolute(COMPONENTS[module]) & {"pulumi_kubernetes", "pulumi_tls"}


@pytest.mark.parametrize("module", PATTERNS)
def test_patterns_know_neither_each_other_nor_the_workload(module: str) -> None:
    assert not siblings(COMPONENTS[module]) & {*PATTERNS, "workload", "pod", "apps"}


def test_the_workload_knows_no_pattern() -> None:
    assert not siblings(COMPONENTS["workload"]) & set(PATTERNS)


def test_imports_between_modules_of_the_library_form_no_circle() -> None:
    edges = {module: siblings(path) & set(COMPONENTS) for module, path in COMPONENTS.items()}
    while edges:
        free = [module for module, others in edges.items() if not others & set(edges)]
        assert free, f"these import each other: {', '.join(sorted(edges))}"
        for module in free:
            del edges[module]


@pytest.mark.parametrize("module", COMPONENTS)
def test_the_library_reads_neither_configuration_nor_environment(module: str) -> None:
    path = COMPONENTS[module]
    used = names(path) | imported(path)
    for forbidden in ("os.environ", "os.getenv", "pulumi.Config", "pulumi.get_stack", "pulumi.get_project", "pulumi.runtime.get_config"):
        # what runs programs without an engine gives them a stack, and may ask for it
        if module != "testing" or forbidden not in ("pulumi.get_stack", "pulumi.get_project"):
            assert forbidden not in used


def test_only_the_settings_read_the_configuration() -> None:
    readers = set()
    for path in (p for room in ("components", "stacks", "tools", "examples", "bench") for p in (PROJECT / room).glob("**/*.py")):
        used = names(path) | imported(path)
        if {"pulumi.Config", "pulumi.runtime.config", "pulumi.runtime.get_config"} & used:
            readers.add(path.relative_to(PROJECT).as_posix())
    assert readers == {"stacks/settings.py"}
