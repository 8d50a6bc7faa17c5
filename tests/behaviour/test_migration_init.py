"""MigrationInit's script, run by BusyBox and by dash, with psql and a real PostgreSQL server."""

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App
from components.patterns.migration_init import MigrationInit, MigrationInitArgs
from tests.support.composing import composed, container
from tests.support.containers import Running, programs, start
from tests.support.postgres import PASSWORD, Postgres, postgres
from tests.support.servers import LOOPBACK, free_ports

CREATE = "psql -XqAt -v ON_ERROR_STOP=1 -c 'create table once (number int); select pg_sleep(0.5); insert into once values (1)'"
SHELLS = ["busybox", "dash"]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@dataclass
class Migration:
    """Starts replicas of one migration."""

    directory: Path
    server: Postgres

    def start(self, *command: str, secret: dict[str, str] | None = None, shell: str = "busybox", **given: Any) -> Running:
        path = self.directory / "programs"
        if not path.exists():
            programs(path, self.server.psql)
        args = {"image": "app:1", "database": f"{LOOPBACK}:{self.server.port}", "lock": "postgresql", **given}
        app = App(name="web", image="web:1")
        pod = composed(app, lambda: MigrationInit("migration", MigrationInitArgs(command=command, **args)))
        env = {"TMPDIR": str(self.directory), **self.server.environment, **(secret or {})}
        return start(container(pod, "migrate"), path, env, shell=shell)


@pytest.fixture
def migration(tmp_path: Path, server: Postgres) -> Migration:
    server.ask("drop table if exists once, log")
    return Migration(tmp_path, server)


@pytest.mark.parametrize("shell", SHELLS)
def test_three_replicas_that_start_at_once_migrate_once(migration: Migration, shell: str) -> None:
    done = "select exists(select from once where number = 1) -- the migration's last step"
    replicas = [migration.start("sh", "-c", CREATE, skip_if=done, shell=shell) for _ in range(3)]
    ended = [replica.end() for replica in replicas]
    assert [(run.code, run.err) for run in ended] == [(0, "")] * 3
    assert migration.server.ask("select count(*) from once") == "1"
    last = sorted(run.out.splitlines()[-1].partition(" in ")[0] for run in ended)
    assert last == ["migrated", "nothing to do: skip_if is true", "nothing to do: skip_if is true"]


def test_replicas_migrate_one_after_another(migration: Migration) -> None:
    migration.server.ask("create table log (number serial, what text)")
    step = "psql -Xqc \"insert into log (what) values ('{}')\""
    command = ("sh", "-c", f"{step.format('begin')} && sleep 1 && {step.format('end')}")
    ended = [replica.end() for replica in [migration.start(*command) for _ in range(3)]]
    assert [(run.code, run.err) for run in ended] == [(0, "")] * 3
    assert migration.server.ask("select string_agg(what, ' ' order by number) from log") == "begin end begin end begin end"
    assert sum("another pod holds lock 'web'; waiting for it\n" in run.out for run in ended) == 2


def test_replicas_that_wait_do_not_hold_up_an_index_that_is_built_concurrently(migration: Migration) -> None:
    migration.server.ask("create table log (number serial, what text)")
    first = migration.start("sh", "-c", "sleep 2; psql -Xqc 'create index concurrently on log (what)'")
    time.sleep(0.5)
    second = migration.start("true")
    assert [run.end(timeout=30).code for run in (first, second)] == [0, 0]


def locks(server: Postgres) -> str:
    return server.ask("select count(*) from pg_locks where locktype = 'advisory'")


def unlocked(server: Postgres) -> bool:
    """Whether the lock is free soon: the server notices within moments that a session has ended."""
    deadline = time.monotonic() + 5
    while locks(server) != "0" and time.monotonic() < deadline:
        time.sleep(0.1)
    return locks(server) == "0"


def locked(server: Postgres) -> None:
    """Waits until a replica has the lock."""
    deadline = time.monotonic() + 20
    while locks(server) != "1":
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_exit_code_is_the_migrations(migration: Migration, shell: str) -> None:
    ended = migration.start("sh", "-c", "exit 7", shell=shell).end()
    assert ended.code == 7
    assert re.fullmatch("the migration failed with exit code 7 after [0-9]+ s\n", ended.err)
    assert unlocked(migration.server)


