"""SysctlInit: which sysctls go into the pod's security context is the cluster's to say."""

from typing import Any

import pytest

from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.core.pod import Pod
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.testing import run
from tests.support.pods import web

RMEM = {"net.ipv4.tcp_rmem": "4096 131072 6291456"}


def prepared(sysctls: dict[str, Any], kubernetes_version: str, **args: Any) -> Pod:
    return compose(web(), [SysctlInitArgs(name="tuning", sysctls=sysctls, **args)], kubernetes_version=kubernetes_version)


@pytest.mark.parametrize("strategy", ["init", "none"])
def test_a_sysctl_that_the_version_calls_safe_goes_into_the_security_context(strategy: str) -> None:
    pod = prepared(RMEM, "1.32", strategy=strategy)
    assert pod.spec["securityContext"]["sysctls"] == [{"name": "net.ipv4.tcp_rmem", "value": "4096 131072 6291456"}]
    assert "initContainers" not in pod.spec
    assert pod.security_level == "restricted"


@pytest.mark.parametrize("strategy", ["init", "none"])
def test_one_that_becomes_safe_later_is_refused(strategy: str) -> None:
    with pytest.raises(CompositionError) as error:
        prepared(RMEM | {"net.ipv4.tcp_slow_start_after_idle": 0, "net.ipv4.tcp_keepalive_time": 60}, "v1.31.4", strategy=strategy)
    assert str(error.value) == (
        "workload 'web': 2 conflicts\n"
        "  - SysctlInit 'tuning': sysctls['net.ipv4.tcp_rmem'] is safe in a pod only since Kubernetes 1.32, but "
        "kubernetes_version is 1.31; set kubernetes_version='1.32' or remove it\n"
        "  - SysctlInit 'tuning': sysctls['net.ipv4.tcp_slow_start_after_idle'] is safe in a pod only since Kubernetes 1.37, but "
        "kubernetes_version is 1.31; set kubernetes_version='1.37' or remove it"
    )


def test_it_is_refused_beside_those_of_the_node_too() -> None:
    with pytest.raises(CompositionError) as error:
        prepared(RMEM | {"vm.max_map_count": 262144}, "1.30")
    assert str(error.value) == (
        "workload 'web': 1 conflict\n"
        "  - SysctlInit 'tuning': sysctls['net.ipv4.tcp_rmem'] is safe in a pod only since Kubernetes 1.32, but "
        "kubernetes_version is 1.30; set kubernetes_version='1.32' or remove it"
    )
    pod = prepared(RMEM | {"vm.max_map_count": 262144}, "1.32")
    (init,) = pod.spec["initContainers"]
    assert init["command"][4:] == ["vm.max_map_count=262144"]
    assert [sysctl["name"] for sysctl in pod.spec["securityContext"]["sysctls"]] == [*RMEM]


def test_the_value_of_one_that_is_safe_on_some_version_may_be_a_text() -> None:
    def program() -> None:
        SysctlInit("tuning", SysctlInitArgs(sysctls=RMEM | {"net.core.somaxconn": "1 2"}))

    with pytest.raises(ArgumentError) as error:
        run(program)
    assert str(error.value) == (
        "SysctlInit 'tuning': 1 problem\n  - sysctls['net.core.somaxconn'] '1 2' is not allowed: a whole number, 0 or more"
    )
