"""What the sidecars that read an app's log files share: where the app logs, the volume it logs to, its logging configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from ...core import checks
from ...core.app import LogFiles
from ...core.patch import ConfigFiles, PodPatch, Wire, sidecar
from ...core.plug import PatternArgs
from ...core.view import PodView


@dataclass(frozen=True, kw_only=True)
class AppLogsArgs(PatternArgs):
    """Arguments of LogTailSidecar and LogShipperSidecar: what is read."""

    directory: str | None = None
    """Directory the app writes its logs to; the shared volume is mounted there. If it is set, nothing comes from `App.log_files`.
    Default: None, the app's own."""
    files: tuple[str, ...] = ()
    """Names of the files in it to read. Default: the app's own."""
    env: Mapping[str, pulumi.Input[str]] | None = None
    """Environment that makes the app write there. Default: None, the app's own."""
    logging_config: pulumi.Input[str] | None = None
    """Content of the app's logging configuration; it should rotate by renaming, for lines are lost when a file is truncated.
    Default: None, the app's own."""
    logging_config_path: str | None = None
    """Where the app reads it, e.g. /usr/share/elasticsearch/config/log4j2.properties. Default: None, the app's own."""
    volume_name: str = "logs"
    """Name of the shared volume, and the beginning of that of the logging configuration. Default: logs."""
    size_limit: str = "1Gi"
    """Size limit of the volume, a Kubernetes quantity; a pod that exceeds it is evicted, so the app must delete old files. Default: 1Gi."""
    sidecar_mount_path: str = "/logs"
    """Where the sidecar sees the volume, read-only. Default: /logs."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = [] if self.directory is None else checks.path("directory", self.directory)
        for name in self.files:
            found += checks.file_name("files:", name)
        if self.directory is not None and not self.files:
            found.append("files is empty; name at least one file in directory=")
        for name in self.env or {}:
            found += checks.env_name("env name", name)
        if self.logging_config_path is not None:
            found += checks.path("logging_config_path", self.logging_config_path)
        found += checks.label("volume_name", self.volume_name) + checks.quantity("size_limit", self.size_limit)
        return found + checks.path("sidecar_mount_path", self.sidecar_mount_path)

    @property
    def mount(self) -> dict[str, Any]:
        """How the sidecar mounts the volume."""
        return {"name": self.volume_name, "mountPath": self.sidecar_mount_path, "readOnly": True}

    def path(self, name: str) -> str:
        """Where the sidecar finds a file."""
        return f"{self.sidecar_mount_path.rstrip('/')}/{name}"

    def source(self, pod: PodView) -> LogFiles | PodPatch:
        """Where the app logs, with the names of the files to read; a patch with the problems, if there are any."""
        logs = pod.app.log_files if self.directory is None else LogFiles(directory=self.directory, files=self.files)
        if logs is None:
            return PodPatch(problems=("it is not known where the app logs; set directory= and files=, or App.log_files",))
        logs = replace(logs, files=self.files or logs.files)
        found = checks.path("log_files.directory of the app", logs.directory)
        for name in logs.files:
            found += checks.file_name("log_files.files of the app:", name)
        return PodPatch(problems=tuple(found)) if found else logs

    def added(self, logs: LogFiles, container: Wire) -> PodPatch:
        """The sidecar, the volume, mounted in the app, and the app's logging configuration."""
        patch = PodPatch(
            init_containers=(sidecar(container),),
            volumes=({"name": self.volume_name, "emptyDir": {"sizeLimit": self.size_limit}},),
            app_env=tuple({"name": n, "value": v} for n, v in (logs.env if self.env is None else self.env).items()),
            app_mounts=({"name": self.volume_name, "mountPath": logs.directory},),
        )
        return patch + self._logging_config(logs)

    def _logging_config(self, logs: LogFiles) -> PodPatch:
        content = logs.config if self.logging_config is None else self.logging_config
        path = self.logging_config_path or logs.config_path
        if content is None and self.logging_config_path is not None:
            return PodPatch(problems=("logging_config_path is set, but there is no configuration to put there; set logging_config=",))
        if content is None:
            return PodPatch()
        if path is None:
            return PodPatch(problems=("logging_config is set, but not where the app reads it; set logging_config_path=",))
        volume, file = f"{self.volume_name}-config", path.rpartition("/")[2]
        # subPath: the other files of the directory stay; the price, no live update, is none for an immutable ConfigMap
        return PodPatch(
            config_files=(ConfigFiles(name=volume, files={file: content}),),
            app_mounts=({"name": volume, "mountPath": path, "subPath": file, "readOnly": True},),
        )
