"""The app's own container in manifest form, and how it follows its ports to where ambassadors moved them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import checks, placeholders
from .app import App, Rebind
from .command import Place, ends_with_script, words
from .environment import environment
from .handlers import HANDLERS, PROBES, handlers_of
from .identity import restricted
from .patch import Wire
from .view import APP, LOOPBACK, BoundPort, PodView

# not ${port}, which is a shell's
_PORT = re.compile(r"(?P<text>\{\{port\}\})|(?<!\$)\{port\}")


def pre_stop(seconds: int, kubernetes: tuple[int, int]) -> dict[str, Any]:
    """A preStop handler that waits: the sleep action, which needs no shell, is on by default since Kubernetes 1.30 (KEP-3960)."""
    return {"sleep": {"seconds": seconds}} if kubernetes >= (1, 30) else {"exec": {"command": ["sleep", str(seconds)]}}


def pre_stop_seconds(container: Wire) -> int:
    """How long the container's preStop handler waits, in seconds; 0 where it cannot be told."""
    handler = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in handler:
        return int(handler["sleep"].get("seconds", 0))
    command: list[str] = list((handler.get("exec") or {}).get("command") or ())
    return int(command[1]) if len(command) == 2 and command[0] == "sleep" and str(command[1]).isdigit() else 0


def scratch_volumes(app: App) -> dict[str, str]:
    """The name of the volume of each writable directory."""
    return {path: "scratch" + re.sub("[^a-z0-9]+", "-", path.lower()).rstrip("-") for path in app.empty_dirs}


def app_container(app: App, kubernetes: tuple[int, int]) -> dict[str, Any]:
    """The app's container as it is declared, without any pattern."""
    waits = checks.is_plain(app.pre_stop_seconds) and app.pre_stop_seconds
    return {
        "name": app.name,
        "image": app.image,
        **({"command": list(app.command)} if app.command else {}),
        **({"args": list(app.args)} if app.args else {}),
        "env": environment(app.env, app.secret_env),
        "ports": [
            {"name": port.name, "containerPort": port.number, **({} if port.protocol == "TCP" else {"protocol": port.protocol})}
            for port in app.ports
        ],
        "resources": app.resources,
        **app.probes(),
        **({"lifecycle": {"preStop": pre_stop(app.pre_stop_seconds, kubernetes)}} if waits else {}),
        "securityContext": {**restricted(app.uid, app.gid), "readOnlyRootFilesystem": app.read_only_root},
        "volumeMounts": [*({"name": n, "mountPath": path} for path, n in scratch_volumes(app).items()), *app.volume_mounts],
        **app.container,
    }


def follow(container: Wire, pod: PodView, *, owned: bool = True) -> tuple[dict[str, Any], list[str]]:
    """The app's container told where its ports are now, and asked by the kubelet where that gets through; and what is in the way.

    Ports, their numbers and names stay: a declaration is where Services, NetworkPolicies and monitors look. owned: whether this package
    wrote it; of somebody else's, only what has to follow is touched (default: True).
    """
    moved = [port for port in pod.ports if port.owner == APP and port.has_moved and not port.declaration.peers]
    followed, problems = _rebound(container, moved, classic=pod.classic)
    if owned:
        followed |= _asking(container, pod)
    for field, handlers in handlers_of(container):
        for kind in (kind for kind in HANDLERS if handlers.get(kind)):
            asked, found = _asked(field, kind, handlers[kind], pod, owned=owned)
            problems += found
            followed |= _with(followed, field.split("."), kind, asked)
    return followed, problems


def _asking(container: Wire, pod: PodView) -> dict[str, Any]:
    """The exec probes, with the number of the app's first port."""
    first = next((str(port.number) for port in pod.ports if port.owner == APP), None)
    found = {}
    for name in PROBES:
        words = ((container.get(name) or {}).get("exec") or {}).get("command") or ()
        if first is not None and any(isinstance(word, str) and "{port}" in word for word in words):
            filled = [_PORT.sub(lambda m: "{port}" if m["text"] else first, w) if isinstance(w, str) else w for w in words]
            found[name] = {**container[name], "exec": {**container[name]["exec"], "command": filled}}
    return found


