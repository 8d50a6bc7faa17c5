"""SysctlInit: what it adds, and what it refuses."""

import pytest

from components.core.app import App
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level, privileged_containers
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.presets.elasticsearch import elasticsearch
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1")


def prepared(app=WEB, **args):
    return composed(app, lambda: SysctlInit("sysctl", SysctlInitArgs(**args)))


def test_the_map_count_is_raised_before_elasticsearch_starts():
    pod = prepared(elasticsearch())
    (init,) = pod.spec["initContainers"]
    assert init["name"] == "update-sysctl"
    assert "restartPolicy" not in init
    assert init["command"][:2] == ["/bin/sh", "-c"]
    assert init["command"][3:] == ["sysctl", "vm.max_map_count=262144"]


def test_it_alone_is_privileged_and_root():
    pod = prepared(elasticsearch())
    assert privileged_containers(pod.spec) == ["update-sysctl"]
    assert pod_security_level(pod.spec) == "privileged"
    context = container(pod, "update-sysctl")["securityContext"]
    assert context["privileged"] is True
    assert context["runAsUser"] == 0
    # set explicitly: the pod's own default is true, and root would be refused
    assert context["runAsNonRoot"] is False
    assert "privileged" not in container(pod, "elasticsearch")["securityContext"]


def test_every_node_setting_is_raised_in_order():
    command = container(prepared(sysctls={"vm.max_map_count": 262144, "fs.file-max": 1000000}), "update-sysctl")["command"]
    assert command[4:] == ["vm.max_map_count=262144", "fs.file-max=1000000"]


def test_safe_sysctls_go_into_the_pods_security_context_without_privileges():
    pod = prepared(sysctls={"net.ipv4.tcp_keepalive_time": 60, "net.ipv4.ip_local_port_range": "1024 65535"})
    assert pod.spec["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.tcp_keepalive_time", "value": "60"},
        {"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"},
    ]
    assert "initContainers" not in pod.spec
    assert pod_security_level(pod.spec) == "restricted"


def test_strategy_none_sets_what_lets_the_app_do_without():
    pod = prepared(elasticsearch(), strategy="none")
    assert {"name": "node.store.allow_mmap", "value": "false"} in container(pod, "elasticsearch")["env"]
    assert "initContainers" not in pod.spec
    assert pod_security_level(pod.spec) == "restricted"


def test_strategy_none_is_refused_where_the_app_has_no_alternative():
    with pytest.raises(CompositionError) as error:
        prepared(strategy="none")
    assert str(error.value) == (
        "workload 'web': 1 conflict\n  - SysctlInit 'sysctl': strategy 'none' leaves vm.max_map_count alone, "
        "and the app cannot do without; set App.sysctl_alternatives or strategy='init'"
    )


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"sysctls": {}}, "sysctls is empty; name at least one, e.g. {'vm.max_map_count': 262144}"),
        ({"sysctls": {"vm.x; reboot": 1}}, "sysctls key 'vm.x; reboot' is not allowed: a sysctl name such as vm.max_map_count"),
        ({"sysctls": {"vm/../../etc": 1}}, "sysctls key 'vm/../../etc' is not allowed: a sysctl name such as vm.max_map_count"),
        ({"sysctls": {"vm..max_map_count": 1}}, "sysctls key 'vm..max_map_count' is not allowed: a sysctl name such as vm.max_map_count"),
        (
            {"sysctls": {"vm.max_map_count": "1; reboot"}},
            "sysctls['vm.max_map_count'] '1; reboot' is not allowed: a whole number, 0 or more",
        ),
        ({"sysctls": {"vm.max_map_count": -1}}, "sysctls['vm.max_map_count'] -1 is not allowed: a whole number, 0 or more"),
        ({"strategy": "daemonset"}, "strategy 'daemonset' is not allowed: one of init, none"),
        ({"container_name": "Sysctl"}, "container_name 'Sysctl' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        SysctlInit("sysctl", SysctlInitArgs(**args))
    assert str(error.value) == f"SysctlInit 'sysctl': 1 problem\n  - {line}"
