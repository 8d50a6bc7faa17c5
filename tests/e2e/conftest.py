"""Fixtures and reporting of the end-to-end tests.

def test_it_answers(namespace):
    deploy(namespace, lambda: Workload("web", WorkloadArgs(app=app, namespace=namespace.name)))
    assert Client(namespace).curl("http://web:8080").out == "hello"
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.programs import missing

from .cluster import Cluster, KubectlError, Namespace, kubectl
from .deploy import how
from .node import Node

_cluster = Cluster()
_figures: list[str] = []


def _without_cluster() -> str | None:
    """Why there is no cluster to run on; None if there is one."""
    if shutil.which("kubectl") is None:
        return "kubectl is not on PATH"
    if not os.environ.get("KUBECONFIG"):
        return "KUBECONFIG is not set; point it at a cluster that the tests may use, of kind for instance"
    try:
        kubectl("get", "--raw", "/readyz", timeout=20)
    except (KubectlError, subprocess.TimeoutExpired) as error:
        return f"the cluster of KUBECONFIG does not answer: {error}"
    return None


_reason = _without_cluster()


def pytest_report_header() -> list[str]:
    if _reason:
        return [f"no cluster: {_reason}"]
    version = json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    return [f"cluster: {kubectl('config', 'current-context').strip()}, Kubernetes {version}", f"deployed by: {how()}"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, default=60, help="how long soak.py runs; default: 60")
    parser.addoption("--rounds", type=int, default=5, help="how often costs.py measures; default: 5")


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    """How long something is to run that could run for ever."""
    return float(request.config.getoption("--minutes"))


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster; without one every test is skipped, or fails where programs are required."""
    if _reason:
        missing(f"no cluster: {_reason}")
    return _cluster


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A fresh namespace for one test; `@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)` sets what it enforces."""
    made = cluster.namespace(request.node.originalname.removeprefix("test_"), getattr(request, "param", "privileged"))
    yield made
    cluster.close(made)


@pytest.fixture(scope="module")
def module_namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A fresh namespace for all tests of a file."""
    made = cluster.namespace(request.module.__name__.rpartition(".")[2].removeprefix("test_"))
    yield made
    cluster.close(made)


@pytest.fixture
def unborn_namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """The name of a namespace that the test itself creates."""
    made = cluster.name_namespace(request.node.originalname.removeprefix("test_"))
    yield made
    cluster.close(made)


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Iterator[Node]:
    """The only node. What the tests of a file have changed is put back when they are done."""
    names = kubectl("get", "nodes", "-o", "name").split()
    if len(names) > 1:
        pytest.skip(f"the cluster has {len(names)} nodes, and the settings of one say nothing about the others")
    made = cluster.namespace("node")
    node = Node(made)
    before = node.max_map_count()
    yield node
    if node.max_map_count() != before:
        node.set_max_map_count(before)
    cluster.close(made)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes something measured, which is printed at the end of the run: figure("20,000 requests, 0 failed")."""
    return lambda text: _figures.append(f"{request.node.originalname}: {text}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed and report.when != "teardown":
        for namespace in _cluster.namespaces.values():
            report.sections.append((f"namespace {namespace}", namespace.report()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _figures:
        terminalreporter.section("figures")
        for line in _figures:
            terminalreporter.write_line(line)
