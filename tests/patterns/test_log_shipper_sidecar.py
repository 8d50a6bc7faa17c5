"""LogShipperSidecar: what it adds, and what it refuses."""

import json

import pulumi
import pytest

from components.core.app import App, SecretKey
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecar
from components.presets.elasticsearch import elasticsearch
from components.testing import run
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1")
ENDPOINT = "https://logs.example.com:4318"
UNENCRYPTED = "is not encrypted, so that the network reads the logs; use https://, or set allow_plaintext=True"


def shipped(app=WEB, options=None, **args):
    args = {"endpoint": ENDPOINT, **({} if app.log_files else {"directory": "/var/log/web", "files": ("app.log",)}), **args}
    return composed(app, lambda: LogShipperSidecar("logs", LogShipperSidecarArgs(**args)), **options or {})


def files(pod):
    found = {}
    config = next(c for c in pod.config_files if c.name == "log-shipper-config")
    run(lambda: pulumi.Output.all(**config.files).apply(found.update))
    return found


def config(pod):
    return json.loads(files(pod)["config.yaml"])


def test_of_elasticsearch_it_knows_where_the_logs_are():
    pod = shipped(elasticsearch())
    sidecar, app = container(pod, "log-shipper"), container(pod, "elasticsearch")
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["args"] == ["--config=/etc/log-shipper/config.yaml", "--feature-gates=stanza.synchronousLogEmitter"]
    assert "command" not in sidecar
    assert sidecar["volumeMounts"] == [
        {"name": "logs", "mountPath": "/logs", "readOnly": True},
        {"name": "log-shipper-config", "mountPath": "/etc/log-shipper", "readOnly": True},
        {"name": "log-shipper-state", "mountPath": "/var/lib/log-shipper"},
    ]
    assert {"name": "path.logs", "value": "/var/log/elasticsearch"} in app["env"]
    assert [m["mountPath"] for m in app["volumeMounts"][1:]] == [
        "/var/log/elasticsearch",
        "/usr/share/elasticsearch/config/log4j2.properties",
    ]
    assert {"name": "logs", "emptyDir": {"sizeLimit": "1Gi"}} in pod.spec["volumes"]
    assert {"name": "log-shipper-state", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}} in pod.spec["volumes"]
    assert [c.name for c in pod.config_files] == ["logs-config", "log-shipper-config"]
    assert config(pod)["receivers"]["file_log"]["include"] == [
        "/logs/docker-cluster_server.json",
        "/logs/docker-cluster_server.json.*",
        "/logs/docker-cluster_server.json-*",
        "/logs/docker-cluster_server[-_.]*.json",
    ]


def test_nothing_is_between_the_files_and_the_receiver():
    collector = config(shipped())
    assert collector["receivers"]["file_log"]["start_at"] == "beginning"
    assert collector["receivers"]["file_log"]["storage"] == "file_storage"
    assert collector["extensions"]["file_storage"] == {"directory": "/var/lib/log-shipper"}
    exporter = collector["exporters"]["otlp_http"]
    assert exporter["endpoint"] == ENDPOINT
    assert exporter["sending_queue"] == {"enabled": False}
    assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
    assert collector["service"]["pipelines"] == {"logs": {"receivers": ["file_log"], "exporters": ["otlp_http"]}}


def test_it_reads_as_the_apps_user_and_stays_restricted():
    pod = shipped(elasticsearch(uid=4711, gid=4712))
    context = container(pod, "log-shipper")["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (4711, 4712)
    assert pod_security_level(pod.spec) == "restricted"


def test_it_opens_no_port_and_gates_no_traffic():
    pod = shipped()
    sidecar = container(pod, "log-shipper")
    assert not {"ports", "startupProbe", "livenessProbe", "readinessProbe"} & set(sidecar)
    assert pod.health_ports == {}
    assert config(pod)["service"]["extensions"] == ["file_storage"]


def test_it_goes_on_a_little_longer_than_the_app_waits():
    pod = shipped(linger_seconds=7)
    assert container(pod, "log-shipper")["lifecycle"] == {"preStop": {"sleep": {"seconds": 15 + 7}}}
    assert pod.spec["terminationGracePeriodSeconds"] == 22 + 30 + 10
    assert "lifecycle" not in container(shipped(linger_seconds=0), "log-shipper")


def test_it_works_as_a_classic_sidecar_on_an_old_cluster():
    pod = shipped(options={"sidecars": "classic", "kubernetes_version": "1.28"})
    sidecar = container(pod, "log-shipper")
    assert sidecar in pod.spec["containers"]
    assert "restartPolicy" not in sidecar
    assert sidecar["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "20"]}}}
    assert pod.spec["terminationGracePeriodSeconds"] == 20 + 30 + 10


def test_headers_attributes_and_authority():
    pod = shipped(
        ca_pem="-----BEGIN CERTIFICATE-----\n",
        headers={"X-Scope-OrgID": "a$b"},
        secret_headers={"authorization": SecretKey(name="otlp", key="token")},
        attributes={"service.name": "search", "team": "${x}"},
        container_name="log-shipper",
    )
    assert {"name": "HEADER_0", "valueFrom": {"secretKeyRef": {"name": "otlp", "key": "token"}}} in container(pod, "log-shipper")["env"]
    collector = config(pod)
    assert collector["exporters"]["otlp_http"]["headers"] == {"X-Scope-OrgID": "a$$b", "authorization": "${env:HEADER_0}"}
    assert collector["exporters"]["otlp_http"]["tls"] == {"ca_file": "/etc/log-shipper/ca.crt"}
    assert files(pod)["ca.crt"] == "-----BEGIN CERTIFICATE-----\n"
    assert collector["receivers"]["file_log"]["resource"] == {
        "service.name": "search",
        "k8s.pod.name": "${env:POD_NAME}",
        "k8s.namespace.name": "${env:POD_NAMESPACE}",
        "team": "$${x}",
    }


def test_the_heap_stays_below_the_limit():
    resources = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "100Mi"}}
    env = container(shipped(resources=resources), "log-shipper")["env"]
    assert {"name": "GOMEMLIMIT", "value": str(80 * 1024 * 1024)} in env


