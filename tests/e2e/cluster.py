"""The cluster under test: kubectl, namespaces of one test, waiting, and what is told of pods when a test fails."""

import json
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.25
LOG_LINES = 60
"""How many of a container's last log lines are attached to a failing test."""


class KubectlError(Exception):
    """kubectl ended with an error; the text is its standard error."""


@dataclass(frozen=True)
class Done:
    """A command that has run."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything it printed."""
        return self.out + self.err


def run(*command: str, stdin: str | None = None, timeout: float = 120) -> Done:
    """Runs a command to its end, whatever the end is."""
    done = subprocess.run(command, input=stdin, check=False, capture_output=True, text=True, timeout=timeout)
    return Done(done.returncode, done.stdout, done.stderr)


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """The standard output of kubectl. Raises KubectlError."""
    done = run("kubectl", *arguments, stdin=stdin, timeout=timeout)
    if done.code != 0:
        raise KubectlError(f"kubectl {' '.join(arguments)}: {done.err.strip() or done.out.strip()}")
    return done.out


def eventually(look: Callable[[], T], what: str, *, timeout: float = 60, poll: float = POLL_SECONDS) -> T:
    """What `look` returns as soon as it is true; an AssertionError in it, a KubectlError, or something missing in what it looks at (a
    pod without a status) counts as not yet.

    Fails after `timeout` seconds, with the last thing seen.
    """
    end = time.monotonic() + timeout
    while True:
        last: object
        try:
            found = look()
            if found:
                return found
            last = found
        except (AssertionError, KubectlError, LookupError, ValueError) as error:
            last = error
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout:g} s: {what}; last seen: {last}")
        time.sleep(poll)


def json_lines(log: str) -> list[dict[str, Any]]:
    """The lines of a log sidecar, each of which must be JSON."""
    return [json.loads(line) for line in log.splitlines()]


class Namespace:
    """A namespace of one test. Made by `Cluster.namespace`; gone, with everything that was deployed from it, when the test ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.undo: list[Callable[[], None]] = []
        """Run last first before the namespace is deleted: objects outside it, values of the node."""

    def __str__(self) -> str:
        return self.name

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """kubectl in this namespace. Raises KubectlError."""
        return kubectl("-n", self.name, *arguments, stdin=stdin, timeout=timeout)

    def try_kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> Done:
        """The same, whatever comes of it."""
        return run("kubectl", "-n", self.name, *arguments, stdin=stdin, timeout=timeout)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects in manifest form."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def all(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """The objects of a kind, with labels that the selector matches."""
        listed = self.kubectl("get", kind, "-o", "json", *(["-l", selector] if selector else []))
        items: list[dict[str, Any]] = json.loads(listed)["items"]
        return items

    def pods(self, app: str) -> list[dict[str, Any]]:
        """The app's pods that are not being deleted, oldest first."""
        found = [p for p in self.all("pods", f"app.kubernetes.io/name={app}") if "deletionTimestamp" not in p["metadata"]]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def pod(self, app: str) -> str:
        """The name of the app's only pod."""
        names = [pod["metadata"]["name"] for pod in self.pods(app)]
        assert len(names) == 1, f"pods of {app}: {names}"
        return str(names[0])

    def exec(self, pod: str, container: str, *command: str, stdin: str | None = None, timeout: float = 120) -> Done:
        """Runs a command in a container, whatever comes of it."""
        given = ["-i"] if stdin is not None else []
        return run("kubectl", "-n", self.name, "exec", *given, pod, "-c", container, "--", *command, stdin=stdin, timeout=timeout)

    def logs(self, pod: str, container: str, *options: str) -> str:
        """What a container has written so far; "" while it has not started."""
        done = self.try_kubectl("logs", pod, "-c", container, *options)
        return done.out if done.code == 0 else ""

    def wait(self, what: str, condition: str, *, timeout: int = 120) -> None:
        """`kubectl wait`, e.g. wait("pod/client", "condition=Ready"). Raises KubectlError."""
        self.kubectl("wait", what, f"--for={condition}", f"--timeout={timeout}s", timeout=timeout + 30)

    def report(self) -> str:
        """Pods, their events and the last lines of every container's log, for a test that failed."""
        lines = [self.try_kubectl("get", "pods,services,deployments,jobs", "-o", "wide").text.rstrip()]
        lines.append(self.try_kubectl("get", "events", "--sort-by=.lastTimestamp").text.rstrip())
        listed = self.try_kubectl("get", "pods", "-o", "json")
        for pod in json.loads(listed.out)["items"] if listed.code == 0 else ():
            lines += self._report(pod)
        return "\n".join(lines)

    def _report(self, pod: Mapping[str, Any]) -> Iterator[str]:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            said = json.dumps({key: container.get(key) for key in ("ready", "restartCount", "state", "lastState")})
            yield f"\n--- {name}, container {container['name']}: {said}"
            for previous in [["--previous"]] * bool(container.get("restartCount")) + [[]]:
                yield self.try_kubectl("logs", name, "-c", container["name"], f"--tail={LOG_LINES}", *previous).text.rstrip()


class Cluster:
    """The cluster that KUBECONFIG points at."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}
        """Those that exist now; what they hold is attached to a test that fails."""

    def name_namespace(self, purpose: str) -> Namespace:
        """A namespace that somebody else creates, a stack with `create_namespace`; its name is `purpose` and something random."""
        slug = re.sub("[^a-z0-9]+", "-", purpose.lower()).strip("-")[:40].rstrip("-")
        name = f"e2e-{slug}-{secrets.token_hex(3)}"
        namespace = self.namespaces[name] = Namespace(name)
        return namespace

    def namespace(self, purpose: str, level: str = "privileged") -> Namespace:
        """A new namespace, which enforces that Pod Security Standard."""
        namespace = self.name_namespace(purpose)
        labels = {"pod-security.kubernetes.io/enforce": level, "pod-patterns/e2e": "true"}
        metadata = {"name": namespace.name, "labels": labels}
        kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
        # without it no pod is admitted
        eventually(lambda: namespace.kubectl("get", "serviceaccount", "default"), "the default service account", timeout=30)
        return namespace

    def close(self, namespace: Namespace) -> None:
        """Undoes what was done from the namespace and deletes it, in the background."""
        self.namespaces.pop(namespace.name, None)
        try:
            for undo in reversed(namespace.undo):
                undo()
        finally:
            kubectl("delete", "namespace", namespace.name, "--wait=false", "--ignore-not-found")
