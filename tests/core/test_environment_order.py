"""Environment: every `$(NAME)` expands, whatever the order it was given in; what cannot expand is refused."""

from typing import Any

import pulumi
import pytest
from hypothesis import given, strategies as st

from components.core.app import App, Port, Rebind, SecretKey
from components.core.base import Base
from components.core.cluster import cluster
from components.core.environment import environment, literal, ordered, references
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose, fold
from components.core.patch import PodPatch
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.migration_init import MigrationInitArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.testing import run
from tests.support.composing import container
from tests.support.expansion import expand, started
from tests.support.pods import Adds, container as other, web

PASSWORD = {"PW": SecretKey(name="db", key="password")}
URL = "postgres://app:$(PW)@db/app"
UNKNOWN = (
    "refers to $({0}), but no variable of the container is called that (the image's own do not count); add it, or write $$({0}) for the "
    "text itself"
)
BEHIND = "refers to $({0}), which does not stand before it; move it there or break the cycle, or write $$({0}) for the text itself"


def app(**changes: Any) -> App:
    return web(**{"ports": (), **changes})


def on_a_volume(part: Any) -> dict[str, Any]:
    mount = {"name": "logs", "mountPath": "/logs", "subPathExpr": part}
    return {"volumes": [{"name": "logs", "emptyDir": {}}], "volume_mounts": [mount]}


def names(pod: Any, name: str = "web") -> list[str]:
    return [variable["name"] for variable in container(pod, name)["env"]]


def env(pod: Any, name: str = "web") -> dict[str, str]:
    return started(container(pod, name))[0]


def conflicts(*arguments: Any, **options: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as refused:
        compose(*arguments, **options)
    return refused.value.problems


def test_a_variable_comes_after_the_secret_that_it_refers_to():
    pod = compose(app(env={"URL": URL}, secret_env=PASSWORD))
    assert env(pod)["URL"] == "postgres://app:<secretKeyRef db password>@db/app"


def test_in_a_migration_too():
    migration = MigrationInitArgs(image="shop:1", command=["migrate", "--to=$(URL)"], env={"URL": URL}, secret_env=PASSWORD)
    known, words = started(container(compose(app(), [migration]), "migrate"))
    assert known["URL"] == "postgres://app:<secretKeyRef db password>@db/app"
    assert words[-1] == f"--to={known['URL']}"


def test_what_refers_to_nothing_stays_where_it_was():
    pod = compose(app(env={"Z": "1", "URL": "$(HOST)/$(PATH_)", "PATH_": "p$(Z)", "HOST": "h", "A": "2"}))
    assert names(pod) == ["Z", "HOST", "PATH_", "URL", "A"]
    assert env(pod)["URL"] == "h/p1"


def test_what_patterns_add_is_known_to_the_app_and_the_other_way_round():
    first = Adds("first", PodPatch(app_env=({"name": "CACHE", "value": "redis://:$(PW)@$(HOST)"},)))
    second = Adds("second", PodPatch(app_env=({"name": "HOST", "value": "127.0.0.1"},)))
    pod = compose(app(env={"USED": "$(CACHE)/0"}, secret_env=PASSWORD), [first, second])
    assert env(pod)["USED"] == "redis://:<secretKeyRef db password>@127.0.0.1/0"


def test_so_is_what_a_rebind_sets():
    port = Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))
    tls = TlsAmbassadorArgs(service_name="web", secret_name="web-tls")
    pod = compose(app(ports=[port], env={"URL": "http://$(LISTEN)", "LISTEN": "0.0.0.0:8080"}), [tls])
    assert env(pod) == {"LISTEN": "127.0.0.1:8081", "URL": "http://127.0.0.1:8081"}


