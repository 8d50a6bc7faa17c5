"""Placeholders such as `{host}` in the arguments and environment of a container. `{{host}}` stands for the text `{host}` itself."""

import re
from collections.abc import Collection, Mapping

_PLACEHOLDER = re.compile(r"\{\{(?P<text>\w+)\}\}|\{(?P<name>\w+)\}")


def names(template: str) -> set[str]:
    """The placeholders in the template."""
    return {found["name"] for found in _PLACEHOLDER.finditer(template) if found["name"]}


def problems(where: str, template: object, known: Collection[str]) -> list[str]:
    """What is wrong with the template."""
    if not isinstance(template, str):
        return [f"{where} must be plain text"]
    return [
        f"{where} has an unknown placeholder {{{name}}}; known: {', '.join(known)}; write {{{{{name}}}}} for the text itself"
        for name in sorted(names(template) - set(known))
    ]


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with the value of every placeholder. Raises KeyError for one that `problems` reports."""
    return _PLACEHOLDER.sub(lambda found: f"{{{found['text']}}}" if found["text"] else values[found["name"]], template)
