"""What a Workload registers, and what it says about it."""

from typing import Any

import pulumi
import pytest

from components.certificates import CertificateAuthority
from components.core.app import Port, Rebind
from components.core.errors import CompositionError
from components.core.patch import ConfigFiles, PodPatch
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import UNKNOWN, Recording, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import HTTP, Adds, Proxy, container, web

OWN = {
    "app.kubernetes.io/name": "web",
    "app.kubernetes.io/instance": "shop",
    "app.kubernetes.io/managed-by": "pulumi",
}
SELECTOR = {key: OWN[key] for key in ("app.kubernetes.io/name", "app.kubernetes.io/instance")}
FILES = Adds(
    "files",
    PodPatch(
        config_files=(ConfigFiles(name="config", files={"a.conf": "one"}), ConfigFiles(name="other", files={"b.conf": "two"})),
        labels=(("example.com/scraped", "yes"),),
        annotations=(("example.com/a", "1"),),
    ),
)


def workload(*patterns: Any, preview: bool = False, **arguments: Any) -> Recording:
    def program() -> None:
        made = Workload("shop", WorkloadArgs(**{"app": web(), **arguments, "patterns": patterns}))
        for name in OUTPUTS:
            pulumi.export(name, getattr(made, name))

    return run(program, preview=preview)


OUTPUTS = tuple(Workload.__annotations__)


def template(recording: Recording) -> dict[str, Any]:
    found: dict[str, Any] = recording.one("Deployment").inputs["spec"]["template"]
    return found


def test_everything_is_a_child_of_the_workload_and_named_after_it() -> None:
    recording = workload(FILES)
    component = recording.one("Workload")
    assert component.type == "pod-patterns:index:Workload"
    children = {(r.type, r.name) for r in recording.registrations if r.parent == component.urn}
    assert children == {
        ("kubernetes:core/v1:ConfigMap", "shop-config"),
        ("kubernetes:core/v1:ConfigMap", "shop-other"),
        ("kubernetes:apps/v1:Deployment", "shop"),
        ("kubernetes:core/v1:Service", "shop"),
    }
    assert len(recording.registrations) == len(children) + 1


def test_the_deployment_replaces_pods_without_a_gap() -> None:
    inputs = workload(namespace="prod", replicas=3).one("Deployment").inputs
    assert inputs["metadata"] == {
        "name": "web",
        "namespace": "prod",
        "labels": OWN,
        "annotations": {"pulumi.com/timeoutSeconds": "600"},
    }
    spec = dict(inputs["spec"])
    del spec["template"]
    assert spec == {
        "replicas": 3,
        "selector": {"matchLabels": SELECTOR},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 600,
    }


def test_an_autoscaler_keeps_the_number_of_replicas() -> None:
    assert "replicas" not in workload(replicas=None).one("Deployment").inputs["spec"]
    assert workload(replicas=0).one("Deployment").inputs["spec"]["replicas"] == 0


def test_the_time_to_wait_is_one_number_for_pulumi_and_kubernetes() -> None:
    inputs = workload(rollout_timeout_seconds=90).one("Deployment").inputs
    assert inputs["metadata"]["annotations"] == {"pulumi.com/timeoutSeconds": "90"}
    assert inputs["spec"]["progressDeadlineSeconds"] == 90


