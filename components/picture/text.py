"""A pod drawn with characters, for a terminal."""

from collections.abc import Iterator
from itertools import zip_longest

from .measures import subtitle
from .model import Box, Listener, Model, Volume
from .volumes import kind


def drawn(model: Model) -> str:
    """The drawing; no line ends with spaces."""
    privileged = [box.name for box in model.boxes if box.privilege]
    lines = [model.title, f"Pod Security Standard: {model.level}" + (f", because of {', '.join(privileged)}" if privileged else "")]
    gates = [gate for box in model.boxes for gate in box.listeners if gate.is_open]
    if model.service:
        carried = [f"{gate.service_number} {gate.scheme} ({gate.name})" for gate in gates if gate.service_number is not None]
        lines.append(f"Service {model.service}: {', '.join(carried)}")
    callers = max((len(", ".join(gate.callers)) for gate in gates), default=0)
    texts = max((len(gate.text) for gate in gates), default=0)
    left = callers + texts + 8 if gates else 0
    names = max(len(box.name) for box in model.boxes)
    lines += ["", f"{'':{left}}┌─ pod"]
    for number, box in enumerate(model.boxes, 1):
        arrows = [_gate(gate, callers, texts) for gate in box.listeners if gate.is_open]
        inside = [
            f"{number:2}  {box.name:{names}}  {subtitle(box)}" + (f", {box.privilege}" if box.privilege else ""),
            *_inside(model, box),
        ]
        lines += [f"{arrow or '':{left}}│ {row or ''}" for arrow, row in zip_longest(arrows, inside)]
    lines.append(f"{'':{left}}└─")
    if model.volumes:
        widths = [max(len(text(volume)) for volume in model.volumes) for text in (lambda v: v.name, kind)]
        lines.append("volumes")
        lines += [f"  {volume.name:{widths[0]}}  {kind(volume):{widths[1]}}  {mounted(volume)}" for volume in model.volumes]
    signs = [("══▶", "TLS", True), ("──▶", "not encrypted", False)]
    found = {gate.is_secure for gate in gates} | {asked for box in model.boxes for asked in _asked(model, box)}
    lines += ["", "   ".join(f"{sign} {meaning}" for sign, meaning, is_secure in signs if is_secure in found)] if found else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _gate(gate: Listener, callers: int, texts: int) -> str:
    stroke = _stroke(gate.is_secure)
    return f"{', '.join(gate.callers):>{callers}} {stroke * 2} {gate.text} {stroke * (texts - len(gate.text) + 2)}▶"


def _stroke(is_secure: bool) -> str:
    return "═" if is_secure else "─"


def _inside(model: Model, box: Box) -> Iterator[str]:
    """What else is known of a container."""
    own = [listener.text for listener in box.listeners if not listener.is_open]
    if own:
        yield f"      listens on 127.0.0.1 alone: {', '.join(own)}"
    for name, number in box.asks:
        target = next(other for other in model.boxes if other.name == name).listener(number)
        assert target
        yield f"      {_stroke(target.is_secure) * 2}▶ {name}, 127.0.0.1:{number} {target.scheme}".rstrip()
    for there in box.remotes:
        awaited = ", awaited" if there.is_awaited else ""
        yield f"      {_stroke(there.is_secure) * 2}▶ {there.host} {there.detail}".rstrip() + awaited


def _asked(model: Model, box: Box) -> Iterator[bool]:
    """Whether what it asks is encrypted."""
    for name, number in box.asks:
        target = next(other for other in model.boxes if other.name == name).listener(number)
        assert target
        yield target.is_secure
    yield from (there.is_secure for there in box.remotes)


def mounted(volume: Volume) -> str:
    """Who writes to a volume, and who reads it."""
    parts = [
        f"{', '.join(names)} {verb}{'s' if len(names) == 1 else ''}"
        for names, verb in ((volume.writers, "write"), (volume.readers, "read"))
        if names
    ]
    return "; ".join(parts) or "not mounted"
