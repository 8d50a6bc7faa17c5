"""Values that the API rejects in fields of a pod, though their type is right.

Source: pkg/apis/core/validation/validation.go of Kubernetes 1.36; tests/e2e/test_pod_values.py asks an API server about each of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import checks

_PULL = ("Always", "IfNotPresent", "Never")
_POLICY = ("Honor", "Ignore")
CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "PodSpec": {
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "preemptionPolicy": ("Never", "PreemptLowerPriority"),
    },
    "PodOS": {"name": ("linux", "windows")},
    "Container": {"imagePullPolicy": _PULL, "terminationMessagePolicy": ("FallbackToLogsOnError", "File")},
    "HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    "ImageVolumeSource": {"pullPolicy": _PULL},
    "VolumeMount": {
        "mountPropagation": ("Bidirectional", "HostToContainer", "None"),
        "recursiveReadOnly": ("Disabled", "Enabled", "IfPossible"),
    },
    "HostPathVolumeSource": {
        "type": ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"),
    },
    "Toleration": {"effect": ("", "NoExecute", "NoSchedule", "PreferNoSchedule")},
    "TopologySpreadConstraint": {
        "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
        "nodeAffinityPolicy": _POLICY,
        "nodeTaintsPolicy": _POLICY,
    },
    "NodeSelectorRequirement": {"operator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")},
    "LabelSelectorRequirement": {"operator": ("DoesNotExist", "Exists", "In", "NotIn")},
}
"""Kind of object -> its fields that have one of these values."""
RANGES: Mapping[str, Mapping[str, tuple[int, int | None]]] = {
    "Probe": {
        **dict.fromkeys(("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"), (0, None)),
        "terminationGracePeriodSeconds": (1, None),
    },
    "ServiceAccountTokenProjection": {"expirationSeconds": (600, 2**32)},
    "TopologySpreadConstraint": {"maxSkew": (1, None), "minDomains": (1, None)},
    "PreferredSchedulingTerm": {"weight": (1, 100)},
    "WeightedPodAffinityTerm": {"weight": (1, 100)},
}
"""Kind of object -> its fields that lie from the first number to the second, None for no limit."""
CHECKED: Mapping[str, Mapping[str, checks.Check]] = {
    "PodSpec": {
        "hostname": checks.label,
        "subdomain": checks.label,
        "runtimeClassName": checks.object_name,
        "priorityClassName": checks.object_name,
    },
    "HostAlias": {"ip": checks.address},
    "HTTPHeader": {"name": checks.header_name},
}
"""Kind of object -> its fields with a rule that other arguments have, too."""
_RESOURCE = re.compile(r"(requests|limits)\.(cpu|memory|ephemeral-storage|hugepages-.+)")
_OF_FILE = re.compile(r"metadata\.(name|namespace|uid|(labels|annotations)(\['[^']+'\])?)")
_MEDIUM = re.compile(r"|Memory|HugePages(-.+)?")


def problems(kind: str, value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A line for every value in an object of that kind that the API rejects; what is in the objects in it is not looked at. `path`: its
    place."""

    def place(field: str) -> str:
        return f"{path}.{field}" if path else field

    for field, choices in CHOICES.get(kind, {}).items():
        given = value.get(field)
        if isinstance(given, str) and given not in choices:
            yield f"{place(field)} {checks.shown(given)} is not allowed: one of {', '.join(filter(None, choices))}"
    for field, (least, most) in RANGES.get(kind, {}).items():
        if isinstance(value.get(field), int):
            yield from checks.whole(least, most)(place(field), value[field])
    for field, check in CHECKED.get(kind, {}).items():
        if isinstance(value.get(field), str):
            yield from check(place(field), value[field])
    # an Output is not known yet
    if kind in BETWEEN and all(map(checks.is_plain, value.values())):
        yield from (f"{place(field) if field else path or 'it'} {line}" for field, line in BETWEEN[kind](value))


def _one_of(value: Mapping[str, Any], *fields: str) -> Iterator[tuple[str, str]]:
    if len([field for field in fields if value.get(field) is not None]) != 1:
        yield "", f"must have exactly one of {', '.join(fields)}"


