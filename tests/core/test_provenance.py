"""Provenance: every part of a pod has one owner, who added it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from components import Injection, Pod, Port, Rebind, Target, TlsAmbassadorArgs
from components.core.contribution import Contribution, written
from components.core.patch import PodPatch, Wire
from components.core.pod_security import containers
from components.core.provenance import Part, added_containers, parts
from components.core.view import APP
from components.declared.kinds import shipped
from components.testing import run
from tests.support.drawn import PROGRAMS, generated, workload

KEYS = {"env": "name", "volumeMounts": "mountPath"}


def pieces(container: Wire) -> set[tuple[str, str]]:
    """Field and name of every variable and mount of a container."""
    return {(field, item[key]) for field, key in KEYS.items() for item in container.get(field) or ()}


def by_pattern(pod: Pod) -> dict[tuple[str, ...], list[str]]:
    """Whatever patches add, counted from the patches alone: who adds it."""
    found: dict[tuple[str, ...], list[str]] = {}

    def note(owner: str, *path: str) -> None:
        found.setdefault(path, []).append(owner)

    for contribution in pod.contributions:
        owner, patch = contribution.owner, contribution.patch
        for container in added_containers(patch):
            note(owner, container["name"])
            for field, name in pieces(container):
                note(owner, container["name"], field, name)
        for field, items in (("env", patch.app_env), ("volumeMounts", patch.app_mounts)):
            for item in items:
                note(owner, pod.app.name, field, item[KEYS[field]])
        for volume in (*(v["name"] for v in patch.volumes), *(c.name for c in patch.config_files)):
            note(owner, "volume", volume)
        for kind in ("annotation", "label", "sysctl"):
            for name, _ in getattr(patch, f"{kind}s"):
                note(owner, kind, name)
    return found


def holds(pod: Pod) -> None:
    """Everything in the pod has one owner, and what a pattern added has that pattern."""
    found = parts(pod)
    assert [path for path, count in Counter(part.path for part in found).items() if count > 1] == []
    owners = {part.path: part.owner for part in found}
    spec = pod.pod_spec({config.name: "x" for config in pod.config_files})
    for container in containers(spec):
        assert (container["name"],) in owners
        for field, name in pieces(container):
            assert (container["name"], field, name) in owners
        for field in container.keys() - {"name", "env", "volumeMounts", "ports"}:
            assert (container["name"], field) in owners
    assert {("volume", volume["name"]) for volume in spec["volumes"]} == {path for path in owners if path[0] == "volume" and len(path) == 2}
    added = by_pattern(pod)
    assert {path: [owners[path]] for path in added} == added
    # what nobody added is the app's
    declared = {path for path, owner in owners.items() if owner == APP and len(path) == 3 and path[1] in KEYS}
    assert declared.isdisjoint(added)
    known = {contribution.owner for contribution in pod.contributions} | {APP}
    assert {owner for part in found for owner in (part.owner, *part.changed_by)} <= known


@pytest.mark.parametrize("seed", [1, 922845])
def test_everything_in_a_generated_pod_has_one_owner(seed: int) -> None:
    pods = generated(seed, 120)
    assert len(pods) > 15
    for pod in pods:
        holds(pod)


@pytest.mark.parametrize("name", PROGRAMS)
def test_everything_in_a_workload_s_pod_has_one_owner(name: str) -> None:
    holds(workload(name).pod)


def test_every_pattern_says_what_it_is_for() -> None:
    contributions = workload("every").pod.contributions + workload("redirect").pod.contributions
    assert {c.kind for c in contributions} == set(shipped())
    assert all(c.why.endswith(".") for c in contributions)
    assert {c.kind: c.why for c in contributions}["TlsAmbassador"] == "TLS in front of an app that speaks none, mutual if asked for."


def part(name: str, *path: str) -> Part:
    return next(part for part in parts(workload(name).pod) if part.path == path)


def test_what_a_move_changes_in_the_app_is_said() -> None:
    tls = "TlsAmbassador 'elasticsearch-tls-ambassador'"
    host = part("render", "elasticsearch", "env", "http.host")
    assert (host.owner, host.changed_by) == (APP, (tls,))
    assert host.how == "by the rebind of port 'http', which listens on 127.0.0.1:9201 now"
    probe = part("render", "elasticsearch", "readinessProbe")
    assert (probe.owner, probe.changed_by) == (APP, (tls,))
    assert probe.how == "the kubelet gets through to port 'http' at 9200, HTTPS"
    for untouched in (("env", "ES_JAVA_OPTS"), ("ports", "http"), ("image",), ("lifecycle",)):
        assert part("render", "elasticsearch", *untouched).changed_by == ()
    assert part("render", "elasticsearch", "env", "path.logs").owner == "LogTailSidecar"


def test_the_way_to_a_port_is_said_step_by_step() -> None:
    found = part("mutual", "port", "http")
    assert found.changed_by == ("TlsAmbassador 'tls'", "JwtAmbassador 'jwt'")
    assert found.how == (
        "TlsAmbassador 'tls' listens on 9200, https; JwtAmbassador 'jwt' on 127.0.0.1:9201; the app on 127.0.0.1:9202, http"
    )


def test_somebody_else_s_containers_stay_theirs() -> None:
    web = {
        "name": "web",
        "image": "web:1",
        "args": ["--listen=0.0.0.0:8080"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "env": [{"name": "A", "value": "1"}],
    }
    manifest = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [web]}}}}
    rebind = Rebind(replace={"--listen=0.0.0.0:8080": "--listen={host}:{port}"})
    found: list[Pod] = []

    def program() -> None:
        target = Target(name="web", uid=1000, ports=[Port(name="http", number=8080, rebind=rebind)])
        injection = Injection("tls", target, [TlsAmbassadorArgs(secret_name="tls")])
        injection.into(manifest)
        assert injection.pod
        found.append(injection.pod)

    run(program)
    holds(found[0])
    told = {part.path: (part.owner, part.changed_by) for part in parts(found[0])}
    assert told[("web", "args")] == told[("web", "livenessProbe")] == (APP, ("TlsAmbassador",))
    assert told[("web", "env", "A")] == (APP, ())


class Undocumented:
    def patch(self, _pod: object) -> PodPatch:
        return PodPatch()


def test_a_pattern_of_one_s_own_is_explained_by_its_class() -> None:
    class Documented(Undocumented):
        """What it is for,
        on two lines.

        And more.
        """

    view: Any = None
    whys = [Contribution(pattern=cls(), patch=PodPatch(), before=view, after=view).why for cls in (Documented, Undocumented)]
    assert whys == ["What it is for, on two lines.", ""]


def test_arguments_are_written_in_a_few_words() -> None:
    arguments: Mapping[str, str] = workload("every").pod.contributions[1].arguments
    assert arguments["role"] == "'elasticsearch'"
    assert "name" not in arguments
    assert written("x" * 500) == f"'{'x' * 95} ..."
    by_owner = {c.kind: c.arguments for c in workload("prod").pod.contributions}
    assert by_owner["TlsAmbassador"]["authority"] == "CertificateAuthority 'podinfo-ca'"
