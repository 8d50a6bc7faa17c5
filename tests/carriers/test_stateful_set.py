"""StatefulSets: claims, names of pods, updates, and what they cannot carry."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.carriers import StatefulSet
from components.carriers.claim import Claim
from components.core.app import Port
from components.core.errors import ArgumentError, CompositionError
from components.core.rollout import RollingUpdate
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import Recording, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import HTTP, web

SELECTOR = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "shop"}
DATA = Claim(name="data", size="10Gi", mount_path="/data")
LOGS = LogTailSidecarArgs(directory="/var/log/web", files=("web.log",))
NAMES = ["web-headless", "web-headless.prod", "web-headless.prod.svc"]


def shop(*patterns: Any, kind: StatefulSet | None = None, **arguments: Any) -> Recording:
    given = {"app": web(), "namespace": "prod", **arguments}
    return run(lambda: Workload("shop", WorkloadArgs(**given, kind=kind or StatefulSet(), patterns=patterns)))


def spec(*patterns: Any, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = shop(*patterns, **arguments).one("StatefulSet").inputs["spec"]
    return found


def refused(*patterns: Any, **arguments: Any) -> tuple[str, ...]:
    with pytest.raises((ArgumentError, CompositionError)) as error:
        shop(*patterns, **arguments)
    return error.value.problems


def test_what_it_says_by_default() -> None:
    recording = shop(replicas=3)
    assert recording.all("Deployment") == []
    found = recording.one("StatefulSet").inputs
    assert found["metadata"]["name"] == "web"
    assert found["metadata"]["annotations"] == {"pulumi.com/timeoutSeconds": "600"}
    assert {key: value for key, value in found["spec"].items() if key != "template"} == {
        "replicas": 3,
        "selector": {"matchLabels": SELECTOR},
        "serviceName": "web-headless",
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 3,
    }


def test_the_headless_service_names_pods_before_they_are_ready_and_the_other_one_stays_as_it_is() -> None:
    recording = shop(ip_families=("IPv4", "IPv6"))
    headless = recording.one("Service", "shop-headless").inputs
    assert headless["metadata"]["name"] == "web-headless"
    assert headless["metadata"]["namespace"] == "prod"
    port = {"name": "http", "port": 8080, "targetPort": 8080, "protocol": "TCP", "appProtocol": "http"}
    families = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}
    assert headless["spec"] == {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": SELECTOR,
        "ports": [port],
        **families,
    }
    assert recording.one("Service", "shop").inputs["spec"] == {"type": "ClusterIP", "selector": SELECTOR, "ports": [port], **families}


def test_the_headless_service_has_the_pods_own_numbers_for_it_translates_none() -> None:
    recording = shop(app=web(ports=(replace(HTTP, service_number=80), Port(name="peers", number=9000, service=False))))

    def numbers(service: str) -> list[tuple[int, int]]:
        return [(port["port"], port["targetPort"]) for port in recording.one("Service", service).inputs["spec"]["ports"]]

    assert numbers("shop-headless") == [(8080, 8080), (9000, 9000)]
    assert numbers("shop") == [(80, 8080)]


def test_a_pod_without_ports_has_a_name_all_the_same() -> None:
    recording = shop(app=web(ports=()), kind=StatefulSet(headless_service="peers"))
    (service,) = recording.all("Service")
    assert service.inputs["metadata"]["name"] == "peers"
    assert "ports" not in service.inputs["spec"]
    assert recording.one("StatefulSet").inputs["spec"]["serviceName"] == "peers"


def test_a_claim_is_a_volume_of_every_pod() -> None:
    claims = (DATA, Claim(name="index", size="1Ti", mount_path="/index", storage_class="fast", access_modes=["ReadWriteOncePod"]))
    found = spec(kind=StatefulSet(claims=claims), labels={"team": "search"})
    assert found["volumeClaimTemplates"] == [
        {
            # nothing in them can be changed: no label that could
            "metadata": {"name": "data", "labels": SELECTOR},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
        },
        {
            "metadata": {"name": "index", "labels": SELECTOR},
            "spec": {"accessModes": ["ReadWriteOncePod"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Ti"}}},
        },
    ]
    pod = found["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": "/data"}, {"name": "index", "mountPath": "/index"}]
    assert pod["volumes"] == []
    assert "persistentVolumeClaimRetentionPolicy" not in found


def test_a_claim_takes_the_place_of_the_apps_scratch_directory_there_and_of_no_other() -> None:
    pod = spec(app=web(empty_dirs={"/data": "1Gi", "/tmp": "1Gi"}), kind=StatefulSet(claims=[DATA]))["template"]["spec"]
    assert [v["name"] for v in pod["volumes"]] == ["scratch-tmp"]
    assert {m["mountPath"]: m["name"] for m in pod["containers"][0]["volumeMounts"]} == {"/tmp": "scratch-tmp", "/data": "data"}


def test_a_sidecar_reads_logs_on_a_claim() -> None:
    pod = spec(LogTailSidecarArgs(directory="/data/logs", files=("web.log",)), kind=StatefulSet(claims=[DATA]))["template"]["spec"]
    reader = pod["initContainers"][0]
    assert reader["volumeMounts"] == [{"name": "data", "mountPath": "/logs", "readOnly": True}]
    assert reader["command"][-1] == "/logs/logs/web.log"


def test_a_claim_for_one_node_is_no_reason_to_choose_a_strategy() -> None:
    assert spec(kind=StatefulSet(claims=[DATA]), replicas=2)["updateStrategy"] == {"type": "RollingUpdate"}
    volume = {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}
    mount = {"name": "shared", "mountPath": "/shared"}
    # nor one that all share: an update never starts a pod beside the one that it replaces
    assert spec(app=web(volumes=[volume], volume_mounts=[mount]))["updateStrategy"] == {"type": "RollingUpdate"}


def test_the_rest_is_said_where_it_is_asked_for() -> None:
    kind = StatefulSet(pod_management="Parallel", partition=2, min_ready_seconds=30, when_deleted="Delete")
    recording = shop(kind=kind, replicas=None).one("StatefulSet")
    found = recording.inputs["spec"]
    # Pulumi would wait for ever
    assert recording.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert "replicas" not in found
    assert found["podManagementPolicy"] == "Parallel"
    assert found["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert found["minReadySeconds"] == 30
    assert found["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert spec(kind=StatefulSet(update="OnDelete"))["updateStrategy"] == {"type": "OnDelete"}


def test_the_certificate_covers_every_pod_by_its_name() -> None:
    names = shop(TlsAmbassadorArgs()).one("SelfSignedCert").inputs["dnsNames"]
    per_pod = [f"*.{name}" for name in NAMES]
    assert {"web", "web.prod", "web.prod.svc", *NAMES, *per_pod} <= set(names)
    assert {"web-headless.prod.svc.cluster.local", "*.web-headless.prod.svc.cluster.local"} <= set(names)


def test_the_certificate_of_a_deployment_has_no_such_names() -> None:
    recording = run(lambda: Workload("shop", WorkloadArgs(app=web(), patterns=[TlsAmbassadorArgs()])))
    assert not [name for name in recording.one("SelfSignedCert").inputs["dnsNames"] if "headless" in name or "*" in name]


def test_names_in_a_namespace_that_is_known_only_later_are_covered_too() -> None:
    names = shop(TlsAmbassadorArgs(), namespace=pulumi.Output.from_input("later")).one("SelfSignedCert").inputs["dnsNames"]
    assert {"*.web-headless", "*.web-headless.later.svc", "*.web-headless.later.svc.cluster.local"} <= set(names)


def test_a_certificate_made_by_hand_must_cover_them() -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace="prod"))
        Workload("shop", WorkloadArgs(app=web(), namespace="prod", kind=StatefulSet(), patterns=[tls]))

    with pytest.raises(CompositionError) as error:
        run(program)
    missing = ", ".join([*NAMES, *(f"*.{name}" for name in NAMES)])
    assert error.value.problems == (
        f"the certificate of TlsAmbassador 'tls' does not cover {missing}; set service_name=, headless_service=, namespace= or dns_names=",
    )


LONG = "a" * 53
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a strategy": (
        {"strategy": RollingUpdate()},
        [
            "strategy is set, but a StatefulSet always ends a pod before its successor starts; leave strategy out, and see its update= and "
            "partition="
        ],
    ),
    "a long name": (
        {"app": web(name=LONG), "service_name": "web"},
        ["app.name has 53 characters, but a StatefulSet's may have 52; shorten it"],
    ),
    "a long headless Service": (
        {"service_name": "a" * 60},
        [
            f"headless_service '{'a' * 60}-headless' is not allowed: a-z, 0-9 and '-', starting with a letter, 63 characters at most",
        ],
    ),
    "one name for both Services": (
        {"kind": StatefulSet(headless_service="web")},
        ["headless_service 'web' is the name of the Service already; change one of them"],
    ),
    "claims that go, before Kubernetes 1.27": (
        {"kind": StatefulSet(when_scaled="Delete"), "kubernetes_version": "1.26", "sidecars": "classic"},
        [
            "when_deleted and when_scaled need Kubernetes 1.27, but kubernetes_version is 1.26; leave them out, which retains the claims",
        ],
    ),
    "a partition of none": (
        {"kind": StatefulSet(update="OnDelete", partition=1)},
        ["kind: partition is 1, but update='OnDelete' has none; leave partition out"],
    ),
    "claims twice": (
        {"kind": StatefulSet(claims=[DATA, DATA])},
        ["kind: claims: there are two with name 'data'; change one", "kind: claims: there are two with mount_path '/data'; change one"],
    ),
    "a wrong claim": (
        {"kind": StatefulSet(claims=[Claim(name="Data", size="much", mount_path="data", access_modes=[])])},
        [
            "kind.claims[0].name 'Data' is not allowed: a-z, 0-9 and '-', 63 characters at most",
            "kind.claims[0].size 'much' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5",
            "kind.claims[0].mount_path 'data' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
            "kind.claims[0]: access_modes is empty; name one at least, e.g. ReadWriteOnce",
        ],
    ),
    "a claim at a mount": (
        {
            "app": web(volumes=[{"name": "other", "emptyDir": {}}], volume_mounts=[{"name": "other", "mountPath": "/data/"}]),
            "kind": StatefulSet(claims=[DATA]),
        },
        ["mount path '/data' of the app in container 'web' is already taken by the app; set mount_path="],
    ),
    "a claim with a volume's name": (
        {"app": web(volumes=[{"name": "data", "emptyDir": {}}]), "kind": StatefulSet(claims=[DATA])},
        ["volume 'data' of the app is already defined by the app; set volume_name="],
    ),
    "replicas of a whole": (
        {"app": web(single=True), "replicas": 2},
        [
            "replicas is 2, but each pod of 'web' is a whole of its own (App.single), so that clients of the Service would meet now one, "
            "now another; set replicas=1, or App.single=False if its pods know each other"
        ],
    ),
    "no kind": (
        {"kind": "StatefulSet"},
        ["kind must be a Deployment or a StatefulSet or a DaemonSet or a Job or a CronJob, but is the text 'StatefulSet'"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_be_is_refused(case: str) -> None:
    arguments, lines = REFUSED[case]
    assert refused(**arguments) == tuple(lines)


def test_a_renewed_certificate_must_reach_the_pods() -> None:
    line = (
        "update='OnDelete' replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; set "
        "update='RollingUpdate', or let TlsAmbassador take an existing Secret (secret_name=, reload=True)"
    )
    on_delete = StatefulSet(update="OnDelete")
    assert refused(TlsAmbassadorArgs(), kind=on_delete) == (line,)

    def by_hand() -> None:
        args = TlsAmbassadorArgs(service_name="web", headless_service="web-headless", namespace="prod")
        Workload("shop", WorkloadArgs(app=web(), namespace="prod", kind=on_delete, patterns=[TlsAmbassador("tls", args)]))

    with pytest.raises(ArgumentError) as error:
        run(by_hand)
    assert error.value.problems == (line,)
    assert spec(TlsAmbassadorArgs(secret_name="web-tls", reload=True), kind=on_delete)["updateStrategy"] == {"type": "OnDelete"}


def test_pods_that_an_update_leaves_alone_must_be_able_to_start_again() -> None:
    kind = StatefulSet(partition=2)
    assert refused(TlsAmbassadorArgs(), kind=kind) == (
        "partition 2 keeps pods of the former version, which could not start again: an update removes their certificate and their files of "
        "nginx-proxy-config; set partition=0",
    )
    assert spec(LOGS, kind=kind)["updateStrategy"]["rollingUpdate"] == {"partition": 2}
