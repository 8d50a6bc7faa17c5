"""LogTailSidecar: the log files of an app, on the standard output of a container of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from . import checks
from .app import App, LogFiles
from .patch import ConfigFiles, PodPatch, restricted, sidecar

# From the first line on, every file without a heading, waiting for files that are not there yet and following them when they are renamed.
# The shell is there for SIGTERM, which process 1 ignores unless it has a handler. The app has ended before: two seconds
# are enough for a tail that looks once a second (BusyBox) to find its last lines. And it starts a tail again that crashed: while a
# container is not running its pod is not ready. A tail that cannot even be started (126, 127) is left to the kubelet to report.
_SCRIPT = """\
trap 'sleep 2; kill $!; exit 0' TERM
while :; do
  tail -n +1 -q -F "$@" &
  wait $!
  status=$?
  case $status in 126 | 127) exit $status ;; esac
  echo "tail ended with $status; starting it again" >&2
  sleep 1
done
"""


@dataclass(frozen=True, kw_only=True)
class LogTailSidecarArgs:
    """Arguments of LogTailSidecar."""

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
        found += checks.path("sidecar_mount_path", self.sidecar_mount_path)
        if self.args and self.command is None:
            found.append("args is set, but the tail takes none; set command= too, or command=() for the image's own entrypoint")
        return found + checks.label("container_name", self.container_name) + checks.resources("resources", self.resources)


class LogTailSidecar(pulumi.ComponentResource):
    """A volume where the app logs, and a container that streams the files in it to its standard output.

    It runs as the app's user, so that it may read what only the app may. It has no probe: a tail that runs works. One that crashes is
    started again inside its container, so that the pod stays ready; it streams the files from their beginning again. Listed first,
    it is the last sidecar to stop.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: LogTailSidecarArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = args or LogTailSidecarArgs()
        checks.refuse(f"LogTailSidecar {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:LogTailSidecar", name, {}, opts)
        self.register_outputs({})

    def patch(self, app: App) -> PodPatch:
        """The volume, mounted in the app and the sidecar, and the app's logging configuration."""
        args = self.args
        logs = app.log_files if args.directory is None else LogFiles(directory=args.directory, files=args.files)
        if logs is None:
            return PodPatch(problems=("nobody says where the app logs; set directory= and files=, or App.log_files",))
        files = args.files or logs.files
        problems = checks.path("log_files.directory of the app", logs.directory)
        for name in files:
            problems += checks.file_name("log_files.files of the app:", name)
        if problems:
            return PodPatch(problems=tuple(problems))

        mount = args.sidecar_mount_path.rstrip("/")
        paths = [f"{mount}/{name}" for name in files]
        container: dict[str, Any] = {
            "name": args.container_name,
            "image": args.image,
            "env": [{"name": "LOG_DIRECTORY", "value": args.sidecar_mount_path}, {"name": "LOG_FILES", "value": " ".join(paths)}],
            "resources": args.resources,
            "securityContext": restricted(app.uid, app.gid),
            "volumeMounts": [{"name": args.volume_name, "mountPath": args.sidecar_mount_path, "readOnly": True}],
        }
        if args.command is None:
            container["command"] = ["/bin/sh", "-c", _SCRIPT, "log-tail", *paths]
        else:
            container |= {"command": list(args.command), "args": list(args.args)}
        patch = PodPatch(
            init_containers=(sidecar(container),),
            volumes=({"name": args.volume_name, "emptyDir": {"sizeLimit": args.size_limit}},),
            app_env=tuple({"name": n, "value": v} for n, v in (logs.env if args.env is None else args.env).items()),
            app_mounts=({"name": args.volume_name, "mountPath": logs.directory},),
        )
        return patch + self._logging_config(logs)

    def _logging_config(self, logs: LogFiles) -> PodPatch:
        args = self.args
        content = logs.config if args.logging_config is None else args.logging_config
        path = args.logging_config_path or logs.config_path
        if content is None and args.logging_config_path is not None:
            return PodPatch(problems=("logging_config_path is set, but there is no configuration to put there; set logging_config=",))
        if content is None:
            return PodPatch()
        if path is None:
            return PodPatch(problems=("logging_config is set, but not where the app reads it; set logging_config_path=",))
        volume, file = f"{args.volume_name}-config", path.rpartition("/")[2]
        # subPath: the other files of the directory stay; the price, no live update, is none for an immutable ConfigMap
        return PodPatch(
            config_files=(ConfigFiles(name=volume, files={file: content}),),
            app_mounts=({"name": volume, "mountPath": path, "subPath": file, "readOnly": True},),
        )
