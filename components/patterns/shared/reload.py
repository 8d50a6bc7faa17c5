"""What a sidecar does when files of the app have changed: it calls the app, or runs a command of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from ...core import checks
from ...core.view import PodView
from .scripts import script

INFORM = script(__package__, "reload.sh")
"""Library of shell functions: it stands in front of a script, or a script reads it."""


@dataclass(frozen=True, kw_only=True)
class ReloadArgs:
    """How the app is told that its files have changed: by exactly one of `reload_path` and `reload_command`.

    There are no signals: they would need a process namespace that the containers share, in which each could read the others' memory.
    """

    reload_path: str | None = None
    """Path of the app that is called, e.g. /-/reload; an answer of 2xx is success. Default: None."""
    reload_port: str = "http"
    """Name of the app's port that is called, over plain HTTP and past every ambassador. Default: http."""
    reload_method: str = "POST"
    """POST (without content) or GET. Default: POST."""
    reload_command: tuple[pulumi.Input[str], ...] = ()
    """Command that is run in the sidecar, as the app's user; success is an exit code of 0. Default: none."""
    reload_timeout_seconds: int = 10
    """Seconds the call or command may take. Default: 10."""
    volume_mounts: tuple[Mapping[str, Any], ...] = ()
    """Further mounts of the sidecar, in wire form, for its command: a directory of `App.scratch` for instance, where the app waits for a
    file. Default: none."""

    def reload_argument_problems(self) -> list[str]:
        """What is wrong with these arguments."""
        found = checks.one_of("reload_method", self.reload_method, ("POST", "GET")) + checks.port_name("reload_port", self.reload_port)
        if self.reload_path is not None:
            found += checks.path("reload_path", self.reload_path)
            if self.reload_command:
                found.append("reload_path and reload_command are both set; the app is told in one way")
        return found + checks.at_least("reload_timeout_seconds", self.reload_timeout_seconds, 1)

    def reload_problems(self, pod: PodView) -> list[str]:
        """Why this app cannot be told."""
        port = pod.port(self.reload_port)
        if self.reload_path is None:
            return []
        if port is None:
            known = pod.known_ports()
            return [f"the app has no port {self.reload_port!r} to call; set reload_port= (known: {known}), or use reload_command="]
        if port.scheme != "http":
            return [f"port {self.reload_port!r} speaks {port.scheme}, and the call is plain HTTP; set reload_port=, or use reload_command="]
        return []

    def reload_words(self, pod: PodView) -> list[pulumi.Input[str]]:
        """The command that tells the app; empty if there is nothing to tell."""
        port = pod.port(self.reload_port)
        if self.reload_path is None or port is None:
            return list(self.reload_command)
        # BusyBox' wget has no other methods; its own -T crashes in some builds, so the script limits the time
        content = ["--post-data="] if self.reload_method == "POST" else []
        return ["wget", "-q", "-O", "/dev/null", *content, f"{port.url}{self.reload_path}"]
