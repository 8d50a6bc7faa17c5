"""How pods end: deleted, or because their work is done."""

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from components.patterns.log_tail_sidecar import LogTailSidecar
from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import LoadClient, bare, scripts, statuses, web, workload

Figure = Callable[[str], None]


def patterns(namespace: Namespace) -> list[object]:
    tls = TlsAmbassadorArgs(service_name="web", namespace=namespace.name)
    return [LogTailSidecar("logs"), TlsAmbassador("tls", tls), MetricsAdapter("metrics")]


def ended(status: dict) -> float:
    """When a container ended, in seconds."""
    return datetime.fromisoformat(status["state"]["terminated"]["finishedAt"]).timestamp()


def test_a_deleted_pod_stops_in_order_and_its_last_log_lines_arrive(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)
    args = WorkloadArgs(app=web(pre_stop_seconds=5), namespace=namespace.name)
    deployment = deploy(namespace, lambda: workload(args, *patterns(namespace)))
    client, pod = LoadClient(namespace), namespace.pod("web")
    client.trust(deployment.outputs["ca_pem"])
    grace = namespace.get("pod", pod)["spec"]["terminationGracePeriodSeconds"]
    # keeps what is known of the pod after its end
    hold = {"metadata": {"finalizers": ["pod-patterns.test/hold"]}}
    namespace.kubectl("patch", "pod", pod, "--type=merge", "-p", json.dumps(hold))
    namespace.undo.append(lambda: _release(namespace, pod))
    # a pod that does not end must not hold the test up
    command = ["timeout", "120", "kubectl", "-n", namespace.name, "logs", "-f", pod, "-c", "logs"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as follow,
        ThreadPoolExecutor() as pool,
    ):
        # for longer than the exporter waits for Elasticsearch
        time.sleep(10)
        # keeps the app busy for about five seconds after its SIGTERM
        under_way = pool.submit(client.run, "get", "https://web:8080/slow?seconds=12")
        time.sleep(2)
        began = time.monotonic()
        namespace.kubectl("delete", "pod", pod, "--wait=false")
        eventually(
            lambda: all("terminated" in status["state"] for status in statuses(namespace.get("pod", pod)).values()),
            "every container ended",
            timeout=grace + 20,
        )
        took = time.monotonic() - began
        lines = follow.communicate(timeout=20)[0].splitlines()
        answer = under_way.result()
    last = statuses(namespace.get("pod", pod))
    _release(namespace, pod)
    order = ("web", "prometheus-exporter", "nginx-proxy", "logs")
    times = [ended(last[name]) for name in order]
    codes = {name: last[name]["state"]["terminated"]["exitCode"] for name in order}
    ends = ", ".join(f"{name} +{end - times[0]:.0f} s" for name, end in zip(order, times, strict=True))
    figure(f"ended after {took:.1f} s of {grace}: {ends}; exit codes {[*codes.values()]}; {len(lines)} log lines")
    assert answer["status"] == 200, str(answer)
    assert lines == ["started", "stopping", *(f"last line {n} of 100" for n in range(1, 101))]
    # whole seconds are all that is told of them
    assert times == sorted(times), str(last)
    # the tail looks for the last lines once a second: it is given two, or it may miss them
    assert times[-1] - times[-2] >= 2, str(last)
    # nobody had to be killed
    assert codes == dict.fromkeys(codes, 0), str(codes)
    assert took < grace


def _release(namespace: Namespace, pod: str) -> None:
    namespace.try_kubectl("patch", "pod", pod, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}))


def test_a_job_with_the_sidecars_completes(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)
    app = web(
        command=("/bin/sh", "-c", "python3 /load/upstream.py & sleep 3; kill $!; wait $!"),
        startup_probe=None,
        readiness_probe=None,
        pre_stop_seconds=0,
    )
    began = time.monotonic()
    deploy(namespace, lambda: bare(namespace, "work", app, patterns(namespace), job=True))
    namespace.wait("job/work", "condition=Complete", timeout=90)
    took = time.monotonic() - began
    (pod,) = namespace.all("pods", "job-name=work")
    last = statuses(pod)
    figure(f"completed after {took:.0f} s with {len(last)} containers")
    assert pod["status"]["phase"] == "Succeeded"
    assert sorted(last) == ["logs", "nginx-proxy", "prometheus-exporter", "web"]
    assert last["web"]["state"]["terminated"]["exitCode"] == 0
    assert namespace.logs(pod["metadata"]["name"], "logs").splitlines()[-1] == "last line 100 of 100"
