"""explain(): which pattern added what, in words."""

import pytest

from components import ProblemsError, explain
from components.core.pod_security import containers
from components.declared.kinds import shipped
from tests.support.drawn import workload

TLS = """
TlsAmbassador 'elasticsearch-tls-ambassador': TLS in front of an app that speaks none, mutual if asked for.
  service_name: 'elasticsearch'
  namespace: 'default'
"""


def said(what: str | None = None, name: str = "render") -> str:
    return explain(workload(name).pod, what)


def test_a_variable_that_an_ambassador_had_changed() -> None:
    assert said("elasticsearch/env/http.port") == (
        "elasticsearch/env/http.port in the pod of elasticsearch\n"
        "  env http.port  the app, changed by TlsAmbassador 'elasticsearch-tls-ambassador': by the rebind of port 'http', which listens on "
        f"127.0.0.1:9201 now\n{TLS}"
    )


def test_a_mount_whose_name_is_a_path() -> None:
    for written in ("elasticsearch/volumeMounts//var/log/elasticsearch", "elasticsearch/volumemounts/var/log/elasticsearch"):
        assert said(written).splitlines()[1:] == [
            "  volumeMounts /var/log/elasticsearch  LogTailSidecar",
            "",
            "LogTailSidecar: the log files of an app, on the standard output of a container of their own.",
        ]


def test_a_header_is_found_in_the_files_that_are_mounted() -> None:
    assert said("nginx-proxy/X-Forwarded-For") == (
        "nginx-proxy/X-Forwarded-For in the pod of elasticsearch\n"
        "  nginx-proxy-config/headers.conf:3: proxy_set_header X-Forwarded-For $remote_addr;  TlsAmbassador "
        f"'elasticsearch-tls-ambassador'\n{TLS}"
    )


def test_a_name_of_a_container_and_of_a_volume_is_both() -> None:
    lines = said("logs").splitlines()
    assert lines[1] == "  the container             LogTailSidecar: busybox:1.37"
    assert "  volume logs               LogTailSidecar" in lines
    assert said("volume/logs").splitlines()[1] == "  volume logs  LogTailSidecar"


def test_the_table_has_every_container_volume_and_port() -> None:
    pod = workload("every").pod
    rows = {line.split()[0] for line in said(name="every").splitlines() if line.startswith("  ")}
    assert {c["name"] for c in containers(pod.spec)} <= rows
    assert {*(v["name"] for v in pod.spec["volumes"]), *(c.name for c in pod.config_files)} <= rows
    assert {*(port.name for port in pod.ports), *map(str, pod.health_ports)} <= rows


@pytest.mark.parametrize("kind", sorted(shipped()))
def test_every_pattern_is_explained_by_each_of_its_containers(kind: str) -> None:
    pods = [workload(name).pod for name in ("every", "redirect")]
    pod, contribution = next((pod, c) for pod in pods for c in pod.contributions if c.kind == kind)
    for container in (*contribution.patch.init_containers, *contribution.patch.containers):
        text = explain(pod, container["name"])
        assert text.splitlines()[1].split()[:3] == ["the", "container", *contribution.owner.rstrip(":").split()[:1]] or kind in text
        assert f"\n{contribution.owner}: {contribution.why}\n" in text


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(ProblemsError) as error:
        said("nginx", "prod")
    assert error.value.problems == (
        "there is no container, volume or port 'nginx'; use one of these (known: containers wait-for, nginx-proxy, redis-cache, podinfo; "
        "volumes nginx-proxy-certificate, nginx-proxy-tmp, nginx-proxy-config; ports 8081, 8082, 6379, http)",
    )


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(ProblemsError) as error:
        said("wait-for/livenessProbe", "prod")
    assert error.value.problems == (
        "container 'wait-for' has no 'livenessProbe', nor have the files that it mounts; use one of its fields (known: securityContext, "
        "terminationMessagePolicy, image, command, env, resources)",
    )
