"""A small kubelet for tests: the sidecars of rendered manifests, run by the real programs on this machine's loopback."""

import base64
import http.client
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.offline import manifests
from components.testing import Program
from tests.support.nginx_proxy import programs as nginx_programs
from tests.support.programs import need
from tests.support.sandbox import in_container, sandbox
from tests.support.servers import LOOPBACK


def _programs(*names: str) -> Callable[[], dict[str, bytes]]:
    return lambda: {name: Path(need(name)).read_bytes() for name in names}


@dataclass(frozen=True)
class _Image:
    """What stands for an image: its programs, and its entrypoint."""

    programs: Callable[[], dict[str, bytes]]
    entrypoint: tuple[str, ...] = ()


_IMAGES = {
    "nginx": _Image(nginx_programs),
    "quay.io/oauth2-proxy/oauth2-proxy": _Image(_programs("oauth2-proxy"), ("oauth2-proxy",)),
    "haproxy": _Image(_programs("haproxy")),
    "redis": _Image(_programs("redis-server", "redis-cli")),
    # an exporter of one's own
    "python": _Image(_programs()),
}


@dataclass(kw_only=True)
class Running:
    """The sidecars of a pod at work."""

    manifests: list[dict[str, Any]]
    spec: dict[str, Any]
    """The PodSpec."""
    directory: Path
    processes: dict[str, subprocess.Popen[bytes]]
    """By the name of the container."""

    def container(self, name: str) -> dict[str, Any]:
        return next(c for c in (*self.spec["initContainers"], *self.spec["containers"]) if c["name"] == name)

    def secret(self, beginning: str) -> dict[str, str]:
        """The data of the Secret whose name begins so."""
        return next(_data(m) for m in self.manifests if m["kind"] == "Secret" and m["metadata"]["name"].startswith(beginning))

    def pre_stop(self, name: str) -> None:
        """What the kubelet does first when the pod is to stop."""
        subprocess.run(in_container(self.processes[name], self.container(name)["lifecycle"]["preStop"]["exec"]["command"]), check=True)
        # nginx looks for the file that says so once a second
        time.sleep(1.2)

    def said(self, name: str) -> str:
        """What the container has printed."""
        return "".join((self.directory / name / stream).read_text() for stream in ("stdout", "stderr"))


def _data(manifest: dict[str, Any]) -> dict[str, str]:
    data = dict(manifest.get("data", {}))
    if manifest["kind"] == "Secret":
        data = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data | manifest.get("stringData", {})


class _Pod:
    """One pod, and the objects that it refers to."""

    def __init__(self, objects: Sequence[dict[str, Any]]) -> None:
        self._objects = {(m["kind"], m["metadata"].get("name")): m for m in objects}
        (template,) = (m["spec"]["template"] for m in objects if m["kind"] == "Deployment")
        self.spec: dict[str, Any] = template["spec"]

    def files(self, container: dict[str, Any]) -> dict[str, str]:
        """What is mounted into the container, by path."""
        volumes = {v["name"]: v for v in self.spec.get("volumes", ())}
        found = {}
        for mount in container.get("volumeMounts", ()):
            volume = volumes[mount["name"]]
            if "configMap" in volume:
                data, items = _data(self._objects["ConfigMap", volume["configMap"]["name"]]), None
            elif "secret" in volume:
                data, items = _data(self._objects["Secret", volume["secret"]["secretName"]]), volume["secret"].get("items")
            else:
                continue
            paths = {i["path"]: data[i["key"]] for i in items} if items else data
            found |= {f"{mount['mountPath']}/{path}": content for path, content in paths.items()}
        return found

    def env(self, container: dict[str, Any]) -> list[str]:
        """`NAME=value` of everything in the container's environment."""
        found = []
        for variable in container.get("env", ()):
            value = variable.get("value", "")
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                value = _data(self._objects["Secret", reference["name"]])[reference["key"]]
            found.append(f"{variable['name']}={value}")
        return found


def _answered(container: dict[str, Any], process: subprocess.Popen[bytes]) -> bool:
    """Whether the startup probe succeeds, if there is one."""
    probe = container.get("startupProbe", {})
    if "exec" in probe:
        return subprocess.run(in_container(process, probe["exec"]["command"]), check=False, capture_output=True).returncode == 0
    if "httpGet" not in probe:
        return True
    probe = probe["httpGet"]
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, probe["port"], timeout=5)) as client:
            client.request("GET", probe["path"])
            return client.getresponse().status == 200
    except OSError:
        return False


@contextmanager
def started(directory: Path, program: Program, *objects: dict[str, Any]) -> Iterator[Running]:
    """The sidecars of the program's only Deployment, in their order, each when the startup probe of the one before is answered.

    `objects` are those that are in the cluster already. The app is not started.
    """
    found = manifests(program)
    pod = _Pod([*found, *objects])
    with ExitStack() as stack:
        running = Running(manifests=found, spec=pod.spec, directory=directory, processes={})
        for container in pod.spec["initContainers"]:
            if container.get("restartPolicy") != "Always":
                continue
            name = container["name"]
            (directory / name).mkdir(parents=True)
            image = _IMAGES[container["image"].rpartition(":")[0]]
            command = ["env", *pod.env(container), *(container.get("command") or image.entrypoint), *container.get("args", ())]
            process = stack.enter_context(sandbox(directory / name, command, files=pod.files(container), programs=image.programs()))
            running.processes[name] = process
            end = time.monotonic() + 30
            while not _answered(container, process):
                assert process.poll() is None, running.said(name)
                assert time.monotonic() < end, f"the startup probe of {name} was never answered: {running.said(name)}"
                time.sleep(0.05)
        yield running
