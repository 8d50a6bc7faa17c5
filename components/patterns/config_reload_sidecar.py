"""ConfigReloadSidecar: an app that is notified when its mounted ConfigMap or Secret has changed, instead of a new pod."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi

from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import as_app, secret_mode
from ..core.patch import PodPatch, Wire, sidecar
from ..core.plug import PatternArgs
from ..core.quantities import sized
from ..core.rules import Image, Label, NotNegative, ObjectName, Path, Resources
from ..core.view import PodView
from .shared.reload import INFORM, ReloadArgs
from .shared.scripts import script

_WATCHED = "/watched"
_STATE = "/state"

_SCRIPT = INFORM + script(__package__, "config_reload_sidecar.sh")


@dataclass(frozen=True, kw_only=True)
class ConfigReloadSidecarArgs(ReloadArgs, PatternArgs):
    """Arguments of ConfigReloadSidecar: exactly one of `config_map`, `secret` and `volume`, and those of ReloadArgs."""

    config_map: pulumi.Input[ObjectName] | None = None
    """metadata.name of an existing ConfigMap, which must keep it: `app-config`, not an auto-named one. Default: None."""
    secret: pulumi.Input[ObjectName] | None = None
    """The same, of a Secret. Default: None."""
    volume: Label | None = None
    """Name of a volume of `App.volumes` (configMap, secret or projected) that the app mounts by itself. Default: None."""
    mount_path: Path | None = None
    """Directory where the app finds the files of the ConfigMap or Secret, and nothing else. Default: None."""
    volume_name: Label = "live-config"
    """Name of the volume of the ConfigMap or Secret. Default: live-config."""
    debounce_seconds: NotNegative = 2
    """Seconds without a further change before the app is notified. Default: 2."""
    image: pulumi.Input[Image] = "busybox:1.37"
    """Image with a POSIX shell, readlink, find, sha256sum, sort, timeout, and wget for a call. Default: busybox:1.37."""
    container_name: Label = "config-reload"
    """Also the beginning of its own volume's name. Default: config-reload."""
    resources: Resources = sized("10m", "8Mi", "32Mi")
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = self.reload_argument_problems()
        if self.reload_path is None and not self.reload_command:
            found.append("set reload_path or reload_command: how the app is notified")
        if [self.config_map, self.secret, self.volume].count(None) != 2:
            found.append("set exactly one of config_map, secret and volume")
        if self.volume is not None and self.mount_path is not None:
            found.append("mount_path is set, but the app mounts its own volume= by itself; leave it out")
        if self.volume is None and self.mount_path is None:
            found.append("mount_path is missing: where the app finds the files")
        return found

    def patch(self, pod: PodView) -> PodPatch:
        """The volume, mounted in the app and the sidecar, and the sidecar."""
        names = [str(v.get("name")) for v in pod.app.volumes]
        if self.volume is not None and self.volume not in names:
            known = ", ".join(names) or "none"
            return PodPatch(problems=(f"the app has no volume {self.volume!r}; set volume= to one of App.volumes (known: {known})",))
        volume, state = self.volume or self.volume_name, f"{self.container_name}-state"
        container = {
            "name": self.container_name,
            "image": self.image,
            "command": ["/bin/sh", "-c", _SCRIPT, "config-reload", *self.reload_call(pod)],
            "env": environment(
                {
                    "TOLD": f"{_STATE}/told",
                    "WATCHED": _WATCHED,
                    "DEBOUNCE_SECONDS": str(self.debounce_seconds),
                    "RELOAD_TIMEOUT_SECONDS": str(self.reload_timeout_seconds),
                }
            ),
            # the app starts after its first content was noted, or a change between the two would never be told
            "startupProbe": {"exec": {"command": ["/bin/sh", "-c", f"test -s {_STATE}/told"]}, "periodSeconds": 1, "failureThreshold": 60},
            "resources": self.resources,
            "securityContext": as_app(pod),
            "volumeMounts": [
                {"name": volume, "mountPath": _WATCHED, "readOnly": True},
                {"name": state, "mountPath": _STATE},
                *self.volume_mounts,
            ],
        }
        patch = PodPatch(
            init_containers=(sidecar(container),),
            volumes=({"name": state, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},),
            problems=(*self.reload_problems(pod), *self._mount_problems(pod)),
        )
        if self.volume is not None:
            return patch
        source: dict[str, Any] = {"configMap": {"name": self.config_map}}
        if self.secret is not None:
            source = {"secret": {"secretName": self.secret, "defaultMode": secret_mode(pod)}}
        mount = {"name": volume, "mountPath": self.mount_path, "readOnly": True}
        return patch + PodPatch(volumes=({"name": volume, **source},), app_mounts=(mount,))

    def _mount_problems(self, pod: PodView) -> Iterator[str]:
        known = {v.get("name"): v for v in pod.app.volumes}
        if self.volume is not None and not known[self.volume].keys() & {"configMap", "secret", "projected"}:
            yield f"volume {self.volume!r} of the app is not a configMap, secret or projected volume, so nothing renews its files"
        elif self.volume is not None and not any(m.get("name") == self.volume for m in pod.app.volume_mounts):
            yield f"the app does not mount volume {self.volume!r}; add it to App.volume_mounts"
        watched = {self.volume or self.volume_name, *(name for name, volume in known.items() if self._same_object(volume))}
        for mount in pod.app.volume_mounts:
            if mount.get("name") in watched and ("subPath" in mount or "subPathExpr" in mount):
                yield (
                    f"the app mounts volume {mount['name']!r} at {mount.get('mountPath')!r} with a subPath, which never follows a change; "
                    "mount the directory instead"
                )

    def _same_object(self, volume: Wire) -> bool:
        config_map, secret = (volume.get("configMap") or {}).get("name"), (volume.get("secret") or {}).get("secretName")
        name, wanted = (config_map, self.config_map) if self.secret is None else (secret, self.secret)
        return isinstance(wanted, str) and name == wanted


class ConfigReloadSidecar(PatternComponent[ConfigReloadSidecarArgs]):
    """A ConfigMap or Secret mounted into the app as a directory, and a container that notifies the app when its files have changed.

    The files follow the object within the kubelet's sync period, a minute or two by default. The app starts with the files that are there,
    and is notified of later changes only. If the notification fails (the app is not up, or rejects the files), it is retried until it
    succeeds; the pod stays ready meanwhile. The app is notified of a change made while the sidecar is down when the sidecar is back.

    It does not make the object: an object whose content changes must keep its name, and pulumi-kubernetes only changes one in place with
    `enable_config_map_mutable` (or `enable_secret_mutable`); any other provider replaces it, and with a fixed name deletes it first.
    `kubernetes.core.v1.ConfigMap("conf", metadata={"name": "app-config"}, data=..., opts=ResourceOptions(provider=mutable))`, with
    `config_map=conf.metadata.name`, does it; and so does whatever else maintains one. Objects that are not named here keep rolling the
    pods.

    Raises ArgumentError.
    """
