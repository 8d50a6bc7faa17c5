"""The laws of the sum: patches add up like tuples, nothing is lost, overwritten or reordered, and one thing has one owner."""

from copy import deepcopy
from dataclasses import fields, replace
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given, strategies as st

from components.core import claims
from components.core.app import Port
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import ConfigFiles, OutboundRedirect, PodPatch, UndeclaredPort
from tests.support.pods import Adds, Proxy, container, web

NAMES = st.sampled_from("abcdef")
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "init_containers": NAMES.map(lambda n: {"name": n, "restartPolicy": "Always"}),
    "containers": NAMES.map(lambda n: {"name": n, "env": [{"name": "A", "value": n}]}),
    "volumes": NAMES.map(lambda n: {"name": n, "emptyDir": {}}),
    "config_files": NAMES.map(lambda n: ConfigFiles(name=n, files={n: "content"})),
    "app_env": NAMES.map(lambda n: {"name": n, "value": n}),
    "app_mounts": NAMES.map(lambda n: {"name": n, "mountPath": f"/{n}"}),
    "undeclared_ports": st.integers(1, 9).map(lambda n: UndeclaredPort(number=n)),
    "connects": NAMES,
    "redirects": st.integers(1, 9).map(lambda n: OutboundRedirect(port=n)),
    "annotations": st.tuples(NAMES, NAMES),
    "labels": st.tuples(NAMES, NAMES),
    "sysctls": st.tuples(NAMES, NAMES),
    "service_account": NAMES,
    "certificates": NAMES,
    "problems": NAMES,
}
PATCHES = st.fixed_dictionaries({name: st.lists(element, max_size=3).map(tuple) for name, element in ELEMENTS.items()}).map(
    lambda values: PodPatch(**values)
)


def test_the_strategy_covers_every_field() -> None:
    assert set(ELEMENTS) == {field.name for field in fields(PodPatch)}


@given(PATCHES)
def test_the_empty_patch_changes_nothing(patch: PodPatch) -> None:
    assert PodPatch() + patch == patch == patch + PodPatch()


@given(PATCHES, PATCHES, PATCHES)
def test_it_does_not_matter_which_sum_comes_first(a: PodPatch, b: PodPatch, c: PodPatch) -> None:
    assert (a + b) + c == a + (b + c)


@given(st.lists(PATCHES, max_size=4))
def test_a_sum_keeps_everything_in_order_and_changes_no_summand(patches: list[PodPatch]) -> None:
    before = deepcopy(patches)
    total = reduce(add, patches, PodPatch())
    for field in fields(PodPatch):
        assert getattr(total, field.name) == tuple(element for patch in patches for element in getattr(patch, field.name))
    assert patches == before


def test_composing_changes_neither_the_app_nor_a_patch() -> None:
    app = web(
        env={"A": "1"},
        empty_dirs={"/tmp": "1Mi"},
        readiness_probe={"httpGet": {"path": "/", "port": "http"}},
        volumes=({"name": "data", "emptyDir": {}},),
        volume_mounts=({"name": "data", "mountPath": "/data"},),
    )
    added = PodPatch(
        init_containers=(container("first", env=[{"name": "B", "value": "2"}], args=["x"]),),
        containers=(container("beside", volumeMounts=[{"name": "data", "mountPath": "/data"}]),),
        app_env=({"name": "C", "value": "3"},),
        annotations=(("a", "b"),),
    )
    patterns = [Proxy("outer", scheme="https"), Adds("adds", added)]
    fields_ = {"nodeSelector": {"disk": "fast"}}
    before = deepcopy((app, patterns, fields_))
    for sidecars in ("native", "classic"):
        compose(app, patterns, sidecars=sidecars, image_registry="mirror.example.com", fields=fields_)
        assert (app, patterns, fields_) == before


def test_the_same_pod_comes_out_every_time() -> None:
    patterns = [Proxy("outer", scheme="https"), Proxy("inner"), Adds("adds", PodPatch(containers=(container("beside"),)))]
    assert compose(web(), patterns) == compose(web(), patterns)


