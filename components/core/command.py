"""The command line of a container, word for word."""

import re
from collections.abc import Iterator
from typing import Any

from .patch import Wire

Place = tuple[str, int]
"""A word's field, command or args, and its index there."""

_SHELL = re.compile("(.*/)?(ba|da|a|k|z)?sh")


def words(container: Wire) -> Iterator[tuple[Place, Any, bool]]:
    """Every word: where it stands, and whether it is the script of a shell, as in `sh -e -c SCRIPT`."""
    shell = script = False
    for field in ("command", "args"):
        for index, word in enumerate(container.get(field) or ()):
            yield (field, index), word, script
            text = word if isinstance(word, str) else ""
            script = shell and not script and re.fullmatch("-[A-Za-z]*c", text) is not None
            shell = script or (shell and text.startswith("-")) or _SHELL.fullmatch(text) is not None


def ends_with_script(container: Wire) -> bool:
    """Whether the last word is the script of a shell: what is put behind it, the script does not see."""
    return any(is_script for _, _, is_script in list(words(container))[-1:])
