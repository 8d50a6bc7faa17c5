"""Environment variables of containers, in manifest form."""

from collections.abc import Mapping
from typing import Any

import pulumi

from .app import SecretKey


def environment(plain: Mapping[str, pulumi.Input[str]], secret: Mapping[str, SecretKey] | None = None) -> list[dict[str, Any]]:
    """Plain variables, and behind them those that are read from Secrets."""
    references = {name: {"secretKeyRef": {"name": key.name, "key": key.key}} for name, key in (secret or {}).items()}
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        *({"name": name, "valueFrom": reference} for name, reference in references.items()),
    ]
