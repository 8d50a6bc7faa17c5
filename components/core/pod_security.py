"""The Pod Security Standard that a pod reaches on a version of Kubernetes: the controls of k8s.io/pod-security-admission v0.37.2.

The tests hold them against that evaluator. Clusters before 1.25, where Pod Security is not stable, are judged as 1.25.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .cluster import DEFAULT_RELEASE, Release
from .handlers import PROBES
from .patch import Wire

# what each version of a control allows besides what those before it do
_SYSCTLS: Mapping[Release, Sequence[str]] = {
    (1, 0): (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_syncookies",
    ),
    (1, 27): ("net.ipv4.ip_local_reserved_ports",),
    (1, 29): (
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
    ),
    (1, 32): ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    (1, 37): ("net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_slow_start_after_idle"),
}
_SELINUX_TYPES: Mapping[Release, Sequence[str]] = {
    (1, 0): ("", "container_init_t", "container_kvm_t", "container_t"),
    (1, 31): ("container_engine_t",),
}
# the versions from which a control holds, or gives way
_PROBE_HOSTS_REFUSED: Release = (1, 34)
_USER_NAMESPACES_TRUSTED: Release = (1, 35)

SAFE_SYSCTLS: Mapping[str, Release] = {name: since for since, names in _SYSCTLS.items() for name in names}
"""Sysctls that belong to the pod alone and that the baseline standard allows, and the Kubernetes version from which it does."""

_BASELINE_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP"),
    *("SETUID", "SYS_CHROOT"),
)
_RESTRICTED_VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret")
_PROFILES = ("RuntimeDefault", "Localhost")
_NONE: Wire = {}
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def _at(value: Wire | None, *path: str) -> Any:
    """What a manifest has there; None where it, or anything above it, is missing or null."""
    found: Any = value
    for key in path:
        found = (found or {}).get(key)
    return found


def containers(spec: Wire) -> list[Wire]:
    """Every container of a PodSpec, init containers first."""
    return [c for kind in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(kind) or ()]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A pod, and the version whose controls judge it."""

    spec: Wire
    kubernetes: Release
    annotations: Wire

    @cached_property
    def containers(self) -> list[tuple[str, Wire]]:
        """Every container, by its name in messages."""
        return [(f"container {_at(c, 'name')!r}", c) for c in containers(self.spec)]

    @cached_property
    def context(self) -> Wire:
        """The security context of the pod itself."""
        return _at(self.spec, "securityContext") or {}

    @cached_property
    def contexts(self) -> list[tuple[str, Wire]]:
        """The security contexts of the containers."""
        return [(where, _at(container, "securityContext") or {}) for where, container in self.containers]

    @cached_property
    def every_context(self) -> list[tuple[str, Wire]]:
        """The security contexts of the pod and the containers."""
        return [("pod", self.context), *self.contexts]

    @property
    def is_windows(self) -> bool:
        """Whether the pod says that it is for Windows, where some fields do not exist."""
        return bool(_at(self.spec, "os", "name") == "windows")

    @property
    def is_contained(self) -> bool:
        """Whether the pod has a user namespace of its own, and the version lets it do more for that."""
        return self.kubernetes >= _USER_NAMESPACES_TRUSTED and self.spec.get("hostUsers") is False


def _allowed(table: Mapping[Release, Sequence[str]], kubernetes: Release) -> set[str]:
    return {value for since, values in table.items() if since <= kubernetes for value in values}


def _host_namespaces(pod: _Judged) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name))


def _host_paths(pod: _Judged) -> Iterator[str]:
    for volume in pod.spec.get("volumes") or ():
        if _at(volume, "hostPath") is not None:
            yield f"volume {_at(volume, 'name')!r}: hostPath"


def _host_ports(pod: _Judged) -> Iterator[str]:
    for where, container in pod.containers:
        for port in _at(container, "ports") or ():
            if _at(port, "hostPort"):
                yield f"{where}: hostPort {port['hostPort']}"


def _probe_hosts(pod: _Judged) -> Iterator[str]:
    if pod.kubernetes < _PROBE_HOSTS_REFUSED:
        return
    for where, container in pod.containers:
        handlers = [_at(container, probe) for probe in PROBES]
        handlers += [_at(container, "lifecycle", hook) for hook in ("postStart", "preStop")]
        if any(_at(handler, kind, "host") for handler in handlers for kind in ("httpGet", "tcpSocket")):
            yield f"{where}: probe or lifecycle host"


def _host_process(pod: _Judged) -> Iterator[str]:
    yield from (f"{where}: hostProcess" for where, context in pod.every_context if _at(context, "windowsOptions", "hostProcess"))


def _privileged(pod: _Judged) -> Iterator[str]:
    yield from (f"{where}: privileged" for where, context in pod.contexts if context.get("privileged"))


def _selinux(pod: _Judged) -> Iterator[str]:
    types = _allowed(_SELINUX_TYPES, pod.kubernetes)
    for where, context in pod.every_context:
        options = context.get("seLinuxOptions") or {}
        if (options.get("type") or "") not in types or options.get("user") or options.get("role"):
            yield f"{where}: seLinuxOptions"


def _is_app_armor(value: Any) -> bool:
    # an Output could say anything
    return value is None or (isinstance(value, str) and (value in ("", "runtime/default") or value.startswith("localhost/")))


def _app_armor(pod: _Judged) -> Iterator[str]:
    for where, context in pod.every_context:
        profile = context.get("appArmorProfile")
        if profile is not None and profile.get("type") not in _PROFILES:
            yield f"{where}: appArmorProfile {profile.get('type')}"
    for key, value in pod.annotations.items():
        if key.startswith(_APP_ARMOR) and not _is_app_armor(value):
            yield f"annotation {key}"


