"""What happens when a process of the pod dies: the app, the proxy, the exporter, the tail."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from components.patterns.log_tail_sidecar import LogTailSidecar
from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import LoadClient, ready, scripts, statuses, web, workload

Figure = Callable[[str], None]
URL = "https://web:8080/"


def tls(namespace: Namespace) -> TlsAmbassador:
    return TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))


@contextlib.contextmanager
def readiness(namespace: Namespace) -> Iterator[list[tuple[float, bool]]]:
    """Every change of whether the Service sends its traffic to the pod, with its time, while the block runs."""
    seen: list[tuple[float, bool]] = []
    command = ["kubectl", "-n", namespace.name, "get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-w", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
        reader = threading.Thread(target=_read, args=(watch, seen))
        reader.start()
        try:
            eventually(lambda: seen, "the endpoint slice")
            yield seen
            # what happened last is reported, too
            time.sleep(1)
        finally:
            watch.kill()
            reader.join()


def _read(watch: "subprocess.Popen[str]", seen: list[tuple[float, bool]]) -> None:
    decoder, text = json.JSONDecoder(), ""
    assert watch.stdout
    for line in watch.stdout:
        text += line
        with contextlib.suppress(ValueError):
            found, end = decoder.raw_decode(text)
            text = text[end:].lstrip()
            seen.append((time.monotonic(), any(e["conditions"].get("ready") for e in found.get("endpoints") or ())))


def test_an_app_that_dies_behind_a_living_proxy_leaves_the_service_and_comes_back(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)
    # the container survives its server, so that nothing but the probe can tell; the server is away for ten seconds
    app = web(command=("/bin/sh", "-c", "while :; do python3 /load/upstream.py; sleep 10; done"), pre_stop_seconds=0)
    args = WorkloadArgs(app=app, namespace=namespace.name)
    deployment = deploy(namespace, lambda: workload(args, tls(namespace)))
    client, pod = LoadClient(namespace), namespace.pod("web")
    client.trust(deployment.outputs["ca_pem"])
    assert client.run("get", URL)["status"] == 200
    with readiness(namespace) as seen:
        died = time.monotonic()
        assert namespace.exec(pod, "web", "killall", "-9", "python3").code == 0
        eventually(lambda: not seen[-1][1], "the pod out of the Service", timeout=20)
        left = seen[-1][0] - died
        # it is the app that is dead, not the proxy
        assert (
            namespace.exec(pod, "nginx-proxy", "curl", "-sk", "https://127.0.0.1:8080/", "-o", "/dev/null", "-w", "%{http_code}").out
            == "502"
        )
        eventually(lambda: seen[-1][1], "the pod back in the Service", timeout=40)
        back = seen[-1][0] - died
    assert client.run("get", URL)["status"] == 200
    now = statuses(namespace.get("pod", pod))
    assert {name: status["restartCount"] for name, status in now.items()} == {"web": 0, "nginx-proxy": 0}
    figure(f"out of the Service after {left:.1f} s (probe every 2 s, twice), back after {back:.1f} s (away for 10 s)")
    # two probes, two seconds apart, and some slack for a busy machine
    assert left < 2 * 2 + 4


def test_a_proxy_that_dies_is_restarted_and_nobody_is_answered_in_plaintext(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)
    args = WorkloadArgs(app=web(pre_stop_seconds=0), namespace=namespace.name)
    deployment = deploy(namespace, lambda: workload(args, tls(namespace)))
    client, pod = LoadClient(namespace), namespace.pod("web")
    client.trust(deployment.outputs["ca_pem"])
    address = namespace.get("pod", pod)["status"]["podIP"]
    plain: dict[str, Any] = {}

    def knock() -> None:
        # the Service's port on the pod itself, which answers even while the Service does not; and where the app moved to
        plain.update(client.run("plain", f"http://{address}:8080/", "--also", "8081", "--seconds", "15"))

    knocking = threading.Thread(target=knock)
    knocking.start()
    for restarts in (1, 2):
        time.sleep(3)
        assert namespace.exec(pod, "nginx-proxy", "sh", "-c", "kill -TERM 1").code in (0, 137, 143)
        eventually(lambda n=restarts: statuses(namespace.get("pod", pod))["nginx-proxy"]["restartCount"] == n, "a restart")
    knocking.join()
    eventually(lambda: ready(namespace.get("pod", pod)), "the pod Ready again")
    assert client.run("get", URL)["status"] == 200
    assert statuses(namespace.get("pod", pod))["web"]["restartCount"] == 0
    figure(f"{plain['requests']} plaintext requests while the proxy died twice: {plain['seen']}")
    assert plain["requests"] > 100
    # nginx' own refusal of plain HTTP, or nobody there
    assert set(plain["seen"]) <= {"8080: 400", "8080: refused", "8080: reset", "8081: refused"}, str(plain)
    assert plain["seen"]["8080: refused"] > 0


def test_a_crashing_exporter_or_tail_does_not_take_the_pod_out_of_the_service(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)
    args = WorkloadArgs(app=web(pre_stop_seconds=0), namespace=namespace.name)
    deploy(namespace, lambda: workload(args, LogTailSidecar("logs"), tls(namespace), MetricsAdapter("metrics")))
    pod = namespace.pod("web")
    # the exporter waits ten seconds for Elasticsearch, which is not here, before it serves
    metrics = ("curl", "-sf", "http://127.0.0.1:9114/metrics")
    eventually(lambda: namespace.exec(pod, "nginx-proxy", *metrics).code == 0, "metrics", timeout=60)
    crashes = 0
    with readiness(namespace) as seen:
        for _ in range(3):
            # a Go program that gets SIGQUIT ends like one that panics
            for container, signal, program in (("prometheus-exporter", "-QUIT", "elasticsearch_exporter"), ("logs", "-KILL", "tail")):
                crashes += namespace.exec(pod, container, "killall", signal, program).code == 0
            time.sleep(7)
    away = sum(1 for _, in_service in seen if not in_service)
    figure(f"{crashes} crashes, out of the Service {away} times")
    assert (crashes, away) == (6, 0), str(seen)
    eventually(lambda: namespace.exec(pod, "nginx-proxy", *metrics).code == 0, "metrics again", timeout=60)
    assert namespace.logs(pod, "logs").splitlines().count("started") == 4
    assert "exited with status 2; restarting it" in namespace.logs(pod, "prometheus-exporter")
    now = statuses(namespace.get("pod", pod))
    assert [status["restartCount"] for status in now.values()] == [0, 0, 0, 0]
