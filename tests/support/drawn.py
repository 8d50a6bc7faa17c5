"""Composed pods to be drawn and explained."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import yaml

from components.carriers import Job
from components.core.pod import Pod
from components.declared import stack, stack_file
from components.presets.elasticsearch import elasticsearch
from components.presets.elasticsearch_cluster import elasticsearch_cluster
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.fuzz.cases import made
from tests.fuzz.judging import judged
from tests.support import rendered

PROJECT = Path(__file__).parent.parent.parent


def of_stack(name: str) -> Workload:
    """What the stack of that name asks for."""
    text = (PROJECT / "stacks" / f"Pulumi.{name}.yaml").read_text(encoding="utf-8")
    return stack.build(stack_file.parse(stack_file.keys(yaml.safe_load(text)["config"]), name))


def every(sidecars: str = "native", version: str = "1.31") -> Workload:
    """Every pattern, before one app."""
    patterns = {**rendered.PATTERNS, "tls": lambda: rendered.TlsAmbassador("tls", rendered.EVERY_PORT), **rendered.OTHERS}
    args = WorkloadArgs(app=elasticsearch(), patterns=[make() for make in patterns.values()], sidecars=sidecars, kubernetes_version=version)
    return Workload("search", args)


def job() -> Workload:
    return Workload("report", WorkloadArgs(app=rendered.web(), kind=Job()))


PROGRAMS: dict[str, Callable[[], Workload]] = {
    **{name: partial(of_stack, name) for name in rendered.STACKS},
    "every": every,
    "every-classic": partial(every, "classic", "1.28"),
    "mutual": lambda: Workload("search", WorkloadArgs(app=elasticsearch(), patterns=rendered.mutual())),
    "redirect": lambda: Workload("web", WorkloadArgs(app=rendered.web(), patterns=rendered.redirected())),
    "bare": lambda: Workload("web", WorkloadArgs(app=rendered.web())),
    "cluster": lambda: Workload("search", elasticsearch_cluster()),
    "job": job,
}


@cache
def workload(name: str) -> Workload:
    """The workload of that name."""
    found: list[Workload] = []
    run(lambda: found.append(PROGRAMS[name]()))
    return found[0]


@cache
def generated(seed: int, count: int) -> tuple[Pod, ...]:
    """The pods that are accepted among so many generated cases."""
    verdicts = (judged(made(seed, number)) for number in range(count))
    return tuple(verdict.pod for verdict in verdicts if verdict.pod is not None)
