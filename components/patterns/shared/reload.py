"""What a sidecar does when files of the app have changed: it calls the app, or runs a command of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from ...core.app import Mount
from ...core.rules import Path, PortName, Positive, Text
from ...core.view import PodView
from .scripts import script

INFORM = script(__package__, "reload.sh")
"""Library of shell functions: it stands in front of a script, or a script reads it."""


@dataclass(frozen=True, kw_only=True)
class ReloadArgs:
    """How the app is notified that its files have changed: by exactly one of `reload_path` and `reload_command`.

    There are no signals: they would need a process namespace that the containers share, in which each could read the others' memory.
    """

    reload_path: Path | None = None
    """Path of the app that is called, e.g. /-/reload; an answer of 2xx is success. Default: None."""
    reload_target_port: PortName = "http"
    """Name of the app's port that is called, over plain HTTP and past every ambassador. Default: http."""
    reload_method: Literal["POST", "GET"] = "POST"
    """POST (without content) or GET. Default: POST."""
    reload_command: Sequence[pulumi.Input[Text]] = ()
    """Command that is run in the sidecar, as the app's user; success is an exit code of 0. Default: none."""
    reload_timeout_seconds: Positive = 10
    """Seconds the call or command may take. Default: 10."""
    volume_mounts: Sequence[Mount] = ()
    """Further mounts of the sidecar, in manifest form, for its command: a directory of `App.empty_dirs`, where the app waits for a
    file. Default: none."""

    def reload_argument_problems(self) -> list[str]:
        """What is wrong between these fields."""
        both = self.reload_path is not None and self.reload_command
        return ["reload_path and reload_command are both set; the app is notified in one way"] if both else []

    def reload_problems(self, pod: PodView) -> list[str]:
        """Why this app cannot be notified."""
        name, port, known = self.reload_target_port, pod.port(self.reload_target_port), pod.known_ports()
        if self.reload_path is None:
            return []
        if port is None:
            return [f"the app has no port {name!r} to call; set reload_target_port= (known: {known}), or use reload_command="]
        if port.scheme != "http":
            return [f"port {name!r} speaks {port.scheme}, and the call is plain HTTP; set reload_target_port=, or use reload_command="]
        return []

    def reload_call(self, pod: PodView) -> list[pulumi.Input[str]]:
        """The command that notifies the app; empty if there is nothing to run."""
        port = pod.port(self.reload_target_port)
        if self.reload_path is None or port is None:
            return list(self.reload_command)
        # BusyBox' wget has no other methods; its own -T crashes in some builds, so the script limits the time
        content = ["--post-data="] if self.reload_method == "POST" else []
        return ["wget", "-q", "-O", "/dev/null", *content, f"{port.url}{self.reload_path}"]