def test_labels_are_on_everything_and_never_in_the_selector() -> None:
    recording = workload(FILES, labels={"team": "search"})
    for kind in ("Deployment", "Service"):
        assert recording.one(kind).inputs["metadata"]["labels"] == {"team": "search", **OWN}
    for config_map in recording.all("ConfigMap"):
        assert config_map.inputs["metadata"]["labels"] == {"team": "search", **OWN}
    pod = template(recording)["metadata"]
    assert pod["labels"] == {"team": "search", **OWN, "example.com/scraped": "yes"}
    assert pod["annotations"] == {"kubectl.kubernetes.io/default-container": "web", "example.com/a": "1"}
    assert recording.one("Deployment").inputs["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert recording.one("Service").inputs["spec"]["selector"] == SELECTOR


def test_config_maps_are_immutable_and_named_by_the_provider_and_their_names_flow_into_the_pod() -> None:
    recording = workload(FILES, namespace="prod")
    for name, data in (("config", {"a.conf": "one"}), ("other", {"b.conf": "two"})):
        config_map = recording.one("ConfigMap", f"shop-{name}")
        assert config_map.inputs["data"] == data
        assert config_map.inputs["immutable"] is True
        assert "name" not in config_map.inputs["metadata"]
        assert config_map.inputs["metadata"]["namespace"] == "prod"
        given = config_map.outputs["metadata"]["name"]
        assert {"name": name, "configMap": {"name": given}} in template(recording)["spec"]["volumes"]
        assert config_map.urn in recording.one("Deployment").dependencies


def test_changed_content_is_a_new_name_and_so_a_rolling_update() -> None:
    def named(content: str) -> Any:
        config = PodPatch(config_files=(ConfigFiles(name="config", files={"a": content}),))
        return template(workload(Adds("a", config)))["spec"]["volumes"]

    assert named("one") == named("one") != named("two")


def test_the_service_targets_numbers_and_follows_the_ambassadors() -> None:
    ports = (
        HTTP,
        Port(name="admin", number=9000, service=False),
        Port(name="db", number=5432, scheme="tcp", rebind=Rebind(args=("-b", "{host}", "-p", "{port}"))),
    )
    recording = workload(Proxy("tls", scheme="https"), Proxy("db", port="db", scheme="tls"), app=web(ports=ports), service_type="NodePort")
    inputs = recording.one("Service").inputs
    assert inputs["metadata"]["name"] == "web"
    assert inputs["spec"] == {
        "type": "NodePort",
        "selector": SELECTOR,
        "ports": [
            {"name": "http", "port": 8080, "targetPort": 8080, "protocol": "TCP", "appProtocol": "https"},
            {"name": "db", "port": 5432, "targetPort": 5432, "protocol": "TCP", "appProtocol": "tls"},
        ],
    }


def test_without_ports_there_is_no_service() -> None:
    for app in (web(ports=()), web(ports=(Port(name="admin", number=9000, service=False),))):
        recording = workload(app=app)
        assert recording.all("Service") == []
        assert (recording.exports["service_name"], recording.exports["endpoints"]) == ("", {})


def test_every_output_is_registered_and_documented() -> None:
    recording = workload()
    assert set(recording.one("Workload").outputs) == set(OUTPUTS) == set(recording.exports)


def test_the_outputs_say_how_the_workload_is_reached_and_how_safe_it_is() -> None:
    ports = (
        HTTP,
        Port(name="db", number=5432, scheme="tcp", rebind=Rebind(args=("{host}:{port}",))),
        Port(name="admin", number=9000, service=False),
    )
    root = {"privileged": True}
    patterns = (
        Proxy("tls", scheme="https"),
        Proxy("db", port="db", scheme="tls"),
        Adds("root", PodPatch(init_containers=(container("root", securityContext=root),))),
    )
    exports = workload(*patterns, app=web(ports=ports), service_name="shop", namespace="prod").exports
    summary = exports.pop("summary")
    assert exports == {
        "service_name": "shop",
        "endpoints": {"http": "https://shop.prod.svc:8080", "db": "tls://shop.prod.svc:5432"},
        "ca_pem": "",
        "certificate_expires_at": "",
        "pod_security_level": "privileged",
        "privileged_containers": ["root"],
        "plaintext_ports": [9000],
        "health_ports": {},
        "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "selector": SELECTOR,
    }
    assert "root" in summary
    plain = workload().exports
    assert (plain["endpoints"], plain["plaintext_ports"]) == ({"http": "http://web.default.svc:8080"}, [8080])
    assert (plain["pod_security_level"], plain["privileged_containers"]) == ("restricted", [])


def test_the_outputs_have_every_certificate_and_the_first_expiry() -> None:
    ports = (HTTP, Port(name="admin", number=9000, rebind=Rebind(args=("{host}:{port}",))))

    def program() -> None:
        ca = CertificateAuthority("ca")
        first = TlsAmbassador("one", TlsAmbassadorArgs(service_name="web", validity_hours=1000))
        second = TlsAmbassador(
            "two",
            TlsAmbassadorArgs(service_name="web", target_ports=("admin",), authority=ca, container_name="admin-proxy", validity_hours=2000),
        )
        made = Workload("shop", WorkloadArgs(app=web(ports=ports), patterns=[first, second]))
        for name in ("ca_pem", "certificate_expires_at", "plaintext_ports"):
            pulumi.export(name, getattr(made, name))

    recording = run(program)
    certificates = [recording.one("SelfSignedCert", name).outputs["certPem"] for name in ("one-certificate", "ca-certificate")]
    assert recording.exports["ca_pem"] == "".join(certificates)
    assert recording.exports["certificate_expires_at"] == recording.one("SelfSignedCert", "one-certificate").outputs["validityEndTime"]
    assert recording.exports["plaintext_ports"] == []


def test_a_namespace_may_be_known_later() -> None:
    later = lambda: pulumi.Output.from_input("late")  # noqa: E731

    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=later()))
        pulumi.export("endpoints", Workload("shop", WorkloadArgs(app=web(), patterns=[tls], namespace=later())).endpoints)

    recording = run(program)
    assert recording.exports["endpoints"] == {"http": "https://web.late.svc:8080"}
    for kind in ("Deployment", "Service", "Secret", "ConfigMap"):
        assert recording.one(kind).inputs["metadata"]["namespace"] == "late"


