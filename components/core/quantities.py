"""Kubernetes quantities, as k8s.io/apimachinery/pkg/api/resource reads them."""

import re
from dataclasses import field
from decimal import Decimal
from typing import Any

SHAPE = re.compile(r"(?P<number>[0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?")
"""A quantity that is not negative, and no longer than what a number can hold."""

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def amount(quantity: str | int | float) -> float:
    """The quantity as a number: cores for CPU, bytes for memory. Raises ValueError if it is not a quantity."""
    found = SHAPE.fullmatch(str(quantity))
    if not found:
        raise ValueError(f"not a Kubernetes quantity: {quantity!r}")
    number, suffix = float(found["number"]), found["suffix"] or ""
    if suffix in _BINARY:
        return number * 2.0 ** _BINARY[suffix]
    return number * 10.0 ** (_DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:]))


def times(quantity: str, factor: int) -> str:
    """The quantity multiplied. Raises ValueError if it is not a quantity."""
    found = SHAPE.fullmatch(quantity)
    if not found:
        raise ValueError(f"not a Kubernetes quantity: {quantity!r}")
    return f"{Decimal(found['number']) * factor:f}{found['suffix'] or ''}"


def sized(cpu: str, memory: str, limit: str) -> Any:
    """The default of a field `resources`: requests of CPU and memory, and the memory limit."""
    return field(default_factory=lambda: {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}})
