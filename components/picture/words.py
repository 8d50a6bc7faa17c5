"""What containers say of numbers and hosts: in their command lines, their environment, and the files that are mounted."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.patch import ConfigFiles, Wire

_LOCAL = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})(?!\d)")
LATER = "(known later)"
"""Stands for what is known only when it is deployed."""


def image(value: Any) -> str:
    """An image without its registry and path."""
    return value.rpartition("/")[2].partition("@")[0] if isinstance(value, str) else LATER


def _own(container: Wire) -> Iterator[str]:
    values = [v.get("value") for v in container.get("env") or ()]
    for text in (*(container.get("command") or ()), *(container.get("args") or ()), *values):
        if isinstance(text, str):
            yield text


def _files(container: Wire, configs: Sequence[ConfigFiles]) -> Iterator[str]:
    mounted = {mount["name"] for mount in container.get("volumeMounts") or ()}
    for config in configs:
        if config.name in mounted:
            yield from (content for content in config.files.values() if isinstance(content, str))


def local_numbers(container: Wire, configs: Sequence[ConfigFiles]) -> list[int]:
    """The numbers on 127.0.0.1 that it speaks of, in their order."""
    texts = (*_own(container), *_files(container, configs))
    return list(dict.fromkeys(int(number) for text in texts for number in _LOCAL.findall(text)))


def weight(container: Wire, word: str, configs: Sequence[ConfigFiles]) -> int:
    """How much speaks for it that a word is its own: 3 if it declares that port, 2 if its command line or environment has it, 1 if its
    files do."""
    if any(str(port.get("containerPort")) == word for port in container.get("ports") or ()):
        return 3
    expression = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)")
    if any(map(expression.search, _own(container))):
        return 2
    return int(any(map(expression.search, _files(container, configs))))