def test_a_rebind_replaces_a_variable_wherever_its_value_comes_from():
    port = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))
    tls = TlsAmbassadorArgs(service_name="web", secret_name="web-tls")
    pod_ip = {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    pod = compose(app(ports=[port], env={"HOST": pod_ip, "URL": "http://$(HOST)"}), [tls])
    assert env(pod) == {"HOST": "127.0.0.1", "URL": "http://127.0.0.1"}


@given(st.permutations("ABCDEFGH"), st.data())
def test_whatever_the_order_every_reference_expands(order: list[str], data: Any) -> None:
    # a name refers to names that are earlier in the alphabet, but stands anywhere
    given_env: dict[str, Any] = {}
    for name in order:
        earlier = data.draw(st.sets(st.sampled_from("ABCDEFGH"[: "ABCDEFGH".index(name)]), max_size=3)) if name != "A" else set()
        given_env[name] = "".join(f"$({e})" for e in sorted(earlier)) + name
    known, _ = started({"env": ordered(environment(given_env))})
    assert not any("$" in value for value in known.values())


def test_a_value_that_is_known_later_comes_last_and_is_looked_at_then():
    pods: list[Any] = []

    def program() -> None:
        url = pulumi.Output.from_input("db").apply(lambda host: f"postgres://app:$(PW)@{host}/$(NAME)")
        pods.append(compose(app(env={"URL": url, "NAME": "shop"}, secret_env=PASSWORD)))

    run(program)
    assert names(pods[0]) == ["PW", "NAME", "URL"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"env": {"URL": "$(PW)"}}, f"container 'web': env 'URL' {UNKNOWN.format('PW')}"),
        ({"args": ["--url=$(PW)"]}, f"container 'web': args[0] {UNKNOWN.format('PW')}"),
        ({"command": ["/app", "$(PW)"]}, f"container 'web': command[1] {UNKNOWN.format('PW')}"),
        (on_a_volume("$(POD)"), f"container 'web': subPathExpr of the mount at '/logs' {UNKNOWN.format('POD')}"),
    ],
)
def test_a_text_that_is_known_later_is_refused_then(changes: Any, line: str) -> None:
    def later(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: inner if key in ("name", "mountPath", "emptyDir") else later(inner) for key, inner in value.items()}
        return [later(v) for v in value] if isinstance(value, list) else pulumi.Output.from_input(value)

    async def resolved(pod: Any) -> None:
        its = container(pod, "web")
        paths = [mount["subPathExpr"] for mount in its.get("volumeMounts", ())]
        for value in (*(v["value"] for v in its.get("env", ())), *its.get("command", ()), *its.get("args", ()), *paths):
            if isinstance(value, pulumi.Output):
                await value.future()

    async def program() -> None:
        await resolved(compose(app(**{key: later(value) for key, value in changes.items()})))

    with pytest.raises(ArgumentError) as refused:
        run(lambda: pulumi.Output.from_input(program()))
    assert str(refused.value) == f"workload 'web': 1 problem\n  - {line}"


# the kubelet's ExpandContainerCommandOnlyStatic: of valueFrom it makes nothing, and a value is not expanded itself
IN_A_PROBE = (
    "refers to $({0}), but in a probe only variables whose value is a text of its own are expanded; use a shell, as in "
    "['sh', '-c', 'my-check \"${0}\"'], or write $$({0}) for the text itself"
)


def probed(*words: str) -> dict[str, Any]:
    return {"liveness_probe": {"exec": {"command": [*words]}}}


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a secret in a probe": (
        {"secret_env": {"PW": SecretKey(name="db", key="password")}, **probed("redis-cli", "-a", "$(PW)", "ping")},
        [f"livenessProbe.exec.command[2] {IN_A_PROBE.format('PW')}"],
    ),
    "nothing in a probe": (probed("check", "$(URL)"), [f"livenessProbe.exec.command[1] {IN_A_PROBE.format('URL')}"]),
    "a reference of a reference in a probe": (
        {"env": {"HOST": "db", "URL": "http://$(HOST)"}, **probed("check", "$(URL)")},
        [f"livenessProbe.exec.command[1] {IN_A_PROBE.format('URL')}"],
    ),
    "no such variable": ({"env": {"URL": "$(PWD)"}}, [f"env 'URL' {UNKNOWN.format('PWD')}"]),
    "a variable of the image": ({"env": {"PATH": "/opt/bin:$(PATH)"}}, [f"env 'PATH' {BEHIND.format('PATH')}"]),
    "a cycle": ({"env": {"A": "$(B)", "B": "$(C)", "C": "$(A)"}}, [f"env 'C' {BEHIND.format('A')}"]),
    "an argument": ({"args": ["--url", "$(URL)"]}, [f"args[1] {UNKNOWN.format('URL')}"]),
    "a command": ({"command": ["/app", "$(X) $(Y)"]}, [f"command[1] {UNKNOWN.format('X')}", f"command[1] {UNKNOWN.format('Y')}"]),
    "a part of a volume": (on_a_volume("$(POD)"), [f"subPathExpr of the mount at '/logs' {UNKNOWN.format('POD')}"]),
    "what a script is given": (
        {"command": ["sh", "-c", 'echo "$1 $(date)"', "sh", "$(NOW)"]},
        [f"command[4] {UNKNOWN.format('NOW')}"],
    ),
}


