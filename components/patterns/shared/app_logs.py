"""What the sidecars that read an app's log files share: where the app logs, the volume it logs to, its logging configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from ...core.app import LogFiles
from ...core.environment import environment
from ...core.patch import ConfigFiles, PodPatch, Wire, sidecar
from ...core.plug import PatternArgs
from ...core.rules import EnvName, FileName, Label, Path, Quantity, Text
from ...core.view import PodView


@dataclass(frozen=True, kw_only=True)
class AppLogsArgs(PatternArgs):
    """Arguments of LogTailSidecar and LogShipperSidecar: what is read."""

    directory: Path | None = None
    """Directory the app writes its logs to; the shared volume is mounted there. If it is set, nothing comes from `App.log_files`.
    Default: None, the app's own."""
    files: Sequence[FileName] = ()
    """Names of the files in it to read. Default: the app's own."""
    env: Mapping[EnvName, pulumi.Input[Text]] | None = None
    """Environment that makes the app write there. Default: None, the app's own."""
    logging_config: pulumi.Input[Text] | None = None
    """Content of the app's logging configuration; it should rotate by renaming, for lines are lost when a file is truncated.
    Default: None, the app's own."""
    logging_config_path: Path | None = None
    """Where the app reads it, e.g. /usr/share/elasticsearch/config/log4j2.properties. Default: None, the app's own."""
    volume_name: Label = "logs"
    """Name of the shared volume, and the beginning of that of the logging configuration. Default: logs."""
    size_limit: Quantity = "1Gi"
    """Size limit of the volume, a Kubernetes quantity; a pod that exceeds it is evicted, so the app must delete old files. Default: 1Gi."""
    sidecar_mount_path: Path = "/logs"
    """Where the sidecar sees the volume, read-only. Default: /logs."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        return ["files is empty; name at least one file in directory="] if self.directory is not None and not self.files else []

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
        return replace(logs, files=self.files or logs.files)

    def added(self, logs: LogFiles, container: Wire) -> PodPatch:
        """The sidecar, the volume, mounted in the app, and the app's logging configuration."""
        patch = PodPatch(
            init_containers=(sidecar(container),),
            volumes=({"name": self.volume_name, "emptyDir": {"sizeLimit": self.size_limit}},),
            app_env=tuple(environment(logs.env if self.env is None else self.env)),
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
