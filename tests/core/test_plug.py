"""What is plugged into a pod is checked when it is plugged in: one clear line each, and no traceback of ours."""

from typing import Any

import pytest

from components.core.app import Port
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.view import PodView
from components.patterns.log_tail_sidecar import LogTailSidecar
from tests.support.pods import web


def patching(function: Any) -> Any:
    """A pattern whose `patch` is that function."""
    return type("Odd", (), {"patch": function})()


WRONG: dict[str, tuple[Any, str]] = {
    "a class": ([LogTailSidecar], "patterns[0] is the class LogTailSidecar; write LogTailSidecar(...)"),
    "None": ([None], "patterns[0] is not a pattern: None has neither patch(pod) nor wrap(pod)"),
    "a number": ([3], "patterns[0] is not a pattern: a int has neither patch(pod) nor wrap(pod)"),
    "a dict": ([{"kind": "TlsAmbassador"}], "patterns[0] is not a pattern: a dict has neither patch(pod) nor wrap(pod)"),
    "a text in place of a list": ("tls", "patterns must be a list of patterns, but is a str"),
    "a pattern in place of a list": (patching(lambda _self, _pod: PodPatch()), "patterns must be a list of patterns, but is a Odd"),
    "a patch without the pod": ([patching(lambda _self: PodPatch())], "patterns[0]: patch(pod) of Odd must take the pod, and nothing else"),
    "a patch with more": (
        [patching(lambda _self, _pod, _more: PodPatch())],
        "patterns[0]: patch(pod) of Odd must take the pod, and nothing else",
    ),
    "a patch that is not a method": ([patching(PodPatch())], "patterns[0] is not a pattern: a Odd has neither patch(pod) nor wrap(pod)"),
    "a patch that returns nothing": ([patching(lambda _self, _pod: None)], "Odd: patch(pod) must return a PodPatch, but returned None"),
    "a patch that returns a dict": ([patching(lambda _self, _pod: {})], "Odd: patch(pod) must return a PodPatch, but returned a dict"),
    "ports that are no ports": (
        [type("Odd", (), {"ports": ("http",), "patch": lambda _self, _pod: PodPatch()})()],
        "patterns[0]: ports of Odd must be a list of Port",
    ),
    "a port that is wrong": (
        [type("Odd", (), {"ports": [Port(name="HTTP", number=1)], "patch": lambda _self, _pod: PodPatch()})()],
        "Odd: ports[0].name 'HTTP' is not allowed: a-z, 0-9 and single '-', one letter at least, 15 characters at most",
    ),
    "a wrap that returns the patch alone": (
        [type("Odd", (), {"wrap": lambda _self, _pod: PodPatch()})()],
        "Odd: wrap(pod) must return (PodView, PodPatch), but returned a PodPatch",
    ),
}


@pytest.mark.parametrize(("patterns", "line"), WRONG.values(), ids=WRONG.keys())
def test_what_is_not_a_pattern_is_refused_with_its_place(patterns: Any, line: str) -> None:
    with pytest.raises(CompositionError) as error:
        compose(web(), patterns)
    assert str(error.value) == f"workload 'web': 1 conflict\n  - {line}"


def test_an_error_of_the_pattern_itself_is_its_own() -> None:
    def broken(_self: object, _pod: PodView) -> PodPatch:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compose(web(), [patching(broken)])
