"""RedisCacheSidecar: a Redis of the pod's own, as a cache that is as near as memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks, placeholders
from ..core.errors import refuse
from ..core.identity import as_app
from ..core.patch import Listen, PodPatch, sidecar
from ..core.plug import PatternArgs
from ..core.quantities import amount
from ..core.view import LOOPBACK, PodView

POLICIES = (
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "noeviction",
)
"""What Redis does when its memory is full."""

_MEBIBYTE = 2**20
# fragmentation and buffers of clients, and the program itself with nothing in it
_OVERHEAD, _BASE = 1.3, 16 * _MEBIBYTE
# Redis counts memory in a few MiB as soon as it runs: with less it would evict everything
_LEAST = 4 * _MEBIBYTE


@dataclass(frozen=True, kw_only=True)
class RedisCacheSidecarArgs(PatternArgs):
    """Arguments of RedisCacheSidecar."""

    maxmemory: str = "64Mi"
    """What the cache may hold, a Kubernetes quantity of 4Mi or more. The memory limit must be 1.3 times that and 16Mi, or more.
    Default: 64Mi."""
    policy: str = "allkeys-lru"
    """What goes when it is full: allkeys-lru, -lfu or -random; volatile-lru, -lfu, -random or -ttl, among the keys that expire only; or
    noeviction, an error for the writer. Default: allkeys-lru."""
    port: int = 6379
    """Port number on 127.0.0.1. Default: 6379."""
    socket_directory: str | None = None
    """Directory of a unix socket, redis.sock, the same in both containers and in place of the port. Default: None."""
    env: Mapping[str, str] = field(default_factory=lambda: {"REDIS_URL": "{url}"})
    """Environment of the app that says where the cache is, with the placeholders `{url}`, `{host}` and `{port}`, or `{url}` and `{socket}`.
    Default: REDIS_URL, redis://127.0.0.1:6379 or unix:///directory/redis.sock."""
    volume_name: str = "redis-cache"
    """Name of the volume of the socket. Default: redis-cache."""
    image: pulumi.Input[str] = "redis:7.4-alpine"
    """Redis 6 or later, or Valkey under Redis' program names. Default: redis:7.4-alpine."""
    container_name: str = "redis-cache"
    """Default: redis-cache."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    )
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
        """What is wrong with the arguments."""
        found = checks.one_of("policy", self.policy, POLICIES) + checks.port("port", self.port)
        if not found and self.port < 1024:
            found.append(f"port {self.port} takes a privilege that the sidecar does not have; use 1024 or more")
        wrong_path = [] if self.socket_directory is None else checks.path("socket_directory", self.socket_directory)
        found += wrong_path + checks.label("volume_name", self.volume_name) + checks.label("container_name", self.container_name)
        if not wrong_path:
            found += self._env_problems()
        wrong = checks.quantity("maxmemory", self.maxmemory) + checks.resources("resources", self.resources)
        return found + (wrong or self._memory_problems())

    def _env_problems(self) -> list[str]:
        found = []
        for name, template in self.env.items():
            found += checks.env_name("env name", name) + placeholders.problems(f"env {name!r}", template, self.places())
        return found

    def _memory_problems(self) -> list[str]:
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
            "maxmemory-policy": self.policy,
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
            "command": ["redis-server", *(part for name, value in settings.items() for part in (f"--{name}", value))],
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
            app_env=tuple({"name": n, "value": placeholders.fill(template, self.places())} for n, template in self.env.items()),
            listens=() if mount else (Listen(number=self.port),),
        )


class RedisCacheSidecar(pulumi.ComponentResource):
    """Redis in the pod, reachable from its containers alone: on 127.0.0.1, or by a unix socket that only the app mounts.

    Nothing is written to a disk: the cache is as old as its container, and each replica has its own.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: RedisCacheSidecarArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args or RedisCacheSidecarArgs(), name=name)
        refuse(f"RedisCacheSidecar {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:RedisCacheSidecar", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
