"""Who calls whom in a drawing: from outside, inside of the pod, and from it to servers elsewhere."""

from collections.abc import Sequence

from .measures import LANE, MARGIN, PILL, Measures, caller_lines
from .model import Listener
from .remote import Remote
from .sheet import NARROW, WIDE, Line, Rect, Sheet, Words, cut, spread

_REMOTE = 150
"""Width of a server outside, at most."""


def line(is_secure: bool) -> str:
    """The style of what is encrypted or not."""
    return "tls" if is_secure else "plain"


def _tree(sheet: Sheet, starts: Sequence[tuple[float, float]], lane: float, ends: Sequence[tuple[float, float]], style: str) -> None:
    """Lines from all the starts into one lane, and arrows from there to all the ends."""
    rows = [y for _, y in (*starts, *ends)]
    if len(set(rows)) == 1:
        sheet.add(Line(points=(starts[0], ends[0]), style=style, is_arrow=True))
        return
    sheet.add(*(Line(points=((x, y), (lane, y)), style=style) for x, y in starts))
    sheet.add(Line(points=((lane, min(rows)), (lane, max(rows))), style=style))
    sheet.add(*(Line(points=((lane, y), (x, y)), style=style, is_arrow=True) for x, y in ends))


def gates(sheet: Sheet, measures: Measures) -> float:
    """Draws what is open, and who calls it; returns where the lowest caller ends."""
    calls: dict[tuple[str, bool], list[tuple[float, float]]] = {call: [] for call in measures.calls}
    for box in measures.model.boxes:
        found = [listener for listener in box.listeners if listener.is_open]
        for gate, y in zip(found, measures.slots(box, len(found)), strict=True):
            pill = _pill(gate, measures.border - 14, y, "gate", 18)
            sheet.add(Line(points=((pill.right, y), (measures.left, y)), style=line(gate.is_secure), is_arrow=True))
            _written(sheet, pill, gate)
            for index, caller in enumerate(gate.callers):
                calls[(caller, gate.is_secure)].append((pill.x - 1, y + (index - (len(gate.callers) - 1) / 2) * 8))
    texts = {caller: caller_lines(measures, caller) for caller in measures.callers}
    heights = [16.0 + 14 * len(lines) for lines in texts.values()]
    wanted = [min(y for (name, _), ends in calls.items() if name == caller for _, y in ends) - 15 for caller in texts]
    places = dict(zip(texts, spread(list(zip(wanted, heights, strict=True)), 8), strict=True))
    used = {y for ends in calls.values() for _, y in ends}
    for index, ((caller, is_secure), ends) in enumerate(calls.items()):
        right, top = MARGIN + measures.caller_width, places[caller]
        # the row of its only arrow, if that is at its side; else a row that nobody else has
        straight = [ends[0][1]] if len(ends) == 1 and top + 5 < ends[0][1] < top + 25 else []
        start = next(y for y in (*straight, *(top + 9 + 3.5 * step for step in range(20))) if y in straight or y not in used)
        used.add(start)
        _tree(sheet, [(right, start)], right + LANE * (len(calls) - index), ends, line(is_secure))
    for (caller, lines), height in zip(texts.items(), heights, strict=True):
        rect = Rect(x=MARGIN, y=places[caller], width=measures.caller_width, height=height, style="caller")
        sheet.add(rect)
        for row, text in enumerate(lines):
            style = "name" if row == 0 else "small"
            sheet.add(Words(x=rect.x + 9, y=rect.y + 19 + 14 * row, text=cut(text, rect.width - 16), style=style))
    return max((place + height for place, height in zip(places.values(), heights, strict=True)), default=0)


def inside(sheet: Sheet, measures: Measures) -> None:
    """Draws what is listened on inside of the pod, and who asks there: each listener has a lane of its own."""
    lanes = {target: measures.lanes + LANE * index for index, target in enumerate(measures.buses)}
    for box in measures.model.boxes:
        chips = measures.chips(box)
        for chip, y in zip(chips, measures.slots(box, len(chips) + len(box.asks) + len(box.remotes)), strict=False):
            rect, target = _pill(chip, measures.right, y, "chip", 14), (box.name, chip.number)
            if target in lanes:
                starts = [(measures.right, start) for start in measures.buses[target]]
                _tree(sheet, starts, lanes[target], [(rect.right + 1, y)], line(chip.is_secure))
            _written(sheet, rect, chip)


def outside(sheet: Sheet, measures: Measures) -> float:
    """Draws the servers that containers connect to; returns where the lowest of them ends."""
    calls: dict[Remote, list[float]] = {}
    for box in measures.model.boxes:
        before = len(measures.chips(box)) + len(box.asks)
        for there, y in zip(box.remotes, measures.slots(box, before + len(box.remotes))[before:], strict=True):
            calls.setdefault(there, []).append(y)
    places = spread([(min(rows) - 19, 38.0) for rows in calls.values()], 8)
    details = {there: ", ".join(part for part in (there.detail, "awaited" if there.is_awaited else "") if part) for there in calls}
    texts = [max(len(there.host) * WIDE, len(detail) * NARROW) + 20 for there, detail in details.items()]
    width = min(max(texts, default=0), _REMOTE)
    for index, (there, rows) in enumerate(calls.items()):
        rect = Rect(x=measures.edge + 24 + LANE * len(calls), y=places[index], width=width, height=38, style="remote", title=there.host)
        lane = measures.edge + LANE * (len(calls) - index)
        row = rows[0] if len(rows) == 1 and rect.y + 5 < rows[0] < rect.bottom - 5 else rect.middle
        _tree(sheet, [(measures.right, y) for y in rows], lane, [(rect.x - 1, row)], line(there.is_secure))
        sheet.add(rect, Words(x=rect.x + 9, y=rect.y + 16, text=cut(there.host, width - 16, WIDE), style="name"))
        sheet.add(Words(x=rect.x + 9, y=rect.y + 30, text=cut(details[there], width - 16), style="small"))
    return max((place + 38 for place in places), default=0)


def _pill(listener: Listener, x: float, y: float, style: str, padding: float) -> Rect:
    title = f"{listener.name or 'port'} {listener.text}"
    width = len(listener.text) * NARROW + padding
    radius = 9 if style == "gate" else 4
    return Rect(x=x, y=y - PILL / 2, width=width, height=PILL, radius=radius, style=f"{style} {line(listener.is_secure)}", title=title)


def _written(sheet: Sheet, rect: Rect, listener: Listener) -> None:
    sheet.add(rect, Words(x=rect.x + rect.width / 2, y=rect.middle + 4, text=listener.text, style="onpill", anchor="middle"))
