"""The Pod Security Standard that a pod reaches, control by control as in k8s.io/pod-security-admission."""

from copy import deepcopy
from typing import Any

import pytest

from components.core.fold import compose
from components.core.identity import restricted
from components.core.patch import PodPatch
from components.core.pod_security import SAFE_SYSCTLS, baseline_violations, pod_security_level, privileged_containers, restricted_violations
from components.patterns.log_tail_sidecar import LogTailSidecar
from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.shared.vault import VaultSecret
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.presets.elasticsearch import elasticsearch
from tests.support.composing import composed
from tests.support.pods import Adds, container, web

# the newest version has every control
NEWEST = (1, 37)
PROBE = {"httpGet": {"host": "127.0.0.1", "port": 80}}
BASELINE: dict[str, tuple[dict[str, Any], str]] = {
    "hostNetwork": ({"spec": {"hostNetwork": True}}, "hostNetwork"),
    "hostPID": ({"spec": {"hostPID": True}}, "hostPID"),
    "hostIPC": ({"spec": {"hostIPC": True}}, "hostIPC"),
    "hostPath": ({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}, "volume 'v': hostPath"),
    "hostPort": ({"container": {"ports": [{"containerPort": 80, "hostPort": 80}]}}, "container 'web': hostPort 80"),
    "hostProcess of the pod": ({"pod": {"windowsOptions": {"hostProcess": True}}}, "pod: hostProcess"),
    "hostProcess": ({"context": {"windowsOptions": {"hostProcess": True}}}, "container 'web': hostProcess"),
    "privileged": ({"context": {"privileged": True}}, "container 'web': privileged"),
    "capabilities": (
        {"context": {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_TIME"]}}},
        "container 'web': capabilities.add NET_ADMIN, SYS_TIME",
    ),
    "procMount": ({"context": {"procMount": "Unmasked"}}, "container 'web': procMount"),
    "seccomp of the pod": ({"pod": {"seccompProfile": {"type": "Unconfined"}}}, "pod: seccompProfile Unconfined"),
    "seccomp": ({"context": {"seccompProfile": {"type": "Unconfined"}}}, "container 'web': seccompProfile Unconfined"),
    "AppArmor of the pod": ({"pod": {"appArmorProfile": {"type": "Unconfined"}}}, "pod: appArmorProfile Unconfined"),
    "AppArmor": ({"context": {"appArmorProfile": {"type": "Unconfined"}}}, "container 'web': appArmorProfile Unconfined"),
    "SELinux type of the pod": ({"pod": {"seLinuxOptions": {"type": "spc_t"}}}, "pod: seLinuxOptions"),
    "SELinux type": ({"context": {"seLinuxOptions": {"type": "spc_t"}}}, "container 'web': seLinuxOptions"),
    "SELinux user": ({"context": {"seLinuxOptions": {"type": "container_t", "user": "root"}}}, "container 'web': seLinuxOptions"),
    "SELinux role": ({"context": {"seLinuxOptions": {"role": "admin"}}}, "container 'web': seLinuxOptions"),
    "sysctl": ({"pod": {"sysctls": [{"name": "vm.max_map_count", "value": "1"}]}}, "pod: sysctl vm.max_map_count"),
    "startup host": ({"container": {"startupProbe": PROBE}}, "container 'web': probe or lifecycle host"),
    "readiness host": (
        {"container": {"readinessProbe": {"tcpSocket": {"host": "x", "port": 1}}}},
        "container 'web': probe or lifecycle host",
    ),
    "liveness host": ({"container": {"livenessProbe": PROBE}}, "container 'web': probe or lifecycle host"),
    "lifecycle host": ({"container": {"lifecycle": {"preStop": PROBE}}}, "container 'web': probe or lifecycle host"),
}
RESTRICTED: dict[str, tuple[dict[str, Any], str]] = {
    "volume": ({"spec": {"volumes": [{"name": "v", "nfs": {"server": "x", "path": "/"}}]}}, "volume 'v': nfs"),
    "privilege escalation": (
        {"context": {"allowPrivilegeEscalation": True}},
        "container 'web': allowPrivilegeEscalation is not false",
    ),
    "privilege escalation not said": (
        {"context": {"allowPrivilegeEscalation": None}},
        "container 'web': allowPrivilegeEscalation is not false",
    ),
    "capabilities kept": ({"context": {"capabilities": {"drop": ["NET_RAW"]}}}, "container 'web': capabilities.drop lacks ALL"),
    "capabilities added": (
        {"context": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}},
        "container 'web': capabilities.add CHOWN",
    ),
    "root allowed": ({"context": {"runAsNonRoot": False}}, "container 'web': runAsNonRoot is not true"),
    "root allowed by the pod": ({"pod": {"runAsNonRoot": False}}, "pod: runAsNonRoot false"),
    "root not excluded": (
        {"context": {"runAsNonRoot": None}, "pod": {"runAsNonRoot": None}},
        "container 'web': runAsNonRoot is not true",
    ),
    "root": ({"context": {"runAsUser": 0}}, "container 'web': runAsUser 0"),
    "root by the pod": ({"pod": {"runAsUser": 0}}, "pod: runAsUser 0"),
    "no seccomp": (
        {"pod": {"seccompProfile": None}, "context": {"seccompProfile": None}},
        "container 'web': seccompProfile is not RuntimeDefault or Localhost",
    ),
}
ALLOWED: dict[str, dict[str, Any]] = {
    "NET_BIND_SERVICE": {"context": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}},
    "seccomp of the container": {"pod": {"seccompProfile": None}, "context": {"seccompProfile": {"type": "Localhost"}}},
    "non-root by the pod": {"context": {"runAsNonRoot": None}},
    "non-root by the container": {"pod": {"runAsNonRoot": None}},
    "SELinux": {"context": {"seLinuxOptions": {"type": "container_init_t", "level": "s0"}}, "pod": {"seLinuxOptions": {"type": ""}}},
    "AppArmor": {"context": {"appArmorProfile": {"type": "Localhost"}}, "pod": {"appArmorProfile": {"type": "RuntimeDefault"}}},
    "an empty host": {"container": {"readinessProbe": {"httpGet": {"host": "", "port": 1}}, "lifecycle": {"stopSignal": "SIGQUIT"}}},
    "safe sysctls": {"pod": {"sysctls": [{"name": name, "value": "1"} for name in SAFE_SYSCTLS]}},
    "volumes": {
        "spec": {
            "volumes": [
                {"name": kind.lower(), kind: {}}
                for kind in (
                    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
                    *("image", "persistentVolumeClaim", "projected", "secret"),
                )
            ]
        }
    },
}


