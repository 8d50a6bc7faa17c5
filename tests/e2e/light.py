"""Light apps and a load client, for the tests where Elasticsearch is not the point."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.core.app import App, LogFiles, Port, Rebind
from components.core.fold import compose
from components.core.identity import restricted
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually, kubectl

IMAGE = "python:3.12-alpine"
_SCRIPTS = Path(__file__).parent / "load"
_VOLUME = {"name": "load", "configMap": {"name": "load"}}
_MOUNT = {"name": "load", "mountPath": "/load", "readOnly": True}
_LOGS = "/var/log/web"


def scripts(namespace: Namespace) -> None:
    """Makes the ConfigMap with the scripts that the app and the client run."""
    data = {path.name: path.read_text(encoding="utf-8") for path in _SCRIPTS.glob("*.py")}
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "load"}, "data": data})


def web(**changes: Any) -> App:
    """An HTTP server: load/upstream.py, quickly probed."""
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "timeoutSeconds": 2}
    fields: dict[str, Any] = {
        "name": "web",
        "image": IMAGE,
        "command": ("python3", "/load/upstream.py"),
        "ports": (Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"})),),
        "env": {"HOST": "0.0.0.0", "PORT": "8080"},
        "volumes": (_VOLUME,),
        "volume_mounts": (_MOUNT,),
        "startup_probe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
        "readiness_probe": {**probe, "periodSeconds": 2, "failureThreshold": 2},
        "log_files": LogFiles(directory=_LOGS, files=("web.log",), env={"LOG_FILE": f"{_LOGS}/web.log"}),
    }
    return App(**{**fields, **changes})


def idle(**changes: Any) -> App:
    """An app that does nothing and ends at once."""
    fields: dict[str, Any] = {
        "name": "app",
        "image": "busybox:1.37",
        "command": ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"),
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "pre_stop_seconds": 0,
        "stop_seconds": 1,
    }
    return App(**{**fields, **changes})


def workload(args: WorkloadArgs, *patterns: object) -> None:
    """In a program: the workload `web` with these patterns, and its outputs that the tests look at."""
    made = Workload("web", replace(args, patterns=patterns))
    for name in ("ca_pem", "pod_security_level", "privileged_containers"):
        pulumi.export(name, getattr(made, name))


def bare(namespace: Namespace, name: str, app: App, patterns: Sequence[object], *, job: bool = False) -> None:
    """In a program: the composed pod by itself, or the Job that runs it; never restarted."""
    pod = compose(app, patterns, workload=name)
    config_maps: dict[str, pulumi.Input[str]] = {}
    for config in pod.config_files:
        made = kubernetes.core.v1.ConfigMap(f"{name}-{config.name}", metadata={"namespace": namespace.name}, data=dict(config.files))
        config_maps[config.name] = made.metadata.name
    spec = {**pod.pod_spec(config_maps), "restartPolicy": "Never"}
    metadata = {"name": name, "namespace": namespace.name, "labels": {"app.kubernetes.io/name": name}}
    if job:
        kubernetes.batch.v1.Job(name, metadata=metadata, spec={"backoffLimit": 0, "template": {"spec": spec}})
    else:
        kubernetes.core.v1.Pod(name, metadata=metadata, spec=spec)


class LoadClient:
    """The client: load/client.py in a pod of its own."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "load"},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "load",
                            "image": IMAGE,
                            "command": ["sleep", "86400"],
                            "securityContext": restricted(1000, 1000),
                            "volumeMounts": [_MOUNT, {"name": "tmp", "mountPath": "/tmp"}],
                        }
                    ],
                    "volumes": [_VOLUME, {"name": "tmp", "emptyDir": {}}],
                },
            }
        )
        namespace.wait("pod/load", "condition=Ready")

    def trust(self, pem: str) -> None:
        """What the client verifies from its next connection on."""
        done = self.namespace.exec("load", "load", "sh", "-c", "cat >/tmp/new.pem && mv /tmp/new.pem /tmp/ca.pem", stdin=pem)
        assert done.code == 0, done.text

    def run(self, do: str, url: str, *options: str, timeout: float = 180) -> dict[str, Any]:
        """One run to its end; what it printed."""
        done = self.namespace.exec("load", "load", *_command(do, url, options), timeout=timeout)
        assert done.code == 0, done.text
        return dict(json.loads(done.out))

    @contextmanager
    def load(self, url: str, *options: str) -> Iterator[dict[str, Any]]:
        """Load for as long as the block runs; the dict is filled when it has ended."""
        self.namespace.exec("load", "load", "rm", "-f", "/tmp/stop")
        command = ["kubectl", "-n", self.namespace.name, "exec", "load", "-c", "load", "--", *_command("load", url, options)]
        result: dict[str, Any] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield result
            finally:
                self.namespace.exec("load", "load", "touch", "/tmp/stop")
                out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        result.update(json.loads(out))


def _command(do: str, url: str, options: Sequence[str]) -> list[str]:
    return ["python3", "/load/client.py", do, url, "--ca", "/tmp/ca.pem", *options]


def told(result: dict[str, Any]) -> str:
    """The figures of a load."""
    modes = ", ".join(f"{count:,} {mode}" for mode, count in sorted(result["modes"].items()))
    return (
        f"{result['requests']:,} requests ({modes}) in {result['seconds']} s, {result['failures']} failed, "
        f"slowest {result['slowest']} s, answered by {len(result['pods'])} pods"
    )


def gone(namespace: Namespace, names: Sequence[str], timeout: float = 120) -> None:
    """Waits until none of the pods exists any more."""
    eventually(
        lambda: not {pod["metadata"]["name"] for pod in namespace.all("pods")} & set(names),
        f"pods {', '.join(names)} gone",
        timeout=timeout,
    )


def statuses(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The status of every container of a pod, by name."""
    status = pod["status"]
    return {c["name"]: c for c in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))}


def ready(pod: dict[str, Any]) -> bool:
    """Whether the pod is Ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def memory(namespace: Namespace, pod: str, container: str, what: str) -> int:
    """Bytes that a container uses (`usage`), or has used at most (`peak`), as its limit counts them."""
    files = {
        "usage": ("memory.current", "memory/memory.usage_in_bytes"),
        "peak": ("memory.peak", "memory/memory.max_usage_in_bytes"),
    }[what]
    script = " || ".join(f"cat /sys/fs/cgroup/{file} 2>/dev/null" for file in files)
    return int(namespace.exec(pod, container, "sh", "-c", script).out)


def idle_use(pod: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Of each container, as the kubelet has found in the last seconds: bytes that are in no file, which the node could take back, and
    billionths of a core."""
    found = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{pod['spec']['nodeName']}/proxy/stats/summary"))
    (stats,) = (p for p in found["pods"] if p["podRef"]["uid"] == pod["metadata"]["uid"])
    return {c["name"]: (int(c["memory"]["rssBytes"]), int(c["cpu"].get("usageNanoCores", 0))) for c in stats["containers"]}
