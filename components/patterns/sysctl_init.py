"""SysctlInit: kernel settings of the node, raised before the app starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pulumi

from ..core import checks
from ..core.component import PatternComponent
from ..core.patch import PodPatch
from ..core.plug import PatternArgs
from ..core.pod_security import SAFE_SYSCTLS
from ..core.quantities import sized
from ..core.rules import Image, Label, NotNegative, Resources, Text
from ..core.view import PodView
from .shared.scripts import script

SysctlName = Annotated[str, checks.shaped(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", "a sysctl name such as vm.max_map_count")]

_SCRIPT = script(__package__, "sysctl_init.sh")


@dataclass(frozen=True, kw_only=True)
class SysctlInitArgs(PatternArgs):
    """Arguments of SysctlInit."""

    sysctls: Mapping[SysctlName, NotNegative | Text] = field(default_factory=lambda: {"vm.max_map_count": 262144})
    """Sysctl name to value. Those that belong to the pod alone and are safe (net.ipv4.tcp_keepalive_time ...) go into the pod's
    security context, whatever their value; the others are the node's, whole numbers, and only ever raised.
    Default: vm.max_map_count 262144, Elasticsearch's bootstrap check."""
    strategy: Literal["init", "none"] = "init"
    """`init`: a privileged init container; `none`: instead set what lets the app do without, from `App.sysctl_alternatives`
    (Elasticsearch: node.store.allow_mmap=false). Default: init."""
    image: pulumi.Input[Image] = "busybox:1.37"
    """Image with a POSIX shell, cat and tr. Default: busybox:1.37."""
    container_name: Label = "update-sysctl"
    """Default: update-sysctl."""
    resources: Resources = sized("10m", "8Mi", "32Mi")
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        if not self.sysctls:
            return ["sysctls is empty; name at least one, e.g. {'vm.max_map_count': 262144}"]
        node = {name: value for name, value in self.sysctls.items() if name not in SAFE_SYSCTLS and isinstance(value, str)}
        return [f"sysctls[{name!r}] {value!r} is not allowed: a whole number, 0 or more" for name, value in node.items()]

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, or the app's alternative; pod-level sysctls for what the pod has to itself."""
        sysctls = tuple((name, str(value)) for name, value in self.sysctls.items() if name in SAFE_SYSCTLS)
        node = {name: value for name, value in self.sysctls.items() if name not in SAFE_SYSCTLS}
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


class SysctlInit(PatternComponent[SysctlInitArgs]):
    """A privileged init container that raises kernel settings of the node and ends before the app starts.

    It is the only container of the pod that is privileged and root; the pod then needs a namespace that does not enforce the
    baseline Pod Security Standard, and `Workload.privileged_containers` names it.

    Raises ArgumentError.
    """
