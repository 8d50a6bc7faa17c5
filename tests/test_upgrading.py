"""docs/upgrading.md: what it calls old is gone, and what it calls new is there. That resources stay is in test_patterns_as_arguments."""

import dataclasses
import re
from pathlib import Path

import pytest

import components

GUIDE = (Path(__file__).resolve().parent.parent / "docs" / "upgrading.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", GUIDE.partition("Names that mean something else")[0], re.MULTILINE)


def exists(name: str) -> bool:
    """Whether a public name, or a field of one, is there."""
    owner, _, field = name.partition(".")
    cls = getattr(components, owner, None)
    if not field:
        return cls is not None
    assert cls is not None, f"{owner} is not there at all"
    return field in {f.name for f in dataclasses.fields(cls)}


@pytest.mark.parametrize(("old", "new"), ROWS, ids=[old for old, _ in ROWS])
def test_the_old_name_is_gone_and_the_new_one_is_there(old: str, new: str) -> None:
    assert not exists(old)
    found = re.fullmatch(r"`([\w.]+)`", new)
    assert exists(found[1]) if found else new.startswith("gone: ")


def test_every_renamed_argument_is_a_row() -> None:
    assert len(ROWS) > 30
