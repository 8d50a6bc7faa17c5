"""RedisCacheSidecar: a Redis of the pod's own, as a cache that is as near as memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from ..core import checks, placeholders
from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import as_app
from ..core.patch import PodPatch, UndeclaredPort, sidecar
from ..core.plug import PatternArgs
from ..core.quantities import amount, sized
from ..core.rules import EnvName, HighPort, Image, Label, Path, Quantity, Resources, Text
from ..core.view import LOOPBACK, PodView

EvictionPolicy = Literal[
    "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "noeviction"
]

_MEBIBYTE = 2**20
# fragmentation and buffers of clients, and the program itself with nothing in it
_OVERHEAD, _BASE = 1.3, 16 * _MEBIBYTE
# Redis counts memory in a few MiB as soon as it runs: with less it would evict everything
_LEAST = 4 * _MEBIBYTE

# Everybody on loopback is the user `default`. What would change the server, its other clients or its rights is not for them: CONFIG, ACL,
# MODULE, DEBUG, SHUTDOWN, REPLICAOF, MIGRATE, MONITOR, SAVE, CLIENT KILL, FLUSHALL ... (@admin, @dangerous). Of these categories, what
# libraries for caches use: INFO for the version, FLUSHDB and KEYS to clear a cache, SORT. Redis 6.2 counts all of CLIENT among them, and
# Redis 7.0 knows no more of its subcommands than these; newer ones are in no such category.
_CLIENT = ("id", "setname", "getname", "info", "reply", "tracking", "trackinginfo", "caching", "getredir")
_COMMANDS = ("+@all", "-@admin", "-@dangerous", "+info", "+flushdb", "+keys", "+sort", *(f"+client|{name}" for name in _CLIENT))
_USER = ("--user", "default", "on", "nopass", "~*", "&*", *_COMMANDS)


@dataclass(frozen=True, kw_only=True)
class RedisCacheSidecarArgs(PatternArgs):
    """Arguments of RedisCacheSidecar."""

    maxmemory: Quantity = "64Mi"
    """What the cache may hold, a Kubernetes quantity of 4Mi or more. The memory limit must be 1.3 times that and 16Mi, or more.
    Default: 64Mi."""
    maxmemory_policy: EvictionPolicy = "allkeys-lru"
    """Eviction policy: allkeys-lru, -lfu or -random; volatile-lru, -lfu, -random or -ttl, among the keys that expire only; or
    noeviction, an error for the writer. Default: allkeys-lru."""
    port: HighPort = 6379
    """Port number on 127.0.0.1. Default: 6379."""
    socket_directory: Path | None = None
    """Directory of a unix socket, redis.sock, the same in both containers and in place of the port. Default: None."""
    env: Mapping[EnvName, Text] = field(default_factory=lambda: {"REDIS_URL": "{url}"})
    """Environment of the app that says where the cache is, with the placeholders `{url}`, `{host}` and `{port}`, or `{url}` and `{socket}`.
    Default: REDIS_URL, redis://127.0.0.1:6379 or unix:///directory/redis.sock."""
    volume_name: Label = "redis-cache"
    """Name of the volume of the socket. Default: redis-cache."""
    image: pulumi.Input[Image] = "redis:7.4-alpine"
    """Redis 6.2 or later, or Valkey under Redis' program names. Default: redis:7.4-alpine."""
    container_name: Label = "redis-cache"
    """Default: redis-cache."""
    resources: Resources = sized("20m", "64Mi", "128Mi")
    """Requests and limits. Default: 20m, 64Mi to 128Mi."""

    @property
    def socket(self) -> str | None:
        """Path of the socket."""
        return None if self.socket_directory is None else f"{self.socket_directory.rstrip('/')}/redis.sock"

    def places(self) -> dict[str, str]:
        """The value of each placeholder in `env`."""
        if self.socket is not None:
            return {"url": f"unix://{self.socket}", "socket": self.socket}
        return {"url": f"redis://{LOOPBACK}:{self.port}", "host": LOOPBACK, "port": str(self.port)}

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        templates = self.env.items()
        found = [line for name, text in templates for line in placeholders.problems(f"env[{name!r}]", text, self.places())]
        return found + self._memory_problems()

    def _memory_problems(self) -> list[str]:
        if checks.quantity("", self.maxmemory) or checks.resources("", self.resources):
            # wrong by themselves
            return []
        held, limit = amount(self.maxmemory), amount(self.resources["limits"]["memory"])
        if held < _LEAST:
            return [f"maxmemory {self.maxmemory} is too little for Redis itself; use 4Mi or more"]
        least = _OVERHEAD * held + _BASE
        if limit < least:
            return [
                f"resources.limits.memory {self.resources['limits']['memory']} is too little for maxmemory {self.maxmemory}: a full cache "
                f"would be killed; set it to {-(-least // _MEBIBYTE):.0f}Mi or more, or maxmemory= to less"
            ]
        return []

    def patch(self, pod: PodView) -> PodPatch:
        """The sidecar, and its address in the app's environment."""
        settings = {
            "maxmemory": f"{amount(self.maxmemory):.0f}",
            "maxmemory-policy": self.maxmemory_policy,
            "save": "",
            "appendonly": "no",
            # a host that is not loopback gets an error, should somebody change bind
            "protected-mode": "yes",
        }
        mount: tuple[dict[str, Any], ...] = ()
        if self.socket is not None:
            settings |= {"port": "0", "unixsocket": self.socket, "unixsocketperm": "700"}
            reach = ["-s", self.socket]
            mount = ({"name": self.volume_name, "mountPath": self.socket_directory},)
        else:
            settings |= {"port": str(self.port), "bind": LOOPBACK}
            reach = ["-h", LOOPBACK, "-p", str(self.port)]
        # not httpGet: the kubelet does not reach loopback
        probe = {"exec": {"command": ["redis-cli", *reach, "ping"]}, "timeoutSeconds": 5}
        container = {
            "name": self.container_name,
            "image": self.image,
            # past the image's entrypoint, which turns protected-mode off
            "command": ["redis-server", *(part for name, value in settings.items() for part in (f"--{name}", value)), *_USER],
            "resources": self.resources,
            "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
            "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 3},
            # the app's user: the socket is for it alone
            "securityContext": as_app(pod),
            "volumeMounts": list(mount),
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            volumes=({"name": self.volume_name, "emptyDir": {"sizeLimit": "1Mi"}},) if mount else (),
            app_mounts=mount,
            app_env=tuple(environment({name: placeholders.fill(template, self.places()) for name, template in self.env.items()})),
            undeclared_ports=() if mount else (UndeclaredPort(number=self.port),),
        )


class RedisCacheSidecar(PatternComponent[RedisCacheSidecarArgs]):
    """Redis in the pod, reachable from its containers alone: on 127.0.0.1, or by a unix socket that only the app mounts.

    Nothing is written to a disk: the cache is as old as its container, and each replica has its own.

    It has no password, so its clients may use it but not administer it: of the commands in Redis' categories @admin and @dangerous, only
    these are allowed: INFO, FLUSHDB, KEYS, SORT and what a client says about its own connection. CONFIG, ACL, FLUSHALL, MONITOR or SHUTDOWN
    answer NOPERM; where a library calls CONFIG by itself, turn that off, as for any managed Redis. redis_exporter finds CONFIG, LATENCY and
    SLOWLOG rejected, and exports what INFO says.

    Raises ArgumentError.
    """
