"""Kubernetes quantities: what the API accepts, and what each is worth."""

import pytest

from components.core import checks
from components.core.quantities import SHAPE, amount


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1),
        ("100m", 0.1),
        ("5u", 5e-6),
        ("100n", 1e-7),
        ("1k", 1e3),
        ("1e3", 1e3),
        ("1E3", 1e3),
        ("1.5e-3", 0.0015),
        ("1E", 1e18),
        ("1Ei", 2.0**60),
        ("64Mi", 64 * 2**20),
        ("0", 0),
    ],
)
def test_what_the_api_accepts_is_a_quantity(text: str, worth: float) -> None:
    assert amount(text) == pytest.approx(worth, rel=1e-12)


@pytest.mark.parametrize("text", ["", ".", "1 Gi", "1GB", "-1", "1ei", "1e", "e3", "0x10", "1Mi\n", "Mi", "1mi", "1K"])
def test_anything_else_is_none(text: str) -> None:
    assert not SHAPE.fullmatch(text)
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        amount(text)


def test_a_count_of_devices_may_be_a_number_as_every_manual_writes_it() -> None:
    given = {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}}
    assert checks.resources("resources", given) == []
    assert checks.resources("resources", {**given, "limits": {"memory": True}}) == [
        "resources.limits.memory True is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"
    ]
