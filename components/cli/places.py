"""Where a key stands in a YAML file: problems that begin with its path get the file's name and the line."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from ..core.errors import ProblemsError
from .loading import Loader

_INDEX = re.compile(r"\[(\d+)\]")


class Places:
    """The lines of a file, by the paths that messages begin with."""

    def __init__(self, name: str, text: str, prefix: str = "") -> None:
        """name: of the file, for messages. prefix: what each key of a stack file begins with; without it, paths start at the top."""
        self._name = name
        try:
            self._root = yaml.compose(text, Loader=Loader)
        except yaml.YAMLError:
            self._root = None
        self._prefix = prefix
        if prefix:
            self._root = next((value for key, value in _pairs(self._root) if key.value == "config"), None)

    def of(self, problems: Iterable[str]) -> list[str]:
        """The problems, each with its place in front of it as far as there is one."""
        return [f"{self._name}:{line}: {problem}" if (line := self._line(problem)) else problem for problem in problems]

    @contextmanager
    def located(self) -> Iterator[None]:
        """Problems that are raised inside get their places."""
        try:
            yield
        except ProblemsError as error:
            raise type(error)(error.where, self.of(error.problems)) from None

    def _line(self, problem: str) -> int | None:
        return _below(self._root, problem, self._prefix) or self._pattern(problem)

    def _pattern(self, problem: str) -> int | None:
        """The line of the pattern that is named first, by its kind and its name if it has one."""
        found: list[tuple[int, int, int]] = []
        listed = next((value for key, value in _pairs(self._root) if key.value == f"{self._prefix}patterns"), None)
        for item in listed.value if isinstance(listed, yaml.SequenceNode) else ():
            fields = {key.value: value.value for key, value in _pairs(item)}
            kind, name = str(fields.get("kind", "")).rpartition(".")[2], fields.get("name")
            named = re.search(rf"\b{re.escape(kind)} {name!r}" if name else rf"\b{re.escape(kind)}\b(?! ')", problem) if kind else None
            loose = named or (re.search(rf"\b{re.escape(kind)}\b", problem) if kind else None)
            if loose:
                found.append((0 if named else 1, loose.start(), item.start_mark.line + 1))
        return min(found)[2] if found else None


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)] if isinstance(node, yaml.MappingNode) else []


def _below(node: Any, path: str, prefix: str = "") -> int | None:
    """The line of what the text's beginning leads to, as far as the file has it; None if it leads nowhere."""
    if isinstance(node, yaml.SequenceNode):
        match = _INDEX.match(path)
        if match is None or int(match[1]) >= len(node.value):
            return None
        item = node.value[int(match[1])]
        return _below(item, path[match.end() :].removeprefix(".")) or item.start_mark.line + 1
    best = None
    for key, value in _pairs(node):
        name = key.value.removeprefix(prefix)
        # keys of labels hold dots, so the longest that fits is meant
        fits = path.startswith(name) and not re.match(r"[\w-]", path[len(name) :])
        if fits and (best is None or len(name) > len(best[0])):
            best = (name, key, value)
    if best is None:
        return None
    name, key, value = best
    return _below(value, path[len(name) :].removeprefix(".")) or key.start_mark.line + 1
