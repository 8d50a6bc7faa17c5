"""MigrationInit: a database migration that has succeeded before the app starts, run by one replica at a time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks
from ..core.app import SecretKey
from ..core.errors import refuse
from ..core.identity import as_app, restricted, secret_mode
from ..core.patch import PodPatch
from ..core.plug import PatternArgs, describe
from ..core.view import PodView
from .shared.scripts import script
from .shared.waiting import target_problems, wait_container

_TMP = "/tmp"

_SCRIPT = script(__package__, "migration_init.sh")


@dataclass(frozen=True, kw_only=True)
class MigrationInitArgs(PatternArgs):
    """Arguments of MigrationInit."""

    image: pulumi.Input[str]
    """Image of the migration, usually the app's, with a POSIX shell and `timeout` (GNU, or BusyBox 1.34 and later); for the lock also
    psql 11 or later and mkfifo."""
    command: tuple[pulumi.Input[str], ...]
    """The program and its arguments, e.g. `("alembic", "upgrade", "head")`; it replaces the image's entrypoint."""
    args: tuple[pulumi.Input[str], ...] = ()
    """Further arguments. Default: none."""
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Plain environment, e.g. `{"PGUSER": "app", "PGDATABASE": "app"}`; a secret value is refused. Default: none."""
    secret_env: Mapping[str, SecretKey] = field(default_factory=dict)
    """Environment from Secrets, e.g. `{"PGPASSWORD": SecretKey(name="db", key="password")}`. Default: none."""
    secret_files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Directory to metadata.name of the Secret whose keys are files there, readable by the pod's group. Default: none."""
    database: pulumi.Input[str] | None = None
    """host:port of the database, which is waited for. Default: None, nothing is waited for."""
    wait_seconds: int = 120
    """Seconds to wait for it, before the container fails (and the kubelet starts it again). Default: 120."""
    lock: str = "none"
    """`postgresql`: replicas that start together migrate one after another, by an advisory lock of the database. psql takes it with the
    PGUSER, PGDATABASE, PGPASSWORD ... of the environment, straight at `database`: a pooler in transaction mode has no sessions. The command
    must do nothing when there is nothing to do, as tools with a table of versions do; else set skip_if.
    `none`: for tools that lock by themselves (Flyway, Liquibase, golang-migrate, Rails, Prisma). Default: none."""
    lock_name: str | None = None
    """Workloads with the same name in the same database exclude each other. Default: None, the app's name."""
    lock_seconds: int = 900
    """Seconds to wait for the lock, while other replicas migrate. Default: 900."""
    skip_if: str | None = None
    """With the lock: an SQL expression or a query for one boolean, asked under the lock; the command is not run if it is true, e.g.
    `select exists(select from versions where number = 7)`. A table that does not exist is false. Default: None, it is always run."""
    timeout_seconds: int = 600
    """Seconds the command may take; then it gets SIGTERM, and 10 seconds later SIGKILL. Default: 600."""
    uid: int | None = None
    """User id. Default: None, the app's."""
    read_only_root: bool = True
    """Read-only root filesystem; /tmp is writable. Default: True."""
    volume_name: str = "migration"
    """Name of the volume at /tmp, and the beginning of those of secret_files. Default: migration."""
    size_limit: str = "64Mi"
    """Size limit of /tmp. Default: 64Mi."""
    wait_image: pulumi.Input[str] = "busybox:1.37"
    """Image with BusyBox, which waits for the database where psql does not. Default: busybox:1.37."""
    container_name: str = "migrate"
    """Name of the container, and the beginning of that of the one that waits. Default: migrate."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    )
    """Requests and limits. Default: 100m, 128Mi to 256Mi."""

    def problems(self) -> list[str]:
        """What is wrong with the arguments; a database that is an Output is looked at when it is known."""
        found = []
        if not self.command:
            found.append("command is empty; name the program, for the image's entrypoint is not run")
        for name in (*self.env, *self.secret_env):
            found += checks.env_name("env name", name)
        found += [f"env {name!r} is in env and in secret_env; remove one of them" for name in self.env if name in self.secret_env]
        for directory in self.secret_files:
            found += checks.path("secret_files", directory)
        if isinstance(self.database, str):
            found += database_problems(self.database)
        found += checks.one_of("lock", self.lock, ("none", "postgresql"))
        if self.lock == "postgresql" and self.database is None:
            found.append("lock='postgresql' needs database=, where the lock is")
        if self.lock_name is not None:
            found += checks.label("lock_name", self.lock_name)
        if self.skip_if is not None:
            if self.lock == "none":
                found.append("skip_if is asked under the lock only; set lock='postgresql'")
            if not checks.is_plain(self.skip_if):
                found.append("skip_if must be a plain value, not an Output")
            elif any(sign in self.skip_if for sign in (";", "\\")):
                found.append(f"skip_if {self.skip_if!r} is not allowed: one query without ';' and '\\'")
        for name in ("wait_seconds", "lock_seconds", "timeout_seconds"):
            found += checks.at_least(name, getattr(self, name), 1)
        if self.uid == 0:
            found.append("uid 0 is root: run the migration as another user")
        found += checks.label("volume_name", self.volume_name) + checks.quantity("size_limit", self.size_limit)
        return found + checks.label("container_name", self.container_name) + checks.resources("resources", self.resources)

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, the one that waits in front of it where psql does not, and their volumes."""
        lock_name = self.lock_name or pod.app.name
        locked = self.lock == "postgresql"
        env: dict[str, pulumi.Input[str]] = {"MIGRATION_LOCK": self.lock, "MIGRATION_TIMEOUT_SECONDS": str(self.timeout_seconds)}
        waits: tuple[dict[str, Any], ...] = ()
        security = restricted(pod.app.uid if self.uid is None else self.uid, pod.app.gid)
        if locked and self.database is not None:
            database = checks.when_known(describe(self), self.database, database_problems)
            # 63 bits: a bigint that is never negative
            key = int.from_bytes(hashlib.sha256(lock_name.encode()).digest()[:8], "big") >> 1
            env |= {
                "MIGRATION_DATABASE": database,
                "MIGRATION_WAIT_SECONDS": str(self.wait_seconds),
                "MIGRATION_LOCK_NAME": lock_name,
                "MIGRATION_LOCK_KEY": str(key),
                "MIGRATION_LOCK_SECONDS": str(self.lock_seconds),
                "MIGRATION_SKIP_IF": self.skip_if or "",
            }
        elif self.database is not None:
            waits = (
                wait_container(
                    describe(self),
                    f"{self.container_name}-wait",
                    [("tcp", self.database)],
                    image=self.wait_image,
                    timeout_seconds=self.wait_seconds,
                    resources={"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
                    security=as_app(pod),
                ),
            )
        secrets = [(f"{self.volume_name}-{index}", path, name) for index, (path, name) in enumerate(self.secret_files.items())]
        container = {
            "name": self.container_name,
            "image": self.image,
            "command": ["/bin/sh", "-c", _SCRIPT, "migration", *self.command],
            "args": list(self.args),
            "env": [
                *({"name": name, "value": value} for name, value in (*self.env.items(), *env.items())),
                *(
                    {"name": name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
                    for name, ref in self.secret_env.items()
                ),
            ],
            "volumeMounts": [
                {"name": self.volume_name, "mountPath": _TMP},
                *({"name": volume, "mountPath": path, "readOnly": True} for volume, path, _ in secrets),
            ],
            "resources": self.resources,
            "securityContext": {**security, "readOnlyRootFilesystem": self.read_only_root},
        }
        return PodPatch(
            init_containers=(*waits, container),
            volumes=(
                {"name": self.volume_name, "emptyDir": {"sizeLimit": self.size_limit}},
                *({"name": volume, "secret": {"secretName": name, "defaultMode": secret_mode(pod)}} for volume, _, name in secrets),
            ),
        )


def database_problems(database: str) -> list[str]:
    """What is wrong with host:port of a database."""
    return [line.replace("tcp", "database", 1) for line in target_problems("tcp", database)]


class MigrationInit(pulumi.ComponentResource):
    """An init container that waits for the database, takes a lock if asked to, and runs the migration; its exit code is the container's.

    Every replica, and every pod that is started later, runs it: it is the tool's table of versions, or `skip_if`, that makes the second
    time nothing to do. The old pods still serve while it runs, so it must leave them a schema that they can work with.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: MigrationInitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args, name=name)
        refuse(f"MigrationInit {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:MigrationInit", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
