"""Those of `make judge` that are quick, on the same stacks, examples and golden pods; and each of them finds what is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from judges import nginx, pod_security, schemas, scripts, subject
from judges.accepted import compared, read
from judges.finding import Finding
from judges.subject import Subject, subjects
from tests.support.programs import need
from tests.support.rendered import rendered

NEWEST = ".".join(kubernetes_validate.latest_version().split(".")[:2])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make judge` writes stays as it is."""
    for module in (nginx, scripts, subject):
        monkeypatch.setattr(module, "BUILT", tmp_path)
    monkeypatch.setattr(schemas, "releases", lambda: [NEWEST])


@pytest.fixture
def evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(need("pod-security"))
    monkeypatch.setattr(pod_security, "go_program", lambda _: program)


@pytest.fixture
def shellcheck() -> None:
    need("shellcheck")


def crossplane(judged: tuple[Subject, ...]) -> Iterator[Finding]:
    for where, path in nginx.written(judged):
        yield from nginx.known(path, where)


def one(*objects: dict[str, Any]) -> tuple[Subject, ...]:
    return (Subject(name="golden/broken", objects=objects, kubernetes=(1, 30)),)


def deployment(**container: Any) -> dict[str, Any]:
    (found,) = (m for m in rendered("bare") if m["kind"] == "Deployment")
    spec = found["spec"]["template"]["spec"]
    template = {**found["spec"]["template"], "spec": {**spec, "containers": [{**spec["containers"][0], **container}]}}
    return {**found, "spec": {**found["spec"], "template": template}}


def test_every_stack_example_and_golden_pod_is_judged() -> None:
    names = {s.name for s in subjects()}
    assert {"stacks/dev", "stacks/prod", "stacks/render", "golden/every", "golden/mutual", "examples/chart", "examples/search"} <= names
    assert all(list(s.pods()) for s in subjects())


def test_the_newest_schemas_allow_every_object() -> None:
    assert list(schemas.judge(subjects())) == []
    (found,) = schemas.judge(one(deployment(imagePulPolicy="Always")))
    assert (found.rule, found.where) == (NEWEST, "golden/broken/Deployment/elasticsearch")
    assert "'imagePulPolicy' was unexpected" in found.message


@pytest.mark.usefixtures("evaluator")
def test_no_pod_is_less_than_restricted_without_a_reason() -> None:
    assert compared(set(pod_security.judge(subjects())), read(), ["pod-security"]) == []
    found = {(f.rule, f.where) for f in pod_security.judge(one(deployment(ports=[{"containerPort": 80, "hostPort": 80}])))}
    where = "golden/broken/Deployment/elasticsearch"
    assert found == {("baseline: hostPort", where), ("restricted: hostPort", where)}


@pytest.mark.usefixtures("shellcheck")
def test_every_script_is_clean_as_it_is_rendered() -> None:
    assert list(scripts.judge(subjects())) == []
    probe = {"exec": {"command": ["sh", "-c", "cat $FILE"]}}
    config = {"kind": "ConfigMap", "metadata": {"name": "web-config-0123abcd"}, "data": {"a.sh": "#!/bin/sh\n[ $# == 1 ]\n"}}
    found = {(f.rule, f.where) for f in scripts.judge(one(deployment(readinessProbe=probe), config))}
    assert found == {
        ("SC2086", "golden/broken/Deployment/elasticsearch/elasticsearch"),
        ("SC3014", "golden/broken/ConfigMap/web-config-<hash>/a.sh"),
    }


def test_every_directive_of_nginx_is_one_and_where_it_belongs() -> None:
    assert list(crossplane(subjects())) == []
    config = {"nginx.conf": "events {\n}\nssl_curve X25519;\n", "health.conf": "events {\n}\n"}
    (found,) = crossplane(one({"kind": "ConfigMap", "metadata": {"name": "web-nginx-0123abcd"}, "data": config}))
    assert found.where == "golden/broken/ConfigMap/web-nginx-<hash>/nginx.conf:3"
    assert found.message == 'unknown directive "ssl_curve"'