MOUNTS = PodPatch(volumes=({"name": "data", "emptyDir": {}},))
# what two patterns may not both add: the patch, the kinds of claim that meet, and the lines of the error
COLLISIONS: list[tuple[set[str], PodPatch, list[str]]] = [
    (
        {"container"},
        PodPatch(containers=(container("tool"),)),
        ["container name 'tool' of Adds 'second' is already taken by Adds 'first'; set container_name="],
    ),
    (
        {"port"},
        PodPatch(undeclared_ports=(UndeclaredPort(number=9000, argument="health_port"),)),
        ["port 9000 of Adds 'second' is already taken by Adds 'first'; set health_port="],
    ),
    (
        {"volume"},
        PodPatch(volumes=({"name": "data", "emptyDir": {}},)),
        ["volume 'data' of Adds 'second' is already defined by Adds 'first'; set volume_name="],
    ),
    (
        {"volume"},
        PodPatch(config_files=(ConfigFiles(name="config", files={"a": "b"}),)),
        ["volume 'config' of Adds 'second' is already defined by Adds 'first'; set volume_name="],
    ),
    (
        {"env"},
        PodPatch(app_env=({"name": "LEVEL", "value": "debug"},)),
        ["env 'LEVEL' of Adds 'second' in container 'web' is already set by Adds 'first'; remove one of them"],
    ),
    (
        {"mount", "volume"},
        PodPatch(volumes=({"name": "data", "emptyDir": {}},), app_mounts=({"name": "data", "mountPath": "/data"},)),
        [
            "volume 'data' of Adds 'second' is already defined by Adds 'first'; set volume_name=",
            "mount path '/data' of Adds 'second' in container 'web' is already taken by Adds 'first'; set mount_path=",
        ],
    ),
    (
        {"annotation"},
        PodPatch(annotations=(("example.com/a", "1"),)),
        ["annotation 'example.com/a' of Adds 'second' is already set by Adds 'first'; remove one of them"],
    ),
    (
        {"label"},
        PodPatch(labels=(("example.com/a", "1"),)),
        ["label 'example.com/a' of Adds 'second' is already set by Adds 'first'; remove one of them"],
    ),
    (
        {"sysctl"},
        PodPatch(sysctls=(("net.ipv4.tcp_keepalive_time", "60"),)),
        ["sysctl 'net.ipv4.tcp_keepalive_time' of Adds 'second' is already set by Adds 'first'; remove one of them"],
    ),
    (
        {"container", "port", "container's port name", "env", "mount", "volume"},
        PodPatch(
            containers=(
                container(
                    "tool",
                    ports=[{"name": "admin", "containerPort": 9000}],
                    env=[{"name": "LEVEL", "value": "debug"}],
                    volumeMounts=[{"name": "data", "mountPath": "/data"}],
                ),
            ),
            volumes=({"name": "data", "emptyDir": {}},),
        ),
        [
            "container name 'tool' of Adds 'second' is already taken by Adds 'first'; set container_name=",
            "port 9000 of Adds 'second' is already taken by Adds 'first'; set port=",
            "port name 'admin' of Adds 'second' is already taken by Adds 'first'; set port_name=",
            "env 'LEVEL' of Adds 'second' in container 'tool' is already set by Adds 'first'; remove one of them",
            "mount path '/data' of Adds 'second' in container 'tool' is already taken by Adds 'first'; set mount_path=",
            "volume 'data' of Adds 'second' is already defined by Adds 'first'; set volume_name=",
        ],
    ),
]


@pytest.mark.parametrize(
    ("kinds", "patch", "lines"), COLLISIONS, ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else ""
)
def test_one_thing_has_one_owner_and_the_error_names_both_claimants(kinds: set[str], patch: PodPatch, lines: list[str]) -> None:
    assert {claim.kind for claim in claims.of_patch(patch, "x", "web")} == kinds
    with pytest.raises(CompositionError) as error:
        compose(web(), [Adds("first", patch), Adds("second", patch)])
    assert sorted(error.value.problems) == sorted(lines)
    # in either order, and with other patterns in between
    with pytest.raises(CompositionError) as error:
        compose(web(), [Adds("second", patch), Adds("between", PodPatch()), Adds("first", patch)])
    swapped = [line.replace("second", "\0").replace("first", "second").replace("\0", "first") for line in lines]
    assert sorted(error.value.problems) == sorted(swapped)


def test_every_kind_of_claim_is_in_a_collision_above() -> None:
    everything = reduce(add, [patch for _, patch, _ in COLLISIONS])
    every_kind = {claim.kind for claim in claims.of_patch(everything, "x", "web")}
    assert set().union(*(kinds for kinds, _, _ in COLLISIONS)) == every_kind


def test_a_pattern_collides_with_itself_and_with_the_app() -> None:
    app = web(env={"LEVEL": "info"}, volumes=({"name": "data", "emptyDir": {}},), volume_mounts=({"name": "data", "mountPath": "/data/"},))
    twice = PodPatch(
        containers=(container("web"), container("tool", ports=[{"containerPort": 8080}, {"containerPort": 8080}])),
        app_env=({"name": "LEVEL", "value": "debug"},),
        app_mounts=({"name": "data", "mountPath": "//data"},),
        annotations=(("kubectl.kubernetes.io/default-container", "tool"),),
    )
    with pytest.raises(CompositionError) as error:
        compose(app, [Adds("adds", twice)])
    assert list(error.value.problems) == [
        "container name 'web' of Adds 'adds' is already taken by the app; set container_name=",
        "port 8080 of Adds 'adds' is already taken by the app; set port=",
        "env 'LEVEL' of Adds 'adds' in container 'web' is already set by the app; remove one of them",
        "mount path '//data' of Adds 'adds' in container 'web' is already taken by the app; set mount_path=",
        "annotation 'kubectl.kubernetes.io/default-container' of Adds 'adds' is already set by the app; remove one of them",
    ]


def test_names_of_ports_are_unique_in_the_service_too_though_no_container_declares_them() -> None:
    class Serves:
        name = "serves"
        ports = (Port(name="http", number=9000), Port(name="admin", number=9001), Port(name="admin", number=9002))

    with pytest.raises(CompositionError) as error:
        compose(web(ports=(replace(web().ports[0], number=81), Port(name="http", number=82))), [Serves()])
    assert list(error.value.problems) == [
        "port name 'http' of the app is already taken by the app; set Port.name",
        "port name 'http' of Serves 'serves' is already taken by the app; set port_name=",
        "port name 'admin' of Serves 'serves' is already taken by Serves 'serves'; set port_name=",
    ]


def test_the_same_number_is_two_ports_for_tcp_and_udp() -> None:
    udp = PodPatch(containers=(container("dns", ports=[{"containerPort": 8080, "protocol": "UDP"}]),))
    assert compose(web(), [Adds("dns", udp)]).spec["containers"][1]["name"] == "dns"
