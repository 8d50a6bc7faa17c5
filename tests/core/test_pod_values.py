"""Values that the API rejects are rejected before; tests/e2e/test_pod_values.py asks an API server about the same."""

from typing import Any

import pulumi
import pytest

from components.core import pod_fields
from components.core.errors import CompositionError
from components.core.fold import compose
from tests.support.pods import RESOURCES, web


def spec(container: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A PodSpec with one container."""
    return {"containers": [{"name": "web", "image": "web:1", **(container or {})}], **fields}


def mounted(source: dict[str, Any], **mount: Any) -> dict[str, Any]:
    """A PodSpec with a volume."""
    return spec({"volumeMounts": [{"name": "data", "mountPath": "/data", **mount}]}, volumes=[{"name": "data", **source}])


def probed(kind: str, **fields: Any) -> dict[str, Any]:
    return spec({kind: {"httpGet": {"port": 80}, **fields}})


def preferred(weight: int, operator: str = "Exists", **values: Any) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "a", "operator": operator, **values}]}
    return spec(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "preference": term}]}})


def spread(**fields: Any) -> dict[str, Any]:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **fields}
    return spec(topologySpreadConstraints=[constraint])


def variable(resource: str) -> dict[str, Any]:
    return spec({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": resource}}}]})


EMPTY: dict[str, Any] = {"emptyDir": {}}
MODE = "is not allowed: permissions of a file, 0 to 0777 in octal, which is 511"
TERM = "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "dns policy": (
        spec(dnsPolicy="Cluster"),
        "dnsPolicy 'Cluster' is not allowed: one of ClusterFirst, ClusterFirstWithHostNet, Default, None",
    ),
    "preemption": (
        spec(preemptionPolicy="Always"),
        "preemptionPolicy 'Always' is not allowed: one of Never, PreemptLowerPriority",
    ),
    "pull policy": (
        spec({"imagePullPolicy": "Allways"}),
        "containers[0].imagePullPolicy 'Allways' is not allowed: one of Always, IfNotPresent, Never",
    ),
    "scheme in small letters": (
        spec({"livenessProbe": {"httpGet": {"port": 80, "scheme": "https"}}}),
        "containers[0].livenessProbe.httpGet.scheme 'https' is not allowed: one of HTTP, HTTPS",
    ),
    "two sources": (
        mounted({**EMPTY, "configMap": {"name": "x"}}),
        "volumes[0] must have one source, but has emptyDir and configMap",
    ),
    "default mode": (mounted({"secret": {"secretName": "x", "defaultMode": 1000}}), f"volumes[0].secret.defaultMode 1000 {MODE}"),
    "mode": (
        mounted({"configMap": {"name": "x", "items": [{"key": "a", "path": "a", "mode": -1}]}}),
        f"volumes[0].configMap.items[0].mode -1 {MODE}",
    ),
    "a file outside": (
        mounted({"secret": {"secretName": "x", "items": [{"key": "a", "path": "b/../../c"}]}}),
        "volumes[0].secret.items[0].path 'b/../../c' is not allowed: relative to the volume, and not out of it",
    ),
    "an absolute file": (
        mounted({"secret": {"secretName": "x", "items": [{"key": "a", "path": "/a"}]}}),
        "volumes[0].secret.items[0].path '/a' is not allowed: relative to the volume, and not out of it",
    ),
    "type of a host path": (
        mounted({"hostPath": {"path": "/x", "type": "Dir"}}),
        "volumes[0].hostPath.type 'Dir' is not allowed: one of BlockDevice, CharDevice, Directory, DirectoryOrCreate, File, "
        "FileOrCreate, Socket",
    ),
    "propagation": (
        mounted(EMPTY, mountPropagation="Both"),
        "containers[0].volumeMounts[0].mountPropagation 'Both' is not allowed: one of Bidirectional, HostToContainer, None",
    ),
    "propagation to the node": (
        mounted(EMPTY, mountPropagation="Bidirectional"),
        "containers[0].mountPropagation of the mount at '/data' is Bidirectional, which takes a privileged container",
    ),
    "two parts of a volume": (
        mounted(EMPTY, subPath="a", subPathExpr="b"),
        "containers[0].volumeMounts[0].subPathExpr cannot stand beside subPath; remove one of them",
    ),
    "read-only all the way, and not read-only": (
        mounted(EMPTY, recursiveReadOnly="Enabled"),
        "containers[0].volumeMounts[0].recursiveReadOnly needs readOnly: true",
    ),
    "read-only all the way, and propagated": (
        mounted(EMPTY, readOnly=True, recursiveReadOnly="IfPossible", mountPropagation="HostToContainer"),
        "containers[0].volumeMounts[0].recursiveReadOnly cannot stand beside a mountPropagation; remove one of them",
    ),
    "no name of a claim": (mounted({"persistentVolumeClaim": {}}), "volumes[0].persistentVolumeClaim.claimName is missing"),
    "no name of a Secret": (mounted({"secret": {}}), "volumes[0].secret.secretName is missing"),
    "no name of a ConfigMap": (mounted({"configMap": {}}), "volumes[0].configMap.name is missing"),
    "no key": (mounted({"configMap": {"name": "x", "items": [{"path": "a"}]}}), "volumes[0].configMap.items[0].key is missing"),
    "a directory of the node above": (
        mounted({"hostPath": {"path": "/a/../b"}}),
        "volumes[0].hostPath.path '/a/../b' is not allowed: without '..'",
    ),
    "a relative share": (
        mounted({"nfs": {"server": "nfs", "path": "a"}}),
        "volumes[0].nfs.path 'a' is not allowed: an absolute path",
    ),
    "two sources of a projection": (
        mounted({"projected": {"sources": [{"secret": {"name": "a"}, "configMap": {"name": "b"}}]}}),
        "volumes[0].projected.sources[0] must have one source, but has secret and configMap",
    ),
    "a minute of a token": (
        mounted({"projected": {"sources": [{"serviceAccountToken": {"path": "a", "expirationSeconds": 60}}]}}),
        "volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds 60 is not allowed: a whole number from 600 to 4294967296",
    ),
    "a file of nothing": (
        mounted({"downwardAPI": {"items": [{"path": "a"}]}}),
        "volumes[0].downwardAPI.items[0] must have exactly one of fieldRef, resourceFieldRef",
    ),
    "a file of an address": (
        mounted({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "status.podIP"}}]}}),
        "volumes[0].downwardAPI.items[0].fieldRef.fieldPath 'status.podIP' is not allowed: metadata.name, namespace, uid, labels or "
        "annotations; set a variable instead",
    ),
    "a file of a resource of nobody": (
        mounted({"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}}),
        "volumes[0].downwardAPI.items[0].resourceFieldRef.containerName is missing",
    ),
    "variables of nothing": (
        spec({"envFrom": [{"prefix": "A_"}]}),
        "containers[0].envFrom[0] must have exactly one of configMapRef, secretRef",
    ),
    "no command": (spec({"livenessProbe": {"exec": {}}}), "containers[0].livenessProbe.exec.command is missing"),
    "no port": (spec({"livenessProbe": {"tcpSocket": {}}}), "containers[0].livenessProbe.tcpSocket.port is missing"),
    "name of a header": (
        spec({"livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": "c"}]}}}),
        "containers[0].livenessProbe.httpGet.httpHeaders[0].name 'a b' is not allowed: letters, digits and !#%&'*+.^_`|~-, 255 characters "
        "at most",
    ),
    "host name": (spec(hostname="A_b"), "hostname 'A_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
    "priority class": (
        spec(priorityClassName="A_b"),
        "priorityClassName 'A_b' is not allowed: a-z, 0-9, '-' and '.', 253 characters at most",
    ),
    "label of nodes": (
        spec(nodeSelector={"a b": "c"}),
        "nodeSelector key 'a b' is not allowed: letters, digits and '-_.', with a domain and '/' in front at most",
    ),
    "value of a label of nodes": (
        spec(nodeSelector={"a": "b c"}),
        "nodeSelector value 'b c' is not allowed: letters, digits and '-_.', 63 characters at most",
    ),
    "server of names": (
        spec(dnsConfig={"nameservers": ["dns"]}),
        "dnsConfig.nameservers[0] 'dns' is not allowed: an IPv4 or IPv6 address",
    ),
    "address of a host": (
        spec(hostAliases=[{"ip": "a", "hostnames": ["b"]}]),
        "hostAliases[0].ip 'a' is not allowed: an IPv4 or IPv6 address",
    ),
    "processes of the node, and of the pod": (
        spec(shareProcessNamespace=True, hostPID=True),
        "shareProcessNamespace cannot stand beside hostPID; remove one of them",
    ),
    "no topology": (
        spec(topologySpreadConstraints=[{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]),
        "topologySpreadConstraints[0].topologyKey is missing",
    ),
    "period": (
        probed("livenessProbe", periodSeconds=-1),
        "containers[0].livenessProbe.periodSeconds -1 is not allowed: a whole number, 0 or more",
    ),
    "successes": (
        probed("startupProbe", successThreshold=2),
        "containers[0].startupProbe.successThreshold must be 1; only a readinessProbe may have more",
    ),
    "grace of readiness": (
        probed("readinessProbe", terminationGracePeriodSeconds=5),
        "containers[0].readinessProbe.terminationGracePeriodSeconds is not allowed: it ends no container; remove it",
    ),
    "no grace": (
        probed("livenessProbe", terminationGracePeriodSeconds=0),
        "containers[0].livenessProbe.terminationGracePeriodSeconds 0 is not allowed: a whole number, 1 or more",
    ),
    "resource": (
        variable("limits.disk"),
        "containers[0].env[0].valueFrom.resourceFieldRef.resource 'limits.disk' is not allowed: requests or limits of cpu, memory, "
        "ephemeral-storage or hugepages-…, as in limits.cpu",
    ),
    "effect": (
        spec(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoStart"}]),
        "tolerations[0].effect 'NoStart' is not allowed: one of NoExecute, NoSchedule, PreferNoSchedule",
    ),
    "a value that need only exist": (
        spec(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
        "tolerations[0].value cannot stand beside operator Exists; remove it",
    ),
    "no key of a taint": (spec(tolerations=[{"value": "b"}]), "tolerations[0].key is missing; only operator Exists tolerates everything"),
    "seconds": (
        spec(tolerations=[{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}]),
        "tolerations[0].tolerationSeconds needs effect NoExecute",
    ),
    "weight": (preferred(101), f"{TERM}.weight 101 is not allowed: a whole number from 1 to 100"),
    "operator": (
        preferred(1, "Equals", values=["b"]),
        f"{TERM}.preference.matchExpressions[0].operator 'Equals' is not allowed: one of DoesNotExist, Exists, Gt, In, Lt, NotIn",
    ),
    "no values": (preferred(1, "In"), f"{TERM}.preference.matchExpressions[0].values is missing; operator In needs some"),
    "values": (
        preferred(1, values=["b"]),
        f"{TERM}.preference.matchExpressions[0].values cannot stand beside operator Exists; remove it",
    ),
    "two numbers": (
        preferred(1, "Gt", values=["1", "2"]),
        f"{TERM}.preference.matchExpressions[0].values must be one number for operator Gt",
    ),
    "skew": (spread(maxSkew=0), "topologySpreadConstraints[0].maxSkew 0 is not allowed: a whole number, 1 or more"),
    "unsatisfiable": (
        spread(whenUnsatisfiable="Ignore"),
        "topologySpreadConstraints[0].whenUnsatisfiable 'Ignore' is not allowed: one of DoNotSchedule, ScheduleAnyway",
    ),
}
"""PodSpecs with one thing that the API rejects, and what is said of it."""
ACCEPTED: dict[str, dict[str, Any]] = {
    "no source, which is an emptyDir": mounted({}),
    "names": spec({"imagePullPolicy": "Never"}, dnsPolicy="Default", preemptionPolicy="Never", tolerations=[{"operator": "Exists"}]),
    "a volume": mounted({"emptyDir": {"medium": "Memory"}}, readOnly=True, recursiveReadOnly="IfPossible", mountPropagation="None"),
    "a part of a volume": mounted({"hostPath": {"path": "/x", "type": ""}}, subPath="a", mountPropagation="HostToContainer"),
    "files": mounted({"secret": {"secretName": "x", "defaultMode": 0o777, "items": [{"key": "a", "path": "b/c", "mode": 0}]}}),
    "a projection": mounted(
        {
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "a", "expirationSeconds": 600}},
                    {"downwardAPI": {"items": [{"path": "b", "fieldRef": {"fieldPath": "metadata.labels['a']"}}]}},
                ]
            }
        }
    ),
    "fields of the pod": spec(hostname="a", nodeSelector={"example.com/a": ""}, dnsConfig={"nameservers": ["::1"]}),
    "propagation of a privileged container": spec(
        {
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "data", "mountPath": "/data", "mountPropagation": "Bidirectional"}],
        },
        volumes=[{"name": "data", **EMPTY}],
    ),
    "liveness": probed("livenessProbe", initialDelaySeconds=0, successThreshold=1, terminationGracePeriodSeconds=1),
    "readiness": probed("readinessProbe", successThreshold=3, periodSeconds=0),
    "resource": variable("requests.ephemeral-storage"),
    "weight": preferred(100, "Gt", values=["1"]),
    "spread": spread(maxSkew=5, minDomains=1, nodeTaintsPolicy="Honor"),
    "toleration": spec(tolerations=[{"key": "a", "effect": "NoExecute", "tolerationSeconds": 5, "value": ""}]),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_the_api_rejects_is_rejected_with_its_place(name: str) -> None:
    given, line = REJECTED[name]
    assert list(pod_fields.of_object("PodSpec", given)) == [line]


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_api_accepts_is_accepted(name: str) -> None:
    assert list(pod_fields.of_object("PodSpec", ACCEPTED[name])) == []


def test_what_is_of_another_type_or_not_known_yet_is_not_looked_at() -> None:
    later = pulumi.Output.from_input("later")
    terms = {"matchExpressions": [{"key": "a", "operator": "Gt", "values": 5}]}
    preference = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": terms}]}
    given = spec(dnsConfig={"nameservers": 5}, affinity={"nodeAffinity": preference})
    assert list(pod_fields.of_object("PodSpec", given)) == [
        "dnsConfig.nameservers must be a list, but is the number 5",
        f"{TERM}.preference.matchExpressions[0].values must be a list, but is the number 5",
    ]
    for known in (
        spec(dnsConfig={"nameservers": later}, tolerations=[{"key": "a", "effect": later, "tolerationSeconds": 5}]),
        preferred(1, "Gt", values=later),
        probed("livenessProbe", successThreshold=later),
    ):
        assert list(pod_fields.of_object("PodSpec", known)) == []
    with pytest.raises(CompositionError):
        compose(web(resources={**RESOURCES, "claims": 5}))


def test_a_medium_that_the_kubelet_does_not_know_is_rejected() -> None:
    given = mounted({"emptyDir": {"medium": "HugePages2Mi"}})
    assert list(pod_fields.of_object("PodSpec", given)) == [
        "volumes[0].emptyDir.medium 'HugePages2Mi' is not allowed: Memory, or HugePages-…; leave it out for the node's disk"
    ]
