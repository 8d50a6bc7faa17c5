"""What decides the level of a pod besides its fields: the version of Kubernetes, the system, the user namespace, the annotations."""

from typing import Any

import pulumi
import pytest

from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.pod_security import (
    SAFE_SYSCTLS,
    baseline_violations,
    pod_security_level,
    privileged_containers,
    restricted_violations,
)
from components.core.summary import summary
from tests.support.changed_pods import RESTRICTED
from tests.support.pods import Adds, container, web

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io"
WMEM = Adds("buffers", PodPatch(sysctls=(("net.ipv4.tcp_wmem", "4096 65536 1048576"),)))
ADMIN = {"add": ["NET_ADMIN"], "drop": ["ALL"]}


def spec(context: dict[str, Any] | None = None, pod: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A restricted pod, in which some fields of the container's context, the pod's context and the PodSpec are others."""
    return {
        "securityContext": pod or {},
        "containers": [{"name": "web", "securityContext": {**RESTRICTED, **(context or {})}}],
        **fields,
    }


def probed(host: str) -> dict[str, Any]:
    return spec(containers=[{"name": "web", "securityContext": RESTRICTED, "readinessProbe": {"httpGet": {"port": 80, "host": host}}}])


CHANGES: dict[str, tuple[dict[str, Any], tuple[int, int], str, str]] = {
    **{
        f"sysctl {name}": (spec(pod={"sysctls": [{"name": name, "value": "1"}]}), since, "privileged", "restricted")
        for name, since in {
            "net.ipv4.ip_local_reserved_ports": (1, 27),
            "net.ipv4.tcp_keepalive_time": (1, 29),
            "net.ipv4.tcp_rmem": (1, 32),
            "net.ipv4.tcp_slow_start_after_idle": (1, 37),
        }.items()
    },
    "container_engine_t": (spec({"seLinuxOptions": {"type": "container_engine_t"}}), (1, 31), "privileged", "restricted"),
    "host of a probe": (probed("127.0.0.1"), (1, 34), "restricted", "privileged"),
    "root in a user namespace": (spec({"runAsNonRoot": False, "runAsUser": 0}, hostUsers=False), (1, 35), "baseline", "restricted"),
    "procMount in a user namespace": (spec({"procMount": "Unmasked"}, hostUsers=False), (1, 35), "privileged", "baseline"),
}


@pytest.mark.parametrize(("pod", "since", "before", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_a_control_changes_with_its_version(pod: dict[str, Any], since: tuple[int, int], before: str, after: str) -> None:
    major, minor = since
    levels = {release: pod_security_level(pod, release) for release in ((1, 25), (major, minor - 1), since, (1, 99), (2, 0))}
    assert levels == {(1, 25): before, (major, minor - 1): before, since: after, (1, 99): after, (2, 0): after}


def test_before_1_25_it_is_that_of_1_25() -> None:
    syncookies = spec(pod={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]})
    assert pod_security_level(syncookies, (1, 20)) == pod_security_level(syncookies, (1, 25)) == "restricted"
    windows = {"containers": [{"name": "web", "securityContext": {"runAsNonRoot": True}}], "os": {"name": "windows"}}
    assert pod_security_level(windows, (1, 20)) == pod_security_level(windows, (1, 25)) == "restricted"


def test_a_safe_sysctl_stays_safe() -> None:
    assert len(SAFE_SYSCTLS) == 14
    for name, since in SAFE_SYSCTLS.items():
        pod = spec(pod={"sysctls": [{"name": name, "value": "1"}]})
        assert [baseline_violations(pod, (1, minor)) == [] for minor in range(25, 40)] == [since <= (1, minor) for minor in range(25, 40)]


@pytest.mark.parametrize(
    ("pod", "lines"),
    [
        (spec({"capabilities": ADMIN}), ["container 'web': capabilities.add NET_ADMIN"]),
        (spec({"seccompProfile": {}}), ["container 'web': seccompProfile None"]),
        (spec({"appArmorProfile": {}}), ["container 'web': appArmorProfile None"]),
        (spec(volumes=[{"name": "v", "hostPath": {}}]), ["volume 'v': hostPath"]),
    ],
)
def test_what_both_standards_refuse_is_said_once(pod: dict[str, Any], lines: list[str]) -> None:
    assert baseline_violations(pod) == lines
    assert restricted_violations(pod) == lines


def test_what_is_null_is_not_said() -> None:
    nothing = dict.fromkeys(("hostNetwork", "hostUsers", "initContainers", "os", "securityContext", "volumes"))
    fields = dict.fromkeys(("lifecycle", "livenessProbe", "ports", "readinessProbe", "startupProbe"))
    context = {
        **RESTRICTED,
        **dict.fromkeys(("appArmorProfile", "privileged", "procMount", "runAsUser", "seLinuxOptions", "windowsOptions")),
    }
    pod = {**nothing, "containers": [{"name": "web", **fields, "securityContext": context}]}
    assert restricted_violations(pod, (1, 37)) == []
    assert restricted_violations({"containers": None, "volumes": [{"name": "v", "hostPath": None}]}) == ["volume 'v': nothing"]
    # a pod without containers is refused elsewhere
    assert pod_security_level({}) == "restricted"


def test_an_annotation_can_turn_app_armor_off() -> None:
    good = {f"{APP_ARMOR}/web": "localhost/profile", f"{APP_ARMOR}/other": "runtime/default", "example.com/a": "unconfined"}
    assert pod_security_level(spec(), annotations=good) == "restricted"
    off = {f"{APP_ARMOR}/web": "unconfined"}
    assert baseline_violations(spec(), annotations=off) == [f"annotation {APP_ARMOR}/web"]
    assert pod_security_level(spec(), annotations=off) == "privileged"
    # what is known only later could be anything
    assert pod_security_level(spec(), annotations={f"{APP_ARMOR}/web": pulumi.Output.from_input("runtime/default")}) == "privileged"


def test_the_containers_that_are_refused_by_themselves() -> None:
    every = [
        {"name": "plain", "securityContext": RESTRICTED},
        {"name": "admin", "securityContext": {"capabilities": ADMIN}},
        {"name": "unmasked", "securityContext": {"procMount": "Unmasked"}},
        {"name": "probed", "livenessProbe": {"tcpSocket": {"port": 80, "host": "example.com"}}},
    ]
    pod = {"hostUsers": False, "hostPID": True, "initContainers": every[:2], "containers": every[2:]}
    annotations = {f"{APP_ARMOR}/plain": "unconfined", f"{APP_ARMOR}/gone": "unconfined"}
    assert privileged_containers(pod) == ["admin", "unmasked"]
    assert privileged_containers(pod, (1, 34)) == ["admin", "unmasked", "probed"]
    assert privileged_containers(pod, (1, 35)) == ["admin", "probed"]
    assert privileged_containers(pod, (1, 35), annotations) == ["plain", "admin", "probed"]


@pytest.mark.parametrize(("kubernetes_version", "level"), [("1.30", "privileged"), ("1.31", "privileged"), ("v1.32.1", "restricted")])
def test_a_composed_pod_has_the_level_of_its_cluster(kubernetes_version: str, level: str) -> None:
    pod = compose(web(), [WMEM], kubernetes_version=kubernetes_version)
    assert pod.security_level == level
    assert pod.privileged_containers == []
    assert summary(pod).splitlines()[0] == f"Pod of web: Pod Security Standard {level}"


def test_a_composed_pod_has_the_annotations_of_its_patterns() -> None:
    off = Adds("off", PodPatch(annotations=((f"{APP_ARMOR}/tool", "unconfined"),), containers=(container("tool"),)))
    pod = compose(web(), [off])
    assert (pod.security_level, pod.privileged_containers) == ("privileged", ["tool"])
    assert summary(pod).splitlines()[0] == "Pod of web: Pod Security Standard privileged, because of tool"


@pytest.mark.parametrize(("kubernetes_version", "refused"), [("1.30", ["tool"]), ("1.31", [])])
def test_the_containers_that_are_refused_are_those_of_its_cluster(kubernetes_version: str, refused: list[str]) -> None:
    engine = container("tool", securityContext={**RESTRICTED, "seLinuxOptions": {"type": "container_engine_t"}})
    pod = compose(web(), [Adds("engine", PodPatch(containers=(engine,)))], kubernetes_version=kubernetes_version)
    assert pod.privileged_containers == refused
    assert pod.security_level == ("privileged" if refused else "restricted")
