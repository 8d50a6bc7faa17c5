"""Composes a case, and judges: a pod that holds, a refusal that is clear, or a fault."""

import re
import traceback
from dataclasses import dataclass
from typing import Any

from components.core import plug
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.core.pod import Pod
from components.core.summary import summary
from tests.fuzz import escapes, manifests
from tests.fuzz.cases import Case

_OBJECT = re.compile(r"<[^>\n]*(components|pulumi|object at|class |function )[^>\n]*>|Traceback|at 0x[0-9a-f]{8,}")
LONGEST = 2010
"""Characters of a line."""
FACTS = {"service_name": "web", "namespace": "default", "app_name": "web"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a case."""

    pod: Pod | None = None
    refusal: tuple[str, ...] = ()
    fault: str = ""
    """What must not be; empty if nothing is wrong."""


def judged(case: Case) -> Verdict:
    """Composes the case as a Workload does, without its resources."""
    try:
        patterns = [pattern.completed(FACTS) if isinstance(pattern, plug.PatternArgs) else pattern for pattern in case.patterns]
        usable = plug.misfits(patterns) or plug.problems(patterns)
        pod = compose(case.app, patterns if usable else plug.planned(patterns), **case.options)
    except (ArgumentError, CompositionError) as error:
        return Verdict(refusal=error.problems, fault=unclear(error))
    except Exception as error:
        return Verdict(fault=f"{type(error).__name__}: {error}\n{_place()}")
    try:
        return Verdict(pod=pod, fault="\n".join(sorted(set(_pod(case, pod)))))
    except Exception as error:
        return Verdict(pod=pod, fault=f"accepted, then {type(error).__name__}: {error}\n{_place()}")


def _place() -> str:
    """The last lines of where an error comes from."""
    return "".join(traceback.format_exc().splitlines(keepends=True)[-7:])


def unclear(error: ArgumentError | CompositionError) -> str:
    """What is wrong with a refusal; empty if it is one clear error."""
    found = [f"not one line: {line!r}" for line in error.problems if not line.isprintable() or not line.strip()]
    found += [f"an object of Python: {line!r}" for line in error.problems if _OBJECT.search(_unquoted(line))]
    found += [f"too long: {line[:100]!r}... of {len(line)} characters" for line in error.problems if len(line) > LONGEST]
    if not error.problems:
        found.append("no problem at all")
    if len(set(error.problems)) < len(error.problems):
        found.append(f"a line twice: {error.problems}")
    if len(str(error).splitlines()) != 1 + len(error.problems):
        found.append("the error has other lines than its problems")
    return "\n".join(found)


def _unquoted(line: str) -> str:
    """Without what the user wrote."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)


def _pod(case: Case, pod: Pod) -> list[str]:
    """What is wrong with a pod that was accepted."""
    spec: dict[str, Any] = pod.pod_spec({config.name: f"web-{config.name}-1a2b3c" for config in pod.config_files})
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    ours = [container for container in every if container["name"] != case.app.name]
    theirs = [volume.get("name") for volume in case.app.volumes]

    def given(path: list[Any]) -> bool:
        """Whether the user has written this in manifest form."""
        if path[:1] == ["volumes"]:
            return len(path) > 1 and spec["volumes"][path[1]]["name"] in theirs
        if path[:1] == ["containers"]:
            fields = ("startupProbe", "readinessProbe", "livenessProbe", "volumeMounts", *case.app.container)
            return len(path) > 2 and spec["containers"][path[1]]["name"] == case.app.name and path[2] in fields
        return bool(path) and path[0] in (case.options.get("fields") or {})

    version = ".".join(map(str, pod.kubernetes))
    found = list(manifests.problems(spec, version, {container["name"] for container in ours}, given))
    found += manifests.labelled({**pod.annotations, **pod.labels})
    found += escapes.problems(pod, ours, case.hostile)
    lines = summary(pod)
    if not isinstance(pod.security_level, str) or not lines or pod.plaintext_ports is None:
        found.append("it cannot be described")
    return found
