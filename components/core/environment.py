"""Environment variables of containers, in manifest form, and the references to them, `$(NAME)`, that Kubernetes expands."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from . import checks, command
from .app import SecretKey
from .handlers import PROBES
from .patch import Wire

# as in k8s.io/kubernetes/third_party/forked/golang/expansion: `$$` is a dollar, and a `$(` without its `)` is text
_REFERENCE = re.compile(r"(?s)\$(?:\$|\((?P<name>[^)]*)\)|.)")
# of the one Service that every container knows, whatever enableServiceLinks says
_ALWAYS = re.compile("KUBERNETES_(SERVICE|PORT).*")
# where the text stands in an item of these fields
_KEYS = {"env": "value", "volumeMounts": "subPathExpr"}

_Problems = Callable[[str], list[str]]


def environment(plain: Mapping[str, pulumi.Input[str] | Wire], secret: Mapping[str, SecretKey] | None = None) -> list[dict[str, Any]]:
    """Variables whose value is a text, or stands in manifest form, and those that are read from Secrets."""
    values = [{"name": name, **(value if isinstance(value, Mapping) else {"value": value})} for name, value in plain.items()]
    keys = [{"name": name, "valueFrom": {"secretKeyRef": {"name": key.name, "key": key.key}}} for name, key in (secret or {}).items()]
    return [*values, *keys]


def literal(text: pulumi.Input[str]) -> pulumi.Input[str]:
    """What Kubernetes expands to the text as it is."""
    if isinstance(text, str):
        return text.replace("$", "$$")
    known: pulumi.Output[str] = pulumi.Output.from_input(text)
    return known.apply(literal)


def references(value: object) -> list[str]:
    """The names that a text refers to. None of what is known only later, and of `$(a command)`, which no variable can be called."""
    found = _REFERENCE.finditer(value) if isinstance(value, str) and "$(" in value else ()
    return [match["name"] for match in found if match["name"] is not None and not checks.env_name("", match["name"])]


def ordered(variables: Sequence[Wire]) -> list[Wire]:
    """The variables, each behind those that it refers to, because Kubernetes expands only the names that stand before.

    Those that are read from elsewhere come first, those whose value is known only later come last; otherwise they stay as they were.
    """
    by_name = {variable["name"]: variable for variable in variables if isinstance(variable.get("name"), str)}
    found: dict[int, Wire] = {}
    visited = set()

    def visit(variable: Wire) -> None:
        if id(variable) in visited:
            return
        visited.add(id(variable))
        for name in references(variable.get("value")):
            if name in by_name:
                visit(by_name[name])
        found[id(variable)] = variable

    for variable in sorted(variables, key=lambda v: 0 if "valueFrom" in v else 1 if checks.is_plain(v.get("value")) else 2):
        visit(variable)
    return list(found.values())


def unexpanded(container: Wire, *, is_open: bool = False) -> Iterator[tuple[str | None, str]]:
    """A line for every reference that would stay as it is, with the name of the variable that it stands in, if it stands in one.

    is_open: whether the container has variables whose names are not known (default: with envFrom).
    """
    for place, value, problems in _texts(container, is_open=is_open):
        if isinstance(value, str):
            variable = str(container["env"][place[1]].get("name")) if place[0] == "env" else None
            yield from ((variable, line) for line in problems(value))
    yield from ((None, line) for line in _unexpanded_in_probes(container))


def _unexpanded_in_probes(container: Wire) -> Iterator[str]:
    """A line for every reference in a probe that the kubelet, which knows no more than the manifest, would not expand, or to nothing."""
    plain = [v.get("name") for v in container.get("env") or () if "valueFrom" not in v and not references(v.get("value"))]
    for probe in PROBES:
        asked = (container.get(probe) or {}).get("exec") or {}
        for (_, index), word, is_script in command.words({"command": asked.get("command")}):
            for name in dict.fromkeys(() if is_script else references(word)):
                if name not in plain:
                    yield (
                        f"{probe}.exec.command[{index}] refers to $({name}), but in a probe only variables whose value is a text of its "
                        f"own are expanded; use a shell, as in ['sh', '-c', 'my-check \"${name}\"'], or write $$({name}) for the text "
                        "itself"
                    )


def watched(container: Wire, where: str, owner: str) -> dict[str, Any]:
    """The container; such a reference in a text that is known only later is rejected as soon as that is known.

    where: the place that the error names. owner: the container in words.
    """
    found = dict(container)
    for (field, index), value, problems in _texts(container):
        if checks.is_plain(value):
            continue
        known = checks.when_known(where, value, partial(_owned, owner, problems))
        items, key = list(found[field]), _KEYS.get(field)
        items[index] = {**items[index], key: known} if key else known
        found[field] = items
    return found


def _owned(owner: str, problems: _Problems, text: str) -> list[str]:
    return [f"{owner}: {line}" for line in problems(text)]


def _texts(container: Wire, *, is_open: bool = False) -> Iterator[tuple[command.Place, Any, _Problems]]:
    """Every text in which Kubernetes expands references: its field and place there, the text, and what checks it."""
    variables: Sequence[Wire] = container.get("env") or ()
    names = [variable.get("name") for variable in variables]
    is_open = is_open or bool(container.get("envFrom"))
    for index, (name, variable) in enumerate(zip(names, variables, strict=True)):
        what = f"env {name!r}"
        yield ("env", index), variable.get("value"), partial(_problems, what, before=names[:index], names=names, is_open=is_open)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        what = f"subPathExpr of the mount at {mount.get('mountPath')!r}"
        yield ("volumeMounts", index), mount.get("subPathExpr"), partial(_problems, what, before=names, names=names, is_open=is_open)
    for (field, index), word, is_script in command.words(container):
        # in a script, `$(name)` is a command
        if not is_script:
            yield (field, index), word, partial(_problems, f"{field}[{index}]", before=names, names=names, is_open=is_open)


def _problems(what: str, text: str, *, before: Sequence[object], names: Sequence[object], is_open: bool) -> list[str]:
    """What is wrong with the references in a text."""
    found = []
    for name in dict.fromkeys(references(text)):
        if name in before or _ALWAYS.fullmatch(name):
            continue
        if name in names:
            found.append(
                f"{what} refers to $({name}), which does not stand before it; move it there or break the cycle, or write "
                f"$$({name}) for the text itself"
            )
        elif not is_open:
            found.append(
                f"{what} refers to $({name}), but no variable of the container is called that (the image's own do not count); add it, or "
                f"write $$({name}) for the text itself"
            )
    return found
