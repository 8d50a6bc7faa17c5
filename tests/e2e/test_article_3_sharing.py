"""Article, section 3: what the containers of a pod share, and what not."""

from dataclasses import dataclass
from typing import Any

import pytest

from components.core.app import App
from components.core.identity import restricted
from components.core.patch import PodPatch, sidecar
from components.core.view import PodView
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace
from .deploy import DeployError, deploy

IMAGE = "busybox:1.37"
RESOURCES = {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
APP = App(
    name="web",
    image=IMAGE,
    command=("busybox", "httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/shared"),
    resources=RESOURCES,
    empty_dirs={"/private": "1Mi"},
    volume_mounts=({"name": "shared", "mountPath": "/shared"},),
    volumes=({"name": "shared", "emptyDir": {"sizeLimit": "1Mi"}},),
    pre_stop_seconds=0,
    stop_seconds=1,
)


@dataclass(frozen=True)
class Companion:
    """A pattern as a user writes one: a second container with the shared volume."""

    name: str = "companion"
    port: int = 9090
    volume: str | None = None
    app_mount: str | None = None

    def patch(self, _pod: PodView) -> PodPatch:
        container: dict[str, Any] = {
            "name": self.name,
            "image": IMAGE,
            # a shell, because process 1 ignores SIGTERM without a handler
            "command": ["sh", "-c", f"trap 'exit 0' TERM; busybox httpd -f -p {self.port} -h /shared & wait $!"],
            "ports": [{"name": f"{self.name[:8]}-port", "containerPort": self.port}],
            "resources": RESOURCES,
            "securityContext": restricted(1000, 1000),
            "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            volumes=() if self.volume is None else ({"name": self.volume, "emptyDir": {}},),
            app_mounts=() if self.app_mount is None else ({"name": "shared", "mountPath": self.app_mount},),
        )


@dataclass(frozen=True)
class Pair:
    """The pod of the two containers."""

    namespace: Namespace
    pod: str

    def run(self, container: str, script: str) -> str:
        """What a shell script prints in a container."""
        done = self.namespace.exec(self.pod, container, "sh", "-c", script)
        assert done.code == 0, done.text
        return done.out

    def fails(self, container: str, script: str) -> bool:
        return self.namespace.exec(self.pod, container, "sh", "-c", script).code != 0


@pytest.fixture(scope="module")
def pair(module_namespace: Namespace) -> Pair:
    args = WorkloadArgs(app=APP, patterns=[Companion()], namespace=module_namespace.name)
    deploy(module_namespace, lambda: Workload("web", args))
    return Pair(module_namespace, module_namespace.pod("web"))


def test_they_share_loopback_and_a_volume(pair: Pair) -> None:
    # a file that one of them writes comes back to it through the other's server, which listens on loopback only
    pair.run("companion", "echo from the companion >/shared/a")
    assert pair.run("companion", "wget -qO- http://127.0.0.1:8080/a") == "from the companion\n"
    pair.run("web", "echo from the app >/shared/b")
    assert pair.run("web", "wget -qO- http://127.0.0.1:9090/b") == "from the app\n"


def test_one_takes_the_connections_from_outside_while_the_other_has_loopback_to_itself(pair: Pair) -> None:
    client, address = Client(pair.namespace), pair.namespace.get("pod", pair.pod)["status"]["podIP"]
    pair.run("web", "echo hello >/shared/index.html")
    assert client.curl(f"http://{address}:9090/").out == "hello\n"
    assert client.curl(f"http://{address}:8080/").code == 7


def test_they_share_no_other_file(pair: Pair) -> None:
    pair.run("web", "echo mine >/private/file")
    assert pair.fails("companion", "test -e /private")
    roots = [pair.run(name, "stat -c %i:%d / /etc /proc") for name in ("web", "companion")]
    assert roots[0] != roots[1]


def test_neither_sees_the_other_s_processes(pair: Pair) -> None:
    listed = {name: pair.run(name, "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done") for name in ("web", "companion")}
    assert "-p 127.0.0.1:8080" in listed["web"]
    assert "-p 9090" in listed["companion"]
    assert "-p 9090" not in listed["web"]
    assert "127.0.0.1:8080" not in listed["companion"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            Companion(name="first", port=9090),
            Companion(name="second", port=9090),
            "port 9090 of Companion 'second' is already taken by Companion 'first'; set port=",
        ),
        (
            Companion(name="web", port=9090),
            Companion(name="second", port=9091),
            "container name 'web' of Companion 'web' is already taken by the app; set container_name=",
        ),
        (
            Companion(name="first", port=9090, volume="data"),
            Companion(name="second", port=9091, volume="data"),
            "volume 'data' of Companion 'second' is already defined by Companion 'first'; set volume_name=",
        ),
        (
            Companion(name="first", port=9090, app_mount="/data"),
            Companion(name="second", port=9091, app_mount="/data/"),
            "mount path '/data/' of Companion 'second' in container 'web' is already taken by Companion 'first'; set mount_path=",
        ),
    ],
    ids=["port", "name", "volume", "mount path"],
)
def test_a_clash_is_refused_before_anything_is_created(namespace: Namespace, first: Companion, second: Companion, message: str) -> None:
    args = WorkloadArgs(app=APP, patterns=[first, second], namespace=namespace.name)
    with pytest.raises(DeployError) as refused:
        deploy(namespace, lambda: Workload("web", args))
    assert f"- {message}" in [line.strip() for line in str(refused.value).splitlines()]
    created = [o["metadata"]["name"] for kind in ("deployments", "services", "pods", "secrets", "configmaps") for o in namespace.all(kind)]
    assert created in ([], ["kube-root-ca.crt"])
