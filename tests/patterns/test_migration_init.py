"""MigrationInit: what it adds, and what it refuses."""

import pulumi
import pytest

from components import testing
from components.core.app import App, SecretKey
from components.core.errors import ArgumentError, CompositionError, SecretLeakError
from components.core.fold import compose
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.migration_init import MigrationInit, MigrationInitArgs
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1", uid=1234, gid=2345)


def made(**given):
    return MigrationInit("migration", MigrationInitArgs(**{"image": "app:1", "command": ("alembic", "upgrade", "head"), **given}))


def variables(init):
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in init["env"]}


@pytest.mark.parametrize("mode", [{}, {"sidecars": "classic", "kubernetes_version": "1.28"}])
def test_without_a_lock_another_container_waits_for_the_database(mode):
    pod = composed(WEB, lambda: made(database="db:5432", args=("--sql",), wait_seconds=30, wait_image="mirror/busybox:1"), **mode)
    wait, migrate = pod.spec["initContainers"]
    assert (wait["name"], wait["image"], wait["command"][-1]) == ("migrate-wait", "mirror/busybox:1", "tcp db:5432")
    assert variables(wait)["TIMEOUT_SECONDS"] == "30"
    assert (migrate["name"], migrate["image"]) == ("migrate", "app:1")
    assert migrate["command"][3:] == ["migration", "alembic", "upgrade", "head"]
    assert migrate["args"] == ["--sql"]
    assert variables(migrate) == {"MIGRATION_LOCK": "none", "MIGRATION_TIMEOUT_SECONDS": "600"}
    assert migrate["volumeMounts"] == [{"name": "migration", "mountPath": "/tmp"}]
    assert pod.spec["volumes"] == [{"name": "migration", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert pod_security_level(pod.spec) == "restricted"


def test_with_the_lock_psql_waits():
    pod = composed(WEB, lambda: made(database="db:5432", lock="postgresql", skip_if="select true", timeout_seconds=60))
    (migrate,) = pod.spec["initContainers"]
    assert variables(migrate) == {
        "MIGRATION_LOCK": "postgresql",
        "MIGRATION_TIMEOUT_SECONDS": "60",
        "MIGRATION_DATABASE": "db:5432",
        "MIGRATION_WAIT_SECONDS": "120",
        "MIGRATION_LOCK_NAME": "web",
        "MIGRATION_LOCK_KEY": "2715437459337355612",
        "MIGRATION_LOCK_SECONDS": "900",
        "MIGRATION_SKIP_IF": "select true",
    }
    assert pod_security_level(pod.spec) == "restricted"


def test_credentials_come_from_secrets_as_variables_and_files():
    pod = composed(
        WEB,
        lambda: made(
            env={"PGUSER": "app"},
            secret_env={"PGPASSWORD": SecretKey(name="db", key="password")},
            secret_files={"/etc/db": "db-tls", "/etc/more": "more"},
            volume_name="schema",
        ),
    )
    (migrate,) = pod.spec["initContainers"]
    assert variables(migrate)["PGUSER"] == "app"
    assert variables(migrate)["PGPASSWORD"] == {"secretKeyRef": {"name": "db", "key": "password"}}
    assert migrate["volumeMounts"][1:] == [
        {"name": "schema-0", "mountPath": "/etc/db", "readOnly": True},
        {"name": "schema-1", "mountPath": "/etc/more", "readOnly": True},
    ]
    assert pod.spec["volumes"][1:] == [
        {"name": "schema-0", "secret": {"secretName": "db-tls", "defaultMode": 0o440}},
        {"name": "schema-1", "secret": {"secretName": "more", "defaultMode": 0o440}},
    ]
    # the app has none of it
    assert container(pod, "web").get("volumeMounts", []) == []


def test_its_user_may_be_another_and_its_root_writable():
    init = container(composed(WEB, lambda: made(uid=4321, read_only_root=False, container_name="schema")), "schema")
    assert (init["securityContext"]["runAsUser"], init["securityContext"]["runAsGroup"]) == (4321, 2345)
    assert init["securityContext"]["readOnlyRootFilesystem"] is False


def test_a_secret_value_in_the_plain_environment_is_refused():
    def program():
        pod = compose(WEB, [made(env={"PGPASSWORD": pulumi.Output.secret("pw")})])
        pulumi.export("env", container(pod, "migrate")["env"])

    with pytest.raises(SecretLeakError) as error:
        testing.run(program)
    assert str(error.value) == (
        "workload 'web': 1 secret leak\n  - env 'PGPASSWORD' of container 'migrate' has a secret Output as plain value; "
        "put it in a Secret, and mount that or use valueFrom.secretKeyRef"
    )


def test_a_variable_of_the_script_is_not_the_migrations_to_set():
    with pytest.raises(CompositionError) as error:
        composed(WEB, lambda: made(env={"MIGRATION_TIMEOUT_SECONDS": "1"}))
    assert str(error.value) == (
        "workload 'web': 1 conflict\n  - env 'MIGRATION_TIMEOUT_SECONDS' of MigrationInit 'migration' in container 'migrate' "
        "is already set by MigrationInit 'migration'; remove one of them"
    )


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"command": ()}, "command is empty; name the program, for the image's entrypoint is not run"),
        ({"env": {"1A": "b"}}, "env key '1A' is not allowed: letters, digits, '.', '_' and '-', not starting with a digit"),
        (
            {"env": {"A": "b"}, "secret_env": {"A": SecretKey(name="b", key="c")}},
            "env 'A' is in env and in secret_env; remove one of them",
        ),
        ({"secret_files": {"/a/../b": "c"}}, "secret_files key '/a/../b' is not allowed: it must not contain '..'"),
        ({"database": "db"}, "database 'db' is not allowed: host:port"),
        ({"database": "db:5432 -c"}, "database 'db:5432 -c' is not allowed: host:port"),
        ({"lock": "mysql"}, "lock 'mysql' is not allowed: one of none, postgresql"),
        ({"lock": "postgresql"}, "lock='postgresql' needs database=, where the lock is"),
        ({"lock_name": "a'b"}, "lock_name \"a'b\" is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"skip_if": "true"}, "skip_if is asked under the lock only; set lock='postgresql'"),
        (
            {"database": "db:1", "lock": "postgresql", "skip_if": "true; drop table x"},
            "skip_if 'true; drop table x' is not allowed: one query without ';' and '\\'",
        ),
        (
            {"database": "db:1", "lock": "postgresql", "skip_if": "true \\! sh"},
            "skip_if 'true \\\\! sh' is not allowed: one query without ';' and '\\'",
        ),
        ({"timeout_seconds": 0}, "timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"wait_seconds": 0}, "wait_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"lock_seconds": 0}, "lock_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"uid": 0}, "uid 0 is root: use another user id"),
        ({"volume_name": "A"}, "volume_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"size_limit": "much"}, "size_limit 'much' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        ({"container_name": "A"}, "container_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        made(**args)
    assert str(error.value) == f"MigrationInit 'migration': 1 problem\n  - {line}"


@pytest.mark.parametrize("lock", ["none", "postgresql"])
def test_a_database_that_is_known_later_is_checked_then(lock):
    def program(database):
        init = made(database=pulumi.Output.from_input(database), lock=lock).patch(view(WEB)).init_containers[0]
        pulumi.export("seen", [init["command"], init["env"]])

    seen = str(testing.run(lambda: program("later:5432")).exports["seen"])
    assert "later:5432" in seen
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: program("later"))
    what = "database" if lock == "postgresql" else "tcp"
    assert str(error.value) == f"MigrationInit 'migration': 1 problem\n  - {what} 'later' is not allowed: host:port"