def follow_beside(container: Wire, pod: PodView) -> tuple[Wire, list[str]]:
    """Somebody else's container beside the app's; where it has the kubelet ask a port of the app by its number, that follows."""
    followed, problems = dict(container), []
    for field, handlers in handlers_of(container):
        for kind in (kind for kind in HANDLERS if handlers.get(kind) and not isinstance(handlers[kind].get("port"), str)):
            asked, found = _asked(field, kind, handlers[kind], pod, owned=False, whose=f"container {container.get('name')!r}")
            problems += found
            followed |= _with(followed, field.split("."), kind, asked)
    return followed if followed != container else container, problems


def _with(value: Wire, path: list[str], kind: str, asked: Wire) -> dict[str, Any]:
    """The value, in which the handler at that path is another one, in the same place."""
    if path:
        return {**value, path[0]: _with(value[path[0]], path[1:], kind, asked)}
    changed: dict[str, Any] = {}
    for name, inner in value.items():
        changed |= asked if name == kind else {name: inner}
    return changed


def _rebound(container: Wire, moved: list[BoundPort], *, classic: bool) -> tuple[dict[str, Any], list[str]]:
    """The container with the rebinds of those ports."""
    problems: list[str] = []
    env: dict[str, str] = {}
    replaced: dict[Place, str] = {}
    behind: list[str] = []
    for port in moved:
        where, rebind = f"port {port.name!r} of the app", port.declaration.rebind
        if rebind is None:
            problems.append(
                f"{where} cannot be moved behind an ambassador, so clients could go round it; "
                "set Port.rebind, which tells the app to listen on 127.0.0.1, or list TrafficRedirectInit before the ambassador"
            )
            continue
        problems += [f"{where}: its rebind {line}" for line in _unfit(container, port, rebind, classic=classic)]
        values = {"host": LOOPBACK, "port": str(port.number)}
        for name, template in rebind.env.items():
            value = placeholders.fill(template, values)
            if env.setdefault(name, value) != value:
                problems.append(f"{where}: env {name!r} of its rebind already moves another port, to {env[name]!r}")
        for word, template in rebind.replace.items():
            value = placeholders.fill(template, values)
            if any(replaced.setdefault(place, value) != value for place in _places(container, word)):
                problems.append(f"{where}: the argument {word!r} of its rebind is replaced for another port already; write a word for each")
        behind += [placeholders.fill(template, values) for template in rebind.args]
    given = _image_args(container, moved)
    if len(given) > 1:
        problems.append("the rebinds of the app's ports have different image_args, but they are those of one image; write the same ones")
    line = {
        field: [*(replaced.get((field, i), word) for i, word in enumerate(container.get(field) or ())), *more]
        for field, more in (("command", []), ("args", [*(given[0] if given else ()), *behind]))
    }
    more = {field: given for field, given in line.items() if given and given != list(container[field] or () if field in container else ())}
    if env:
        more["env"] = _with_env(list(container.get("env") or ()), env)
    return {**container, **more}, problems


def _image_args(container: Wire, moved: list[BoundPort]) -> list[tuple[str, ...]]:
    """What those ports say that the image's arguments are, if they are to be written out."""
    if container.get("command") or container.get("args"):
        return []
    rebinds = [port.declaration.rebind for port in moved]
    return list(dict.fromkeys(tuple(r.image_args) for r in rebinds if r and r.args and r.image_args is not None))


