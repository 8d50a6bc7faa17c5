"""The container that runs nginx, with its configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from ...core.environment import environment
from ...core.identity import restricted, secret_mode
from ...core.patch import ConfigFiles, PodPatch, UndeclaredPort, Wire, sidecar
from ...core.view import BoundPort, PodView
from .ambassador import AmbassadorArgs
from .nginx import DIRECTORY, DRAINING, HEALTH, HEALTH_PATH, LISTEN_DIRECTORY, LISTENING_FILE, RELOADING, Nginx, listening_path, render
from .proxies import health_probe
from .scripts import script

_SCRIPT = script(__package__, "nginx.sh")


def started(args: AmbassadorArgs, nginx: Nginx, reload: Sequence[str]) -> dict[str, Any]:
    """The container's command; with directories in `reload` where Secrets are mounted, nginx takes their changes without a restart."""
    own = " ".join(f"{port.listen}:{nginx.parameters(port)}" for port in nginx.listeners if port.own_addresses)
    memory = str(args.worker_memory // 1024)
    env = environment(
        {
            "CONFIG": f"{DIRECTORY}/nginx.conf",
            "HEALTH": f"{DIRECTORY}/{HEALTH}",
            "DRAINING": DRAINING,
            "RELOADING": RELOADING,
            "MEMORY": memory,
        }
    )
    if own:
        # status.podIPs: every address of the pod, of both families in a dual-stack cluster
        env += environment({"LISTEN": own, "LISTEN_DIRECTORY": LISTEN_DIRECTORY})
        env.append({"name": "POD_IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}})
    checked = " ".join(f"{port.name}:{port.checked:04X}" for port in nginx.listeners if port.checked)
    if checked:
        env += environment({"CHECKED": checked, "LISTENING": LISTENING_FILE})
    return {"command": ["/bin/sh", "-c", _SCRIPT, "nginx", *reload], "env": env}


def _readable(source: Wire, pod: PodView) -> Wire:
    """The source of a volume, its files readable for nginx; those of a ConfigMap are for all."""
    return {"secret": {**source["secret"], "defaultMode": secret_mode(pod)}} if "secret" in source else source


def _pre_stop(nginx: Nginx, seconds: int) -> str:
    """A second after termination begins every answer of HTTP/1.1 closes its connection. Connections of HTTP/2 end by GOAWAY, which a
    worker sends when it makes room for another: once, when new ones lead to other pods by now, and the app still takes requests."""
    if not any(listener.http2 for listener in nginx.listeners):
        return f"touch {DRAINING}; sleep {seconds}"
    left = seconds // 3
    return f'touch {DRAINING}; sleep {seconds - left}; kill -HUP "$(cat /tmp/nginx.pid)"; sleep {left}'


def proxy(
    args: AmbassadorArgs,
    nginx: Nginx,
    *,
    pod: PodView,
    ports: Sequence[BoundPort],
    files: Mapping[str, pulumi.Input[str]] | None = None,
    mounts: Mapping[str, tuple[str, Wire | str]] | None = None,
) -> PodPatch:
    """The container, with its configuration and other `files` in DIRECTORY.

    `ports` are those that it took over from outside; it declares what nobody declares. `mounts` has what else is mounted: the end of the
    volume's name -> where, and the volume's source, or the name of a volume that is there. With `reload` nginx follows them.
    """
    name, mounted = args.container_name, mounts or {}
    volumes = {source if isinstance(source, str) else f"{name}-{part}": path for part, (path, source) in mounted.items()}
    made = {f"{name}-{part}": source for part, (_, source) in mounted.items() if not isinstance(source, str)}
    followed = [path for path, _ in mounted.values()] if nginx.reload else []
    probe = health_probe(nginx.health_port, HEALTH_PATH)
    container = {
        "name": name,
        "image": args.image,
        **started(args, nginx, followed),
        "ports": [{"name": port.name, "containerPort": port.number} for port in ports if not port.is_declared],
        "resources": args.resources,
        # nginx answers itself: the app is started only when this succeeded
        **probe,
        # as long as the app waits, for classic sidecars
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", _pre_stop(nginx, pod.app.pre_stop_seconds)]}}},
        "securityContext": restricted(args.uid, args.uid),
        "volumeMounts": [
            {"name": f"{name}-config", "mountPath": DIRECTORY, "readOnly": True},
            *({"name": volume, "mountPath": path, "readOnly": True} for volume, path in volumes.items()),
            {"name": f"{name}-tmp", "mountPath": "/tmp"},
        ],
    }
    health = [HEALTH_PATH, *([nginx.validator.health_path] if nginx.validator else [])]
    health += [listening_path(port.name) for port in nginx.listeners if port.checked]
    probed = [
        UndeclaredPort(number=p.probe_port, argument="health_port", paths=tuple(dict.fromkeys(p.probe_uris)))
        for p in nginx.listeners
        if p.probe_port
    ]
    return PodPatch(
        init_containers=(sidecar(container),),
        volumes=(
            *({"name": volume, **_readable(source, pod)} for volume, source in made.items()),
            {"name": f"{name}-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ),
        config_files=(ConfigFiles(name=f"{name}-config", files={**render(args, nginx, pod), **(files or {})}),),
        undeclared_ports=(UndeclaredPort(number=nginx.health_port, argument="health_port", paths=tuple(health)), *probed),
    )
