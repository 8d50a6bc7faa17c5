"""Volumes in a drawing: a rail through the containers for each that several mount, and lines of text for the others."""

import textwrap
from collections.abc import Mapping

from .model import Model, Volume
from .sheet import NARROW, Dot, Line, Rect, Sheet, Words, cut

_RAIL, _ROW = 18, 17


def shared(model: Model) -> list[Volume]:
    """The volumes that several containers mount."""
    return [volume for volume in model.volumes if volume.is_shared]


def kind(volume: Volume) -> str:
    """What a volume is, in few words."""
    return volume.kind.replace(" at most", "").replace("(", "").replace(")", "")


def width(model: Model) -> float:
    """What the rails take of the containers' width."""
    return len(shared(model)) * _RAIL + 6 if shared(model) else 0


def height(model: Model, room: float) -> float:
    """What stands below the containers."""
    lines = _single(model, room)
    return len(shared(model)) * _ROW + (14 * len(lines) + 12 if lines else 0) + (4 if shared(model) else 0)


def _single(model: Model, room: float) -> list[str]:
    """The volumes of one container, or of none, in lines."""
    found: dict[str, list[str]] = {}
    for volume in model.volumes:
        if not volume.is_shared:
            owner = next((f"only {name}" for name in (*volume.writers, *volume.readers)), "not mounted")
            # spaces that are no place to break a line
            found.setdefault(owner, []).append(f"{volume.name} ({kind(volume)})".replace(" ", "\0"))
    columns = int((room - 28) / NARROW)
    lines = []
    for owner, names in found.items():
        wrapped = textwrap.wrap(f"{owner}: {', '.join(names)}", columns, subsequent_indent="\u00a0\u00a0", break_on_hyphens=False)
        lines += [line.replace("\0", " ") for line in wrapped]
    return lines


def draw(sheet: Sheet, model: Model, boxes: Mapping[str, Rect], *, border: float, right: float, room: float) -> None:
    """Draws them. border: the pod's left edge. right: that of the containers. room: the pod's width."""
    volumes, top = shared(model), max(rect.bottom for rect in boxes.values())
    for index, volume in enumerate(volumes):
        x, y = right - width(model) + _RAIL * index + 8, top + _ROW * (index + 1)
        dots = {name: boxes[name].middle for name in (*volume.writers, *volume.readers)}
        sheet.add(Line(points=((x, min(dots.values())), (x, y), (x - 8, y)), style="rail"))
        for name, middle in dots.items():
            verb = "writes" if name in volume.writers else "reads"
            sheet.add(Dot(x=x, y=middle, radius=5, style=verb, title=f"{name} {verb} {volume.name}"))
        text = cut(f"{volume.name} · {kind(volume)}", x - 24 - border)
        sheet.add(Words(x=x - 12, y=y + 4, text=text, style="small", anchor="end"))
    y = top + _ROW * len(volumes) + (4 if volumes else 0) + 20
    for line in _single(model, room):
        sheet.add(Words(x=border + 14, y=y, text=line, style="faint"))
        y += 14
