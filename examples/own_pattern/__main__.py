"""A pattern of your own: under 30 lines, like the built-in ones, and usable from a stack file."""

from dataclasses import dataclass

import pulumi
from pod_patterns import App, ConfigFiles, PatternArgs, PodPatch, PodView, UndeclaredPort, Workload, WorkloadArgs, restricted, sidecar


@dataclass(frozen=True, kw_only=True)
class RedisTunnelArgs(PatternArgs):
    """The app talks to 127.0.0.1:6379, the tunnel to the real Redis, with TLS."""

    target: str
    """host:port of the real Redis."""

    def problems(self) -> list[str]:
        return [] if ":" in self.target else [f"target {self.target!r} is not allowed: host:port"]

    def patch(self, pod: PodView) -> PodPatch:  # noqa: ARG002
        config = f"foreground = yes\npid =\n[redis]\nclient = yes\naccept = 127.0.0.1:6379\nconnect = {self.target}\n"
        container = {
            "name": "redis-tunnel",
            "image": "dweomer/stunnel:latest",
            "command": ["stunnel", "/etc/redis-tunnel/stunnel.conf"],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
            "securityContext": restricted(65534),
            "volumeMounts": [{"name": "redis-tunnel", "mountPath": "/etc/redis-tunnel", "readOnly": True}],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            config_files=(ConfigFiles(name="redis-tunnel", files={"stunnel.conf": config}),),
            app_env=({"name": "REDIS_URL", "value": "redis://127.0.0.1:6379"},),
            undeclared_ports=(UndeclaredPort(number=6379),),
        )


shop = Workload(
    "shop",
    WorkloadArgs(app=App(name="shop", image="ghcr.io/acme/shop:1.4"), patterns=[RedisTunnelArgs(target="redis.acme.example:6380")]),
)
pulumi.export("security", shop.pod_security_level)
