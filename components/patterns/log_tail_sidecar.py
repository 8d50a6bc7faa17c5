"""LogTailSidecar: the log files of an app, on the standard output of a container of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks
from ..core.errors import refuse
from ..core.identity import as_app
from ..core.patch import PodPatch
from ..core.view import PodView
from .shared.app_logs import AppLogsArgs
from .shared.scripts import script

_SCRIPT = script(__package__, "log_tail_sidecar.sh")


@dataclass(frozen=True, kw_only=True)
class LogTailSidecarArgs(AppLogsArgs):
    """Arguments of LogTailSidecar, besides those of AppLogsArgs."""

    image: pulumi.Input[str] = "busybox:1.37"
    """Image with a POSIX shell, sleep and a tail that loses nothing on a rename: GNU, or BusyBox 1.35 and later. Default: busybox:1.37."""
    command: tuple[pulumi.Input[str], ...] | None = None
    """Another destination: replaces the tail; `()` runs the image's own entrypoint. It finds the directory in LOG_DIRECTORY, and the files
    in LOG_FILES, separated by spaces. Default: None, tail to standard output."""
    args: tuple[pulumi.Input[str], ...] = ()
    """Arguments of that command. Default: none."""
    container_name: str = "logs"
    """Default: logs."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
    )
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = super().problems()
        if self.args and self.command is None:
            found.append("args is set, but the tail takes none; set command= too, or command=() for the image's own entrypoint")
        return found + checks.label("container_name", self.container_name) + checks.resources("resources", self.resources)

    def patch(self, pod: PodView) -> PodPatch:
        """The volume, mounted in the app and the sidecar, and the app's logging configuration."""
        logs = self.source(pod)
        if isinstance(logs, PodPatch):
            return logs
        paths = [self.path(name) for name in logs.files]
        container: dict[str, Any] = {
            "name": self.container_name,
            "image": self.image,
            "env": [{"name": "LOG_DIRECTORY", "value": self.sidecar_mount_path}, {"name": "LOG_FILES", "value": " ".join(paths)}],
            "resources": self.resources,
            "securityContext": as_app(pod),
            "volumeMounts": [self.mount],
        }
        if self.command is None:
            container["command"] = ["/bin/sh", "-c", _SCRIPT, "log-tail", *paths]
        else:
            container |= {"command": list(self.command), "args": list(self.args)}
        return self.added(logs, container)


class LogTailSidecar(pulumi.ComponentResource):
    """A volume where the app logs, and a container that streams the files in it to its standard output.

    It runs as the app's user, so that it may read what only the app may. It has no probe: a tail that runs works. One that crashes is
    started again inside its container, so that the pod stays ready; it streams the files from their beginning again. Listed first,
    it is the last sidecar to stop. What tail itself says of files that come and go is left out; one that is missing after a minute
    is named.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: LogTailSidecarArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args or LogTailSidecarArgs(), name=name)
        refuse(f"LogTailSidecar {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:LogTailSidecar", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
