"""Writes docs/reference.md, the table of every component and argument, from the docstrings; `--check` fails if it is stale."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from .engine import PROJECT

REFERENCE = PROJECT / "docs" / "reference.md"

# in the order a newcomer meets them
MODULES = (
    "workload",
    "core/app",
    "core/rollout",
    "patterns/tls_ambassador",
    "patterns/metrics_adapter",
    "patterns/log_tail_sidecar",
    "patterns/sysctl_init",
    "patterns/vault_init",
    "patterns/shared/vault",
    "certificates",
    "patterns/jwt_ambassador",
    "patterns/egress_tls_tunnel",
    "patterns/config_reload_sidecar",
    "patterns/vault_agent_sidecar",
    "patterns/redis_cache_sidecar",
    "patterns/log_shipper_sidecar",
    "patterns/traffic_redirect_init",
    "patterns/migration_init",
    "patterns/fetch_init",
    "patterns/wait_for_init",
    "core/patch",
    "core/view",
    "core/plug",
    "core/pod",
)

COMPONENTS = PROJECT / "components"

_HEAD = """\
# Reference

Every component, its arguments and outputs. Made from the docstrings by `make reference`.

In a stack file the names are the same, in YAML. `Input` means that an Output is welcome; everything else is plain, so that a mistake
is found before anything is created.
"""


def _attributes(node: ast.ClassDef, known: Mapping[str, ast.ClassDef]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and docstring of every documented attribute, what it inherits included."""
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in known:
            yield from _attributes(known[base.id], known)
    for statement, after in zip(node.body, node.body[1:], strict=False):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)):
            continue
        default = "" if statement.value is None else _default(statement.value)
        yield statement.target.id, ast.unparse(statement.annotation), default, " ".join(after.value.value.split())


def _default(value: ast.expr) -> str:
    if isinstance(value, ast.Call):
        factory = next((k.value for k in value.keywords if k.arg == "default_factory"), None)
        return ast.unparse(factory.body) if isinstance(factory, ast.Lambda) else "{}"
    return ast.unparse(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("pulumi.", "").replace("\n", " ")


def _section(node: ast.ClassDef, module: str, known: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    yield f"## {node.name}\n"
    yield f"{ast.get_docstring(node) or ''}\n"
    # an argument that is said again replaces the inherited one
    attributes = list({row[0]: row for row in _attributes(node, known)}.values())
    if not attributes:
        return
    is_args = any(isinstance(d, ast.Call) for d in node.decorator_list)
    if is_args:
        yield "| argument | type | default | |\n| --- | --- | --- | --- |"
        for name, kind, default, text in attributes:
            yield f"| `{name}` | `{_cell(kind)}` | {f'`{_cell(default)}`' if default else 'required'} | {_cell(text)} |"
    else:
        yield "| output | type | |\n| --- | --- | --- |"
        for name, kind, _, text in attributes:
            yield f"| `{name}` | `{_cell(kind)}` | {_cell(text)} |"
    yield f"\n<sub>components/{module}.py</sub>\n"


def _classes(path: Path) -> list[ast.ClassDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.ClassDef) and ast.get_docstring(node)]


def reference() -> str:
    """The whole page."""
    known = {node.name: node for path in COMPONENTS.rglob("*.py") for node in _classes(path)}
    lines = [_HEAD]
    for module in MODULES:
        for node in _classes(COMPONENTS / f"{module}.py"):
            if not node.name.startswith("_"):
                lines += _section(node, module, known)
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
