"""The app's own container in wire form: probes that follow the fold, rebound env and args, shutdown."""

import re
from typing import Any

from . import checks, placeholders
from .app import LOOPBACK, App, Port
from .claims import APP
from .patch import PodPatch, Wire, restricted

_OWN_FIELDS = ("command", "args", "env", "ports", "volumeMounts", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe")


def pre_stop(seconds: int, kubernetes: tuple[int, int]) -> dict[str, Any]:
    """A preStop handler that waits: the sleep action, which needs no shell, is on by default since Kubernetes 1.30 (KEP-3960)."""
    return {"sleep": {"seconds": seconds}} if kubernetes >= (1, 30) else {"exec": {"command": ["sleep", str(seconds)]}}


def pre_stop_seconds(container: Wire) -> int:
    """How long the container's preStop handler waits, in seconds; 0 where it cannot be told."""
    handler = container.get("lifecycle", {}).get("preStop", {})
    if "sleep" in handler:
        return int(handler["sleep"].get("seconds", 0))
    command = handler.get("exec", {}).get("command", ())
    return int(command[1]) if len(command) == 2 and command[0] == "sleep" and str(command[1]).isdigit() else 0


def _probe(field: str, app: App, problems: list[str]) -> dict[str, Any]:
    """The app's probe, its port resolved to where the kubelet gets through to the app itself."""
    probe = dict(getattr(app, field))
    for handler in ("httpGet", "tcpSocket", "grpc"):
        if handler not in probe:
            continue
        given = probe[handler].get("port")
        port = next((p for p in app.ports if given in (p.name, p.outer_number)), None)
        if port is None:
            known = ", ".join(p.name for p in app.ports) or "none"
            problems.append(f"{field} probe of the app: it has no port {given!r}; use one of its ports (known: {known})")
            continue
        if port.front and handler != "httpGet":
            problems.append(
                f"{field} probe of the app: a {handler} probe of port {given!r} would be answered by the ambassador in front of it, "
                "dead app or not; use httpGet or exec"
            )
        scheme = port.front.probe_scheme if port.front else port.scheme.upper()
        secure = {"scheme": "HTTPS"} if handler == "httpGet" and scheme == "HTTPS" else {}
        probe[handler] = {**probe[handler], "port": port.front.probe_number if port.front else port.number, **secure}
    return probe


def _rebound(template: str, port: Port) -> str:
    return placeholders.fill(template, {"host": LOOPBACK, "port": str(port.number)})


def app_container(app: App, kubernetes: tuple[int, int], problems: list[str]) -> tuple[dict[str, Any], PodPatch]:
    """The app's container before anything is added, and what else it brings; what is wrong is appended to `problems`."""
    env, args = dict(app.env), list(app.args)
    moved: dict[str, str] = {}
    for port in app.ports:
        if port.owner != APP or not port.front or port.redirect is not None:
            continue
        if port.rebind is None:
            problems.append(
                f"port {port.name!r} of the app cannot be moved behind an ambassador, so clients could go round it; "
                "set Port.rebind, which tells the app to listen on 127.0.0.1, or list TrafficRedirectInit before the ambassador"
            )
            continue
        unsaid = port.rebind.unsaid()
        if unsaid:
            problems.append(f"port {port.name!r} of the app: its rebind {unsaid}")
        for name, template in port.rebind.env.items():
            value = _rebound(template, port)
            if moved.setdefault(name, value) != value:
                problems.append(f"port {port.name!r} of the app: env {name!r} of its rebind already moves another port, to {moved[name]!r}")
        args += [_rebound(template, port) for template in port.rebind.args]
    env |= moved

    container: dict[str, Any] = {"name": app.name, "image": app.image}
    if app.command:
        container["command"] = list(app.command)
    if args:
        container["args"] = args
    container["env"] = [
        *({"name": name, "value": value} for name, value in env.items()),
        *({"name": name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}} for name, ref in app.secret_env.items()),
    ]
    # what is redirected has not moved
    own = [p for p in app.ports if p.owner == APP and (not p.front or p.redirect is not None)]
    container["ports"] = [{"name": p.name, "containerPort": p.outer_number} for p in own]
    container["resources"] = app.resources
    for field in ("startup", "readiness", "liveness"):
        if getattr(app, field) is not None:
            container[f"{field}Probe"] = _probe(field, app, problems)
    if checks.is_plain(app.pre_stop_seconds) and app.pre_stop_seconds:
        container["lifecycle"] = {"preStop": pre_stop(app.pre_stop_seconds, kubernetes)}
    container["securityContext"] = {**restricted(app.uid, app.gid), "readOnlyRootFilesystem": app.read_only_root}
    scratch = {path: "scratch" + re.sub("[^a-z0-9]+", "-", path.lower()).rstrip("-") for path in app.scratch}
    container["volumeMounts"] = [*({"name": name, "mountPath": path} for path, name in scratch.items()), *app.volume_mounts]
    for key, value in app.container.items():
        if key in container or key in _OWN_FIELDS:
            problems.append(f"container[{key!r}] of the app: App sets this field itself; use its argument")
        else:
            container[key] = value
    volumes = [{"name": name, "emptyDir": {"sizeLimit": app.scratch[path]}} for path, name in scratch.items()]
    annotations = (("kubectl.kubernetes.io/default-container", app.name),)
    return container, PodPatch(volumes=(*volumes, *app.volumes), annotations=annotations)