def test_arguments_arrive_as_they_are(migration: Migration) -> None:
    ended = migration.start("printf", "%s|", "a b", args=("`id`", "it's", "")).end()
    assert ended.out.startswith("a b|`id`|it's||")


@pytest.mark.parametrize("lock", ["none", "postgresql"])
def test_a_migration_that_takes_too_long_is_stopped(migration: Migration, lock: str) -> None:
    ended = migration.start("sleep", "200", timeout_seconds=1, lock=lock).end()
    assert (ended.code, ended.err) == (124, "the migration was stopped after 1 s; raise timeout_seconds\n")
    assert unlocked(migration.server)


def test_a_container_that_is_killed_gives_up_the_lock(migration: Migration) -> None:
    first = migration.start("sleep", "30")
    locked(migration.server)
    second = migration.start("true")
    first.kill()
    assert second.end(timeout=20).code == 0


def test_sigterm_reaches_the_migration(migration: Migration) -> None:
    running = migration.start("sh", "-c", "trap 'echo cleaned up; exit 0' TERM; echo begun; sleep 30 & wait")
    running.printed("begun\n")
    running.process.send_signal(signal.SIGTERM)
    ended = running.end(timeout=10)
    assert (ended.code, ended.out) == (143, "begun\ncleaned up\n")
    assert unlocked(migration.server)


def test_a_lock_that_was_lost_is_no_success(migration: Migration) -> None:
    running = migration.start("sleep", "2")
    locked(migration.server)
    migration.server.ask("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
    ended = running.end()
    assert ended.code == 1
    assert ended.err.startswith(
        f"the session that holds lock 'web' at {LOOPBACK}:{migration.server.port} was lost while the migration ran; it will be run again: "
    )
    assert ended.err.count("\n") == 1


def test_a_lock_that_is_not_given_up_is_told(migration: Migration) -> None:
    first = migration.start("sleep", "30")
    locked(migration.server)
    ended = migration.start("true", lock_seconds=1).end()
    first.kill()
    assert ended.code == 1
    assert ended.err == f"another pod still holds lock 'web' at {LOOPBACK}:{migration.server.port} after 1 s\n"
    assert unlocked(migration.server)


def test_another_name_is_another_lock(migration: Migration) -> None:
    first = migration.start("sleep", "30")
    locked(migration.server)
    assert migration.start("true", lock_name="other").end().code == 0
    first.kill()
    assert unlocked(migration.server)


def test_a_database_that_comes_up_late_is_waited_for_and_then_told(migration: Migration) -> None:
    port = free_ports(1)
    ended = migration.start("true", database=f"{LOOPBACK}:{port}", wait_seconds=3).end()
    assert ended.code == 1
    assert ended.err.startswith(f"database {LOOPBACK}:{port} cannot be used after ")
    assert "Connection refused" in ended.err or "Is the server running" in ended.err
    assert ended.err.count("\n") == 1


def test_a_wrong_password_is_told_without_it(migration: Migration) -> None:
    ended = migration.start("true", secret={"PGPASSWORD": "wrong-one"}, wait_seconds=1).end()
    assert ended.code == 1
    assert 'password authentication failed for user "postgres"' in ended.err
    assert ended.err.count("\n") == 1
    assert "wrong-one" not in ended.err + ended.out


def test_a_query_that_cannot_be_asked_is_told_and_nothing_is_run(migration: Migration) -> None:
    ended = migration.start("echo", "ran", skip_if="selct 1").end()
    assert ended.code == 1
    assert ended.err.startswith("skip_if failed: ")
    assert "ran" not in ended.out


def test_an_image_without_psql_is_refused(migration: Migration) -> None:
    path = programs(migration.directory / "programs")
    assert not (path / "psql").exists()
    ended = migration.start("true").end()
    assert (ended.code, ended.err) == (
        1,
        "lock='postgresql' needs psql in the image; add the PostgreSQL client to it, or set lock='none'\n",
    )


def test_without_a_lock_an_image_without_psql_will_do(migration: Migration) -> None:
    path = programs(migration.directory / "programs")
    assert not (path / "psql").exists()
    ended = migration.start("echo", "ran", lock="none").end()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("ran\nmigrated in ")


def test_the_password_is_in_no_command_line(migration: Migration) -> None:
    running = migration.start("sh", "-c", "cat /proc/[0-9]*/cmdline; true")
    ended = running.end()
    assert "pg_try_advisory_lock" in ended.out
    assert PASSWORD not in ended.out
