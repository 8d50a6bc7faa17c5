"""ConfigReloadSidecar: an app that is told when its mounted ConfigMap or Secret has changed, instead of a new pod."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks
from ..core.errors import refuse
from ..core.identity import as_app, secret_mode
from ..core.patch import PodPatch, Wire, sidecar
from ..core.plug import PatternArgs
from ..core.view import PodView
from .shared.reload import INFORM, ReloadArgs
from .shared.scripts import script

_WATCHED = "/watched"
_STATE = "/state"

_SCRIPT = INFORM + script(__package__, "config_reload_sidecar.sh")


@dataclass(frozen=True, kw_only=True)
class ConfigReloadSidecarArgs(ReloadArgs, PatternArgs):
    """Arguments of ConfigReloadSidecar: exactly one of `config_map`, `secret` and `volume`, and those of ReloadArgs."""

    config_map: pulumi.Input[str] | None = None
    """metadata.name of an existing ConfigMap, which must keep it: `app-config`, not an auto-named one. Default: None."""
    secret: pulumi.Input[str] | None = None
    """The same, of a Secret. Default: None."""
    volume: str | None = None
    """Name of a volume of `App.volumes` (configMap, secret or projected) that the app mounts by itself. Default: None."""
    mount_path: str | None = None
    """Directory where the app finds the files of the ConfigMap or Secret, and nothing else. Default: None."""
    volume_name: str = "live-config"
    """Name of the volume of the ConfigMap or Secret. Default: live-config."""
    debounce_seconds: int = 2
    """Seconds without a further change before the app is told. Default: 2."""
    image: pulumi.Input[str] = "busybox:1.37"
    """Image with a POSIX shell, readlink, find, sha256sum, sort, timeout, and wget for a call. Default: busybox:1.37."""
    container_name: str = "config-reload"
    """Also the beginning of its own volume's name. Default: config-reload."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
    )
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = self.reload_argument_problems()
        if self.reload_path is None and not self.reload_command:
            found.append("set reload_path or reload_command: how the app is told")
        if [self.config_map, self.secret, self.volume].count(None) != 2:
            found.append("set exactly one of config_map, secret and volume")
        for name, value in (("config_map", self.config_map), ("secret", self.secret)):
            if value is not None and checks.is_plain(value):
                found += checks.dns_name(name, value)
        if self.volume is not None:
            found += checks.label("volume", self.volume)
            if self.mount_path is not None:
                found.append("mount_path is set, but the app mounts its own volume= by itself; leave it out")
        elif self.mount_path is None:
            found.append("mount_path is missing: where the app finds the files")
        if self.mount_path is not None:
            found += checks.path("mount_path", self.mount_path)
        found += checks.label("volume_name", self.volume_name) + checks.at_least("debounce_seconds", self.debounce_seconds, 0)
        return found + checks.label("container_name", self.container_name) + checks.resources("resources", self.resources)

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
            "command": ["/bin/sh", "-c", _SCRIPT, "config-reload", *self.reload_words(pod)],
            "env": [
                {"name": "TOLD", "value": f"{_STATE}/told"},
                {"name": "WATCHED", "value": _WATCHED},
                {"name": "DEBOUNCE_SECONDS", "value": str(self.debounce_seconds)},
                {"name": "RELOAD_TIMEOUT_SECONDS", "value": str(self.reload_timeout_seconds)},
            ],
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
            yield f"volume {self.volume!r} of the app is no configMap, secret or projected volume, so nothing renews its files"
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


class ConfigReloadSidecar(pulumi.ComponentResource):
    """A ConfigMap or Secret mounted into the app as a directory, and a container that tells the app when its files have changed.

    The files follow the object within the kubelet's sync period, a minute or two by default. The app starts with what is there, and is
    told of later changes only. One that cannot be told, because it is not up yet or refuses the files, is told again until it takes
    them; the pod stays ready meanwhile. A change made while the sidecar is down is told when it is back.

    It makes no object: one whose content changes must keep its name, and a provider of pulumi-kubernetes only changes an object in
    place with `enable_config_map_mutable` (or `enable_secret_mutable`); any other replaces it, and with a fixed name deletes it first.
    `kubernetes.core.v1.ConfigMap("conf", metadata={"name": "app-config"}, data=..., opts=ResourceOptions(provider=mutable))`, with
    `config_map=conf.metadata.name`, does it; and so does whatever else maintains one. Objects that are not named here keep rolling
    the pods.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: ConfigReloadSidecarArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args, name=name)
        refuse(f"ConfigReloadSidecar {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:ConfigReloadSidecar", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
