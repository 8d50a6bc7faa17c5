"""The security context of every container that this package adds: it stands alone, whatever the pod's own says."""

from typing import Any

from .view import PodView


def restricted(uid: int | None, gid: int | None = None) -> dict[str, Any]:
    """A container security context that the restricted Pod Security Standard admits, with a read-only root filesystem.

    uid: user id; None leaves it to the cluster, which then must set one (OpenShift). gid: group id; None, the image's.
    """
    user = {} if uid is None else {"runAsUser": uid}
    group = {} if uid is None or gid is None else {"runAsGroup": gid}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        **user,
        **group,
    }


def as_app(pod: PodView) -> dict[str, Any]:
    """The security context of a container that reads or writes files of the app: the app's user, root if that is root."""
    context = restricted(pod.app.uid, pod.app.gid)
    return {**context, "runAsNonRoot": False} if pod.app.uid == 0 else context


def secret_mode(pod: PodView) -> int:
    """Mode of files of a Secret that a container of another user reads: readable for the group where the pod has one, else for all.

    No other container mounts the volume. A pod without a group must not get one: the kubelet would re-own the files of its volumes.
    """
    return 0o444 if pod.fs_group is None else 0o440
