"""WaitForInit: the init container that waits for other systems."""

from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import idle, scripts, web

APP = idle()


def waiting(namespace: Namespace, timeout_seconds: int) -> None:
    args = WaitForInitArgs(
        tcp=("web:8080",),
        http=(f"http://web.{namespace}.svc:8080/ready",),
        # a name with dots that needs the cluster's domain
        dns=("kubernetes.default.svc", f"web.{namespace}.svc"),
        timeout_seconds=timeout_seconds,
        interval_seconds=1,
    )
    Workload("app", WorkloadArgs(app=APP, patterns=[WaitForInit("wait", args)], namespace=namespace.name))


def test_the_app_starts_when_what_it_needs_is_there(namespace: Namespace) -> None:
    deploy(namespace, lambda: waiting(namespace, 120), wait=False)
    eventually(lambda: "dns kubernetes.default.svc: available" in namespace.logs(namespace.pod("app"), "wait-for"), "the first target")
    assert not namespace.get("pod", namespace.pod("app"))["status"]["containerStatuses"][0]["ready"]
    scripts(namespace)
    deploy(namespace, lambda: Workload("web", WorkloadArgs(app=web(), namespace=namespace.name)))
    namespace.wait(f"pod/{namespace.pod('app')}", "condition=Ready")
    (status,) = namespace.get("pod", namespace.pod("app"))["status"]["initContainerStatuses"]
    assert status["restartCount"] == 0
    assert len(namespace.logs(namespace.pod("app"), "wait-for").splitlines()) == 4


def test_one_line_tells_what_is_missing(namespace: Namespace) -> None:
    deploy(namespace, lambda: waiting(namespace, 4), wait=False)

    def message() -> str:
        (status,) = namespace.get("pod", namespace.pod("app"))["status"]["initContainerStatuses"]
        ended = status["state"].get("terminated") or status["lastState"].get("terminated") or {}
        return str(ended.get("message", "")).splitlines()[-1] if ended else ""

    said = eventually(message, "the container failed")
    url = f"web.{namespace}.svc"
    assert said.partition(" s: ")[2] == (
        f"tcp web:8080 (bad address 'web'), http http://{url}:8080/ready (bad address '{url}:8080'), dns {url} (bad address '{url}')"
    )
