"""What a rendering changes, as a unified diff."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from ..offline.order import ordered
from ..offline.printing import printed

_COLOURS = {"-": "31", "+": "32", "@": "36"}
_HIDDEN = "(not shown)"
_OTHER = "(not shown; changed)"


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, colours: bool = False) -> str:
    """The difference between an object as it was, None if it was not there, and as it is, None if it is gone; of Secrets, no values.

    Empty if there is none.
    """
    old, new = _public(before or {}, {}), _public(after or {}, before or {})
    texts = [printed(manifest).splitlines() if manifest else [] for manifest in (old, new)]
    names = [f"{side}/{_name(manifest)}" if manifest else "/dev/null" for side, manifest in (("a", before), ("b", after))]
    lines = difflib.unified_diff(texts[0], texts[1], names[0], names[1], lineterm="")
    return "".join(f"{line}\n" for line in (_coloured(lines) if colours else lines))


def bold(line: str, colours: bool) -> str:
    """The line, as a heading if there are colours."""
    return f"\033[1m{line}\033[0m" if colours else line


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata") or {}
    return "/".join(str(part) for part in (metadata.get("namespace"), manifest.get("kind"), metadata.get("name")) if part)


def _public(manifest: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest, of a Secret without values; those are marked that were there before, and are others now."""
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = {
        field: {
            key: _OTHER if key in (before.get(field) or {}) and before[field][key] != value else _HIDDEN
            for key, value in manifest[field].items()
        }
        for field in ("data", "stringData")
        if manifest.get(field)
    }
    return dict(ordered({**manifest, **hidden}))


def _coloured(lines: Iterator[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        colour = "1" if index < 2 else _COLOURS.get(line[:1])
        yield f"\033[{colour}m{line}\033[0m" if colour else line