def _sysctls(pod: _Judged) -> Iterator[str]:
    safe = _allowed(_SYSCTLS, pod.kubernetes)
    names = [_at(sysctl, "name") for sysctl in _at(pod.spec, "securityContext", "sysctls") or ()]
    yield from (f"pod: sysctl {name}" for name in names if name not in safe)


def _added_capabilities(pod: _Judged, allowed: Sequence[str]) -> Iterator[str]:
    for where, context in pod.contexts:
        extra = {str(name) for name in _at(context, "capabilities", "add") or () if name not in allowed}
        if extra:
            yield f"{where}: capabilities.add {', '.join(sorted(extra))}"


def _baseline_capabilities(pod: _Judged) -> Iterator[str]:
    yield from _added_capabilities(pod, _BASELINE_CAPABILITIES)


def _restricted_capabilities(pod: _Judged) -> Iterator[str]:
    if pod.is_windows:
        return
    for where, context in pod.contexts:
        if "ALL" not in (_at(context, "capabilities", "drop") or ()):
            yield f"{where}: capabilities.drop lacks ALL"
    yield from _added_capabilities(pod, ("NET_BIND_SERVICE",))


def _restricted_proc_mount(pod: _Judged) -> Iterator[str]:
    yield from (f"{where}: procMount" for where, context in pod.contexts if context.get("procMount") not in (None, "Default"))


def _baseline_proc_mount(pod: _Judged) -> Iterator[str]:
    if not pod.is_contained:
        yield from _restricted_proc_mount(pod)


def _baseline_seccomp(pod: _Judged) -> Iterator[str]:
    for where, context in pod.every_context:
        profile = context.get("seccompProfile")
        if profile is not None and profile.get("type") not in _PROFILES:
            yield f"{where}: seccompProfile {profile.get('type')}"


def _restricted_seccomp(pod: _Judged) -> Iterator[str]:
    if pod.is_windows:
        return
    yield from _baseline_seccomp(pod)
    for where, context in pod.contexts:
        if context.get("seccompProfile") is None and _at(pod.context, "seccompProfile", "type") not in _PROFILES:
            yield f"{where}: seccompProfile is not RuntimeDefault or Localhost"


def _volumes(pod: _Judged) -> Iterator[str]:
    for volume in pod.spec.get("volumes") or ():
        kinds = [kind for kind, source in (volume or {}).items() if kind != "name" and source is not None]
        if not any(kind in _RESTRICTED_VOLUMES for kind in kinds):
            yield f"volume {_at(volume, 'name')!r}: {', '.join(sorted(kinds)) or 'nothing'}"


def _escalation(pod: _Judged) -> Iterator[str]:
    for where, context in () if pod.is_windows else pod.contexts:
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{where}: allowPrivilegeEscalation is not false"


def _non_root(pod: _Judged) -> Iterator[str]:
    if pod.is_contained:
        return
    of_pod = pod.context.get("runAsNonRoot")
    if of_pod is False:
        yield "pod: runAsNonRoot false"
    for where, context in pod.contexts:
        own = context.get("runAsNonRoot")
        if (of_pod if own is None else own) is not True:
            yield f"{where}: runAsNonRoot is not true"


def _root(pod: _Judged) -> Iterator[str]:
    if not pod.is_contained:
        yield from (f"{where}: runAsUser 0" for where, context in pod.every_context if context.get("runAsUser") == 0)


_BOTH = (_host_namespaces, _host_ports, _probe_hosts, _host_process, _privileged, _selinux, _app_armor, _sysctls)
_BASELINE = (*_BOTH, _host_paths, _baseline_capabilities, _baseline_proc_mount, _baseline_seccomp)
# in the place of baseline's last four: _volumes, and its own of the other three
_RESTRICTED = (*_BOTH, _volumes, _restricted_capabilities, _restricted_proc_mount, _restricted_seccomp, _escalation, _non_root, _root)


def baseline_violations(spec: Wire, kubernetes: Release = DEFAULT_RELEASE, annotations: Wire = _NONE) -> list[str]:
    """What the baseline standard rejects in a pod."""
    pod = _Judged(spec=spec, kubernetes=kubernetes, annotations=annotations)
    return [line for control in _BASELINE for line in control(pod)]


def restricted_violations(spec: Wire, kubernetes: Release = DEFAULT_RELEASE, annotations: Wire = _NONE) -> list[str]:
    """What the restricted standard rejects in a pod."""
    pod = _Judged(spec=spec, kubernetes=kubernetes, annotations=annotations)
    return [line for control in _RESTRICTED for line in control(pod)]


def pod_security_level(spec: Wire, kubernetes: Release = DEFAULT_RELEASE, annotations: Wire = _NONE) -> str:
    """The strictest Pod Security Standard that admits the pod: restricted, baseline or privileged.

    spec: the PodSpec in manifest form. kubernetes: version of the cluster (default: 1.30). annotations: the pod's, which can name AppArmor
    profiles (default: none).
    """
    if not restricted_violations(spec, kubernetes, annotations):
        return "restricted"
    return "privileged" if baseline_violations(spec, kubernetes, annotations) else "baseline"


def privileged_containers(spec: Wire, kubernetes: Release = DEFAULT_RELEASE, annotations: Wire = _NONE) -> list[str]:
    """Names of the containers that the baseline standard rejects by themselves."""
    found = []
    for container in containers(spec):
        name = _at(container, "name")
        alone = {"hostUsers": spec.get("hostUsers"), "containers": [container]}
        own = {key: value for key, value in annotations.items() if key == f"{_APP_ARMOR}{name}"}
        if baseline_violations(alone, kubernetes, own):
            found.append(name)
    return found
