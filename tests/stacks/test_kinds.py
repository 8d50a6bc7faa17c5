"""Kinds of patterns in a stack file: this package's, those of installed packages, and any at an import path."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

import components
from components.core.patch import PodPatch
from components.core.plug import PatternArgs
from components.core.view import PodView
from components.declared import kinds, stack, stack_file
from components.testing import run

WEB = {"name": "web", "image": "web:1"}


@dataclass(frozen=True, kw_only=True)
class NoteArgs(PatternArgs):
    """A pattern of one's own."""

    text: str
    """What it notes."""

    def problems(self) -> list[str]:
        return [] if self.text else ["text is empty"]

    def patch(self, _pod: PodView) -> PodPatch:
        return PodPatch(annotations=(("example.com/note", self.text),))


@dataclass(frozen=True)
class Bare:
    """Data that adds nothing."""


@pytest.fixture(autouse=True)
def my_package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_package")
    vars(module).update(NoteArgs=NoteArgs, Bare=Bare, text="text")
    monkeypatch.setitem(sys.modules, "my_package", module)


def test_every_pattern_of_the_package_is_a_kind() -> None:
    exported = {name for name, value in vars(components).items() if isinstance(value, type) and issubclass(value, PatternArgs)}
    # the others are what some of them have in common
    patterns = {name for name in exported if hasattr(components, name.removesuffix("Args"))}
    assert {f"{kind}Args" for kind in kinds.shipped()} == patterns - {"PatternArgs"}
    assert len(kinds.shipped()) == 15


@pytest.mark.parametrize("kind", ["my_package.Note", "my_package.NoteArgs"])
def test_a_pattern_of_one_s_own_works_from_a_stack_file_by_its_import_path(kind: str) -> None:
    found = stack_file.parse({"app": WEB, "patterns": [{"kind": kind, "text": "hello"}]}, "x")
    pod = run(lambda: stack.build(found)).one("Deployment").inputs["spec"]["template"]
    assert pod["metadata"]["annotations"]["example.com/note"] == "hello"


def test_an_installed_package_may_give_it_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("Note", "my_package:NoteArgs", kinds.GROUP)
    monkeypatch.setattr(kinds, "entry_points", lambda *, group: [point] if group == kinds.GROUP else [])
    assert stack_file.parse({"app": WEB, "patterns": [{"kind": "Note", "text": "x"}]}, "x").patterns == (NoteArgs(text="x"),)


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ({"kind": "my_package.Note", "txt": "x"}, "patterns[0].txt: unknown key, did you mean 'text'? known: kind, name, text"),
        ({"kind": "my_package.Note", "text": ""}, "patterns[0]: text is empty"),
        (
            {"kind": "no_such_package.Note"},
            "patterns[0].kind: 'no_such_package.Note' cannot be imported: No module named 'no_such_package'",
        ),
        (
            {"kind": "my_package.Nothing"},
            "patterns[0].kind: 'my_package.Nothing' is not a dataclass of arguments; my_package needs a dataclass NothingArgs",
        ),
        (
            {"kind": "my_package.text"},
            "patterns[0].kind: 'my_package.text' is not a dataclass of arguments; my_package needs a dataclass textArgs",
        ),
        ({"kind": "my_package.Bare"}, "patterns[0].kind: 'my_package.Bare' has neither patch(pod) nor wrap(pod)"),
    ],
)
def test_what_cannot_be_a_kind_is_refused_with_its_place(item: dict[str, Any], line: str) -> None:
    with pytest.raises(stack_file.SettingsError) as error:
        stack_file.parse({"app": WEB, "patterns": [item]}, "x")
    assert line in error.value.problems
