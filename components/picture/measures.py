"""Where everything of a pod is drawn: who calls it on the left, its containers from top to bottom in start order, what is inside of it
alone on their right, and servers outside behind that."""

from dataclasses import dataclass
from functools import cached_property

from . import volumes
from .model import CLIENTS, Box, Listener, Model
from .sheet import NARROW, WIDE, Rect

MARGIN, SLOT, PILL, LANE, TOP = 10, 23, 18, 12, 62
"""Around the drawing; from row to row at a container's side; height of a port; from lane to lane; where the pod begins."""


@dataclass
class Measures:
    """Where the parts of one drawing are."""

    model: Model

    @cached_property
    def callers(self) -> list[str]:
        """Who calls the pod."""
        return self.model.callers()

    @cached_property
    def calls(self) -> list[tuple[str, bool]]:
        """Who calls the pod, with and without TLS: each has a lane of its own."""
        found = {(caller, gate.is_secure) for gate in self.gates for caller in gate.callers}
        return [(caller, is_secure) for caller in self.callers for is_secure in (True, False) if (caller, is_secure) in found]

    @cached_property
    def gates(self) -> list[Listener]:
        """What is open on the pod's address."""
        return [listener for box in self.model.boxes for listener in box.listeners if listener.is_open]

    @cached_property
    def caller_width(self) -> float:
        """Width of the boxes of callers."""
        return min(max(len(line) for caller in self.callers for line in caller_lines(self, caller)) * NARROW + 20, 150)

    @cached_property
    def border(self) -> float:
        """The pod's left edge."""
        return MARGIN + (self.caller_width + LANE * len(self.calls) + 24 if self.callers else 0) + (14 if self.gates else 0)

    @cached_property
    def left(self) -> float:
        """Left edge of the containers."""
        widest = max((len(gate.text) for gate in self.gates), default=0)
        return self.border + (widest * NARROW + 18 - 14 + 18 if self.gates else 14)

    @cached_property
    def right(self) -> float:
        """Right edge of the containers."""
        texts = [
            max(len(b.name) * WIDE + len(b.privilege) * NARROW + 16, len(subtitle(b)) * NARROW, len(b.image) * NARROW)
            for b in self.model.boxes
        ]
        return self.left + max(120, *(text + 44 for text in texts)) + volumes.width(self.model)

    def chips(self, box: Box) -> list[Listener]:
        """What a container listens on inside of the pod: on 127.0.0.1, or where others of the pod ask it."""
        asked = {number for other in self.model.boxes for target, number in other.asks if target == box.name}
        return [
            listener
            for listener in box.listeners
            if not listener.is_open or (listener.number in asked and box.listener(listener.number) is listener)
        ]

    @cached_property
    def chip_width(self) -> float:
        """Width of the widest of them; 0 without any."""
        texts = [len(chip.text) for box in self.model.boxes for chip in self.chips(box)]
        return max(texts, default=0) * NARROW + 16 if texts else 0

    @cached_property
    def boxes(self) -> dict[str, Rect]:
        """The containers."""
        found, y = {}, TOP + 30.0
        for box in self.model.boxes:
            slots = max(len([gate for gate in box.listeners if gate.is_open]), len(self.chips(box)) + len(box.asks) + len(box.remotes))
            height = max(58, slots * SLOT + 10)
            style = f"box {box.kind}" + (" danger" if box.privilege else "")
            found[box.name] = Rect(x=self.left, y=y, width=self.right - self.left, height=height, style=style)
            y += height + 10
        return found

    def slots(self, box: Box, count: int) -> list[float]:
        """The heights of so many things at a side of a container."""
        rect = self.boxes[box.name]
        return [rect.middle + (index - (count - 1) / 2) * SLOT for index in range(count)]

    @cached_property
    def buses(self) -> dict[tuple[str, int], list[float]]:
        """Heights at which those begin that ask a container at a number."""
        found: dict[tuple[str, int], list[float]] = {}
        for box in self.model.boxes:
            chips = self.chips(box)
            rows = self.slots(box, len(chips) + len(box.asks) + len(box.remotes))
            for target, y in zip(box.asks, rows[len(chips) :], strict=False):
                found.setdefault(target, []).append(y)
        return found

    @cached_property
    def lanes(self) -> float:
        """Where the lanes of the pod's inside begin."""
        return self.right + self.chip_width + 10

    @cached_property
    def edge(self) -> float:
        """The pod's right edge."""
        return (self.lanes + LANE * len(self.buses) + 8 if self.chip_width else self.right) + 14


def caller_lines(layout: "Measures", caller: str) -> list[str]:
    """What is written in the box of a caller."""
    if caller != CLIENTS:
        return [caller]
    ports = [gate for gate in layout.gates if gate.service_number is not None]
    return [caller, "of Service", layout.model.service, *(f"{gate.service_number} {gate.scheme}" for gate in ports)]


def subtitle(box: Box) -> str:
    """The second line of a container."""
    kind = {"init": "init step", "sidecar": "sidecar", "app": "the app"}[box.kind]
    return f"{kind} · {box.owner}" if box.owner else kind


def described(box: Box) -> str:
    """A container in a sentence."""
    listens = [f"{listener.text} on {'the pod address' if listener.is_open else '127.0.0.1'}" for listener in box.listeners]
    asks = [f"{target} at {number}" for target, number in box.asks] + [f"{there.host} {there.detail}".rstrip() for there in box.remotes]
    parts = [f"{box.name}: {subtitle(box)}, {box.image}", box.privilege]
    parts += [f"listens on {', '.join(listens)}"] if listens else []
    parts += [f"asks {', '.join(asks)}"] if asks else []
    return "; ".join(part for part in parts if part)
