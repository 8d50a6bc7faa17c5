"""MigrationInit: a database migration that has succeeded before the app starts, run by one replica at a time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Literal

import pulumi

from ..core import checks
from ..core.app import SecretKey
from ..core.component import PatternComponent
from ..core.environment import environment, literal
from ..core.identity import as_app, restricted, secret_mode
from ..core.patch import Connection, PodPatch
from ..core.plug import PatternArgs, describe
from ..core.quantities import sized
from ..core.rules import EnvName, EnvSource, Image, Label, ObjectName, Path, Positive, Quantity, Resources, Text, Uid
from ..core.view import PodView
from .shared.scripts import script
from .shared.waiting import HostPort, host_port, wait_container

_TMP = "/tmp"

_SCRIPT = script(__package__, "migration_init.sh")

Query = Annotated[str, checks.shaped(r"[^;\\\0\ud800-\udfff]+", "one query without ';' and '\\'")]


@dataclass(frozen=True, kw_only=True)
class MigrationInitArgs(PatternArgs):
    """Arguments of MigrationInit."""

    image: pulumi.Input[Image]
    """Image of the migration, usually the app's, with a POSIX shell and `timeout` (GNU, or BusyBox 1.34 and later); for the lock also
    psql 11 or later and mkfifo."""
    command: Sequence[pulumi.Input[Text]]
    """The program and its arguments, e.g. `("alembic", "upgrade", "head")`; it replaces the image's entrypoint."""
    args: Sequence[pulumi.Input[Text]] = ()
    """Further arguments. Default: none."""
    env: Mapping[EnvName, pulumi.Input[Text] | EnvSource] = field(default_factory=dict)
    """Environment as in `App.env`, e.g. `{"PGUSER": "app", "PGDATABASE": "app"}`; a secret value is rejected. Default: none."""
    secret_env: Mapping[EnvName, SecretKey] = field(default_factory=dict)
    """Environment from Secrets, e.g. `{"PGPASSWORD": SecretKey(name="db", key="password")}`. Default: none."""
    secret_files: Mapping[Path, pulumi.Input[ObjectName]] = field(default_factory=dict)
    """Directory to metadata.name of the Secret whose keys are files there, readable by the pod's group. Default: none."""
    database: pulumi.Input[HostPort] | None = None
    """host:port of the database; the migration waits for it. Default: None, it does not wait."""
    wait_seconds: Positive = 120
    """Seconds to wait for it, before the container fails (and the kubelet starts it again). Default: 120."""
    lock: Literal["none", "postgresql"] = "none"
    """`postgresql`: replicas that start together migrate one after another, by an advisory lock of the database. psql takes it with the
    PGUSER, PGDATABASE, PGPASSWORD ... of the environment, straight at `database`: a pooler in transaction mode has no sessions. The command
    must do nothing when there is nothing to do, as tools with a table of versions do; else set skip_if.
    `none`: for tools that lock by themselves (Flyway, Liquibase, golang-migrate, Rails, Prisma). Default: none."""
    lock_name: Label | None = None
    """Workloads with the same name in the same database exclude each other. Default: None, the app's name."""
    lock_seconds: Positive = 900
    """Seconds to wait for the lock, while other replicas migrate. Default: 900."""
    skip_if: Query | None = None
    """With the lock: an SQL expression or a query for one boolean, asked under the lock; the command is not run if it is true, e.g.
    `select exists(select from versions where number = 7)`. A table that does not exist is false. Default: None, it is always run."""
    timeout_seconds: Positive = 600
    """Seconds the command may take; then it gets SIGTERM, and 10 seconds later SIGKILL. Default: 600."""
    uid: Uid | None = None
    """User id. Default: None, the app's."""
    read_only_root: bool = True
    """Read-only root filesystem; /tmp is writable. Default: True."""
    volume_name: Label = "migration"
    """Name of the volume at /tmp, and the beginning of those of secret_files. Default: migration."""
    size_limit: Quantity = "64Mi"
    """Size limit of /tmp. Default: 64Mi."""
    wait_image: pulumi.Input[Image] = "busybox:1.37"
    """Image with BusyBox, which waits for the database where psql does not. Default: busybox:1.37."""
    container_name: Label = "migrate"
    """Name of the container, and the beginning of that of the one that waits. Default: migrate."""
    resources: Resources = sized("100m", "128Mi", "256Mi")
    """Requests and limits. Default: 100m, 128Mi to 256Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        if not self.command:
            found.append("command is empty; name the program, for the image's entrypoint is not run")
        found += [f"env {name!r} is in env and in secret_env; remove one of them" for name in self.env if name in self.secret_env]
        if self.lock == "postgresql" and self.database is None:
            found.append("lock='postgresql' needs database=, where the lock is")
        if self.skip_if is not None and self.lock == "none":
            found.append("skip_if is asked under the lock only; set lock='postgresql'")
        return found

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, the one that waits in front of it where psql does not, and their volumes."""
        lock_name = self.lock_name or pod.app.name
        locked = self.lock == "postgresql"
        env: dict[str, pulumi.Input[str]] = {"MIGRATION_LOCK": self.lock, "MIGRATION_TIMEOUT_SECONDS": str(self.timeout_seconds)}
        waits: tuple[dict[str, Any], ...] = ()
        security = restricted(pod.app.uid if self.uid is None else self.uid, pod.app.gid)
        if locked and self.database is not None:
            database = checks.when_known(describe(self), self.database, partial(host_port, "database"))
            # 63 bits: a bigint that is never negative
            key = int.from_bytes(hashlib.sha256(lock_name.encode()).digest()[:8], "big") >> 1
            env |= {
                "MIGRATION_DATABASE": database,
                "MIGRATION_WAIT_SECONDS": str(self.wait_seconds),
                "MIGRATION_LOCK_NAME": lock_name,
                "MIGRATION_LOCK_KEY": str(key),
                "MIGRATION_LOCK_SECONDS": str(self.lock_seconds),
                "MIGRATION_SKIP_IF": literal(self.skip_if or ""),
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
            "env": [*environment(self.env), *environment(env, self.secret_env)],
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
            # psql asks the server itself
            connects=() if self.database is None else (Connection(address=self.database, awaited="answer" if locked else "connection"),),
        )


class MigrationInit(PatternComponent[MigrationInitArgs]):
    """An init container that waits for the database, takes a lock if asked to, and runs the migration; its exit code is the container's.

    Every replica, and every pod that is started later, runs it: the tool's version table, or `skip_if`, must make repeated runs a no-op.
    The old pods still serve while it runs, so it must leave them a schema that they can work with.

    Raises ArgumentError.
    """
