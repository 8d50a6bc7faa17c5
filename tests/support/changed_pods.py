"""Pods with random changes in every field that the Pod Security Standards look at; the same ones for the same seed."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
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
    *(ABSENT, None, {}, {"exec": {"command": ["true"]}}, {"httpGet": None}),
    *({kind: {"port": 80, "host": host}} for kind in ("httpGet", "tcpSocket") for host in (None, "", "127.0.0.1")),
    {"httpGet": {"port": 80, "host": ""}, "tcpSocket": {"port": 80, "host": "example.com"}},
)
FLAGS = (ABSENT, None, False, True)
HOST_PATH = [{"name": "changed", "hostPath": {"path": "/"}}]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# field -> what it becomes; a function makes it of the random source
OF_ANY_CONTEXT: Mapping[str, Any] = {
    "appArmorProfile": PROFILES,
    "runAsNonRoot": FLAGS,
    "runAsUser": (ABSENT, None, 0, 1, 1000),
    "seLinuxOptions": lambda random: random.choice((ABSENT, None, {}, *(_selinux(random) for _ in range(4)))),
    "seccompProfile": PROFILES,
    "windowsOptions": (ABSENT, None, {}, *({"hostProcess": flag} for flag in (None, False, True))),
}
OF_POD_CONTEXT: Mapping[str, Any] = {
    **OF_ANY_CONTEXT,
    "fsGroup": (ABSENT, 0, 1),
    "sysctls": lambda random: random.choice((ABSENT, None, [], [None], [{"value": "1"}], *([_sysctls(random)] * 6))),
}
OF_CONTAINER_CONTEXT: Mapping[str, Any] = {
    **OF_ANY_CONTEXT,
    "allowPrivilegeEscalation": FLAGS,
    "capabilities": lambda random: random.choice((ABSENT, None, {}, *(_capabilities(random) for _ in range(6)))),
    "privileged": FLAGS,
    "procMount": (ABSENT, None, "", "Default", "Unmasked", "default"),
    "readOnlyRootFilesystem": FLAGS,
}
OF_CONTAINER: Mapping[str, Any] = {
    "lifecycle": lambda random: random.choice((ABSENT, None, {}, _lifecycle(random), _lifecycle(random))),
    "livenessProbe": HANDLERS,
    "name": (ABSENT, None, "", "renamed"),
    "ports": (
        ABSENT,
        None,
        [],
        [None],
        *([{"containerPort": 80, "hostPort": port}] for port in (None, 0, 80, 443)),
        [{"containerPort": 80}],
    ),
    "readinessProbe": HANDLERS,
    "restartPolicy": (ABSENT, None, "Always"),
    "securityContext": (ABSENT, None, {}, RESTRICTED),
    "startupProbe": HANDLERS,
}
OF_POD: Mapping[str, Any] = {
    "containers": (ABSENT, None, [], [None], [{}], [{"name": "a"}], [{"name": "a", "securityContext": RESTRICTED}]),
    "ephemeralContainers": (ABSENT, None, [], [{"name": "debug"}], [{"name": "debug", "securityContext": RESTRICTED}]),
    "hostIPC": FLAGS,
    "hostNetwork": FLAGS,
    "hostPID": FLAGS,
    "hostUsers": (*FLAGS, False, False),
    "initContainers": (ABSENT, None, [], [None], [{"name": "b"}], [{"name": "b", "securityContext": RESTRICTED}]),
    "os": (ABSENT, None, {}, *({"name": name} for name in (None, "linux", "windows", "windows", "Windows"))),
    "securityContext": (ABSENT, None, {}, {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
    "shareProcessNamespace": FLAGS,
    "volumes": lambda random: random.choice((ABSENT, None, [], [None], HOST_PATH, *([_volume(random)] for _ in range(9)))),
}
ANNOTATIONS: Mapping[str, Any] = {
    **{
        f"container.apparmor.security.beta.kubernetes.io/{name}": (None, "", "runtime/default", "localhost/", "localhost/x", "unconfined")
        for name in ("web", "nobody", "")
    },
    "container.seccomp.security.alpha.kubernetes.io/web": ("runtime/default", "unconfined"),
    "seccomp.security.alpha.kubernetes.io/pod": ("runtime/default", "unconfined"),
}


def _selinux(random: Random) -> dict[str, Any]:
    words = {"type": random.choice(SELINUX_TYPES), "user": random.choice(("", "", "root")), "role": random.choice(("", "", "admin"))}
    return {key: random.choice((value, value, None)) for key, value in words.items() if random.random() < 0.6}


def _sysctls(random: Random) -> list[dict[str, Any]]:
    return [{"name": name, "value": "1"} for name in random.sample(SYSCTLS, random.choice((1, 1, 2)))]


def _capabilities(random: Random) -> dict[str, Any]:
    lists = {
        "add": random.sample(CAPABILITIES, random.choice((0, 1, 1, 2))),
        "drop": random.choice((["ALL"], ["NET_RAW", "ALL"], ["all"], [])),
    }
    return {key: random.choice((value, value, value, None)) for key, value in lists.items() if random.random() < 0.8}


def _lifecycle(random: Random) -> dict[str, Any]:
    hooks = {hook: random.choice(HANDLERS) for hook in ("postStart", "preStop")}
    return {hook: handler for hook, handler in hooks.items() if handler is not ABSENT} | random.choice(({}, {"stopSignal": "SIGTERM"}))


def _volume(random: Random) -> dict[str, Any]:
    kinds = random.sample(SOURCES, random.choice((0, 1, 1, 1, 1, 2)))
    return {"name": "changed", **{kind: random.choice(({}, {}, {}, None)) for kind in kinds}}


def _change(random: Random, target: dict[str, Any], fields: Mapping[str, Any]) -> None:
    field = random.choice(list(fields))
    values = fields[field]
    value = values(random) if callable(values) else random.choice(values)
    if value is ABSENT:
        target.pop(field, None)
    else:
        target[field] = deepcopy(value)


def _change_somewhere(random: Random, pod: Pod) -> None:
    spec = pod["spec"]
    every = [c for kind in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(kind) or () if c]
    where = random.choice(
        ("annotations", "pod", "pod", "pod context", "pod context", *(["container"] * 3 + ["container context"] * 4) * bool(every))
    )
    if where == "annotations":
        _change(random, pod["annotations"], ANNOTATIONS)
    elif where.startswith("pod"):
        _change_part(random, spec, where, OF_POD, OF_POD_CONTEXT)
    else:
        _change_part(random, random.choice(every), where, OF_CONTAINER, OF_CONTAINER_CONTEXT)


def _change_part(random: Random, part: dict[str, Any], where: str, own: Mapping[str, Any], of_context: Mapping[str, Any]) -> None:
    if not where.endswith("context"):
        _change(random, part, own)
        return
    part["securityContext"] = part.get("securityContext") or {}
    _change(random, part["securityContext"], of_context)


def _bare(container: Mapping[str, Any]) -> dict[str, Any]:
    """Without what no standard looks at, and is long."""
    return {key: value for key, value in container.items() if key not in ("args", "command", "env")}


def composed() -> list[Pod]:
    """The pods of this package's examples."""
    templates = [m["spec"]["template"] for name in NAMES for m in rendered(name) if m["kind"] == "Deployment"]
    pods = []
    for template in templates:
        spec = template["spec"]
        bare = {kind: [_bare(c) for c in spec[kind]] for kind in ("initContainers", "containers") if kind in spec}
        pods.append({"annotations": template["metadata"].get("annotations", {}), "spec": {**spec, **bare}})
    return pods


SCRATCH: Sequence[Pod] = (
    {"annotations": {}, "spec": {}},
    {"annotations": {}, "spec": {"containers": [{"name": "web"}]}},
    {"annotations": {}, "spec": {"containers": [{"name": "web", "securityContext": RESTRICTED}]}},
    {
        "annotations": {},
        "spec": {
            "initContainers": [{"name": "init", "securityContext": RESTRICTED}],
            "containers": [{"name": "web", "securityContext": RESTRICTED}, {"name": "side", "securityContext": RESTRICTED}],
        },
    },
)


def changed(pods: Sequence[Pod], number: int, seed: int) -> Iterator[Pod]:
    """Copies of these pods, one after the other, with a few changes each."""
    random = Random(seed)
    for index in range(number):
        pod = deepcopy(pods[index % len(pods)])
        for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
            _change_somewhere(random, pod)
        yield pod