def _of_variables(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _one_of(source, "configMapRef", "secretRef")


def _of_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sources = [field for field, source in volume.items() if field != "name" and source is not None]
    # without one it is an emptyDir
    if len(sources) > 1:
        yield "", f"must have one source, but has {' and '.join(sources)}"


def _of_projection(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if len(source) > 1:
        yield "", f"must have one source, but has {' and '.join(source)}"


def _of_directory(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    path = source.get("path")
    if isinstance(path, str) and ".." in path.split("/"):
        yield "path", f"{path!r} is not allowed: without '..'"


def _of_share(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    path = source.get("path")
    if isinstance(path, str) and not path.startswith("/"):
        yield "path", f"{path!r} is not allowed: an absolute path"


def _of_dns(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, server in enumerate(config.get("nameservers") or ()):
        if isinstance(server, str) and checks.address("", server):
            yield f"nameservers[{index}]", f"{server!r} is not allowed: an IPv4 or IPv6 address"


def _of_pod(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if pod.get("shareProcessNamespace") and pod.get("hostPID"):
        yield "shareProcessNamespace", "cannot stand beside hostPID; remove one of them"
    for key, text in (pod.get("nodeSelector") or {}).items() if isinstance(pod.get("nodeSelector"), Mapping) else ():
        wrong = [*checks.qualified_name("key", key), *(checks.label_value("value", text) if isinstance(text, str) else ())]
        yield from (("nodeSelector", line) for line in wrong)


def _of_mount(mount: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if mount.get("subPath") and mount.get("subPathExpr"):
        yield "subPathExpr", "cannot stand beside subPath; remove one of them"
    if mount.get("recursiveReadOnly") in ("Enabled", "IfPossible"):
        if mount.get("readOnly") is not True:
            yield "recursiveReadOnly", "needs readOnly: true"
        if mount.get("mountPropagation") not in (None, "None"):
            yield "recursiveReadOnly", "cannot stand beside a mountPropagation; remove one of them"


def _of_container(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("livenessProbe", "startupProbe"):
        probe = container.get(field)
        successes = probe.get("successThreshold") if isinstance(probe, Mapping) else None
        if isinstance(successes, int) and successes > 1:
            yield f"{field}.successThreshold", "must be 1; only a readinessProbe may have more"
    readiness, security = container.get("readinessProbe"), container.get("securityContext")
    if isinstance(readiness, Mapping) and readiness.get("terminationGracePeriodSeconds") is not None:
        yield "readinessProbe.terminationGracePeriodSeconds", "is not allowed: it ends no container; remove it"
    privileged = isinstance(security, Mapping) and security.get("privileged")
    for mount in container.get("volumeMounts") or ():
        if isinstance(mount, Mapping) and mount.get("mountPropagation") == "Bidirectional" and not privileged:
            yield f"mountPropagation of the mount at {mount.get('mountPath')!r}", "is Bidirectional, which takes a privileged container"


def _of_mode(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("defaultMode", "mode"):
        mode = source.get(field)
        if isinstance(mode, int) and not 0 <= mode <= 0o777:
            yield field, f"{mode} is not allowed: permissions of a file, 0 to 0777 in octal, which is 511"


def _of_file(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _of_mode(file)
    path = file.get("path")
    if isinstance(path, str) and (path.startswith("/") or ".." in path.split("/")):
        yield "path", f"{path!r} is not allowed: relative to the volume, and not out of it"


def _of_downward(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _one_of(file, "fieldRef", "resourceFieldRef")
    yield from _of_file(file)
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    path = field.get("fieldPath") if isinstance(field, Mapping) else None
    if isinstance(path, str) and not _OF_FILE.fullmatch(path):
        yield "fieldRef.fieldPath", f"{path!r} is not allowed: metadata.name, namespace, uid, labels or annotations; set a variable instead"
    if isinstance(resource, Mapping) and not resource.get("containerName"):
        yield "resourceFieldRef.containerName", "is missing"


def _of_resource(selector: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    resource = selector.get("resource")
    if isinstance(resource, str) and not _RESOURCE.fullmatch(resource):
        yield (
            "resource",
            f"{resource!r} is not allowed: requests or limits of cpu, memory, ephemeral-storage or hugepages-…, as in limits.cpu",
        )


def _of_empty_dir(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # the API lets it pass; the kubelet never starts the pod (pkg/volume/emptydir)
    medium = source.get("medium")
    if isinstance(medium, str) and not _MEDIUM.fullmatch(medium):
        yield "medium", f"{medium!r} is not allowed: Memory, or HugePages-…; leave it out for the node's disk"


def _of_toleration(toleration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists" and toleration.get("value"):
        yield "value", "cannot stand beside operator Exists; remove it"
    if operator != "Exists" and not toleration.get("key"):
        yield "key", "is missing; only operator Exists tolerates everything"
    if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
        yield "tolerationSeconds", "needs effect NoExecute"


def _of_requirement(requirement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    operator, values = requirement.get("operator"), requirement.get("values") or ()
    if operator in ("In", "NotIn") and not values:
        yield "values", f"is missing; operator {operator} needs some"
    if operator in ("Exists", "DoesNotExist") and values:
        yield "values", f"cannot stand beside operator {operator}; remove it"
    if operator in ("Gt", "Lt") and len(values) != 1:
        yield "values", f"must be one number for operator {operator}"


BETWEEN: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "EnvFromSource": _of_variables,
    "PodSpec": _of_pod,
    "PodDNSConfig": _of_dns,
    "HostPathVolumeSource": _of_directory,
    "NFSVolumeSource": _of_share,
    "VolumeProjection": _of_projection,
    "Volume": _of_volume,
    "ConfigMapVolumeSource": _of_mode,
    "DownwardAPIVolumeSource": _of_mode,
    "ProjectedVolumeSource": _of_mode,
    "SecretVolumeSource": _of_mode,
    "VolumeMount": _of_mount,
    "Container": _of_container,
    "KeyToPath": _of_file,
    "DownwardAPIVolumeFile": _of_downward,
    "ResourceFieldSelector": _of_resource,
    "EmptyDirVolumeSource": _of_empty_dir,
    "Toleration": _of_toleration,
    "NodeSelectorRequirement": _of_requirement,
    "LabelSelectorRequirement": _of_requirement,
}
"""Kind of object -> what is wrong between its fields, and with values that no table has: the field, and the rest of the line."""