def test_several_files_and_globs_of_ones_own():
    pod = shipped(files=("access.log", "errors"), rotated=("old-*", "access.?"), sidecar_mount_path="/in/")
    receiver = config(pod)["receivers"]["file_log"]
    assert receiver["include"] == ["/in/access.log", "/in/errors", "/in/old-*", "/in/access.?"]
    assert "/in/*.gz" in receiver["exclude"]
    assert config(shipped(files=("errors",)))["receivers"]["file_log"]["include"] == ["/logs/errors", "/logs/errors.*", "/logs/errors-*"]


def test_an_endpoint_that_is_known_later_is_put_in_and_looked_at():
    # made where there are resources, as another stack's output is
    found = {}

    def program(endpoint):
        def inner():
            args = LogShipperSidecarArgs(directory="/l", files=("a",), endpoint=pulumi.Output.from_input(endpoint))
            patch = LogShipperSidecar("logs", args).patch(view(WEB))
            pulumi.Output.all(**patch.config_files[0].files).apply(found.update)

        return inner

    run(program("https://later.example.com/"))
    assert json.loads(found["config.yaml"])["exporters"]["otlp_http"]["endpoint"] == "https://later.example.com"
    with pytest.raises(ArgumentError) as error:
        run(program("http://later.example.com"))
    assert str(error.value) == (
        "LogShipperSidecar 'logs': 1 problem"
        "\n  - endpoint 'http://later.example.com' is not encrypted, so that the network reads the logs; "
        "use https://, or set allow_plaintext=True"
    )


def test_plaintext_is_for_loopback_or_for_who_asks_for_it():
    assert config(shipped(endpoint="http://127.0.0.1:4318"))["exporters"]["otlp_http"]["endpoint"] == "http://127.0.0.1:4318"
    shipped(endpoint="http://collector.observability:4318", allow_plaintext=True)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"endpoint": "logs:4317"}, "endpoint 'logs:4317' is not allowed: https://host, with a port and a path at most"),
        (
            {"endpoint": "https://user:pw@logs"},
            "endpoint 'https://user:pw@logs' is not allowed: https://host, with a port and a path at most",
        ),
        (
            {"endpoint": "https://${env:HEADER_0}"},
            "endpoint 'https://${env:HEADER_0}' is not allowed: https://host, with a port and a path at most",
        ),
        (
            {"endpoint": "http://logs:4318"},
            f"endpoint 'http://logs:4318' {UNENCRYPTED}",
        ),
        ({"ca_pem": "PRIVATE KEY"}, "ca_pem is not allowed: certificates in PEM, and nothing else"),
        ({"headers": {"a b": "c"}}, "headers key 'a b' is not allowed: letters, digits and !#%&'*+.^_`|~-, 255 characters at most"),
        (
            {"secret_headers": {"a: ${b}": SecretKey(name="s", key="k")}},
            "secret_headers key 'a: ${b}' is not allowed: letters, digits and !#%&'*+.^_`|~-, 255 characters at most",
        ),
        (
            {"headers": {"Authorization": "x"}, "secret_headers": {"authorization": SecretKey(name="s", key="k")}},
            "header 'authorization' is in headers and in secret_headers; take it out of one of them",
        ),
        ({"rotated": ("../*",)}, "rotated[0] '../*' is not allowed: letters, digits, ._@%+=- and the wildcards * and ?"),
        ({"rotated": ("{a,b}",)}, "rotated[0] '{a,b}' is not allowed: letters, digits, ._@%+=- and the wildcards * and ?"),
        ({"linger_seconds": -1}, "linger_seconds -1 is not allowed: a whole number, 0 or more"),
        ({"state_size_limit": "1 GB"}, "state_size_limit '1 GB' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        ({"container_name": "a_b"}, "container_name 'a_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
        ({"directory": "/var/log/web"}, "files is empty; name at least one file in directory="),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        LogShipperSidecar("logs", LogShipperSidecarArgs(**{"endpoint": ENDPOINT, **args}))
    assert str(error.value) == f"LogShipperSidecar 'logs': 1 problem\n  - {line}"


def test_an_app_that_says_nothing_of_its_logs_is_a_conflict():
    with pytest.raises(CompositionError) as error:
        composed(WEB, lambda: LogShipperSidecar("logs", LogShipperSidecarArgs(endpoint=ENDPOINT)))
    assert str(error.value) == (
        "workload 'web': 1 conflict"
        "\n  - LogShipperSidecar 'logs': it is not known where the app logs; set directory= and files=, or App.log_files"
    )


def test_beside_a_tail_of_the_same_logs_it_is_a_conflict():
    with pytest.raises(CompositionError) as error:
        composed(
            elasticsearch(), lambda: LogTailSidecar("tail"), lambda: LogShipperSidecar("logs", LogShipperSidecarArgs(endpoint=ENDPOINT))
        )
    assert "volume 'logs' of LogShipperSidecar 'logs' is already defined by LogTailSidecar 'tail'; set volume_name=" in error.value.problems
