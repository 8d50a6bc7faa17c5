"""Pictures: a composed pod, drawn."""

from dataclasses import dataclass, replace
from functools import cached_property

from ..core.pod import Pod
from . import svg, text
from .facts import model
from .layout import lay
from .measures import described
from .model import Model
from .sheet import Line, Sheet
from .text import mounted
from .timeline import timeline

_GAP = 44


@dataclass(frozen=True)
class Picture:
    """A composed pod, drawn: its containers in start order, who listens where, what is encrypted, who asks whom, who may write to which
    volume, what the Service carries, and what is privileged."""

    pod: Pod
    """The pod."""
    service: str | None = None
    """Name of its Service, empty for none. Default: None, the app's name."""

    @cached_property
    def model(self) -> Model:
        """What is drawn."""
        return model(self.pod, service=self.service)

    def description(self) -> str:
        """In sentences, for who cannot see it."""
        shared = [f"{v.name}: {mounted(v)}" for v in self.model.volumes]
        return "\n".join([*map(described, self.model.boxes), *(["Volumes:", *shared] if shared else [])])

    def text(self) -> str:
        """For a terminal."""
        return text.drawn(self.model)

    def svg(self) -> str:
        """As SVG, in light and dark."""
        sheet, title = lay(self.model), f"The pod of {self.model.title}"
        return svg.written([(0, sheet)], title=title, description=self.description(), width=sheet.width, height=sheet.height)

    def timeline(self) -> str:
        """How it starts and stops, as SVG."""
        sheet, title = timeline(self.pod), f"How the pod of {self.model.title} starts and stops"
        order = ", ".join(box.name for box in self.model.boxes)
        return svg.written([(0, sheet)], title=title, description=f"In start order: {order}", width=sheet.width, height=sheet.height)

    def after(self, before: "Picture", title: str) -> str:
        """The pod without a pattern on the left, and with it on the right, as SVG."""
        name, there = self.model.title, [c.kind for c in before.pod.contributions]
        more = " and ".join(c.kind for c in self.pod.contributions if c.kind not in there)
        left, right = (lay(replace(one.model, title=f"{name} {how}")) for one, how in ((before, "before"), (self, f"with {more}")))
        arrow = Sheet(shapes=[Line(points=((left.width + 6, 150), (left.width + _GAP - 6, 150)), style="next", is_arrow=True)])
        description = f"Before:\n{before.description()}\nAfter:\n{self.description()}"
        sheets = [(0, left), (0, arrow), (left.width + _GAP, right)]
        width, height = left.width + _GAP + right.width, max(left.height, right.height)
        return svg.written(sheets, title=title, description=description, width=width, height=height)


def picture(pod: Pod, *, service: str | None = None) -> Picture:
    """The picture of a composed pod: `picture(pod).svg()`, `.text()`, `.timeline()`.

    service: name of its Service, empty for none (default: the app's name).
    """
    return Picture(pod, service)
