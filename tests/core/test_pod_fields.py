"""What is no field of a pod, and a value of another type, is refused with its place, however deep it lies."""

from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import PodSpecArgs

import tools.pod_fields
from components.core import pod_fields
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch
from tests.support.pods import Adds, container, web

OF_POD: dict[str, tuple[dict[str, Any], str]] = {
    "nearly a field": ({"nodeSelectr": {}}, "pod field 'nodeSelectr' is not a field of the PodSpec; did you mean 'nodeSelector'?"),
    "nearly another": ({"tolerances": []}, "pod field 'tolerances' is not a field of the PodSpec; did you mean 'tolerations'?"),
    "no field": ({"zzz": {}}, "pod field 'zzz' is not a field of the PodSpec; remove it"),
    "deeper": (
        {"affinity": {"nodeAffinty": {}}},
        "pod field affinity: 'nodeAffinty' is not a field of the Affinity; did you mean 'nodeAffinity'?",
    ),
    "in a list": (
        {"tolerations": [{"key": "a", "efect": "NoSchedule"}]},
        "pod field tolerations[0]: 'efect' is not a field of the Toleration; did you mean 'effect'?",
    ),
    "no list": ({"tolerations": {"key": "a"}}, "pod field tolerations must be a list, but is a mapping"),
    "a text for a list": ({"imagePullSecrets": "regcred"}, "pod field imagePullSecrets must be a list, but is the text 'regcred'"),
    "a text for an object": (
        {"imagePullSecrets": ["regcred"]},
        "pod field imagePullSecrets[0] must be a mapping, but is the text 'regcred'",
    ),
    "a list for a mapping": ({"nodeSelector": ["a=b"]}, "pod field nodeSelector must be a mapping, but is a list"),
    "a value of a mapping": (
        {"nodeSelector": {"gpu": True}},
        "pod field nodeSelector['gpu'] must be a text, but is true; put it in quotes",
    ),
    "a number": ({"priority": "high"}, "pod field priority must be a whole number, but is the text 'high'"),
    "true for a number": ({"priority": True}, "pod field priority must be a whole number, but is true"),
    "a word for true": ({"hostPID": "yes"}, "pod field hostPID must be true or false, but is the text 'yes'"),
}
OF_APP: dict[str, tuple[dict[str, Any], str]] = {
    "handler": (
        {"readiness_probe": {"httpGte": {"path": "/"}}},
        "app.readiness_probe: 'httpGte' is not a field of the Probe; did you mean 'httpGet'?",
    ),
    "command": (
        {"liveness_probe": {"exec": {"command": "curl -f localhost"}}},
        "app.liveness_probe.exec.command must be a list, but is the text 'curl -f localhost'",
    ),
    "no handler": (
        {"startup_probe": {"periodSeconds": 3}},
        "app.startup_probe must have exactly one of exec, httpGet, tcpSocket, grpc, but has none",
    ),
    "two handlers": (
        {"startup_probe": {"tcpSocket": {"port": "http"}, "httpGet": {"port": "http"}}},
        "app.startup_probe must have exactly one of exec, httpGet, tcpSocket, grpc, but has httpGet and tcpSocket",
    ),
    "container": (
        {"container": {"workingDri": "/"}},
        "app.container: 'workingDri' is not a field of the Container; did you mean 'workingDir'?",
    ),
    "in a container": (
        {"container": {"envFrom": [{"configMapRef": {"nam": "a"}}]}},
        "app.container.envFrom[0].configMapRef: 'nam' is not a field of the ConfigMapEnvSource; did you mean 'name'?",
    ),
    "volume": (
        {"volumes": [{"name": "v", "emptyDri": {}}]},
        "app.volumes[0]: 'emptyDri' is not a field of the Volume; did you mean 'emptyDir'?",
    ),
    # a ConfigMap has its name in `name`, a Secret in `secretName`
    "source": (
        {"volumes": [{"name": "v", "secret": {"name": "s"}}]},
        "app.volumes[0].secret: 'name' is not a field of the SecretVolumeSource; "
        "known: defaultMode, defaultUser, items, optional, secretName",
    ),
    "mount": (
        {"volume_mounts": [{"name": "v", "mountPath": "/v", "readonly": True}]},
        "app.volume_mounts[0]: 'readonly' is not a field of the VolumeMount; did you mean 'readOnly'?",
    ),
}
FINE: dict[str, Any] = {
    "volumes": [
        {"name": "a", "projected": {"sources": [{"clusterTrustBundle": {"path": "a", "labelSelector": {"matchLabels": {"a.b/c": "d"}}}}]}},
        {"name": "b", "csi": {"driver": "x.y", "volumeAttributes": {"a.b/c": "d"}, "readOnly": None}},
        {"name": "c", "ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}},
    ],
    "readiness_probe": {"httpGet": {"path": "/", "port": "http", "httpHeaders": [{"name": "Accept", "value": "*/*"}]}},
}


def refused(given: dict[str, Any], fields: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        compose(web(**given), fields=fields)
    return error.value.problems


@pytest.mark.parametrize(("fields", "line"), OF_POD.values(), ids=OF_POD.keys())
def test_what_is_no_field_of_a_pod_is_refused_with_its_place(fields: dict[str, Any], line: str) -> None:
    assert refused({}, fields) == (line,)


@pytest.mark.parametrize(("given", "line"), OF_APP.values(), ids=OF_APP.keys())
def test_so_it_is_in_what_an_app_has_in_manifest_form(given: dict[str, Any], line: str) -> None:
    assert refused(given, {}) == (line,)


def test_so_it_is_in_what_a_pattern_adds() -> None:
    patch = PodPatch(
        containers=(container("c", securityContext={"runAsUsr": 1}),),
        volumes=({"name": "v", "secret": {"secretName": "s", "optional": "no"}},),
    )
    with pytest.raises(CompositionError) as error:
        compose(web(), [Adds("a", patch)])
    assert error.value.problems == (
        "container 'c' of Adds 'a': securityContext: 'runAsUsr' is not a field of the SecurityContext; did you mean 'runAsUser'?",
        "volume 'v' of Adds 'a': secret.optional must be true or false, but is the text 'no'",
    )


def test_what_pods_have_is_accepted() -> None:
    compose(web(**FINE), fields={"nodeSelector": {"a.b/c": pulumi.Output.from_input("d")}, "affinity": None, "priority": 5})


def test_the_table_is_that_of_the_newest_schema() -> None:
    assert tools.pod_fields.TABLE.read_text(encoding="utf-8") == tools.pod_fields.text()


def test_every_field_that_the_provider_knows_is_known() -> None:
    known = {name for name in vars(PodSpecArgs) if isinstance(vars(PodSpecArgs)[name], property)}
    camel = {first + "".join(word.capitalize() for word in rest) for first, *rest in (name.split("_") for name in known)}
    acronyms = {"hostIpc": "hostIPC", "hostPid": "hostPID", "setHostnameAsFqdn": "setHostnameAsFQDN"}
    assert {acronyms.get(name, name) for name in camel} - set(pod_fields.known()["PodSpec"]) == set()