@pytest.mark.parametrize(("changes", "lines"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_expand_is_refused(changes: dict[str, Any], lines: list[str]) -> None:
    assert conflicts(app(**changes)) == tuple(f"container 'web' of the app: {line}" for line in lines)


def test_the_pattern_is_named():
    cache = Adds("cache", PodPatch(app_env=({"name": "CACHE", "value": "$(HOST)"},)))
    side = Adds("side", PodPatch(containers=(other("side", args=["$(X)"]),)))
    assert conflicts(app(), [cache, side]) == (
        f"container 'web' of Adds 'cache': env 'CACHE' {UNKNOWN.format('HOST')}",
        f"container 'side' of Adds 'side': args[0] {UNKNOWN.format('X')}",
    )


def test_a_migration_is_refused_too():
    assert conflicts(app(), [MigrationInitArgs(name="m", image="shop:1", command=["migrate"], env={"PGPASSWORD": "$(PW)"})]) == (
        f"container 'migrate' of MigrationInit 'm': env 'PGPASSWORD' {UNKNOWN.format('PW')}",
    )


ACCEPTED: dict[str, dict[str, Any]] = {
    "the text itself": {"env": {"TEMPLATE": "$$(NAME)"}, "args": ["$$(NAME)"]},
    "a command of a shell": {"command": ["/bin/sh", "-ec", "exec app --node=$(hostname)"]},
    "behind an init": {"command": ["tini", "--"], "args": ["bash", "-x", "-c", "echo $(date)"]},
    "what no variable can be called": {"args": ["$(date +%s)", "$(", "$", "$()"]},
    "a variable from a source that is not known": {"container": {"envFrom": [{"secretRef": {"name": "all"}}]}, "env": {"URL": "$(PW)"}},
    "a part of a volume": {**on_a_volume("$(POD)"), "env": {"POD": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}}},
    "the API server's Service": {"args": ["$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)"]},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_can_be_meant_so_is_accepted(changes: dict[str, Any]) -> None:
    compose(app(**changes))


def test_a_text_of_ours_is_not_expanded():
    migration = MigrationInitArgs(
        image="shop:1", command=["migrate"], database="db:5432", lock="postgresql", skip_if="select $$a$$ = '$(PW)'", secret_env=PASSWORD
    )
    assert env(compose(app(), [migration]), "migrate")["MIGRATION_SKIP_IF"] == "select $$a$$ = '$(PW)'"
    jwt = JwtAmbassadorArgs(issuer="https://a.example.com", audience="a$$b$(c)", cookie_secret=SecretKey(name="c", key="k"))
    pod = compose(web(), [jwt])
    assert "--client-id=a$$b$(c)" in started(container(pod, "jwt-proxy-validator"))[1]


@given(st.text(alphabet="$()AB x"))
def test_a_literal_text_expands_to_itself(text: str) -> None:
    literally = literal(text)
    assert isinstance(literally, str)
    assert references(literally) == []
    assert expand(literally, {"A": "1", "B": "2"}) == text


def foreign(env: list[dict[str, Any]], *patterns: Any, **spec: Any) -> Any:
    """A pod that is somebody else's, behind TLS."""
    base = Base(spec={"containers": [{"name": "web", "image": "web:1", "env": env}], **spec}, app_container="web")
    target, _ = cluster("1.30", "native")
    known = app(ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))])
    tls = TlsAmbassadorArgs(service_name="web", secret_name="web-tls")
    return fold(base, known, [tls, *patterns], where="pod 'theirs'", cluster=target)


