"""What is composed works: references expand, updates end, log files on a volume of the app's are read."""

from typing import Any

from components.core.app import App, SecretKey
from components.core.identity import as_app
from components.core.patch import PodPatch, sidecar
from components.core.rollout import RollingUpdate, Strategy
from components.core.view import PodView
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import idle, ready

_SLEEP = "trap 'exit 0' TERM; while :; do sleep 1; done"


def deployed(namespace: Namespace, app: App, *patterns: Any, strategy: Strategy | None = None, wait: bool = True) -> None:
    args = WorkloadArgs(app=app, patterns=patterns, namespace=namespace.name, strategy=strategy)
    deploy(namespace, lambda: Workload("app", args), wait=wait)


def test_the_kubelet_expands_every_reference(namespace: Namespace) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter2"}}
    level = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "debug"}}
    for made in (secret, level):
        namespace.apply(made)
    app = idle(
        command=["sh", "-c", f'echo "$0 $1 $(echo a command) $TEXT"; {_SLEEP}', "$(URL)", "$(LEVEL)"],
        env={
            "URL": "postgres://app:$(PW)@$(HOST)/$(POD)",
            "HOST": "db.$(SPACE)",
            "TEXT": "$$(PW)",
            "POD": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            "SPACE": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            "LEVEL": {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
        },
        secret_env={"PW": SecretKey(name="db", key="password")},
    )
    deployed(namespace, app)
    pod = namespace.pod("app")
    eventually(lambda: namespace.logs(pod, "app"), "its line")
    assert namespace.logs(pod, "app") == f"postgres://app:hunter2@db.{namespace}/{pod} debug a command $(PW)\n"


class NodePort:
    """A sidecar that takes a port of the node, which no two pods can have."""

    def patch(self, pod: PodView) -> PodPatch:
        its = idle(name="side")
        container = {
            "name": "side",
            "image": its.image,
            "command": list(its.command),
            "ports": [{"containerPort": 39321, "hostPort": 39321}],
            "resources": its.resources,
            "securityContext": as_app(pod),
        }
        return PodPatch(init_containers=(sidecar(container),))


def test_an_update_that_waits_for_ever_ends_with_another_strategy(namespace: Namespace) -> None:
    def app(version: str) -> App:
        return idle(env={"VERSION": version})

    deployed(namespace, app("1"), NodePort(), strategy=RollingUpdate())
    # chosen, and wrong
    deployed(namespace, app("2"), NodePort(), strategy=RollingUpdate(), wait=False)

    def scheduled(pod: dict[str, Any]) -> str:
        return str(next((c.get("message", "") for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled"), ""))

    eventually(lambda: any("free ports" in scheduled(pod) for pod in namespace.pods("app")), "the new pod without a port")
    deployed(namespace, app("3"), NodePort(), strategy="Recreate")
    (pod,) = [pod for pod in namespace.pods("app") if ready(pod)]
    (container,) = [c for c in pod["spec"]["containers"] if c["name"] == "app"]
    assert {"name": "VERSION", "value": "3"} in container["env"]


def test_dated_files_in_a_directory_that_the_app_makes_on_its_own_volume(namespace: Namespace) -> None:
    files, lines = 5, 200
    write = (
        "mkdir -p /var/log/app; "
        f"for day in $(seq {files}); do for line in $(seq {lines}); do echo $day $line; done >>/var/log/app/app-$day.log; sleep 1; done; "
    )
    app = idle(command=["sh", "-c", write + _SLEEP], empty_dirs={"/var/log": "16Mi"})
    deployed(namespace, app, LogTailSidecarArgs(directory="/var/log/app", files=["app-*.log"]))
    wanted = [f"{day} {line}" for day in range(1, files + 1) for line in range(1, lines + 1)]

    def seen() -> list[str]:
        return namespace.logs(namespace.pod("app"), "logs").splitlines()

    eventually(lambda: len(seen()) >= len(wanted), "every line", timeout=60)
    assert seen() == wanted
