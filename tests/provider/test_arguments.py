"""Arguments of every kind, made at random, are the same when they come from another language."""

import asyncio
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from random import Random
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from components.certificates import CertificateAuthorityArgs
from components.core.app import App
from components.declared import kinds
from components.injection.target import Target
from components.provider.arguments import InputParser, by_key
from components.provider.inputs import inputs
from components.schema import reading
from components.schema.naming import camel
from components.schema.types import Choice, Items, Map, OneOf, Record, Type
from components.workload import WorkloadArgs
from tests.fuzz.cases import GOOD, chosen
from tests.fuzz.values import Maker

CLASSES: Mapping[str, type] = {**kinds.shipped(), **{cls.__name__: cls for cls in (App, WorkloadArgs, Target, CertificateAuthorityArgs)}}


def sent(value: Any, of: Type) -> Any:
    """A value as another language sends it."""
    match of:
        case Record(of=cls) if isinstance(value, cls):
            types = {p.name: p.of for p in reading.properties(cls)}
            return {camel(name): sent(inner, types[name]) for name, inner in chosen(value).items()}
        case OneOf(among=among) if is_dataclass(value):
            kind = next(kind for kind, record in among.items() if type(value) is record.of)
            return {camel(kind): sent(value, among[kind])}
        case Items(of=item) if isinstance(value, list | tuple):
            return [sent(inner, item) for inner in value]
        case Map(values=values) if isinstance(value, Mapping):
            return {key: sent(inner, values) for key, inner in value.items()}
        case Choice(among=among) if is_dataclass(value):
            return sent(value, next(member for member in among if isinstance(member, Record)))
    return listed(value)


def listed(value: Any) -> Any:
    """A value with lists in place of tuples."""
    if isinstance(value, Mapping):
        return {key: listed(inner) for key, inner in value.items()}
    return [listed(inner) for inner in value] if isinstance(value, list | tuple) else value


def read(parser: InputParser, cls: type, given: Any) -> Any:
    """The arguments in what the engine sends."""
    struct = Struct()
    struct.update({"args": given})

    async def main() -> Any:
        return parser.instance(cls, inputs(struct, {})["args"], "args")

    return asyncio.run(main())


@pytest.mark.parametrize("kind", CLASSES)
def test_arguments_are_the_same(kind: str) -> None:
    cls = CLASSES[kind]
    for number in range(40):
        maker = Maker(Random(f"{kind}:{number}"))
        args = maker.build(cls)
        if cls is WorkloadArgs:
            args = replace(args, app=GOOD, patterns=(), authority=None)
        elif hasattr(args, "authority"):
            args = replace(args, authority=None)
        given = sent(args, Record(of=cls))
        parser = InputParser({}, {})
        found = read(parser, cls, given)
        assert parser.problems == []
        assert sent(found, Record(of=cls)) == given


def test_every_pattern_has_its_key() -> None:
    parser = InputParser({}, {})
    for kind, cls in kinds.shipped().items():
        written = by_key(parser, {camel(kind): {"name": "x"}}, "patterns[0]")
        assert written
        assert (written.cls, written.path) == (cls, f"patterns[0].{camel(kind)}")
    assert parser.problems == []