def test_somebody_elses_variables_keep_their_order():
    theirs = [
        {"name": "STALE", "value": "$(HOST)"},
        {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "URL", "value": "http://$(HOST)"},
    ]
    added = Adds("cache", PodPatch(app_env=({"name": "B", "value": "$(A)"}, {"name": "A", "value": "$(URL)"})))
    pod = foreign(theirs, added)
    assert names(pod) == ["STALE", "HOST", "URL", "A", "B"]
    assert env(pod) == {
        "STALE": "$(HOST)",
        "HOST": "127.0.0.1",
        "URL": "http://127.0.0.1",
        "A": "http://127.0.0.1",
        "B": "http://127.0.0.1",
    }


def test_what_is_added_to_somebody_elses_container_must_expand():
    added = Adds("cache", PodPatch(app_env=({"name": "B", "value": "$(A)"},)))
    with pytest.raises(CompositionError) as refused:
        foreign([], added, enableServiceLinks=False)
    assert refused.value.problems == (f"container 'web' of Adds 'cache': env 'B' {UNKNOWN.format('A')}",)
    # the variables of Services are not known
    foreign([], added)


SOURCES: dict[str, dict[str, Any]] = {
    "fieldRef": {"fieldPath": "spec.nodeName"},
    "resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"},
    "configMapKeyRef": {"name": "settings", "key": "level", "optional": True},
    "secretKeyRef": {"name": "db", "key": "password", "optional": True},
    "fileKeyRef": {"volumeName": "files", "path": "env", "key": "A"},
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_variable_can_be_read_from_elsewhere(kind: str) -> None:
    source = {"valueFrom": {kind: SOURCES[kind]}}
    assert container(compose(app(env={"A": source})), "web")["env"] == [{"name": "A", **source}]
    migration = MigrationInitArgs(image="shop:1", command=["migrate"], env={"A": source})
    assert {"name": "A", **source} in container(compose(app(), [migration]), "migrate")["env"]


KINDS = "fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef"
NOT_A_SOURCE = f"is not allowed: a text, or valueFrom with one of {KINDS}, as in a manifest"
WRONG: dict[str, tuple[Any, str]] = {
    "a number": (5, " must be a text or a mapping, but is the number 5; put it in quotes"),
    "no valueFrom": ({"fieldRef": {"fieldPath": "spec.nodeName"}}, f" {NOT_A_SOURCE}"),
    "a value too": ({"value": "a", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}, f" {NOT_A_SOURCE}"),
    "two sources": ({"valueFrom": {**{k: SOURCES[k] for k in ("fieldRef", "configMapKeyRef")}}}, f" {NOT_A_SOURCE}"),
    "an unknown source": ({"valueFrom": {"configMapRef": {"name": "a"}}}, f" {NOT_A_SOURCE}"),
    "no mapping": ({"valueFrom": {"fieldRef": "spec.nodeName"}}, ".valueFrom.fieldRef must be a mapping"),
    "no key": ({"valueFrom": {"configMapKeyRef": {"name": "a"}}}, ".valueFrom.configMapKeyRef.key is missing"),
    "a misspelt field": (
        {"valueFrom": {"fieldRef": {"fieldPath": "status.podIp"}}},
        ".valueFrom.fieldRef.fieldPath 'status.podIp' is not a field that a variable can have, e.g. spec.nodeName, status.podIP",
    ),
}


@pytest.mark.parametrize(("value", "line"), WRONG.values(), ids=WRONG.keys())
def test_a_source_that_cannot_be_is_refused(value: Any, line: str) -> None:
    assert conflicts(app(env={"A": value})) == (f"app.env['A']{line}",)
