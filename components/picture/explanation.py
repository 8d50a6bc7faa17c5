"""Who added a part of a pod, who changed it, and why: in words."""

from collections.abc import Iterator, Sequence

from ..core.errors import ProblemsError
from ..core.pod import Pod
from ..core.pod_security import containers
from ..core.provenance import Part, parts
from ..core.table import table

_BESIDE = ("volume", "port", "annotation", "label", "sysctl", "pod")


def explain(pod: Pod, what: str | None = None) -> str:
    """Which pattern added a part of the pod, which changed it, and why.

    what: `CONTAINER`, `CONTAINER/FIELD`, `CONTAINER/FIELD/NAME` (a field as in the manifest: `env`, `volumeMounts`, `readinessProbe`),
    `CONTAINER/TEXT` (a name in one of its fields, or a text in a file that it mounts, such as a header), or the name of a volume or a port,
    `volume/NAME` where a container has the same (default: a table of all containers, volumes and ports).

    Raises ProblemsError, with the names that are known.
    """
    every = parts(pod)
    if what is None:
        return "\n".join(_overview(pod, every)) + "\n"
    names = [c["name"] for c in containers(pod.spec)]
    found = _found(every, what)
    lines = [] if found else list(_in_files(pod, what))
    if not found and not lines:
        raise ProblemsError(f"pod of {pod.app.name!r}", [_unknown(every, names, what)])
    owners = [owner for part in found for owner in (part.owner, *part.changed_by)] + [owner for owner, _ in lines]
    rows = [*table((_place(part, names), _who(part)) for part in found), *(f"  {line}  {owner}" for owner, line in lines)]
    return "\n".join([f"{what} in the pod of {pod.app.name}", *rows, *_whys(pod, owners)]) + "\n"


def _overview(pod: Pod, every: Sequence[Part]) -> Iterator[str]:
    yield f"Pod of {pod.app.name}"
    titles = {"volume": "Volumes", "port": "Ports", "annotation": "Annotations", "label": "Labels", "sysctl": "Sysctls"}
    own = [part for part in every if len(part.path) == 1]
    yield "Containers, in start order"
    yield from table((part.path[0], _who(part)) for part in own)
    for kind, title in titles.items():
        found = [part for part in every if len(part.path) == 2 and part.path[0] == kind and part not in own and _is_beside(part, every)]
        if found:
            yield title
            yield from table((part.path[1], _who(part)) for part in found)
    yield from _whys(pod, [c.owner for c in pod.contributions])


def _is_beside(part: Part, every: Sequence[Part]) -> bool:
    """Whether it is in no container, even in one that is called `volume`."""
    return part.path[0] in _BESIDE and not any(other.path == part.path[:1] for other in every)


def _who(part: Part) -> str:
    text = part.owner
    if part.changed_by:
        text += f", changed by {', '.join(part.changed_by)}"
    return f"{text}: {part.how}" if part.how else text


def _place(part: Part, names: Sequence[str]) -> str:
    """A part, as it is asked for; the container itself is only that."""
    container, *rest = part.path
    if container not in names:
        return " ".join(part.path)
    return " ".join(rest) if rest else "the container"


def _found(every: Sequence[Part], what: str) -> list[Part]:
    """The parts that are meant."""
    # a mount's name has slashes of its own
    container, *rest = what.split("/", 2)
    if not rest:
        return [p for p in every if (p.path[0] == container and p.path[0] not in _BESIDE) or (len(p.path) == 2 and p.path[1] == container)]
    wanted = tuple(part.lower() for part in rest)

    def named(part: Part, names: tuple[str, ...]) -> bool:
        given = tuple(name.lower().lstrip("/") for name in part.path[1 : 1 + len(names)])
        return given == tuple(name.lstrip("/") for name in names)

    inside = [part for part in every if part.path[0] == container]
    item = "/".join(wanted)
    return [part for part in inside if named(part, wanted)] or [p for p in inside if p.path[-1].lower().lstrip("/") == item.lstrip("/")]


def _in_files(pod: Pod, what: str) -> Iterator[tuple[str, str]]:
    """Owner, and place with the line itself, for every line with that text in a file that the container mounts."""
    name, _, text = what.partition("/")
    container = next((c for c in containers(pod.spec) if c["name"] == name), None)
    mounted = {mount["name"] for mount in (container or {}).get("volumeMounts") or ()}
    for contribution in pod.contributions:
        for config in (c for c in contribution.patch.config_files if c.name in mounted and text):
            for file, content in config.files.items():
                for number, line in enumerate(content.splitlines() if isinstance(content, str) else (), 1):
                    if text.lower() in line.lower():
                        yield contribution.owner, f"{config.name}/{file}:{number}: {line.strip()}"


def _unknown(every: Sequence[Part], names: Sequence[str], what: str) -> str:
    container, _, rest = what.partition("/")
    if container in names:
        fields = dict.fromkeys(part.path[1] for part in every if part.path[0] == container and len(part.path) > 1)
        return (
            f"container {container!r} has no {rest!r}, nor have the files that it mounts; use one of its fields (known: "
            f"{', '.join(fields)})"
        )
    known = {kind: ", ".join(p.path[1] for p in every if p.path[0] == kind and len(p.path) == 2) or "none" for kind in ("volume", "port")}
    return (
        f"there is no container, volume or port {what!r}; use one of these (known: containers {', '.join(names)}; volumes "
        f"{known['volume']}; ports {known['port']})"
    )


def _whys(pod: Pod, owners: Sequence[str]) -> Iterator[str]:
    """What the patterns are for, and their arguments."""
    for contribution in (c for c in pod.contributions if c.owner in owners):
        yield ""
        yield f"{contribution.owner}: {contribution.why}" if contribution.why else contribution.owner
        yield from (f"  {name}: {value}" for name, value in contribution.arguments.items())
