"""Article, section 6: the init container that prepares the node."""

import json
from collections.abc import Callable

import pytest

from components.offline import manifests
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace
from .deploy import Program, deploy
from .light import idle
from .node import Node

NAME = "vm.max_map_count"
APP = idle()


def with_settings(namespace: Namespace, **settings: int) -> Program:
    args = SysctlInitArgs(sysctls={name.replace("__", "."): value for name, value in settings.items()})
    return lambda: Workload("app", WorkloadArgs(app=APP, patterns=[SysctlInit("sysctl", args)], namespace=namespace.name))


def test_a_lower_value_of_the_node_is_raised_before_the_app_starts(namespace: Namespace, node: Node) -> None:
    before = node.max_map_count()
    deploy(namespace, with_settings(namespace, vm__max_map_count=before + 1000, net__ipv4__tcp_keepalive_time=123))
    assert node.max_map_count() == before + 1000
    pod = namespace.pod("app")
    assert namespace.logs(pod, "update-sysctl") == f"{NAME}: raised from {before} to {before + 1000}\n"
    # the app is unprivileged, and a setting of the pod itself needs no privileged container
    assert namespace.exec(pod, "app", "cat", "/proc/sys/net/ipv4/tcp_keepalive_time").out == "123\n"
    assert namespace.exec(pod, "app", "sh", "-c", "id -u; echo 1 >/proc/sys/vm/max_map_count").out == "1000\n"
    assert node.max_map_count() == before + 1000


def test_a_higher_value_of_the_node_is_left_alone(namespace: Namespace, node: Node) -> None:
    before = node.max_map_count()
    deploy(namespace, with_settings(namespace, vm__max_map_count=before - 1))
    assert node.max_map_count() == before
    assert namespace.logs(namespace.pod("app"), "update-sysctl") == f"{NAME}: is {before}, which is at least {before - 1}; left unchanged\n"


@pytest.mark.parametrize("user", [0, 1000])
def test_the_pod_fails_with_a_readable_message_where_the_value_may_not_be_raised(namespace: Namespace, node: Node, user: int) -> None:
    before = node.max_map_count()
    composed = manifests(with_settings(namespace, vm__max_map_count=before + 1000))
    spec = next(m for m in composed if m["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["securityContext"]["privileged"]
    spec["initContainers"][0]["securityContext"] |= {"privileged": False, "runAsUser": user}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": {**spec, "restartPolicy": "Never"}})
    namespace.wait("pod/app", "jsonpath={.status.phase}=Failed")
    status = namespace.get("pod", "app")["status"]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    # the app was not started
    assert not status["containerStatuses"][0].get("started")
    last = namespace.logs("app", "update-sysctl").splitlines()[-1]
    assert last == (
        f"{NAME}: is {before} and could not be raised to {before + 1000}: "
        "the kernel allows no higher value, or the container is not privileged and root"
    )
    assert node.max_map_count() == before


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_elasticsearch_can_do_without_in_a_restricted_namespace(namespace: Namespace, node: Node, figure: Callable[[str], None]) -> None:
    before = node.max_map_count()

    def program() -> None:
        sysctl = SysctlInit("sysctl", SysctlInitArgs(strategy="none"))
        app = elasticsearch(pre_stop_seconds=0)
        Workload("elasticsearch", WorkloadArgs(app=app, patterns=[sysctl], namespace=namespace.name))

    deploy(namespace, program)
    settings = json.loads(Client(namespace).curl("http://elasticsearch:9200/_nodes/settings").out)
    assert [node["settings"]["node"]["store"] for node in settings["nodes"].values()] == [{"allow_mmap": "false"}]
    assert node.max_map_count() == before
    figure(f"{NAME} of the node was {before} before and after")
