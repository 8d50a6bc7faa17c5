"""A pod in words, for people: containers in start order, ports with their schemes, volumes."""

from .contribution import Contribution
from .patch import Wire
from .pod import Pod
from .pod_security import containers
from .provenance import added_containers
from .table import table
from .view import APP, LOOPBACK, BoundPort


def _kind(container: Wire, spec: Wire, app: str) -> str:
    if container["name"] == app:
        return "app"
    init = any(container is c for c in spec.get("initContainers", ()))
    return "init, ends before the next starts" if init and container.get("restartPolicy") != "Always" else "sidecar"


def volume_kind(volume: Wire) -> str:
    """What a volume is, in words."""
    # without a source it is an emptyDir
    kind = next((key for key in volume if key != "name"), "emptyDir")
    source: Wire = volume.get(kind, {})
    medium = "in memory, " if source.get("medium") == "Memory" else ""
    limit = f"{source['sizeLimit']} at most" if "sizeLimit" in source else ""
    detail = f"{medium}{limit}".strip(", ")
    return f"{kind} ({detail})" if detail else kind


def summary(pod: Pod) -> str:
    """The pod as a few lines of plain text."""
    spec, app = pod.spec, pod.app
    every = containers(spec)
    privileged = pod.privileged_containers
    because = f", because of {', '.join(privileged)}" if privileged else ""
    volumes = [*((v["name"], volume_kind(v)) for v in spec["volumes"]), *((c.name, "configMap") for c in pod.config_files)]
    lines = [
        f"Pod of {app.name}: Pod Security Standard {pod.security_level}{because}",
        "Containers, in start order",
        *table((c["name"], _kind(c, spec, app.name)) for c in every),
    ]
    if pod.ports:
        lines += ["Ports", *table(_port_row(p, app.name) for p in pod.ports)]
    if volumes:
        mounts = {
            name: ", ".join(f"{c['name']}:{m['mountPath']}" for c in every for m in c.get("volumeMounts", ()) if m["name"] == name)
            for name, _ in volumes
        }
        lines += ["Volumes", *table((name, kind, mounts[name]) for name, kind in volumes)]
    if pod.contributions:
        lines += ["Patterns", *table((c.owner, _done(c)) for c in pod.contributions)]
    return "\n".join(lines)


def _done(contribution: Contribution) -> str:
    """What a pattern did, in a line."""
    patch = contribution.patch
    volumes = len(patch.volumes) + len(patch.config_files)
    adds = [c["name"] for c in added_containers(patch)] + ([f"{volumes} volume{'' if volumes == 1 else 's'}"] if volumes else [])
    found = {
        "adds": adds,
        "stands in front of": [port.name for port, moved in contribution.moves if moved.frontend != port.frontend or moved.has_moved],
        "redirects": [port.name for port, moved in contribution.moves if moved.redirect != port.redirect],
        "sets env of the app": [v["name"] for v in patch.app_env],
        "mounts in the app": [m["mountPath"] for m in patch.app_mounts],
        "sets sysctl": [name for name, _ in patch.sysctls],
        "annotates": [name for name, _ in patch.annotations],
        "labels": [name for name, _ in patch.labels],
    }
    return "; ".join(f"{what} {', '.join(names)}" for what, names in found.items() if names) or "adds nothing"


def _port_row(port: BoundPort, app: str) -> tuple[str, str, str, str]:
    who = app if port.owner == APP else port.owner
    behind = f"in front of {port.scheme} {LOOPBACK}:{port.number} ({who})" if port.frontend else who
    if port.frontend and port.number == port.outer_number:
        behind += ", which `kubectl port-forward` reaches"
    return str(port.outer_number), port.outer_scheme, port.name, behind
