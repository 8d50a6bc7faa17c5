"""A pod drawn on a sheet."""

from . import calls, volumes
from .measures import MARGIN, TOP, Measures, subtitle
from .model import Model
from .sheet import NARROW, WIDE, Dot, Line, Rect, Sheet, Words, cut


def lay(model: Model) -> Sheet:
    """The drawing of a pod."""
    measures, sheet = Measures(model), Sheet()
    last = max(rect.bottom for rect in measures.boxes.values())
    width = measures.edge - measures.border
    height = last + volumes.height(model, width) + 14 - TOP
    pod = Rect(x=measures.border, y=TOP, width=width, height=height, style="pod", radius=10)
    sheet.add(pod, Words(x=pod.x + 14, y=TOP + 19, text="pod", style="label"))
    if measures.chip_width:
        band = Rect(x=measures.right - 6, y=TOP + 8, width=measures.edge - measures.right - 2, height=last - TOP, style="inside")
        sheet.add(band, Words(x=band.right - 8, y=TOP + 23, text="127.0.0.1", style="label", anchor="end"))
    _boxes(sheet, measures)
    volumes.draw(sheet, model, measures.boxes, border=measures.border, right=measures.right, room=width)
    bottom = max(pod.bottom, calls.gates(sheet, measures), calls.outside(sheet, measures))
    calls.inside(sheet, measures)
    sheet.width = max([measures.edge, *(rect.right for rect in sheet.rects("remote"))]) + MARGIN
    _head(sheet, model)
    sheet.height = _legend(sheet, measures, bottom + 22)
    return sheet


def _head(sheet: Sheet, model: Model) -> None:
    privileged = [box.name for box in model.boxes if box.privilege]
    level = f"Pod Security Standard: {model.level}" + (f", because of {', '.join(privileged)}" if privileged else "")
    sheet.add(
        Words(x=MARGIN, y=26, text=cut(model.title, sheet.width - 2 * MARGIN, 10), style="title"),
        Words(x=MARGIN, y=45, text=cut(level, sheet.width - 2 * MARGIN), style="alarm" if privileged else "small"),
    )


def _boxes(sheet: Sheet, measures: Measures) -> None:
    for number, box in enumerate(measures.model.boxes, 1):
        rect = measures.boxes[box.name]
        top = rect.middle - 29
        sheet.add(
            rect,
            Dot(x=rect.x + 18, y=top + 19, radius=9.5, style=f"number {box.kind}"),
            Words(x=rect.x + 18, y=top + 23, text=str(number), style="digit", anchor="middle"),
            Words(x=rect.x + 34, y=top + 23, text=box.name, style="name"),
            Words(x=rect.x + 34, y=top + 38, text=subtitle(box), style="small"),
            Words(x=rect.x + 34, y=top + 52, text=box.image, style="faint"),
        )
        if box.privilege:
            x = rect.x + 34 + len(box.name) * WIDE + 10
            width = len(box.privilege) * NARROW + 8
            sheet.add(Rect(x=x, y=top + 11, width=width, height=16, style="badge", radius=4))
            sheet.add(Words(x=x + width / 2, y=top + 23, text=box.privilege, style="onbadge", anchor="middle"))


def _legend(sheet: Sheet, measures: Measures, y: float) -> float:
    """What the signs mean, as far as they are there; where it ends."""
    gates, boxes = measures.gates, measures.model.boxes
    secure = (
        [g.is_secure for g in gates]
        + [r.is_secure for b in boxes for r in b.remotes]
        + [c.is_secure for b in boxes for c in measures.chips(b)]
    )
    entries = [("tls", "TLS")] if True in secure else []
    entries += [("plain", "not encrypted")] if False in secure else []
    entries += [("mutual", "mTLS: clients show a certificate")] if any(gate.client_auth for gate in gates) else []
    shared = volumes.shared(measures.model)
    entries += [("writes", "writes")] if any(volume.writers for volume in shared) else []
    entries += [("reads", "reads only")] if any(volume.readers for volume in shared) else []
    x = float(MARGIN)
    for style, text in entries:
        mark = 0 if style == "mutual" else 16 if style in ("writes", "reads") else 34
        if x > MARGIN and x + mark + len(text) * NARROW > sheet.width - MARGIN:
            x, y = float(MARGIN), y + 18
        if mark == 34:
            sheet.add(Line(points=((x, y - 4), (x + 27, y - 4)), style=style, is_arrow=True))
        elif mark:
            sheet.add(Dot(x=x + 6, y=y - 4, radius=5, style=style))
        sheet.add(Words(x=x + mark, y=y, text=text, style="small"))
        x += mark + len(text) * NARROW + 20
    return y + 12
