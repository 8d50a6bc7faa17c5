"""Pods that cannot start: what is wrong with them, seen with kubectl while a deployment waits."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

STUCK = frozenset(
    {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName"}
)
"""Reasons for which a container waits that do not go away by waiting; the kubelet reports the back-offs after repeated failures."""

RESTARTS = 3
"""How often a container may fail before it counts as stuck: Vault or a database may come up later."""


def _kubectl(*arguments: str) -> str:
    done = subprocess.run(["kubectl", *arguments], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout if done.returncode == 0 else ""


def _items(*arguments: str) -> list[Mapping[str, Any]]:
    text = _kubectl("get", *arguments, "-o", "json")
    return json.loads(text)["items"] if text else []


def _stuck(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Container name and reason, for every container of the pod that cannot start."""
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting = container.get("state", {}).get("waiting", {})
        reason = waiting.get("reason", "")
        if reason in STUCK and (reason != "CrashLoopBackOff" or container.get("restartCount", 0) >= RESTARTS):
            yield container["name"], f"{reason}: {waiting.get('message', '')}".rstrip(": ")


def _revision(replica_set: Mapping[str, Any]) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", "0"))


def newest_revision(namespace: str, selector: str) -> int:
    """The revision of the Deployment's last rollout; 0 before the first."""
    return max(map(_revision, _items("replicasets", "-n", namespace, "-l", selector)), default=0)


def diagnosis(namespace: str, selector: str, *, later_than: int = 0) -> str | None:
    """Why pods of the newest rollout cannot start, with their events and last log lines; None while there is hope.

    later_than: a revision; a rollout that was there before says nothing of the one that is waited for (default: 0).
    """
    newest = max(_items("replicasets", "-n", namespace, "-l", selector), key=_revision, default=None)
    if newest is None or _revision(newest) <= later_than:
        return None
    lines = [
        f"no pod could be created: {condition.get('message', '')}"
        for condition in newest.get("status", {}).get("conditions", ())
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    for pod in _items("pods", "-n", namespace, "-l", selector):
        name, stuck = pod["metadata"]["name"], list(_stuck(pod))
        if not stuck or newest["metadata"]["uid"] not in [owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())]:
            continue
        for container, reason in stuck:
            lines.append(f"pod {name}, container {container}: {reason}")
            log = ("logs", "-n", namespace, name, "-c", container, "--tail=20")
            lines += [f"  log: {line}" for line in (_kubectl(*log, "--previous") or _kubectl(*log)).splitlines()]
        which = f"--field-selector=involvedObject.kind=Pod,involvedObject.name={name},type=Warning"
        lines += [f"  event: {e.get('reason', '')}: {e.get('message', '').strip()}" for e in _items("events", "-n", namespace, which)]
    return "\n".join(lines) or None
