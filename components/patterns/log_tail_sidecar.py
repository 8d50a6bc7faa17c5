"""LogTailSidecar: the log files of an app, on the standard output of a container of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import as_app
from ..core.patch import PodPatch
from ..core.quantities import sized
from ..core.rules import Image, Label, Resources, Text
from ..core.view import PodView
from .shared.app_logs import AppLogsArgs
from .shared.scripts import script

_SCRIPT = script(__package__, "log_tail_sidecar.sh")
_GLOB_SCRIPT = script(__package__, "log_glob_sidecar.sh")


@dataclass(frozen=True, kw_only=True)
class LogTailSidecarArgs(AppLogsArgs):
    """Arguments of LogTailSidecar, besides those of AppLogsArgs."""

    image: pulumi.Input[Image] = "busybox:1.37"
    """Image with a POSIX shell, sleep and a tail that loses nothing on a rename: GNU, or BusyBox 1.35 and later; for wildcards also dd,
    head, ls and wc. Default: busybox:1.37."""
    command: Sequence[pulumi.Input[Text]] | None = None
    """Another destination: replaces the tail; `()` runs the image's own entrypoint. It finds the directory in LOG_DIRECTORY, and the files
    in LOG_FILES, separated by spaces, wildcards as they are. Default: None, tail to standard output."""
    args: Sequence[pulumi.Input[Text]] = ()
    """Arguments of that command. Default: none."""
    container_name: Label = "logs"
    """Default: logs."""
    resources: Resources = sized("10m", "8Mi", "32Mi")
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        wrong = "args is set, but the tail takes none; set command= too, or command=[] for the image's own entrypoint"
        return super().problems() + ([wrong] if self.args and self.command is None else [])

    def patch(self, pod: PodView) -> PodPatch:
        """The volume, mounted in the app and the sidecar, and the app's logging configuration."""
        logs = self.source(pod)
        if isinstance(logs, PodPatch):
            return logs
        paths = [logs.path(name) for name in logs.declared.files]
        container: dict[str, Any] = {
            "name": self.container_name,
            "image": self.image,
            "env": environment({"LOG_DIRECTORY": logs.directory, "LOG_FILES": " ".join(paths)}),
            "resources": self.resources,
            "securityContext": as_app(pod),
            "volumeMounts": [logs.mount],
        }
        if self.command is None:
            # tail knows no wildcards
            text = _GLOB_SCRIPT if any(wildcard in path for wildcard in "*?" for path in paths) else _SCRIPT
            container["command"] = ["/bin/sh", "-c", text, "log-tail", *paths]
        else:
            container |= {"command": list(self.command), "args": list(self.args)}
        return self.added(logs, container)


class LogTailSidecar(PatternComponent[LogTailSidecarArgs]):
    """A volume where the app logs, and a container that streams the files in it to its standard output.

    It runs as the app's user, so that it may read what only the app may. It has no probe: a tail that runs works. One that crashes is
    started again inside its container, so that the pod stays ready; it streams the files from their beginning again. Listed first, it is
    the last sidecar to stop. tail's own messages about files that come and go are suppressed; a file that is missing after a minute is
    named.

    Where a name has wildcards, no tail runs, but a script that prints each file that matches once, whatever it is renamed to; compressed
    ones are not read.

    Raises ArgumentError.
    """
