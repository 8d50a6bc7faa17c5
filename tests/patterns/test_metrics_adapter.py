"""MetricsAdapter: what it adds, what it refuses, and the real Elasticsearch exporter with the rendered arguments."""

import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from components.core.app import App, Port, Rebind
from components.core.errors import ArgumentError, CompositionError
from components.core.patch import PodPatch
from components.core.pod_security import pod_security_level
from components.patterns.metrics_adapter import Exporter, MetricsAdapter, MetricsAdapterArgs
from components.presets.elasticsearch import elasticsearch
from tests.support.composing import composed, container
from tests.support.programs import need


class Ambassador:
    """Takes over ports, as TLS does, or passes them on as they are."""

    def __init__(self, *names, scheme="https"):
        self.names, self.scheme = names, scheme

    def wrap(self, pod):
        for name in self.names:
            pod = pod.move(name, scheme=self.scheme)
        return pod, PodPatch()


def adapted(*ambassadors, app=None, **args):
    """The pod of the app with a MetricsAdapter behind the ambassadors."""
    makers = [lambda made=made: made for made in ambassadors]
    return composed(app or elasticsearch(), *makers, lambda: MetricsAdapter("metrics", MetricsAdapterArgs(**args)))


def exporter(pod):
    return container(pod, "prometheus-exporter")


def annotations(pod):
    return {k: v for k, v in pod.annotations.items() if k.startswith("prometheus.io/")}


def refused(**args):
    with pytest.raises(ArgumentError) as error:
        # refused before anything is registered, so it needs no engine
        MetricsAdapter("metrics", MetricsAdapterArgs(**args))
    return str(error.value)


def conflict(*patterns, **args):
    with pytest.raises(CompositionError) as error:
        adapted(*patterns, **args)
    return str(error.value)


def test_the_exporter_reads_the_app_and_only_this_nodes_figures():
    rendered = exporter(adapted())
    assert rendered["args"] == [
        "--es.uri=http://127.0.0.1:9200",
        "--es.timeout=30s",
        "--web.listen-address=:9114",
        "--web.telemetry-path=/metrics",
    ]
    assert rendered["ports"] == [{"name": "http-prometheus", "containerPort": 9114}]
    assert rendered["restartPolicy"] == "Always"
    assert rendered["securityContext"]["runAsUser"] == 65534


def test_behind_an_ambassador_it_follows_the_app_and_listens_on_loopback_itself():
    pod = adapted(Ambassador("http", "http-prometheus"))
    rendered = exporter(pod)
    assert rendered["args"][0] == "--es.uri=http://127.0.0.1:9201"
    assert rendered["args"][2] == "--web.listen-address=127.0.0.1:9115"
    # where it was declared
    assert rendered["ports"] == [{"name": "http-prometheus", "containerPort": 9114}]
    assert annotations(pod) == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9114",
        "prometheus.io/path": "/metrics",
        "prometheus.io/scheme": "https",
    }
    assert pod.plaintext_ports == []


def test_the_port_it_was_moved_to_is_claimed():
    app = App(
        name="app",
        image="app:1",
        ports=(Port(name="http", number=8080, rebind=Rebind(args=("--listen={host}:{port}",))), Port(name="admin", number=9115)),
    )

    class Rude(Ambassador):
        def wrap(self, pod):
            return pod.move("http-prometheus", to=9115), PodPatch()

    with pytest.raises(CompositionError) as error:
        adapted(Rude(), app=app)
    assert str(error.value) == (
        "workload 'app': 1 conflict\n  - port 9115 of MetricsAdapter 'metrics' is already taken by the app; set port="
    )


def test_no_probe_can_hold_the_app_back_or_unready_the_pod():
    assert not [key for key in exporter(adapted()) if key.endswith("Probe")]


OWN = Exporter(image="own:1", args=("--listen={listen}",), health_path="/healthz")


def test_an_exporter_without_a_program_is_probed_where_the_kubelet_gets_through():
    rendered = exporter(adapted(exporter=OWN))
    assert "command" not in rendered
    assert [key for key in rendered if key.endswith("Probe")] == ["livenessProbe"]
    # not the metrics: those would ask the app, and a dead app would restart its exporter
    assert rendered["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 9114}
    behind = exporter(adapted(Ambassador("http", "http-prometheus"), exporter=OWN))
    assert behind["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 9114, "scheme": "HTTPS"}


@contextlib.contextmanager
def supervised(tmp_path, script, *, clock='exec /bin/date "$@"'):
    """The rendered command over a program of a shell script's text, with a short pause; yields the process and the program's notes."""
    program, notes = tmp_path / "program", tmp_path / "notes"
    for path, text in ((program, script), (tmp_path / "date", clock), (tmp_path / "sleep", "exec /bin/sleep 0.2")):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    rendered = exporter(adapted(exporter=Exporter(image="own:1", program=str(program), args=("--one", "two words"))))
    command = [*rendered["command"], *rendered["args"]]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(notes)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, notes
        finally:
            process.kill()


def test_an_exporter_that_crashes_is_started_again_in_its_container(tmp_path):
    # every look at the clock is a minute later
    clock = f"echo x >>{tmp_path}/looks; echo $(($(grep -c x {tmp_path}/looks) * 60))"
    crashing = 'echo "$@" >>"$NOTES"; [ "$(grep -c one "$NOTES")" -ge 3 ] && exec /bin/sleep 60; kill -9 $$'
    with supervised(tmp_path, crashing, clock=clock) as (process, notes):
        end = time.monotonic() + 20
        while not notes.exists() or notes.read_text() != "--one two words\n" * 3:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=5) == 0
        said = process.stderr.read()
    assert f"{tmp_path}/program exited with status 137; restarting it" in said


def test_an_exporter_that_never_works_ends_its_container(tmp_path):
    with supervised(tmp_path, "exit 3") as (process, _):
        assert process.wait(timeout=5) == 3


def test_scrape_annotations_name_the_open_port():
    assert annotations(adapted(port=9201, path="/figures")) == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9201",
        "prometheus.io/path": "/figures",
        "prometheus.io/scheme": "http",
    }
    assert annotations(adapted(scrape="none")) == {}


