"""Pods with random changes in every field that the Pod Security Standards look at; the same ones for the same seed."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import product
from random import Random
from typing import Any

from .rendered import NAMES, rendered

Pod = dict[str, Any]
"""`annotations` and `spec`, in manifest form."""

ABSENT = object()
PROFILES = (ABSENT, None, {}, *({"type": kind} for kind in (None, "", "RuntimeDefault", "Localhost", "Unconfined", "runtimedefault")))
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t")
SYSCTLS = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    *("net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_mem", "net.core.somaxconn", "vm.max_map_count"),
)
CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP"),
    *("SETUID", "SYS_CHROOT", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "ALL", "CAP_CHOWN", "chown", "", None),
)
SOURCES = (
    *(
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
    ),
    *("flexVolume", "flocker", "gcePersistentDisk", "gitRepo", "glusterfs", "hostPath", "image", "iscsi", "nfs", "persistentVolumeClaim"),
    *("photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret", "storageos", "vsphereVolume"),
)
HANDLERS = (
    *(None, {}, {"exec": {"command": ["true"]}}, {"httpGet": None}),
    *({kind: {"port": 80, "host": host}} for kind in ("httpGet", "tcpSocket") for host in (None, "", "127.0.0.1")),
    {"httpGet": {"port": 80, "host": ""}, "tcpSocket": {"port": 80, "host": "example.com"}},
)
FLAGS = (ABSENT, None, False, True)
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

Values = Mapping[str, Sequence[Any]]
"""Field, and what it becomes."""

OF_ANY_CONTEXT: Values = {
    "appArmorProfile": PROFILES,
    "runAsNonRoot": FLAGS,
    "runAsUser": (ABSENT, None, 0, 1, 1000),
    "seLinuxOptions": (
        *(ABSENT, None, {}, {"type": "spc_t"}, {"user": "root"}, {"role": "admin"}, {"level": "s0"}),
        *({"type": t, "user": u, "role": r} for t, u, r in product((None, *SELINUX_TYPES), (None, ""), (None, ""))),
    ),
    "seccompProfile": PROFILES,
    "windowsOptions": (ABSENT, None, {}, *({"hostProcess": flag} for flag in (None, False, True))),
}
OF_POD_CONTEXT: Values = {
    **OF_ANY_CONTEXT,
    "fsGroup": (ABSENT, 0, 1),
    "sysctls": (
        *(ABSENT, None, [], [None], [{"value": "1"}], [{"name": name, "value": "1"} for name in SYSCTLS[:5]]),
        *([{"name": name, "value": "1"}] for name in SYSCTLS),
        *([{"name": SYSCTLS[0], "value": "1"}, {"name": name, "value": "1"}] for name in SYSCTLS),
    ),
}
OF_CONTAINER_CONTEXT: Values = {
    **OF_ANY_CONTEXT,
    "allowPrivilegeEscalation": FLAGS,
    "capabilities": (
        *(ABSENT, None, {}, {"add": None, "drop": None}),
        *({"drop": names} for names in ([], ["ALL"], ["NET_RAW", "ALL"], ["all"], ["NET_RAW"], [None])),
        *({"add": names, "drop": ["ALL"]} for names in (None, [], *([name] for name in CAPABILITIES), ["NET_BIND_SERVICE", "NET_ADMIN"])),
    ),
    "privileged": FLAGS,
    "procMount": (ABSENT, None, "", "Default", "Unmasked", "default"),
    "readOnlyRootFilesystem": FLAGS,
}
OF_CONTAINER: Values = {
    "lifecycle": (
        *(ABSENT, None, {}, {"stopSignal": "SIGTERM"}, {"postStart": None, "preStop": HANDLERS[-1]}),
        *({hook: handler} for hook in ("postStart", "preStop") for handler in HANDLERS),
    ),
    "livenessProbe": (ABSENT, *HANDLERS),
    "name": (ABSENT, None, "", "renamed"),
    "ports": (
        ABSENT,
        None,
        [],
        [None],
        [{"containerPort": 80}],
        *([{"containerPort": 80, "hostPort": port}] for port in (None, 0, 80, 443)),
    ),
    "readinessProbe": (ABSENT, *HANDLERS),
    "restartPolicy": (ABSENT, None, "Always"),
    "securityContext": (ABSENT, None, {}, RESTRICTED),
    "startupProbe": (ABSENT, *HANDLERS),
}
OF_POD: Values = {
    "containers": (ABSENT, None, [], [None], [{}], [{"name": "a"}], [{"name": "a", "securityContext": RESTRICTED}]),
    "ephemeralContainers": (ABSENT, None, [], [{"name": "debug"}], [{"name": "debug", "securityContext": RESTRICTED}]),
    "hostIPC": FLAGS,
    "hostNetwork": FLAGS,
    "hostPID": FLAGS,
    "hostUsers": FLAGS,
    "initContainers": (ABSENT, None, [], [None], [{"name": "b"}], [{"name": "b", "securityContext": RESTRICTED}]),
    "os": (ABSENT, None, {}, *({"name": name} for name in (None, "linux", "windows", "Windows"))),
    "securityContext": (ABSENT, None, {}, {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
    "shareProcessNamespace": FLAGS,
    "volumes": (
        *(
            ABSENT,
            None,
            [],
            [None],
            [{"name": "v"}],
            [{"name": "v", "emptyDir": {}, "hostPath": {}}],
            [{"name": "v", "nfs": {}, "secret": {}}],
        ),
        *([{"name": "v", kind: source}] for kind in SOURCES for source in ({}, None)),
    ),
}
ANNOTATIONS: Values = {
    **{
        f"container.apparmor.security.beta.kubernetes.io/{name}": (None, "", "runtime/default", "localhost/", "localhost/x", "unconfined")
        for name in ("web", "nobody", "")
    },
    "container.seccomp.security.alpha.kubernetes.io/web": ("runtime/default", "unconfined"),
    "seccomp.security.alpha.kubernetes.io/pod": ("runtime/default", "unconfined"),
}

_BARE = {"containers": [{"name": "web", "securityContext": RESTRICTED}]}
SCRATCH: Sequence[Pod] = tuple(
    {"annotations": {}, "spec": spec}
    for spec in (
        {},
        {"containers": [{"name": "web"}]},
        _BARE,
        {**_BARE, "hostUsers": False},
        {**_BARE, "os": {"name": "windows"}},
        {
            "initContainers": [{"name": "init", "securityContext": RESTRICTED}],
            "containers": [{"name": "web", "securityContext": RESTRICTED}, {"name": "side", "securityContext": RESTRICTED}],
        },
    )
)


def composed() -> list[Pod]:
    """The pods of this package's examples."""
    templates = [m["spec"]["template"] for name in NAMES for m in rendered(name) if m["kind"] == "Deployment"]
    pods = []
    for template in templates:
        spec = template["spec"]
        short = {kind: [_short(c) for c in spec[kind]] for kind in ("initContainers", "containers") if kind in spec}
        pods.append({"annotations": template["metadata"].get("annotations", {}), "spec": {**spec, **short}})
    return pods


