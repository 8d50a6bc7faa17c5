"""What the sidecars that read an app's log files share: where the app logs, the volume it logs to, its logging configuration."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from ...core.app import LogFiles
from ...core.environment import environment
from ...core.patch import ConfigFiles, PodPatch, Wire, sidecar
from ...core.plug import PatternArgs
from ...core.rules import EnvName, FileGlob, Label, Path, Quantity, Text
from ...core.view import PodView


@dataclass(frozen=True, kw_only=True)
class AppLogsArgs(PatternArgs):
    """Arguments of LogTailSidecar and LogShipperSidecar: what is read."""

    directory: Path | None = None
    """Directory the app writes its logs to. If the app mounts a volume there or above, that is read; otherwise a shared one is mounted
    there. If it is set, nothing comes from `App.log_files`. Default: None, the app's own."""
    files: Sequence[FileGlob] = ()
    """Names of the files in it to read; `*` and `?` for dated names, e.g. `app-*.log`: files that appear are read, too. Default: the
    app's own."""
    env: Mapping[EnvName, pulumi.Input[Text]] | None = None
    """Environment that makes the app write there. Default: None, the app's own."""
    logging_config: pulumi.Input[Text] | None = None
    """Content of the app's logging configuration; it should rotate by renaming, for lines are lost when a file is truncated.
    Default: None, the app's own."""
    logging_config_path: Path | None = None
    """Where the app reads it, e.g. /usr/share/elasticsearch/config/log4j2.properties. Default: None, the app's own."""
    volume_name: Label = "logs"
    """Name of the shared volume, if there is one, and the beginning of that of the logging configuration. Default: logs."""
    size_limit: Quantity = "1Gi"
    """Size limit of the shared volume, a Kubernetes quantity; a pod that exceeds it is evicted, so the app must delete old files.
    Default: 1Gi."""
    sidecar_mount_path: Path = "/logs"
    """Where the sidecar sees the volume, read-only. Default: /logs."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        return ["files is empty; name at least one file in directory="] if self.directory is not None and not self.files else []

    def source(self, pod: PodView) -> "Logs | PodPatch":
        """Where the app logs; a patch with the problems, if there are any."""
        logs = pod.app.log_files if self.directory is None else LogFiles(directory=self.directory, files=self.files)
        if logs is None:
            return PodPatch(problems=("it is not known where the app logs; set directory= and files=, or App.log_files",))
        logs = replace(logs, files=self.files or logs.files)
        seen = {"mountPath": self.sidecar_mount_path, "readOnly": True}
        mount = _mount_of(logs.directory, pod.app_mounts)
        if mount is None:
            return Logs(declared=logs, mount={"name": self.volume_name, **seen}, below="", is_shared=True)
        where = f"the app mounts volume {mount['name']!r} at {mount['mountPath']!r}"
        if mount.get("readOnly"):
            return PodPatch(problems=(f"{where} read-only, so that it cannot log to {logs.directory}; set directory=",))
        if "subPathExpr" in mount:
            return PodPatch(problems=(f"{where} with a subPathExpr, which is not known to the sidecar; use subPath",))
        part = {"subPath": mount["subPath"]} if mount.get("subPath") else {}
        # as the app mounts it, and not the directory by a subPath: that would be made by the kubelet, perhaps for root alone, if it is not
        # there yet
        below = _path(logs.directory).removeprefix(_path(mount["mountPath"]))
        return Logs(declared=logs, mount={"name": mount["name"], **seen, **part}, below=below, is_shared=False)

    def added(self, logs: "Logs", container: Wire) -> PodPatch:
        """The sidecar, the shared volume, mounted in the app, and the app's logging configuration."""
        declared = logs.declared
        env = tuple(environment(declared.env if self.env is None else self.env))
        volume = PodPatch(
            volumes=({"name": self.volume_name, "emptyDir": {"sizeLimit": self.size_limit}},),
            app_mounts=({"name": self.volume_name, "mountPath": declared.directory},),
        )
        patch = PodPatch(init_containers=(sidecar(container),), app_env=env) + (volume if logs.is_shared else PodPatch())
        return patch + self._logging_config(declared)

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


@dataclass(frozen=True, kw_only=True)
class Logs:
    """Where the app logs, and where the sidecar finds that."""

    declared: LogFiles
    """What is known of it."""
    mount: Wire
    """How the sidecar mounts the volume."""
    below: str
    """Path of the directory in what is mounted."""
    is_shared: bool
    """Whether the volume is made for this; otherwise the app mounts it anyway."""

    @property
    def directory(self) -> str:
        """Where the sidecar finds the directory."""
        return f"{_path(self.mount['mountPath'])}{self.below}"

    def path(self, name: str) -> str:
        """Where the sidecar finds a file."""
        return f"{self.directory}/{name}"


def _path(path: str) -> str:
    """The path in its shortest form, empty for the root."""
    return re.sub("/+", "/", path).rstrip("/")


def _mount_of(directory: str, mounts: Sequence[Wire]) -> Wire | None:
    """The mount that the directory is in; of several, the nearest."""
    # what has no path is found wrong elsewhere
    paths = [(mount, mount.get("mountPath")) for mount in mounts]
    above = [mount for mount, path in paths if isinstance(path, str) and f"{_path(directory)}/".startswith(f"{_path(path)}/")]
    return max(above, key=lambda mount: len(_path(mount["mountPath"])), default=None)