def test_credentials_come_from_a_secret_and_stand_nowhere_else():
    rendered = exporter(adapted(credentials_secret="es-monitor", password_key="pw"))
    assert rendered["env"] == [
        {"name": "ES_USERNAME", "valueFrom": {"secretKeyRef": {"name": "es-monitor", "key": "username"}}},
        {"name": "ES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "es-monitor", "key": "pw"}}},
    ]
    assert rendered["args"] == exporter(adapted())["args"]


def test_an_app_without_user_names_needs_a_password_only():
    redis = App(name="redis", image="redis:7.4", ports=(Port(name="redis", number=6379, scheme="tcp"),))
    pod = adapted(app=redis, exporter="redis", target_port="redis", credentials_secret="redis", username_key=None)
    assert exporter(pod)["env"] == [{"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}}}]
    assert exporter(pod)["args"][0] == "--redis.addr=redis://127.0.0.1:6379"


def test_nginx_is_measured_by_its_status_page():
    web = App(name="web", image="nginx:1.28", ports=(Port(name="http", number=8080),))
    assert exporter(adapted(app=web, exporter="nginx"))["args"] == [
        "--nginx.scrape-uri=http://127.0.0.1:8080/stub_status",
        "--web.listen-address=:9114",
        "--web.telemetry-path=/metrics",
    ]


def test_an_exporter_of_ones_own_measures_any_app():
    own = Exporter(
        image="example/exporter:1",
        args=("--target={host}:{port}", "--json={}", "--bind={listen_host}", "--port={listen_port}"),
        env={"METRICS_PATH": "{path}"},
    )
    rendered = exporter(adapted(exporter=own, image="mirror/exporter:2", extra_args=("--debug",)))
    assert rendered["image"] == "mirror/exporter:2"
    assert rendered["args"] == ["--target=127.0.0.1:9200", "--json={}", "--bind=0.0.0.0", "--port=9114", "--debug"]
    assert rendered["env"] == [{"name": "METRICS_PATH", "value": "/metrics"}]


def test_the_pod_stays_restricted():
    assert pod_security_level(adapted().spec) == "restricted"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"exporter": "mysql"}, "exporter must be one of elasticsearch, redis, nginx or an Exporter, but is the text 'mysql'"),
        (
            {"exporter": Exporter(image="x:1", args=("--uri=http://elastic:secret@{host}",))},
            "exporter: args[0] holds credentials in a URL; put them in a Secret, and set credentials_secret=",
        ),
        (
            {"exporter": Exporter(image="x:1", env={"TARGET": "{uri}"})},
            "exporter: env['TARGET'] has an unknown placeholder {uri}; known: url, host, port, listen, listen_host, listen_port, path; "
            "write {{uri}} for the text itself",
        ),
        (
            {"exporter": Exporter(image="x:1", health_path="health")},
            "exporter.health_path 'health' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
        (
            {"exporter": Exporter(image="x:1", program="exporter")},
            "exporter.program 'exporter' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
        (
            {"exporter": "nginx", "credentials_secret": "s", "username_key": None},
            "credentials_secret: the exporter reads no password; set Exporter.password_env",
        ),
        (
            {"exporter": Exporter(image="x:1", password_env="PW"), "credentials_secret": "s"},
            "credentials_secret: the exporter reads no user name; set Exporter.username_env, or username_key=None",
        ),
        ({"scrape": "pull"}, "scrape 'pull' is not allowed: one of annotations, pod_monitor, service_monitor, none"),
        (
            {"scrape": "pod_monitor", "interval": "30"},
            "interval '30' is not allowed: a number with ms, s, m or h, e.g. 30s",
        ),
        ({"port": 0}, "port 0 is not allowed: a whole number from 1 to 65535"),
        ({"path": "/m; rm"}, "path '/m; rm' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        (
            {"port_name": "prometheus-metrics"},
            "port_name 'prometheus-metrics' is not allowed: a-z, 0-9 and single '-', one letter at least, 15 characters at most",
        ),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    assert refused(**args) == f"MetricsAdapter 'metrics': 1 problem\n  - {line}"


def test_every_wrong_argument_is_named_at_once():
    assert refused(port=70000, scrape="pull") == (
        "MetricsAdapter 'metrics': 2 problems"
        "\n  - port 70000 is not allowed: a whole number from 1 to 65535"
        "\n  - scrape 'pull' is not allowed: one of annotations, pod_monitor, service_monitor, none"
    )


UNMOVED = (
    "port 'http-prometheus' is behind an ambassador, but the exporter is not told the address and the port to listen on; use {listen}, or "
    "{listen_host} and {listen_port}, in Exporter.args or Exporter.env, or set Exporter.binds_loopback=True if it "
    "listens on 127.0.0.1 by itself"
)


@pytest.mark.parametrize(
    "exporter",
    [
        Exporter(image="x:1", args=("{listen}",)),
        Exporter(image="x:1", args=("{listen_host}",), env={"PORT": "{listen_port}"}),
        Exporter(image="x:1", args=("{listen_port}",), binds_loopback=True),
    ],
)
def test_an_exporter_that_is_told_where_to_listen_can_be_behind_an_ambassador(exporter):
    pod = adapted(Ambassador("http-prometheus"), exporter=exporter)
    assert pod.port("http-prometheus").number == 9115


@pytest.mark.parametrize(
    ("patterns", "args", "line"),
    [
        ((), {"target_port": "https"}, "the app has no port 'https' to measure; set target_port= (known: http)"),
        (
            (Ambassador("http-prometheus"),),
            {"exporter": Exporter(image="x:1")},
            UNMOVED,
        ),
        # a number alone leaves it open on every address, past the ambassador
        ((Ambassador("http-prometheus"),), {"exporter": Exporter(image="x:1", args=("--port={listen_port}",))}, UNMOVED),
        ((Ambassador("http-prometheus"),), {"exporter": Exporter(image="x:1", args=("--host={listen_host}",))}, UNMOVED),
        ((Ambassador("http-prometheus"),), {"exporter": Exporter(image="x:1", args=("-h",), binds_loopback=True)}, UNMOVED),
    ],
)
def test_what_does_not_fit_the_app_is_a_conflict(patterns, args, line):
    assert conflict(*patterns, **args) == f"workload 'elasticsearch': 1 conflict\n  - MetricsAdapter 'metrics': {line}"


def test_a_port_the_app_has_already_is_a_conflict():
    assert conflict(port=9200) == (
        "workload 'elasticsearch': 1 conflict\n  - port 9200 of MetricsAdapter 'metrics' is already taken by the app; set port="
    )


# What Elasticsearch 7.9.3 answers, cut down to what the exporter needs to name its series.
ANSWERS = {
    "/": {"name": "", "cluster_name": "docker-cluster", "cluster_uuid": "m1fB", "version": {"number": "7.9.3", "lucene_version": "8.6.2"}},
    "/_cluster/health": {"cluster_name": "docker-cluster", "status": "green", "timed_out": False, "number_of_nodes": 1},
    "/_nodes/_local/stats": {
        "cluster_name": "docker-cluster",
        "nodes": {
            "bSQH": {
                "host": "127.0.0.1",
                "roles": ["data", "ingest", "master"],
                "breakers": {
                    "parent": {"limit_size_in_bytes": 510027366, "estimated_size_in_bytes": 125528696, "overhead": 1.0, "tripped": 0}
                },
            }
        },
    },
}


@contextlib.contextmanager
def elasticsearch_stand_in(port):
    """Answers on loopback like a small Elasticsearch; yields the (path, Authorization) of each request."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append((self.path, self.headers["Authorization"]))
            body = json.dumps(ANSWERS.get(self.path)).encode()
            self.send_response(200 if self.path in ANSWERS else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield requests
        server.shutdown()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, seconds=30):
    """The body of a URL, as soon as it answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_the_real_exporter_waits_for_the_app_and_then_shows_its_figures():
    program = need("prometheus-elasticsearch-exporter")
    app_port, port = free_port(), free_port()
    app = App(name="es", image="es:1", ports=(Port(name="http", number=app_port),))
    rendered = exporter(adapted(app=app, port=port, path="/figures", credentials_secret="es-monitor"))
    secret = {"username": "monitor", "password": "correct horse"}
    env = {e["name"]: secret[e["valueFrom"]["secretKeyRef"]["key"]] for e in rendered["env"]}
    with subprocess.Popen([program, *rendered["args"]], env={**os.environ, **env}, stderr=subprocess.DEVNULL) as process:
        try:
            # it looks for the app for ten seconds before it listens: a startup probe would hold the app back that long
            get(f"http://127.0.0.1:{port}/healthz")
            with elasticsearch_stand_in(app_port) as requests:
                figures = get(f"http://127.0.0.1:{port}/figures")
        finally:
            process.terminate()
    assert 'elasticsearch_breakers_estimated_size_bytes{breaker="parent",cluster="docker-cluster"' in figures
    assert "elasticsearch_cluster_health_up 1" in figures
    assert ("/_nodes/_local/stats", "Basic bW9uaXRvcjpjb3JyZWN0IGhvcnNl") in requests
