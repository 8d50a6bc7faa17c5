"""The Pod Security Standard that a pod reaches: the controls of k8s.io/pod-security-admission, as of v0.37."""

from collections.abc import Iterator
from typing import Any

from .patch import Wire

SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
"""Sysctls that belong to the pod alone and that the baseline standard allows (check_sysctls.go)."""

_BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_RESTRICTED_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}
)


def containers(spec: Wire) -> list[Wire]:
    """Every container of a PodSpec, init containers first."""
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def privileged_containers(spec: Wire) -> list[str]:
    """Names of the containers that the baseline standard refuses by themselves: privileged, or with more capabilities."""
    return [c["name"] for c in containers(spec) if any(_container_baseline(c))]


def _context(container: Wire) -> dict[str, Any]:
    return dict(container.get("securityContext") or {})


def _context_baseline(where: str, context: Wire) -> Iterator[str]:
    """The controls that a pod's security context and a container's share."""
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield f"{where}: seccompProfile Unconfined"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield f"{where}: appArmorProfile Unconfined"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield f"{where}: seLinuxOptions"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{where}: hostProcess"


def _container_baseline(container: Wire) -> Iterator[str]:
    where, context = f"container {container['name']!r}", _context(container)
    if context.get("privileged"):
        yield f"{where}: privileged"
    extra = set((context.get("capabilities") or {}).get("add", ())) - _BASELINE_CAPABILITIES
    if extra:
        yield f"{where}: capabilities.add {', '.join(sorted(extra))}"
    if context.get("procMount", "Default") != "Default":
        yield f"{where}: procMount"
    yield from _context_baseline(where, context)
    for port in container.get("ports", ()):
        if port.get("hostPort"):
            yield f"{where}: hostPort {port['hostPort']}"
    handlers = [container.get(p) or {} for p in ("startupProbe", "readinessProbe", "livenessProbe")]
    handlers += [h or {} for h in (container.get("lifecycle") or {}).values() if isinstance(h, dict)]
    if any((h.get(kind) or {}).get("host") for h in handlers for kind in ("httpGet", "tcpSocket")):
        yield f"{where}: probe or lifecycle host"


def baseline_violations(spec: Wire) -> list[str]:
    """What the baseline standard refuses in a PodSpec."""
    pod = dict(spec.get("securityContext") or {})
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += _context_baseline("pod", pod)
    found += [f"pod: sysctl {s['name']}" for s in pod.get("sysctls", ()) if s["name"] not in SAFE_SYSCTLS]
    found += [f"volume {v['name']!r}: hostPath" for v in spec.get("volumes", ()) if "hostPath" in v]
    return found + [line for c in containers(spec) for line in _container_baseline(c)]


def restricted_violations(spec: Wire) -> list[str]:
    """What the restricted standard refuses in a PodSpec, the baseline's refusals included."""
    pod = dict(spec.get("securityContext") or {})
    found = baseline_violations(spec)
    if pod.get("runAsNonRoot") is False:
        found.append("pod: runAsNonRoot false")
    if pod.get("runAsUser") == 0:
        found.append("pod: runAsUser 0")
    for volume in spec.get("volumes", ()):
        kinds = set(volume) - {"name"}
        if not kinds <= _RESTRICTED_VOLUMES:
            found.append(f"volume {volume['name']!r}: {', '.join(sorted(kinds - _RESTRICTED_VOLUMES))}")
    for container in containers(spec):
        where, context = f"container {container['name']!r}", _context(container)
        capabilities = context.get("capabilities") or {}
        if context.get("allowPrivilegeEscalation") is not False:
            found.append(f"{where}: allowPrivilegeEscalation is not false")
        if "ALL" not in capabilities.get("drop", ()):
            found.append(f"{where}: capabilities.drop lacks ALL")
        extra = set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}
        if extra:
            found.append(f"{where}: capabilities.add {', '.join(sorted(extra))}")
        if not context.get("runAsNonRoot", pod.get("runAsNonRoot")):
            found.append(f"{where}: runAsNonRoot is not true")
        if context.get("runAsUser") == 0:
            found.append(f"{where}: runAsUser 0")
        seccomp = (context.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
        if seccomp not in ("RuntimeDefault", "Localhost"):
            found.append(f"{where}: seccompProfile is not RuntimeDefault or Localhost")
    return found


def pod_security_level(spec: Wire) -> str:
    """The strictest Pod Security Standard that admits the PodSpec: restricted, baseline or privileged."""
    if not restricted_violations(spec):
        return "restricted"
    return "privileged" if baseline_violations(spec) else "baseline"
