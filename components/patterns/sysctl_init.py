"""SysctlInit: kernel settings of the node, raised before the app starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks
from ..core.errors import refuse
from ..core.patch import PodPatch
from ..core.plug import PatternArgs
from ..core.pod_security import SAFE_SYSCTLS
from ..core.view import PodView
from .shared.scripts import script

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")

_SCRIPT = script(__package__, "sysctl_init.sh")


@dataclass(frozen=True, kw_only=True)
class SysctlInitArgs(PatternArgs):
    """Arguments of SysctlInit."""

    settings: Mapping[str, int | str] = field(default_factory=lambda: {"vm.max_map_count": 262144})
    """Sysctl name to value. Those that belong to the pod alone and are safe (net.ipv4.tcp_keepalive_time ...) go into the pod's
    security context, whatever their value; the others are the node's, whole numbers, and only ever raised.
    Default: vm.max_map_count 262144, Elasticsearch's bootstrap check."""
    strategy: str = "init"
    """`init`: a privileged init container; `none`: instead set what lets the app do without, from `App.sysctl_alternatives`
    (Elasticsearch: node.store.allow_mmap=false). Default: init."""
    image: pulumi.Input[str] = "busybox:1.37"
    """Image with a POSIX shell, cat and tr. Default: busybox:1.37."""
    container_name: str = "update-sysctl"
    """Default: update-sysctl."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
    )
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments."""
        found = checks.one_of("strategy", self.strategy, ("init", "none")) + checks.resources("resources", self.resources)
        found += checks.label("container_name", self.container_name)
        if not self.settings:
            found.append("settings is empty; name at least one sysctl, e.g. {'vm.max_map_count': 262144}")
        for name, value in self.settings.items():
            if not _NAME.fullmatch(name):
                found.append(f"settings: {name!r} is not allowed: a sysctl name such as vm.max_map_count")
            elif name not in SAFE_SYSCTLS:
                found += checks.at_least(f"settings[{name!r}]", value, 0)
        return found

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, or the app's alternative; pod-level sysctls for what the pod has to itself."""
        sysctls = tuple((name, str(value)) for name, value in self.settings.items() if name in SAFE_SYSCTLS)
        node = {name: value for name, value in self.settings.items() if name not in SAFE_SYSCTLS}
        if self.strategy == "none":
            known = [name for name in node if name in pod.app.sysctl_alternatives]
            return PodPatch(
                sysctls=sysctls,
                app_env=tuple({"name": n, "value": v} for name in known for n, v in pod.app.sysctl_alternatives[name].items()),
                problems=tuple(
                    f"strategy 'none' leaves {name} alone, and the app cannot do without; set App.sysctl_alternatives or strategy='init'"
                    for name in node
                    if name not in known
                ),
            )
        if not node:
            return PodPatch(sysctls=sysctls)
        container = {
            "name": self.container_name,
            "image": self.image,
            "command": ["/bin/sh", "-c", _SCRIPT, "sysctl", *(f"{name}={value}" for name, value in node.items())],
            "resources": self.resources,
            "securityContext": {
                # /proc/sys is read-only in any other container, and its files belong to root
                "privileged": True,
                "runAsUser": 0,
                "runAsGroup": 0,
                "runAsNonRoot": False,
                "readOnlyRootFilesystem": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        return PodPatch(init_containers=(container,), sysctls=sysctls)


class SysctlInit(pulumi.ComponentResource):
    """A privileged init container that raises kernel settings of the node and ends before the app starts.

    It is the only container of the pod that is privileged and root; the pod then needs a namespace that does not enforce the
    baseline Pod Security Standard, and `Workload.privileged_containers` names it.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: SysctlInitArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args or SysctlInitArgs(), name=name)
        refuse(f"SysctlInit {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:SysctlInit", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