def changed(change: dict[str, Any], where: str = "containers") -> dict[str, Any]:
    """A restricted pod with one change; None takes a field away. `where` is the list that holds the container."""
    spec = deepcopy(dict(compose(web(), [Adds("a", PodPatch(init_containers=(container("init"),)))]).spec))
    target = next(c for c in spec[where] if c["name"] in ("web", "init"))
    spec |= change.get("spec", {})
    target |= change.get("container", {})
    for context, key in ((spec["securityContext"], "pod"), (target["securityContext"], "context")):
        context |= change.get(key, {})
        for field in [f for f, value in context.items() if value is None]:
            del context[field]
    return spec


@pytest.mark.parametrize(("change", "line"), BASELINE.values(), ids=BASELINE.keys())
def test_each_control_of_the_baseline_standard_makes_the_pod_privileged(change: dict[str, Any], line: str) -> None:
    spec = changed(change)
    assert baseline_violations(spec, NEWEST) == [line]
    assert line in restricted_violations(spec, NEWEST)
    assert pod_security_level(spec, NEWEST) == "privileged"
    assert privileged_containers(spec, NEWEST) == (["web"] if "container" in line else [])


@pytest.mark.parametrize(("change", "line"), RESTRICTED.values(), ids=RESTRICTED.keys())
def test_each_control_of_the_restricted_standard_makes_the_pod_baseline(change: dict[str, Any], line: str) -> None:
    spec = changed(change)
    lines = restricted_violations(spec, NEWEST)
    assert line in lines
    # a field of the pod that is missing is missing in each of its containers
    assert {one.replace("'init'", "'web'") for one in lines} == {line}
    assert baseline_violations(spec, NEWEST) == []
    assert pod_security_level(spec, NEWEST) == "baseline"
    assert privileged_containers(spec, NEWEST) == []


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_the_standards_allow_is_allowed(change: dict[str, Any]) -> None:
    spec = changed(change)
    # the init container is as it was
    spec["initContainers"] = []
    assert restricted_violations(spec, NEWEST) == []
    assert pod_security_level(spec, NEWEST) == "restricted"


@pytest.mark.parametrize(
    ("change", "line"),
    [v for table in (BASELINE, RESTRICTED) for v in table.values() if v[1].startswith("container")],
    ids=lambda v: str(v)[:60],
)
def test_init_containers_are_held_to_the_same_controls(change: dict[str, Any], line: str) -> None:
    assert line.replace("'web'", "'init'") in restricted_violations(changed(change, "initContainers"), NEWEST)


def test_the_default_security_context_is_restricted() -> None:
    for context in (restricted(None), restricted(1), restricted(1, 2)):
        spec = {
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": context}],
        }
        assert pod_security_level(spec) == "restricted"


def test_a_pod_that_says_nothing_is_baseline() -> None:
    assert pod_security_level({"containers": [{"name": "a"}]}) == "baseline"


MAKERS = {
    "tls": lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="elasticsearch", target_ports=("http", "http-prometheus"))),
    "metrics": lambda: MetricsAdapter("metrics"),
    "logs": lambda: LogTailSidecar("logs"),
    "vault": lambda: VaultInit(
        "vault",
        VaultInitArgs(address="https://vault:8200", role="es", secrets=(VaultSecret(path="my-secret", file="s", format="json"),)),
    ),
    "safe sysctls": lambda: SysctlInit("safe", SysctlInitArgs(sysctls={"net.ipv4.tcp_keepalive_time": 60})),
    "no sysctl": lambda: SysctlInit("none", SysctlInitArgs(strategy="none")),
}


@pytest.mark.parametrize("sidecars", ["native", "classic"])
def test_every_pattern_but_the_privileged_sysctl_passes_the_restricted_standard(sidecars: str) -> None:
    pod = composed(elasticsearch(), *MAKERS.values(), sidecars=sidecars)
    assert restricted_violations(pod.spec) == []
    assert pod_security_level(pod.spec) == "restricted"
    assert privileged_containers(pod.spec) == []


def test_sysctl_init_makes_the_pod_privileged_and_is_the_only_container_that_is() -> None:
    pod = composed(elasticsearch(), *MAKERS.values(), lambda: SysctlInit("sysctl"))
    assert pod_security_level(pod.spec) == "privileged"
    assert privileged_containers(pod.spec) == ["update-sysctl"]
    assert all("'update-sysctl'" in line for line in restricted_violations(pod.spec))
    assert baseline_violations(pod.spec) == ["container 'update-sysctl': privileged"]
