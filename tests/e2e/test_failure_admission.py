"""Which namespaces admit which pods: what the components say of it is what the API server does."""

import json
import time
from collections.abc import Callable

import pytest

from components.core.fold import compose
from components.core.pod import Pod
from components.core.pod_security import pod_security_level, privileged_containers
from components.patterns.log_tail_sidecar import LogTailSidecar
from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.shared.vault import VaultSecret
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.presets.elasticsearch import elasticsearch
from components.testing import run
from components.workload import WorkloadArgs

from .cluster import Cluster, Done, Namespace, eventually
from .deploy import deploy
from .light import LoadClient, ready, scripts, told, web, workload

Figure = Callable[[str], None]
LEVELS = ("privileged", "baseline", "restricted")
# bounded: at most 4 clients of 40 requests a second each, 20,000 requests, and a minute
LOAD = ("--keep-alive", "2", "--new", "2", "--rate", "40", "--most", "20000", "--seconds", "60")

VAULT = VaultInitArgs(address="https://vault:8200", role="app", secrets=(VaultSecret(path="app", file="app.json", format="json"),))
PATTERNS: dict[str, Callable[[], object]] = {
    "TlsAmbassador": lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="elasticsearch")),
    "MetricsAdapter": lambda: MetricsAdapter("metrics"),
    "LogTailSidecar": lambda: LogTailSidecar("logs"),
    "VaultInit": lambda: VaultInit("vault", VAULT),
    "SysctlInit without the init container": lambda: SysctlInit("sysctl", SysctlInitArgs(strategy="none")),
}
SYSCTL = {"SysctlInit": lambda: SysctlInit("sysctl")}
SAFE = {"a safe sysctl": lambda: SysctlInit("sysctl", SysctlInitArgs(sysctls={"net.ipv4.tcp_keepalive_time": 600}))}
PODS: dict[str, dict[str, Callable[[], object]]] = {
    "the app alone": {},
    **{name: {name: make} for name, make in {**PATTERNS, **SYSCTL, **SAFE}.items()},
    "all of them but SysctlInit": {k: v for k, v in PATTERNS.items() if "Sysctl" not in k},
    "all of them": {**SYSCTL, **{k: v for k, v in PATTERNS.items() if "Sysctl" not in k}},
}


def composed(*makers: Callable[[], object]) -> Pod:
    pods: list[Pod] = []
    run(lambda: pods.append(compose(elasticsearch(), [make() for make in makers])))
    return pods[0]


def submitted(namespace: Namespace, pod: Pod) -> Done:
    """What the API server says to the pod, which is not kept."""
    spec = pod.pod_spec({config.name: config.name for config in pod.config_files})
    plain = json.loads(json.dumps(spec, default=lambda _unknown: "known-later"))
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": plain}
    return namespace.try_kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))


@pytest.fixture(scope="module")
def namespaces(cluster: Cluster):
    made = {level: cluster.namespace(f"admission {level}", level) for level in LEVELS}
    yield made
    for namespace in made.values():
        cluster.close(namespace)


def test_every_namespace_admits_exactly_what_the_components_say(namespaces: dict[str, Namespace], figure: Figure) -> None:
    told: dict[str, str] = {}
    for what, makers in PODS.items():
        pod = composed(*makers.values())
        told[what] = level = pod_security_level(pod.spec)
        for enforced in LEVELS:
            answer = submitted(namespaces[enforced], pod)
            admitted = LEVELS.index(level) >= LEVELS.index(enforced)
            assert (answer.code == 0) == admitted, f"{what}, said to be {level}, in a namespace that enforces {enforced}: {answer.text}"
            if not admitted:
                assert f'violates PodSecurity "{enforced}' in answer.err
            if enforced == "baseline" and not admitted:
                (culprit,) = privileged_containers(pod.spec)
                assert f'privileged (container "{culprit}" must not set securityContext.privileged=true)' in answer.err
            elif enforced == "baseline":
                assert privileged_containers(pod.spec) == []
    figure(f"{len(PODS)} pods in {len(LEVELS)} namespaces: {told}")
    assert told == {what: "privileged" if "SysctlInit" in makers else "restricted" for what, makers in PODS.items()}


def test_a_restricted_namespace_runs_the_sidecars_and_tells_who_it_refuses(namespaces: dict[str, Namespace], figure: Figure) -> None:
    namespace = namespaces["restricted"]
    scripts(namespace)
    args = WorkloadArgs(app=web(pre_stop_seconds=0), namespace=namespace.name)

    def program(*more: Callable[[], object]) -> Callable[[], None]:
        def deployed() -> None:
            tls = TlsAmbassadorArgs(service_name="web", namespace=namespace.name)
            patterns = [*(make() for make in more), LogTailSidecar("logs"), TlsAmbassador("tls", tls), MetricsAdapter("metrics")]
            workload(args, *patterns)

        return deployed

    deployment = deploy(namespace, program())
    assert deployment.outputs["pod_security_level"] == "restricted"
    assert deployment.outputs["privileged_containers"] == []
    pod = namespace.pod("web")
    assert ready(namespace.get("pod", pod))
    client = LoadClient(namespace)
    client.trust(deployment.outputs["ca_pem"])

    def refused() -> bool:
        conditions = [c for rs in namespace.all("replicasets") for c in rs["status"].get("conditions", ())]
        messages = [c["message"] for c in conditions if c["type"] == "ReplicaFailure"]
        return any('violates PodSecurity "restricted' in m and '"update-sysctl"' in m for m in messages)

    with client.load("https://web:8080/", *LOAD) as result:
        deployment.up(program(*SYSCTL.values()), wait=False)
        assert deployment.outputs["pod_security_level"] == "privileged"
        assert deployment.outputs["privileged_containers"] == ["update-sysctl"]
        eventually(refused, "the refusal, with the container's name", timeout=30)
        time.sleep(5)
    figure(told(result))
    # what was there goes on serving
    assert result["failures"] == 0, str(result)
    assert result["requests"] > 200, str(result)
    assert result["pods"].keys() == {pod}
    assert [ready(pod) for pod in namespace.pods("web")] == [True]
