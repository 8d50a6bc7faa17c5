"""A pattern of your own: under 30 lines, and it looks like the shipped ones."""

import pulumi
from pod_patterns import App, ConfigFiles, Listen, PodPatch, PodView, Workload, WorkloadArgs, restricted, sidecar


class RedisTunnel:
    """The app talks to 127.0.0.1:6379, the tunnel to the real Redis, with TLS."""

    name = "redis"

    def __init__(self, target: str) -> None:
        self.target = target

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
            listens=(Listen(number=6379),),
        )


shop = Workload(
    "shop",
    WorkloadArgs(app=App(name="shop", image="ghcr.io/acme/shop:1.4"), patterns=[RedisTunnel("redis.acme.example:6380")]),
)
pulumi.export("security", shop.pod_security_level)
