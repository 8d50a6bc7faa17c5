"""YAML, read as kubectl reads it."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

_INT = r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """No dates, no sixties (1:30), numbers with exponents; notes keys that a mapping has twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("bool", "null", "merge")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[str, int]] = []
        """Key and line, counted from 0."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping; of a key that is there twice, the last."""
        pairs = list(node.value) if isinstance(node, yaml.MappingNode) else []
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in seen:
                        self.duplicates.append((key.value, key.start_mark.line))
                    seen.add(key.value)
        return mapping

    def construct_number(self, node: Any) -> int:
        """A whole number, octal with 0o too."""
        return int(super().construct_yaml_int(yaml.ScalarNode(node.tag, re.sub("^([-+]?0)o", r"\1", node.value))))


Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(f"^({_INT})$"), list("-+0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^({_FLOAT})$"), list("-+.0123456789"))
Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_number)


def loaded(text: str) -> tuple[Any, list[tuple[str, int]]]:
    """The only document in the text, None if it is empty; and the keys that a mapping has twice, each with its line, counted from 0.

    Raises yaml.YAMLError.
    """
    loader = Loader(text)
    try:
        return loader.get_single_data(), loader.duplicates
    finally:
        loader.dispose()