def _short(container: Mapping[str, Any]) -> dict[str, Any]:
    """Without what no standard looks at, and is long."""
    return {key: value for key, value in container.items() if key not in ("args", "command", "env")}


def _parts(pod: Pod) -> list[tuple[dict[str, Any], Values]]:
    """Every part of a pod that has such fields, and its fields."""
    spec = pod["spec"]
    every = [c for kind in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(kind) or () if c]
    owners: list[tuple[dict[str, Any], Values]] = [(spec, OF_POD_CONTEXT), *((c, OF_CONTAINER_CONTEXT) for c in every)]
    for owner, _ in owners:
        owner["securityContext"] = owner.get("securityContext") or {}
    contexts = [(owner["securityContext"], fields) for owner, fields in owners]
    return [(pod["annotations"], ANNOTATIONS), (spec, OF_POD), *((c, OF_CONTAINER) for c in every), *contexts]


def _set(part: dict[str, Any], field: str, value: Any) -> None:
    if value is ABSENT:
        part.pop(field, None)
    else:
        part[field] = deepcopy(value)


def changed_once(pod: Pod) -> Iterator[Pod]:
    """Copies of the pod with one change each: every field, and everything that it becomes."""
    for index, (_, fields) in enumerate(_parts(deepcopy(pod))):
        for field, values in fields.items():
            for value in values:
                copy = deepcopy(pod)
                _set(_parts(copy)[index][0], field, value)
                yield copy


def changed(pods: Sequence[Pod], number: int, seed: int) -> Iterator[Pod]:
    """Copies of these pods, one after the other, with a few changes each."""
    random = Random(seed)
    for index in range(number):
        copy = deepcopy(pods[index % len(pods)])
        for _ in range(random.choice((1, 2, 2, 3, 5))):
            part, fields = random.choice(_parts(copy))
            field = random.choice(list(fields))
            _set(part, field, random.choice(fields[field]))
        yield copy
