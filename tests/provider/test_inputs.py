"""What the engine sends, in plain Python."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct

from components.offline.recording import UNKNOWN
from components.provider.inputs import Given, Reference, inputs

from ..support.provider import output, reference, secret

URN = "urn:pulumi:stack::project::random:index/randomId:RandomId::id"
AUTHORITY = "urn:pulumi:stack::project::pod-patterns:index:CertificateAuthority::ca"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_SIGNATURE = "4dabf18193072939515e22adb298388d"


def read(sent: Mapping[str, Any], dependencies: Mapping[str, frozenset[str]] | None = None) -> dict[str, Any]:
    """The inputs, every Output as (value, known, secret, dependencies)."""
    struct = Struct()
    struct.update(sent)

    async def shown(value: Any) -> Any:
        match value:
            case dict():
                return {name: await shown(inner) for name, inner in value.items()}
            case list():
                return [await shown(inner) for inner in value]
            case Given():
                urns = [await resource.urn.future() for resource in await value.resources()]
                assert (await value.is_known(), await value.is_secret()) == (value.given_known, value.given_secret)
                return (value.given_value, value.given_known, value.given_secret, urns)
        return value

    async def main() -> Any:
        return await shown(inputs(struct, dependencies or {}))

    return asyncio.run(main())


def test_numbers_are_whole_where_they_are() -> None:
    found = read({"a": 8080.0, "b": 1.5, "c": [1.0, {"d": -3.0}], "e": True, "f": "1.0", "g": None, "h": 1e20})
    assert found == {"a": 8080, "b": 1.5, "c": [1, {"d": -3}], "e": True, "f": "1.0", "g": None, "h": 10**20}
    assert {type(found["a"]), type(found["b"]), type(found["e"])} == {int, float, bool}


def test_objects_have_an_order() -> None:
    names = [f"n{number}" for number in range(50)]
    assert list(read({"env": dict.fromkeys(reversed(names), "x")})["env"]) == sorted(names)


def test_outputs_are_at_the_leaves() -> None:
    found = read(
        {
            "secret": secret("s"),
            "unknown": UNKNOWN,
            "late": output(UNKNOWN, URN),
            "known": output(3.0, URN),
            "plain": output("p"),
            "object": output({"a": secret("x"), "b": [1.0, UNKNOWN], "c": None}, URN),
            "hidden": secret({"a": "x", "b": []}),
            "both": output(secret("x"), URN, is_secret=False),
        }
    )
    assert found == {
        "secret": ("s", True, True, []),
        "unknown": (None, False, False, []),
        "late": (None, False, False, [URN]),
        "known": (3, True, False, [URN]),
        "plain": "p",
        "object": {"a": ("x", True, True, [URN]), "b": [(1, True, False, [URN]), (None, False, False, [URN])], "c": None},
        "hidden": {"a": ("x", True, True, []), "b": []},
        "both": ("x", True, True, [URN]),
    }


def test_dependencies_that_are_told_beside_the_value() -> None:
    found = read(
        {"namespace": "shop", "app": {"image": output(UNKNOWN, URN), "name": "web"}, "authority": reference(AUTHORITY), "plain": 1.0},
        {"namespace": frozenset({URN}), "app": frozenset({URN}), "authority": frozenset({AUTHORITY})},
    )
    assert found == {
        "namespace": ("shop", True, False, [URN]),
        "app": {"image": (None, False, False, [URN]), "name": "web"},
        "authority": Reference(AUTHORITY),
        "plain": 1,
    }


def test_references_and_assets() -> None:
    other = {**reference("urn:pulumi:stack::project::kubernetes:core/v1:Namespace::shop"), "id": "shop"}
    found = read(
        {
            "ours": reference(AUTHORITY),
            "late": output(reference(AUTHORITY), AUTHORITY),
            "other": other,
            "asset": {_SIGNATURE: _ASSET, "text": "x"},
        }
    )
    assert found["ours"] == found["late"] == Reference(AUTHORITY)
    assert found["other"] == "shop"
    assert isinstance(found["asset"], pulumi.StringAsset)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_that_are_none(value: float) -> None:
    assert str(read({"a": value})["a"]) == str(value)
