"""What is judged: the objects of every stack, example and golden pod, each under its name, and as files."""

import re
import runpy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from components.core.cluster import DEFAULT_RELEASE, Release, version
from components.declared import stack_file
from components.offline.order import ordered
from components.offline.printing import printed
from components.testing import Recording, run
from tests.support.carriers import Helm
from tests.support.library import installed
from tests.support.rendered import NAMES, rendered
from tests.support.stack_program import configuration
from tools.project import PROJECT

BUILT = PROJECT / "build" / "judges"
"""Where the judges' files are; git ignores it."""
EXAMPLES = sorted((PROJECT / "examples").glob("*/__main__.py"))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Objects that are applied together."""

    name: str
    """stacks/<stack>, examples/<example> or golden/<pod>."""
    objects: Sequence[Mapping[str, Any]]
    """In manifest form."""
    kubernetes: Release
    """The oldest cluster that they are for."""

    @property
    def file(self) -> Path:
        """Where `written` puts them."""
        return BUILT / "manifests" / f"{self.name}.yaml"

    def where(self, kind: str, name: str, *parts: str) -> str:
        """The place of a finding. Names that follow from contents are the same in every run here."""
        return "/".join((self.name, kind, re.sub("-[0-9a-f]{8}$", "-<hash>", name), *parts))

    def pods(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The place, and the pod's template, of whatever carries pods."""
        for found in self.objects:
            spec = found.get("spec") or {}
            template = spec if found["kind"] == "Pod" else (spec.get("jobTemplate", {}).get("spec") or spec).get("template") or {}
            if (template if found["kind"] == "Pod" else template.get("spec") or {}).get("containers"):
                inner = {"spec": spec, "metadata": found["metadata"]} if found["kind"] == "Pod" else template
                yield self.where(found["kind"], found["metadata"]["name"]), inner


def example(path: Path) -> Recording:
    """What an example registers."""
    with tempfile.TemporaryDirectory() as directory, installed(Path(directory)):
        return run(lambda: runpy.run_path(str(path), run_name="__main__"), mocks=Helm(status=False))


def objects(recording: Recording) -> list[dict[str, Any]]:
    """Every object, those of charts too, with the name that it gets."""
    found = [r for r in recording.registrations if r.custom and r.type.startswith("kubernetes:") and "kind" in r.inputs]
    return [{**r.inputs, "metadata": {**r.inputs.get("metadata", {}), "name": r.outputs["metadata"]["name"]}} for r in found]


def _golden(name: str) -> Subject:
    if name.startswith("stack-"):
        stack = name.removeprefix("stack-")
        return Subject(name=f"stacks/{stack}", objects=rendered(name), kubernetes=version(_stack_version(stack)))
    release = (1, 28) if name.endswith("-classic") else DEFAULT_RELEASE
    return Subject(name=f"golden/{name}", objects=rendered(name), kubernetes=release)


def _stack_version(stack: str) -> str:
    path = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    return str(stack_file.parse(stack_file.keys(configuration(stack)), path.name).workload.kubernetes_version)


@cache
def subjects() -> tuple[Subject, ...]:
    """All of them."""
    found = [Subject(name=f"examples/{path.parent.name}", objects=objects(example(path)), kubernetes=DEFAULT_RELEASE) for path in EXAMPLES]
    return (*map(_golden, NAMES), *found)


@cache
def written() -> tuple[Subject, ...]:
    """All of them, each in its file."""
    for subject in subjects():
        subject.file.parent.mkdir(parents=True, exist_ok=True)
        subject.file.write_text("---\n".join(printed(ordered(dict(found))) for found in subject.objects), encoding="utf-8")
    return subjects()
