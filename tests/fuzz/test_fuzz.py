"""A short run of the fuzzing, and that it finds what it is to find. `make fuzz` is the long one."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from components.core import rules
from components.core.patch import PodPatch, sidecar
from components.core.view import PodView
from components.declared import kinds
from tests.fuzz import escapes, whole
from tests.fuzz.__main__ import fuzz
from tests.fuzz.cases import GOOD, Case, made, short, smaller
from tests.fuzz.judging import judged, unclear
from tests.fuzz.values import Maker, known_words, noted, passes, required
from tests.support.pods import container

SEEDS = (1, 922845)  # fixed, so that a run is red for what it tests; `make fuzz` takes a new one each time
HOSTILE = {"zq0x": "a zq0x; b"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_composition_holds_or_is_refused_clearly(seed: int) -> None:
    counts, faults = fuzz(seed, range(150), every=15)
    assert not faults, "\n\n".join(faults)
    assert counts["accepted"] > 15
    assert counts["refused"] > 15


@pytest.mark.parametrize("seed", SEEDS)
def test_every_whole_workload_has_valid_objects_or_is_refused_clearly(seed: int) -> None:
    _, faults = whole.run_whole(seed, 25)
    assert not faults, "\n\n".join(faults)


def test_the_same_number_is_the_same_case() -> None:
    assert str(made(3, 14)) == str(made(3, 14))
    assert str(made(3, 14)) != str(made(4, 14))


@pytest.mark.parametrize("kind", sorted(kinds.shipped()))
def test_words_are_known_for_every_text_that_is_required(kind: str) -> None:
    cls = kinds.shipped()[kind]
    hints = [rules.hints(cls)[name] for name in required(cls)]
    assert all(known_words(hint) for hint in hints if noted(hint)[0] is str)


def test_every_kind_is_accepted_now_and_then() -> None:
    accepted = set()
    for number in range(600):
        case = made(2, number)
        if {type(pattern) for pattern in case.patterns} - accepted and judged(case).pod is not None:
            accepted |= {type(pattern) for pattern in case.patterns}
        if accepted == set(kinds.shipped().values()):
            break
    assert accepted == set(kinds.shipped().values())


# what it is to find


@dataclass(frozen=True, kw_only=True)
class Careless:
    """A pattern that puts a value where it does not belong."""

    value: str
    fields: Any

    def patch(self, _pod: PodView) -> PodPatch:
        return PodPatch(init_containers=(sidecar(container("careless", **self.fields(self.value))),))


def faults(value: str, fields: Any) -> str:
    case = Case(label="x", app=GOOD, patterns=[Careless(value=value, fields=fields)], hostile={"zq0x": value})
    return judged(case).fault


def test_a_value_in_a_script_is_found() -> None:
    found = faults("zq0x", lambda value: {"command": ["/bin/sh", "-c", f"echo {value}"]})
    assert found == "container 'careless': a script of its own: 'echo zq0x'\ncontainer 'careless': a value is in a script"


def test_a_value_that_is_torn_is_found() -> None:
    assert faults("a zq0x;b", lambda value: {"args": value.split(";")}) == "container 'careless': 'a zq0x' is torn from 'a zq0x;b'"
    assert faults("a zq0x;b", lambda value: {"args": [value]}) == ""


def test_a_crash_is_found() -> None:
    assert faults("zq0x", lambda value: {"args": [value[99]]}).startswith("IndexError: string index out of range\n")


def test_what_kubernetes_would_not_take_is_found() -> None:
    [found] = faults("zq0x", lambda _: {"startupProbe": {"httpGet": {"port": {}}}}).splitlines()
    assert found.startswith("schema: ['initContainers', 0, 'startupProbe', 'httpGet', 'port']: {} is not valid under any")


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("nginx.conf", "events {}\nhttp { server_tokens off; a zq0x; b; } # proxy", ["a directive of its own: 'a'", "'zq0x' is torn from"]),
        ("nginx.conf", "http { proxy_pass 'a zq0x; b'; }", []),
        ("haproxy.cfg", "global\n  a zq0x; b\n", ["a keyword of its own: 'a'", "'zq0x;' is torn from"]),
        ("haproxy.cfg", "global\n  log 'a zq0x; b'\n", []),
        ("config.yaml", '{"receivers": "a zq0x; b $x"}', ["the collector would replace something in"]),
        ("config.yaml", '{"receivers": "a zq0x; b $$x"}', []),
    ],
)
def test_what_gets_out_in_a_file_is_found(name: str, content: str, wrong: list[str]) -> None:
    found = list(escapes.of_file(name, content, HOSTILE))
    assert [line for line in wrong if not any(line in fault for fault in found)] == []
    assert bool(found) == bool(wrong)


def test_an_unclear_refusal_is_found() -> None:
    class Refusal(Exception):
        problems = ("two\nlines", "it is <components.App object at 0x7f0000000000>", "", "y" * 3000)

    found = unclear(Refusal("one line"))  # type: ignore[arg-type]
    assert [line.partition(":")[0] for line in found.splitlines()] == [
        *["not one line"] * 2,
        "an object of Python",
        "too long",
        "the error has other lines than its problems",
    ]


def test_a_case_that_fails_is_made_small() -> None:
    case = replace(made(1, 7), patterns=[Careless(value="zq0x", fields=lambda _: {"lifecycle": {"nothing": {}}}), *made(1, 7).patterns])
    small = smaller(case, lambda candidate: any(isinstance(pattern, Careless) for pattern in candidate.patterns))
    assert (len(small.patterns), small.app, small.options) == (1, small.app, {})


def test_what_is_made_fits_its_rule() -> None:
    for cls in kinds.shipped().values():
        maker = Maker(Random(1))
        for name, hint in rules.hints(cls).items():
            base, notes = noted(hint)
            if base is str:
                assert passes(notes, maker.value(hint)), f"{short(cls)}.{name}"
