"""The fenced blocks of Markdown documents."""

import dataclasses
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
DOCS = PROJECT / "docs"

_BLOCK = re.compile(
    r"^(?:#+ (?P<section>.*)|```(?P<language>\w*)(?: title=\"(?P<title>[^\"]*)\")?\n(?P<text>(?:.*\n)*?)```)$", re.MULTILINE
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, and the heading above it."""

    section: str
    language: str
    text: str
    title: str = ""
    """The name of the file that it is."""


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a Markdown document."""
    found, section = [], ""
    for match in _BLOCK.finditer(document):
        if match["text"] is None:
            section = match["section"]
        else:
            found.append(Block(section, match["language"], match["text"], match["title"] or ""))
    return found


def outside(document: str) -> str:
    """The document without its fenced blocks."""
    return _BLOCK.sub(lambda match: match[0] if match["text"] is None else "", document)


def strange(document: str) -> list[str]:
    """Lines that are blocks of another kind: indented, or fenced otherwise."""
    return re.findall(r"^(?: {4}|\t|\s*```|\s*~~~).*", outside(document), re.MULTILINE)
