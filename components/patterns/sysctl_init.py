"""SysctlInit: kernel settings of the node, raised before the app starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pulumi

from ..core import checks
from ..core.cluster import Release
from ..core.component import PatternComponent
from ..core.patch import PodPatch
from ..core.plug import PatternArgs
from ..core.pod_security import SAFE_SYSCTLS
from ..core.quantities import sized
from ..core.rules import Image, Label, Resources, Text
from ..core.view import PodView
from .shared.scripts import script

# kernel.shmmax and its kin are as large as 64 bits
SysctlNumber = Annotated[int, checks.whole(0, limit=2**64 - 1)]
SysctlName = Annotated[str, checks.shaped(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", "a sysctl name such as vm.max_map_count")]

_SCRIPT = script(__package__, "sysctl_init.sh")


@dataclass(frozen=True, kw_only=True)
class SysctlInitArgs(PatternArgs):
    """Arguments of SysctlInit."""

    sysctls: Mapping[SysctlName, SysctlNumber | Text] = field(default_factory=lambda: {"vm.max_map_count": 262144})
    """Sysctl name to value. Those that belong to the pod alone and that Kubernetes calls safe (net.ipv4.tcp_keepalive_time from 1.29 on,
    net.ipv4.tcp_rmem from 1.32 on ...) go into the pod's security context, whatever their value; the workload's `kubernetes_version` must
    be one that does. The others are the node's, whole numbers, and only ever raised.
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
        texts = {name: value for name, value in self._node().items() if isinstance(value, str)}
        return [f"sysctls[{name!r}] {value!r} is not allowed: a whole number, 0 or more" for name, value in texts.items()]

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, or the app's alternative; pod-level sysctls for what the pod has to itself."""
        sysctls = tuple((name, str(value)) for name, value in self.sysctls.items() if name in SAFE_SYSCTLS)
        patch, node = PodPatch(sysctls=sysctls, problems=tuple(self._unsafe(pod.kubernetes))), self._node()
        if self.strategy == "none":
            return patch + self._without(node, pod)
        return patch + PodPatch(init_containers=(self._container(node),)) if node else patch

    def _node(self) -> dict[str, int | str]:
        """Those that are the node's; on no version does a pod have them to itself."""
        return {name: value for name, value in self.sysctls.items() if name not in SAFE_SYSCTLS}

    def _unsafe(self, kubernetes: Release) -> Iterator[str]:
        """A line for every one that the pod has to itself, but that this version does not call safe yet: the kubelet rejects it."""
        for name in self.sysctls:
            since = SAFE_SYSCTLS.get(name, kubernetes)
            if since > kubernetes:
                first, ours = (".".join(map(str, release)) for release in (since, kubernetes))
                yield (
                    f"sysctls[{name!r}] is safe in a pod only since Kubernetes {first}, but kubernetes_version is {ours}; set "
                    f"kubernetes_version='{first}' or remove it"
                )

    @staticmethod
    def _without(node: Mapping[str, int | str], pod: PodView) -> PodPatch:
        """What lets the app do without these."""
        alternatives = pod.app.sysctl_alternatives
        return PodPatch(
            app_env=tuple({"name": n, "value": v} for name in node for n, v in alternatives.get(name, {}).items()),
            problems=tuple(
                f"strategy 'none' leaves {name} alone, and the app cannot do without; set App.sysctl_alternatives or strategy='init'"
                for name in node
                if name not in alternatives
            ),
        )

    def _container(self, node: Mapping[str, int | str]) -> dict[str, Any]:
        return {
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


class SysctlInit(PatternComponent[SysctlInitArgs]):
    """A privileged init container that raises kernel settings of the node and ends before the app starts.

    It is the only container of the pod that is privileged and root; the pod then needs a namespace that does not enforce the
    baseline Pod Security Standard, and `Workload.privileged_containers` names it.

    Raises ArgumentError.
    """
