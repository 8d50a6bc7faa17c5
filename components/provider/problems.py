"""Problems as Pulumi shows them to programs of every language."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf.any_pb2 import Any as Packed  # type: ignore[import-untyped]
from grpc import StatusCode  # type: ignore[import-untyped]
from pulumi.runtime.proto import errors_pb2, status_pb2

from ..core.errors import ProblemsError
from .inputs import holds_given
from .spelling import spelled

# a name, and then names, numbers and quoted keys
_PATH = re.compile(r"""(?P<path>[a-z]\w*(?:\.\w+|\[\d+\]|\['[^']*'\])*):? (?P<reason>.+)""")
_STEP = re.compile(r"\w+|\['(?P<key>[^']*)'\]")


class Refusal(NamedTuple):
    """An error that a call ends with."""

    code: StatusCode
    message: str
    details: bytes
    """For the trailing metadata `grpc-status-details-bin`; empty without any."""


def refusal(error: ProblemsError, inputs: Mapping[str, Any], known: Collection[str]) -> Refusal:
    """Every problem once: those of a single argument at its path, beside which Pulumi prints the value, the others in the text.

    known: the arguments of the component.
    """
    names = {*inputs, *known}
    at: list[tuple[str, str]] = []
    text: list[str] = []
    for line in map(spelled, error.problems):
        found = _PATH.fullmatch(line)
        if found and re.split(r"[.\[]", found["path"])[0] in names and _can_be_shown(found["path"], inputs):
            at.append((found["path"].replace("'", '"'), found["reason"]))
        else:
            text.append(line)
    count = len(error.problems)
    head = f"{error.where}: {count} {error.noun}{'' if count == 1 else 's'}"
    return invalid("".join([head, *(f"\n  - {line}" for line in text)]), at)


def invalid(message: str, at: Iterable[tuple[str, str]]) -> Refusal:
    """An invalid argument. at: property paths, and what is wrong there."""
    errors = [errors_pb2.InputPropertiesError.PropertyError(property_path=path, reason=reason) for path, reason in at]
    packed = Packed()
    packed.Pack(errors_pb2.InputPropertiesError(errors=errors))
    code = StatusCode.INVALID_ARGUMENT
    status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
    return Refusal(code, message, status.SerializeToString() if errors else b"")


def _can_be_shown(path: str, inputs: Mapping[str, Any]) -> bool:
    """Whether that is the path of an argument whose value is short, and no secret."""
    value: Any = inputs
    for step in (found["key"] or found[0] for found in _STEP.finditer(path)):
        if value is None:
            return True
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return not isinstance(value, Mapping | list) and not holds_given(value)
