"""A sheet to draw on: rectangles, lines, dots and words, before anybody knows how they are written."""

from dataclasses import dataclass, field

WIDE, NARROW = 7.3, 6.4
"""Width of a character of names and of small text, in pixels: both are monospaced."""


@dataclass(frozen=True, kw_only=True)
class Rect:
    """A rectangle. `style` says what it is; of those that are things, no two overlap."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str = ""
    """What is shown to whoever points at it, or cannot see it. Default: nothing."""
    radius: float = 6

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half its height."""
        return self.y + self.height / 2

    def overlaps(self, other: "Rect") -> bool:
        """Whether they have more in common than an edge."""
        apart = self.right <= other.x or other.right <= self.x or self.bottom <= other.y or other.bottom <= self.y
        return not apart


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points, with an arrowhead at its end if it has one."""

    points: tuple[tuple[float, float], ...]
    style: str
    is_arrow: bool = False


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A dot."""

    x: float
    y: float
    radius: float
    style: str
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text."""

    x: float
    y: float
    """Of its base line."""
    text: str
    style: str
    anchor: str = "start"
    """start, middle or end."""


Shape = Rect | Line | Dot | Words


@dataclass
class Sheet:
    """What has been drawn so far, in the order in which it is painted."""

    shapes: list[Shape] = field(default_factory=list)
    width: float = 0
    height: float = 0

    def add(self, *shapes: Shape) -> None:
        """Draws more."""
        self.shapes += shapes

    def rects(self, *styles: str) -> list[Rect]:
        """The rectangles of those styles."""
        return [shape for shape in self.shapes if isinstance(shape, Rect) and shape.style.split()[0] in styles]


def cut(text: str, width: float, character: float = NARROW) -> str:
    """The text, or as much of its beginning and end as fits."""
    count = int(width / character)
    if len(text) <= count:
        return text
    half = max(count - 1, 2) // 2
    return f"{text[: max(count - 1, 2) - half]}…{text[-half:]}"


def spread(wanted: list[tuple[float, float]], gap: float) -> list[float]:
    """Where things of those (place, height) are put one below the other, in the order of their places, as near to them as it goes."""
    placed, end = [0.0] * len(wanted), float("-inf")
    for index in sorted(range(len(wanted)), key=lambda i: wanted[i][0]):
        placed[index] = max(wanted[index][0], end)
        end = placed[index] + wanted[index][1] + gap
    return placed
