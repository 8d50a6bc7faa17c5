"""The presets."""

import re

import pytest

from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.pod_security import pod_security_level
from components.core.quantities import amount
from components.presets.elasticsearch import elasticsearch
from tests.support.composing import container


class Ambassador:
    def wrap(self, pod):
        return pod.move("http", scheme="https"), PodPatch()


def env(pod):
    return {e["name"]: e["value"] for e in container(pod, "elasticsearch")["env"]}


def test_elasticsearch_serves_http_on_9200_and_nothing_else():
    pod = compose(elasticsearch())
    assert container(pod, "elasticsearch")["ports"] == [{"name": "http", "containerPort": 9200}]
    assert env(pod) == {
        "discovery.type": "single-node",
        "transport.host": "127.0.0.1",
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
    }
    assert pod_security_level(pod.spec) == "restricted"


def test_behind_an_ambassador_only_its_http_port_moves():
    pod = compose(elasticsearch(), [Ambassador()])
    assert env(pod)["http.host"] == "127.0.0.1"
    assert env(pod)["http.port"] == "9201"
    assert "network.host" not in env(pod)
    assert container(pod, "elasticsearch")["ports"] == [{"name": "http", "containerPort": 9200}]
    assert pod.plaintext_ports == []


def test_its_probes_ask_the_node_and_never_the_clusters_health():
    rendered = container(compose(elasticsearch(), [Ambassador()]), "elasticsearch")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert rendered[probe]["httpGet"] == {"path": "/", "port": 9200, "scheme": "HTTPS"}
    startup = rendered["startupProbe"]
    # it starts slowly: minutes on a small node
    assert startup["periodSeconds"] * startup["failureThreshold"] == 300


def test_its_heap_leaves_half_of_its_memory_to_everything_else():
    app = elasticsearch()
    heap = {option: int(size) for option, size in re.findall(r"-(Xm[sx])(\d+)m", app.env["ES_JAVA_OPTS"])}
    assert heap == {"Xms": 512, "Xmx": 512}
    assert 2 * heap["Xmx"] * 2**20 <= amount(app.resources["requests"]["memory"])


def test_it_gets_a_minute_to_stop_after_the_endpoints_are_gone():
    assert compose(elasticsearch()).spec["terminationGracePeriodSeconds"] == 15 + 60 + 10


def test_an_override_replaces_and_env_is_added():
    app = elasticsearch(name="search", env={"cluster.name": "search", "ES_JAVA_OPTS": "-Xms1g -Xmx1g"}, uid=None)
    assert (app.name, app.uid) == ("search", None)
    assert app.env == {
        "discovery.type": "single-node",
        "transport.host": "127.0.0.1",
        "ES_JAVA_OPTS": "-Xms1g -Xmx1g",
        "cluster.name": "search",
    }
    assert app.ports == elasticsearch().ports


def test_an_argument_that_app_does_not_have_is_an_error():
    with pytest.raises(TypeError, match="memory"):
        elasticsearch(memory="1Gi")


def appenders():
    """Properties of each appender of the logging configuration."""
    found = {}
    for line in elasticsearch().log_files.config.splitlines():
        if line.startswith("appender."):
            key, _, value = line.partition("=")
            _, name, rest = key.strip().split(".", 2)
            found.setdefault(name, {})[rest] = value.strip()
    return found


def test_the_log_that_the_sidecar_reads_is_one_that_the_configuration_writes():
    base = "${sys:es.logs.base_path}${sys:file.separator}"
    names = [a["fileName"].removeprefix(base) for a in appenders().values()]
    assert elasticsearch().log_files.files == ("docker-cluster_server.json",)
    assert "docker-cluster_server.json" in names
    assert len(set(names)) == 4


def test_logs_rotate_by_renaming_and_stay_well_below_the_volumes_limit():
    total = 0
    for appender in appenders().values():
        assert appender["type"] == "RollingFile"
        # compressed files are copies: a reader would lose what it has not read yet
        assert re.fullmatch(re.escape(appender["fileName"].removesuffix(".json")) + r"-%i\.json", appender["filePattern"])
        megabytes = int(appender["policies.size.size"].removesuffix("MB"))
        total += megabytes * 2**20 * (1 + int(appender["strategy.max"]))
    assert total < amount("1Gi") / 2
