"""What the kubelet makes of a container's environment and command line, as in k8s.io/kubernetes/third_party/forked/golang/expansion."""

from collections.abc import Mapping
from typing import Any


def expand(text: str, known: Mapping[str, str]) -> str:
    """The text with the values of the variables that are known; other references stay as they are."""
    found, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            found, at = found + text[at], at + 1
        elif text[at + 1] == "(" and ")" in text[at + 2 :]:
            end = text.index(")", at + 2)
            name = text[at + 2 : end]
            found, at = found + known.get(name, f"$({name})"), end + 1
        else:
            found, at = found + (text[at] if text[at + 1] == "$" else text[at : at + 2]), at + 2
    return found


def started(container: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The environment and the command line of the process; what is read from elsewhere is called by its source."""
    known: dict[str, str] = {}
    for variable in container.get("env") or ():
        text = variable.get("value")
        known[variable["name"]] = source(variable) if text is None else expand(text, known)
    return known, [expand(word, known) for field in ("command", "args") for word in container.get(field) or ()]


def source(variable: Mapping[str, Any]) -> str:
    """A source of a variable in one word."""
    ((kind, reference),) = variable["valueFrom"].items()
    return f"<{kind} {' '.join(map(str, reference.values()))}>"
