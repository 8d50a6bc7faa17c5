"""Keeps secret Outputs out of the places where everyone who may read pods or ConfigMaps can read them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi

from .errors import SecretLeakError
from .handlers import PROBES
from .patch import ConfigFiles, Wire

Leaf = tuple[str, Any]

GUARDED = ("command", "args", "env", *PROBES, "lifecycle")
"""Fields of a container that anyone who may read pods can read, and whose values a program computes."""


def _outputs(value: Any, path: str) -> Iterator[Leaf]:
    """Every Output in plain structure, and where it stands."""
    if isinstance(value, pulumi.Output):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _outputs(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _outputs(inner, f"{path}[{index}]")


def guarded(value: Any, guard: Callable[[Any], Any]) -> Any:
    """The value with every Output in it sent through the guard."""
    if isinstance(value, Mapping):
        return {key: guarded(inner, guard) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [guarded(inner, guard) for inner in value]
    return guard(value)


def _leaves(containers: list[Wire], annotations: Mapping[str, Any], config_files: tuple[ConfigFiles, ...]) -> Iterator[Leaf]:
    way_out = "put it in a Secret, and mount that or use valueFrom.secretKeyRef"
    for container in containers:
        name = container["name"]
        for variable in container.get("env", ()):
            yield f"env {variable['name']!r} of container {name!r} has a secret Output as plain value; {way_out}", variable.get("value")
        # env apart: there, other Outputs are names of Secrets
        for path, value in (leaf for field in GUARDED if field != "env" for leaf in _outputs(container.get(field), field)):
            yield f"{path} of container {name!r} is a secret Output; {way_out}", value
    for key, value in annotations.items():
        yield f"annotation {key!r} is a secret Output; remove it", value
    for config in config_files:
        for file, content in config.files.items():
            yield f"file {file!r} of ConfigMap {config.name!r} holds a secret Output; put the file in a Secret", content


def secret_guard(
    where: str, containers: list[Wire], annotations: Mapping[str, Any], config_files: tuple[ConfigFiles, ...]
) -> Callable[[Any], Any]:
    """A function to send those leaves through: their values come out unchanged, or SecretLeakError with every leak.

    Whether an Output is secret is known only when it resolves, in a preview too; a resource that holds a guarded leaf is
    not registered if there is a leak anywhere.
    """
    leaves = [(what, value) for what, value in _leaves(containers, annotations, config_files) if isinstance(value, pulumi.Output)]
    if not leaves:
        return lambda value: value

    async def check() -> bool:
        leaks = [what for what, value in leaves if await value.is_secret()]
        if leaks:
            raise SecretLeakError(where, leaks)
        return True

    verdict: pulumi.Output[bool] = pulumi.Output.from_input(check())

    def guard(value: Any) -> Any:
        if not isinstance(value, pulumi.Output):
            return value
        return pulumi.Output.all(value, verdict).apply(lambda pair: pair[0])

    return guard
