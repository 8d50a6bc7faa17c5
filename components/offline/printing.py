"""Manifests as YAML text."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

# what is text here but not to the YAML reader of kubectl, beyond what PyYAML knows: 1e3, 0o7, y, n
_AMBIGUOUS = re.compile(r"[-+.]?[0-9].*|[yYnN]")


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Readable, and read by kubectl as it is meant."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text_node(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else '"' if _AMBIGUOUS.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def stream(manifests: Iterable[Any]) -> str:
    """Manifests as documents of one stream, such as kubectl and Helm read."""
    return "".join(f"---\n{printed(manifest)}" for manifest in manifests)


def printed(value: Any) -> str:
    """A manifest, or a part of one, with its keys in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, width=2**31 - 1, allow_unicode=True, default_flow_style=False, sort_keys=False)
    return text
