"""What a rendering changes, as a unified diff."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from ..offline.order import ordered
from ..offline.printing import printed

_COLOURS = {"-": "31", "+": "32", "@": "36"}
_HIDDEN = "(not shown)"


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, colours: bool = False) -> str:
    """The difference between an object as it was, None if it was not there, and as it is; of Secrets, no values. Empty if there is none."""
    name = _name(after)
    old, new = ("" if m is None else printed(_public(m)) for m in (before, after))
    came_from = "/dev/null" if before is None else f"a/{name}"
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), came_from, f"b/{name}", lineterm="")
    return "".join(f"{line}\n" for line in (_coloured(lines) if colours else lines))


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata") or {}
    return "/".join(str(part) for part in (metadata.get("namespace"), manifest.get("kind"), metadata.get("name")) if part)


def _public(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    if manifest.get("kind") != "Secret":
        return manifest
    return dict(
        ordered({**manifest, **{field: dict.fromkeys(manifest[field], _HIDDEN) for field in ("data", "stringData") if manifest.get(field)}})
    )


def _coloured(lines: Iterator[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        colour = "1" if index < 2 else _COLOURS.get(line[:1])
        yield f"\033[{colour}m{line}\033[0m" if colour else line
