"""docs/images.md names every default image of the library, and no other."""

import re
from pathlib import Path

from components.core import checks

PROJECT = Path(__file__).resolve().parent.parent
_TEXT = re.compile(r'"([a-z0-9._/-]+:v?[0-9][\w.-]*)"')


def defaults() -> set[str]:
    """The texts in the sources that are images with a version."""
    found = {text for path in (PROJECT / "components").rglob("*.py") for text in _TEXT.findall(path.read_text(encoding="utf-8"))}
    # addresses of hosts and styles look like images
    other = r"[0-9.]+:[0-9]+|(font|stroke)-[a-z]+:.*"
    return {text for text in found if not checks.image("", text) and not re.fullmatch(other, text)}


def test_every_default_image_is_in_the_table_and_no_other() -> None:
    listed = re.findall(r"^\| `([^`]+:[^`]+)` \|", (PROJECT / "docs" / "images.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(defaults())


def test_every_row_says_arm64_and_where_that_is_said() -> None:
    rows = re.findall(r"^\| `[^`]+:[^`]+` \|.*", (PROJECT / "docs" / "images.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [row for row in rows if not re.search(r"\]\(https://github\.com/\S+\).*`(linux/)?arm64(v8)?` \|$", row)] == []
