"""The cluster of Elasticsearch nodes."""

from typing import Any

import pytest

from components.core.errors import ArgumentError, CompositionError
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.sysctl_init import SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from components.presets.elasticsearch import elasticsearch
from components.presets.elasticsearch_cluster import elasticsearch_cluster
from components.testing import Recording, run
from components.workload import Workload


def cluster(*patterns: Any, **arguments: Any) -> Recording:
    made: list[Workload] = []
    recording = run(lambda: made.append(Workload("search", elasticsearch_cluster(**arguments, patterns=patterns))))
    assert made[0].pod.port("transport").outer_number == 9300  # type: ignore[union-attr]
    return recording


def env(recording: Recording) -> dict[str, Any]:
    (app,) = recording.one("StatefulSet").inputs["spec"]["template"]["spec"]["containers"]
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in app["env"]}


def test_the_nodes_find_each_other_by_the_headless_service() -> None:
    recording = cluster(nodes=5, app=elasticsearch(name="search"))
    found = env(recording)
    assert found["discovery.seed_hosts"] == recording.one("Service", "search-headless").inputs["metadata"]["name"] == "search-headless"
    assert found["cluster.initial_master_nodes"] == "search-0,search-1,search-2,search-3,search-4"
    assert found["node.name"] == "$(POD_NAME)"
    assert found["POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert found["transport.host"] == "$(POD_IP)"
    assert "discovery.type" not in found
    assert found["ES_JAVA_OPTS"] == "-Xms512m -Xmx512m"
    assert recording.one("StatefulSet").inputs["spec"]["replicas"] == 5


def test_a_service_of_another_name_names_its_headless_one() -> None:
    recording = cluster(service_name="find")
    assert env(recording)["discovery.seed_hosts"] == "find-headless"
    assert recording.one("StatefulSet").inputs["spec"]["serviceName"] == "find-headless"


def test_tls_stands_in_front_of_http_alone() -> None:
    recording = cluster(SysctlInitArgs(strategy="none"), LogTailSidecarArgs(), TlsAmbassadorArgs())
    found = env(recording)
    assert (found["http.host"], found["http.port"], found["node.store.allow_mmap"]) == ("127.0.0.1", "9201", "false")
    ports = {p["name"]: p["appProtocol"] for p in recording.one("Service", "search-headless").inputs["spec"]["ports"]}
    assert ports == {"http": "https", "transport": "tcp"}
    assert [p["name"] for p in recording.one("Service", "search").inputs["spec"]["ports"]] == ["http"]


def test_it_says_that_its_nodes_speak_in_plain_text() -> None:
    made: list[Workload] = []
    run(lambda: made.append(Workload("search", elasticsearch_cluster(patterns=[TlsAmbassadorArgs()]))))
    assert made[0].pod.plaintext_ports == [9300]


@pytest.mark.parametrize("before", [[], [TrafficRedirectInitArgs(target_ports=["transport"])]], ids=["moved", "redirected"])
def test_an_ambassador_in_front_of_what_the_nodes_speak_is_refused(before: list[Any]) -> None:
    with pytest.raises(CompositionError) as error:
        cluster(*before, TlsAmbassadorArgs(target_ports=["http", "transport"]))
    assert error.value.problems == (
        "port 'transport' of the app is between the pods of the workload, which an ambassador in front of it would cut off from each "
        "other; take it out of target_ports=",
    )


def test_each_node_has_a_volume_and_a_node_of_the_cluster_if_there_are_enough() -> None:
    spec = cluster(size="50Gi", storage_class="fast", pod_spec={"priorityClassName": "search"}).one("StatefulSet").inputs["spec"]
    assert spec["volumeClaimTemplates"][0]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "50Gi"}},
    }
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": "/usr/share/elasticsearch/data"}]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    assert pod["priorityClassName"] == "search"
    assert (spec["podManagementPolicy"], spec["minReadySeconds"]) == ("Parallel", 30)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"nodes": 2}, "nodes is 2, but a cluster needs 3: of two, the loss of one would stop both"),
        ({"replicas": 3}, "replicas is set by the cluster itself; leave it out"),
        ({"kind": None}, "kind is set by the cluster itself; leave it out"),
    ],
)
def test_what_is_no_cluster_is_refused(arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(ArgumentError) as error:
        elasticsearch_cluster(**arguments)
    assert error.value.problems == (line,)
