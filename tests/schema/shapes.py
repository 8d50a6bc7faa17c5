"""What the parsers refuse by shape alone: without the rules between arguments, and those that no pattern can say."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any
from unittest.mock import patch

from components.core import checks, plug, pod_values, rules
from components.declared import injections, stack_file

# what the files refuse between their keys
_BETWEEN = re.compile(
    r"create_namespace: every cluster|client_certificates: there is no authority|demo_vault: |.*there is an? .* already; give this one|"
    r"authority: no pattern makes|.*: missing; certificates are made|injections\[\d+\]: (native sidecars|ip_families)"
)


def _of_fields(args: object, path: str = "") -> list[str]:
    return rules.of_values(type(args), {f.name: getattr(args, f.name) for f in fields(args)} if is_dataclass(args) else {}, path)


def _outline(check: checks.Outlined, what: str, value: Any) -> list[str]:
    return [] if re.fullmatch(check.pattern, value) else [f"{what} is not of that shape"]


@contextmanager
def _shapes() -> Iterator[None]:
    with (
        patch.object(rules, "problems", _of_fields),
        patch.object(checks.Outlined, "__call__", _outline),
        patch.object(checks, "_requests", lambda *_: []),
        # between the fields of an object in manifest form
        patch.object(pod_values, "BETWEEN", {}),
        # what the workload would tell a pattern
        patch.object(plug.PatternArgs, "completed", lambda args, _: args),
    ):
        yield


def of_stack_file(keys: Mapping[str, Any]) -> list[str]:
    """What is wrong with the shape of a stack file that has these keys."""
    with _shapes():
        try:
            stack_file.parse(keys, "")
        except stack_file.SettingsError as error:
            return [line for line in error.problems if not _BETWEEN.match(line)]
    return []


def of_injections(given: Any) -> list[str]:
    """What is wrong with the shape of a file of injections."""
    with _shapes():
        return [line for line in injections.parse(given)[1] if not _BETWEEN.match(line)]


def of_value(hint: Any, value: Any) -> list[str]:
    """What is wrong with the shape of a single value."""
    with _shapes():
        return rules.of_value(hint, "x", value)
