"""Article, section 7a: the init container that migrates the database."""

from components.core.app import SecretKey
from components.patterns.migration_init import MigrationInit, MigrationInitArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import idle

IMAGE = "postgres:15"
PASSWORD = "correct horse battery staple"
APP = idle()
# fails the second time
STEP = "create table users (name text); select pg_sleep(2); insert into users values ('ada')"


def secret(namespace: Namespace) -> None:
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": PASSWORD}})


def database(namespace: Namespace) -> None:
    """A PostgreSQL server at db:5432."""
    password = {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    labels = {"app": "db"}
    server = {
        "name": "postgres",
        "image": IMAGE,
        "env": [password],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-q", "-h", "127.0.0.1"]}, "periodSeconds": 1},
        "securityContext": {"runAsUser": 999, "runAsGroup": 999},
    }
    namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "db"},
            "spec": {"selector": labels, "ports": [{"port": 5432, "targetPort": 5432}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "db", "labels": labels},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [server]},
        },
    )


def sql(namespace: Namespace, statement: str) -> str:
    """What a statement of the superuser answers."""
    command = f'PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U postgres -XqAtc "{statement}"'
    done = namespace.exec("db", "postgres", "sh", "-c", command)
    assert done.code == 0, done.text
    return done.out.strip()


def program(namespace: Namespace, step: str, replicas: int) -> None:
    args = MigrationInitArgs(
        image=IMAGE,
        command=("psql", "-Xqv", "ON_ERROR_STOP=1", "-c", step),
        env={"PGUSER": "postgres", "PGDATABASE": "postgres"},
        secret_env={"PGPASSWORD": SecretKey(name="db", key="password")},
        database="db:5432",
        lock="postgresql",
        skip_if="select exists(select from users)",
    )
    Workload(
        "app",
        WorkloadArgs(app=APP, patterns=[MigrationInit("migration", args)], namespace=namespace.name, replicas=replicas),
    )


def test_three_replicas_that_start_before_the_database_migrate_it_once(namespace: Namespace) -> None:
    secret(namespace)
    deploy(namespace, lambda: program(namespace, STEP, 3), wait=False)
    eventually(lambda: len(namespace.pods("app")) == 3, "three pods")
    database(namespace)
    namespace.kubectl("rollout", "status", "deployment/app", "--timeout=120s", timeout=150)
    assert sql(namespace, "select count(*) from users") == "1"
    pods = namespace.pods("app")
    # nobody failed and was started again
    assert [pod["status"]["initContainerStatuses"][0]["restartCount"] for pod in pods] == [0, 0, 0]
    last = sorted(namespace.logs(pod["metadata"]["name"], "migrate").splitlines()[-1].partition(" in ")[0] for pod in pods)
    assert last == ["migrated", "nothing to do: skip_if is true", "nothing to do: skip_if is true"]
    assert PASSWORD not in namespace.kubectl("get", "pods,configmaps,deployments", "-o", "json")


def test_a_migration_that_fails_stops_the_pod_with_its_exit_code(namespace: Namespace) -> None:
    secret(namespace)
    database(namespace)
    namespace.wait("pod/db", "condition=Ready")
    deploy(namespace, lambda: program(namespace, "select 1/0", 1), wait=False)

    def terminated() -> object:
        (status,) = namespace.get("pod", namespace.pod("app"))["status"]["initContainerStatuses"]
        return status["state"].get("terminated") or status["lastState"].get("terminated")

    ended = eventually(terminated, "the migration ended")
    assert isinstance(ended, dict)
    assert ended["exitCode"] == 1
    assert ended["message"].splitlines()[-1] == "the migration failed with exit code 1 after 0 s"
    assert "division by zero" in ended["message"]
