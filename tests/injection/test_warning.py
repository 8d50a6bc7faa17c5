"""A match that did not happen, and that nobody expected, is a warning when the program ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import logging_engine

# as a program runs that an engine started: what it is told stands in the process, not in a run of the mocks
PROGRAM = """
import sys
import pulumi
from components import Injection, SysctlInitArgs, Target

engine, names = sys.argv[1:]
if engine:
    pulumi.runtime.configure(pulumi.runtime.Settings("project", "stack", None, engine))
injection = Injection("ours", Target(name="web"), [SysctlInitArgs()])
spec = {"template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}}
for name in names.split():
    props = {"metadata": {"name": name}, "spec": spec}
    injection.transform(pulumi.ResourceTransformArgs(True, "kubernetes:apps/v1:Deployment", name, props, pulumi.ResourceOptions()))
"""
WARNING = (
    "injection 'ours' meets no workload, but has to meet workload 'web' alone; name what it makes in target=, and pass its transform to it"
    "; write expect(...) to have this fail the run"
)


@pytest.mark.parametrize(
    ("names", "warnings"),
    [
        ("other more", [("WARNING", WARNING)]),
        ("other web", []),
        # its transform is nowhere
        ("", []),
    ],
)
def test_it_is_said_once_and_only_if_nothing_matched(names: str, warnings: list[tuple[str, str]]) -> None:
    with logging_engine() as (address, logged):
        done = run(address, names)
    assert logged == warnings
    assert done.stderr == ""


def test_it_is_not_said_without_an_engine() -> None:
    assert run("", "other").stderr == ""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, cwd=Path(__file__).parent.parent.parent, capture_output=True, text=True, check=True, timeout=60)


MONITORED = """
import sys
import pulumi
from components import Injection, MetricsAdapterArgs, Target

engine, expects = sys.argv[1:]
pulumi.runtime.configure(pulumi.runtime.Settings("project", "stack", None, engine))
injection = Injection("ours", Target(name="web"), [MetricsAdapterArgs(exporter="redis", scrape="pod_monitor")])
container = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}
spec = {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}}
props = {"metadata": {"name": "web"}, "spec": spec}
injection.transform(pulumi.ResourceTransformArgs(True, "kubernetes:apps/v1:Deployment", "web", props, pulumi.ResourceOptions()))
if expects:
    injection.expect()
"""


@pytest.mark.parametrize("expects", ["", "expects"])
def test_a_pod_monitor_that_nobody_makes_is_said(expects: str) -> None:
    warning = "injection 'ours' asks for a PodMonitor, which a transform cannot make; write expect(...), which does"
    with logging_engine() as (address, logged):
        subprocess.run([sys.executable, "-c", MONITORED, address, expects], cwd=Path(__file__).parent.parent.parent, check=True, timeout=60)
    assert logged == ([] if expects else [("WARNING", warning)])
