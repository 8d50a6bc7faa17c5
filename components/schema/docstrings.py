"""The docstrings of fields, which Python itself does not keep."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise


def documented(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Every statement with the docstring that it has: in it, or after it."""
    for statement, after in pairwise([*body, ast.Pass()]):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            yield statement, ast.get_docstring(statement) or ""
        elif isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            yield statement, " ".join(after.value.value.split())


def of_fields(cls: type) -> Mapping[str, str]:
    """The docstrings of a class's fields, the inherited ones too, by name."""
    return {name: text for base in reversed(cls.__mro__) for name, text in _own(base).items()}


def of_class(cls: type) -> str:
    """The docstring of a class, a paragraph a line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(cls) or "").split("\n\n"))


def of_kind(cls: type) -> str:
    """What a class of arguments stands for: the docstring of the class without Args, if there is one beside it, else its own."""
    meant = vars(sys.modules[cls.__module__]).get(cls.__name__.removesuffix("Args"))
    paragraphs = of_class(meant if isinstance(meant, type) else cls).split("\n\n")
    # exceptions are Python's
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.startswith("Raises "))


def brief(cls: type) -> str:
    """The same in a paragraph."""
    return of_kind(cls).partition("\n\n")[0]


def owner(cls: type, name: str) -> type:
    """The class that says a field, if it is inherited the one that said it last."""
    return next(base for base in cls.__mro__ if name in inspect.get_annotations(base))


@cache
def _own(cls: type) -> Mapping[str, str]:
    # of Python's own, and of others' bases, nobody asks for the fields
    statements = _classes(cls.__module__).get(cls.__qualname__, []) if cls.__module__.startswith(__package__.partition(".")[0]) else []
    return {
        statement.target.id: text
        for statement, text in documented(statements)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


@cache
def _classes(module: str) -> Mapping[str, list[ast.stmt]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