def test_a_preview_shows_the_whole_structure() -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))
        made = Workload("shop", WorkloadArgs(app=web(readiness_probe={"httpGet": {"path": "/", "port": "http"}}), patterns=[tls]))
        for name in OUTPUTS:
            pulumi.export(name, getattr(made, name))

    update, preview = run(program), run(program, preview=True)
    assert [(r.type, r.name, r.parent) for r in preview.registrations] == [(r.type, r.name, r.parent) for r in update.registrations]
    known, planned = (template(recording)["spec"] for recording in (update, preview))
    assert [v["name"] for v in planned["volumes"]] == [v["name"] for v in known["volumes"]]
    assert {**planned, "volumes": []} == {**known, "volumes": []}
    assert preview.exports["endpoints"] == {"http": "https://web.default.svc:8080"}
    assert preview.exports["ca_pem"] == preview.exports["certificate_expires_at"] == UNKNOWN


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_composing_options_reach_the_pod(preview: bool) -> None:
    recording = workload(
        Proxy("proxy"),
        preview=preview,
        sidecars="classic",
        kubernetes_version="1.28",
        image_registry="mirror.example.com:5000/x",
        pod_spec={"priorityClassName": "high"},
    )
    spec = template(recording)["spec"]
    assert [c["name"] for c in spec["containers"]] == ["proxy", "web"]
    assert spec["containers"][1]["image"] == "mirror.example.com:5000/x/library/web:1"
    assert spec["containers"][1]["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "15"]}}}
    assert spec["priorityClassName"] == "high"


def test_a_volume_without_a_source_is_an_empty_directory_in_the_summary() -> None:
    app = web(volumes=[{"name": "work"}], volume_mounts=[{"name": "work", "mountPath": "/work"}])
    assert "work  emptyDir  web:/work" in workload(app=app).exports["summary"]


def test_two_workloads_of_one_app_select_different_pods() -> None:
    def program() -> None:
        for name in ("blue", "green"):
            Workload(name, WorkloadArgs(app=web(), namespace=name))

    selectors = [r.inputs["spec"]["selector"] for r in run(program).all("Service")]
    assert selectors[0] != selectors[1]


def test_the_service_may_have_another_port_and_carries_udp() -> None:
    ports = [
        Port(name="https", number=8443, scheme="https", service_number=443),
        Port(name="dns", number=5353, protocol="UDP", service_number=53),
    ]
    recording = workload(app=web(ports=ports))
    assert recording.one("Service").inputs["spec"]["ports"] == [
        {"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP", "appProtocol": "https"},
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
    ]
    assert recording.exports["endpoints"] == {"https": "https://web.default.svc:443", "dns": "udp://web.default.svc:53"}


def test_two_ports_of_the_service_have_two_numbers() -> None:
    ports = [Port(name=name, number=number, service_number=80) for name, number in (("one", 8080), ("two", 8081))]
    with pytest.raises(CompositionError) as error:
        workload(app=web(ports=ports))
    assert error.value.problems == ("the Service's port 80 of the app is already taken by the app; set Port.service_number",)