def _unfit(container: Wire, port: BoundPort, rebind: Rebind, *, classic: bool) -> Iterator[str]:
    """Why the rebind cannot move that port of the container."""
    unsaid = rebind.unsaid()
    if unsaid:
        yield unsaid
    elif port.keeps_number and classic:
        yield (
            f"does not say the port, so that the app keeps {port.number} and must start after the ambassador, which classic sidecars do "
            "not assure; use {port} in it, or sidecars='native', or list TrafficRedirectInit before the ambassador"
        )
    is_bare = not container.get("command") and not container.get("args")
    if rebind.args and is_bare and rebind.image_args is None:
        yield (
            "appends arguments, but the app has none of its own, so that those of its image (CMD) would be lost; set image_args= of the "
            "rebind to them, to () if the image has none, or use env= in the rebind"
        )
    elif rebind.args and ends_with_script({**container, "args": rebind.image_args} if is_bare else container):
        yield (
            "appends arguments to a shell script, which does not see them; use env= or replace= in the rebind, or put a word for $0 behind "
            'the script and use "$@" in it'
        )
    for word in rebind.replace:
        count = len(_places(container, word))
        if count != 1:
            found = f"is {count} times in" if count else "is not in"
            yield f"replaces {word!r}, which {found} the app's command and args; name one whole argument, e.g. with its flag"


def _places(container: Wire, text: str) -> list[Place]:
    """Where that word stands in the command line."""
    return [place for place, word, _ in words(container) if isinstance(word, str) and word == text]


def _with_env(variables: list[Wire], values: Mapping[str, str]) -> list[Wire]:
    """The variables with those values: in place of one of the same name, wherever that comes from, or behind the others."""
    replaced = [{"name": v["name"], "value": values[v["name"]]} if v.get("name") in values else v for v in variables]
    known = {v.get("name") for v in variables}
    return [*replaced, *({"name": name, "value": value} for name, value in values.items() if name not in known)]


def _asked(field: str, kind: str, handler: Wire, pod: PodView, *, owned: bool, whose: str = APP) -> tuple[Wire, list[str]]:
    """The handler by its kind, its port where the kubelet gets through to the app itself."""
    given = handler.get("port")
    port = next((p for p in pod.ports if given in (p.name, p.outer_number)), None)
    if port is None:
        unknown = f"{field} of the app: it has no port {given!r}; use one of its ports (known: {pod.known_ports()})"
        return {kind: handler}, [unknown] if owned else []
    if not owned and port.frontend is None:
        return {kind: handler}, []
    if kind == "tcpSocket" and field in PROBES and port.frontend and port.frontend.check_path:
        return {"httpGet": {**handler, "path": port.frontend.check_path, "port": port.frontend.check_number}}, []
    problems = [f"{field} of {whose}: {line}" for line in _unanswered(kind, given, port)]
    number = port.frontend.probe_number if port.frontend else port.number
    # somebody else's name of a port stays where it still leads there
    asked = {**handler, "port": given if not owned and number == port.outer_number else number}
    return {kind: _with_scheme(asked, port) if kind == "httpGet" else asked}, problems


def _unanswered(handler: str, given: object, port: BoundPort) -> Iterator[str]:
    """Why the app would not answer such a probe of that port."""
    if handler == "httpGet" and port.scheme in ("grpc", "grpcs"):
        yield f"a httpGet probe of port {given!r} is not answered by an app that speaks {port.scheme}; use grpc (without TLS) or exec"
    elif handler == "grpc" and port.scheme == "grpcs":
        yield f"a grpc probe of port {given!r} knows no TLS; use exec"
    elif port.frontend and handler == "grpc" and port.scheme != "grpc":
        yield f"a grpc probe of port {given!r} finds {port.scheme} there; set Port.scheme to grpc, or use httpGet or exec"
    elif port.frontend and (handler == "tcpSocket" or (handler == "grpc" and port.frontend.probe_scheme != "GRPC")):
        instead = "exec" if handler == "grpc" else f"{'grpc' if port.scheme == 'grpc' else 'httpGet'} or exec"
        yield f"a {handler} probe of port {given!r} would be answered by the ambassador even if the app is down; use {instead}"


def _with_scheme(get: Wire, port: BoundPort) -> dict[str, Any]:
    """The httpGet in what is spoken where it is sent to: in front of an ambassador, that is not what the app speaks."""
    if port.frontend is None:
        return {**({"scheme": "HTTPS"} if port.scheme == "https" else {}), **get}
    spoken = {"scheme": "HTTPS"} if port.frontend.probe_scheme == "HTTPS" else {}
    return {name: value for name, value in get.items() if name != "scheme"} | spoken
