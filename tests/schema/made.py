"""Files from one number, as people write them: arguments that the rules of single fields accept, then one thing in them changed."""

import json
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from random import Random
from typing import Any

from components.certificates import CertificateAuthorityArgs, ClientCertificateArgs
from components.core.app import App
from components.declared.injections import InjectionItem
from components.injection.target import Target
from components.schema import reading
from components.schema.types import Choice, Items, Map, OneOf, Record, Type
from components.workload import WorkloadArgs
from tests.fuzz.cases import GOOD, chosen, chosen_kinds
from tests.fuzz.values import Maker
from tests.fuzz.words import NASTY, WORDS

JUNK: tuple[Any, ...] = (None, True, False, 0, -1, 3, 70000, 2**31, 1.5, "", "text", "a b", "0400", "1.30", [], ["a"], [1], {}, {"a": 1})


def data(value: Any, of: Type) -> Any:
    """A value as it stands in a file."""
    match of:
        case Record(of=cls) if isinstance(value, cls):
            types = {p.name: p.of for p in reading.properties(cls)}
            return {name: data(inner, types[name]) for name, inner in chosen(value).items()}
        case OneOf(among=among) if is_dataclass(value):
            kind = next(kind for kind, record in among.items() if type(value) is record.of)
            return {"kind": kind, **data(value, among[kind])}
        case Items(of=item) if isinstance(value, list | tuple):
            return [data(inner, item) for inner in value]
        case Map(values=values) if isinstance(value, dict):
            return {key: data(inner, values) for key, inner in value.items()}
        case Choice(among=among) if is_dataclass(value):
            return data(value, next(member for member in among if isinstance(member, Record)))
    return list(value) if isinstance(value, tuple) else value


def _built(maker: Maker, cls: type, **less: Any) -> dict[str, Any]:
    built = maker.build(cls)
    found: dict[str, Any] = data(replace(built, **less), Record(of=cls))
    return {name: value for name, value in found.items() if name not in less}


def _patterns(maker: Maker) -> list[Any]:
    args = [maker.build(cls) for cls in chosen_kinds(maker.random)]
    return [{name: value for name, value in data(a, reading.patterns()).items() if name != "authority"} for a in args]


def stack_keys(random: Random) -> dict[str, Any]:
    """The keys of a stack file."""
    maker = Maker(random)
    optional = {
        "workload": lambda: _built(maker, WorkloadArgs, app=GOOD, patterns=(), authority=None),
        "patterns": lambda: _patterns(maker),
        "authority": lambda: _built(maker, CertificateAuthorityArgs),
        "client_certificates": lambda: [_built(maker, ClientCertificateArgs, namespace="default")],
        "create_namespace": lambda: random.choice(("privileged", "restricted")),
        "render": lambda: random.choice(("out/render", "out", "a.b")),
        "always_render": lambda: random.choice((True, False)),
        "demo_vault": lambda: random.choice((True, False)),
    }
    app = _built(maker, App) if random.random() < 0.7 else {"preset": "elasticsearch", "env": {"A": "b"}}
    return {"app": app, **{name: make() for name, make in optional.items() if random.random() < 0.5}}


def injection_file(random: Random) -> dict[str, Any]:
    """A file of injections."""
    maker = Maker(random)
    items = [
        {
            **_built(maker, InjectionItem, target=Target(name="x"), patterns=()),
            "target": _built(maker, Target),
            "patterns": _patterns(maker),
        }
        for _ in range(random.choice((1, 1, 2)))
    ]
    return {"injections": items, **({"authority": _built(maker, CertificateAuthorityArgs)} if random.random() < 0.3 else {})}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping and list in it with each of its keys or places."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def changed(value: Any, random: Random) -> Any:
    """A copy with one thing in it changed."""
    copy = json.loads(json.dumps(value))
    where, key = random.choice(list(_places(copy)))
    match random.randrange(5):
        case 0:
            del where[key]
        case 1 if isinstance(where, dict):
            where[random.choice(("nme", "kind", "name", f"{key}s", "secure"))] = where.pop(key) if random.random() < 0.5 else "x"
        case 2 if isinstance(where[key], str):
            where[key] = random.choice(WORDS) if random.random() < 0.5 else where[key] + random.choice(NASTY)
        case _:
            where[key] = random.choice(JUNK)
    return copy
