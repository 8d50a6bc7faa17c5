"""Sheets as SVG: one file for light and dark."""

from collections.abc import Iterable, Sequence
from html import escape

from .sheet import Dot, Line, Rect, Shape, Sheet, Words

_SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif'
# style -> (light, dark): rules that differ with the colour scheme
_COLOURS = {
    ".paper": ("fill:#ffffff", "fill:#0d1117"),
    ".title,.name,.ink": ("fill:#1f2328", "fill:#e6edf3"),
    ".small": ("fill:#57606a", "fill:#9da7b3"),
    ".faint": ("fill:#6e7781", "fill:#8b949e"),
    ".label": ("fill:#57606a", "fill:#9da7b3"),
    ".alarm": ("fill:#b3261e", "fill:#ff8f87"),
    ".pod": ("fill:#f6f8fa;stroke:#8c959f", "fill:#161b22;stroke:#6e7681"),
    ".inside": ("fill:#ddf4ff;stroke:#54aeff", "fill:#0c2d4d;stroke:#2f6fb0"),
    ".box": ("fill:#ffffff;stroke:#afb8c1", "fill:#0d1117;stroke:#545d68"),
    ".box.app": ("stroke:#0969da", "stroke:#58a6ff"),
    ".box.danger": ("stroke:#cf222e", "stroke:#ff7b72"),
    ".caller,.remote": ("fill:#ffffff;stroke:#afb8c1", "fill:#0d1117;stroke:#545d68"),
    ".gate.tls,.chip.tls": ("fill:#dafbe1;stroke:#1a7f37", "fill:#12361f;stroke:#3fb950"),
    ".gate.plain,.chip.plain": ("fill:#fff8c5;stroke:#9a6700", "fill:#37290a;stroke:#d29922"),
    ".onpill,.digit": ("fill:#1f2328", "fill:#e6edf3"),
    "path.tls": ("stroke:#1a7f37", "stroke:#3fb950"),
    "path.plain": ("stroke:#9a6700", "stroke:#d29922"),
    "path.rail": ("stroke:#8250df", "stroke:#a371f7"),
    ".writes": ("fill:#8250df;stroke:#8250df", "fill:#a371f7;stroke:#a371f7"),
    ".reads": ("fill:#ffffff;stroke:#8250df", "fill:#0d1117;stroke:#a371f7"),
    ".number": ("fill:#eaeef2", "fill:#30363d"),
    ".number.app": ("fill:#b6e3ff", "fill:#0c4a8a"),
    ".badge": ("fill:#ffebe9;stroke:#cf222e", "fill:#4b1113;stroke:#ff7b72"),
    ".onbadge": ("fill:#82071e", "fill:#ffc1bc"),
    "path.moment": ("stroke:#afb8c1", "stroke:#545d68"),
    ".bar.step": ("fill:#d0d7de;stroke:#8c959f", "fill:#30363d;stroke:#6e7681"),
    ".bar.starting": ("fill:#ddf4ff;stroke:#0969da", "fill:#0c2d4d;stroke:#58a6ff"),
    ".bar.running": ("fill:#80ccff;stroke:#0969da", "fill:#1158a3;stroke:#58a6ff"),
    ".bar.preStop": ("fill:#fae17d;stroke:#9a6700", "fill:#5c430c;stroke:#d29922"),
    ".bar.stopping": ("fill:#ffcecb;stroke:#cf222e", "fill:#5d1618;stroke:#ff7b72"),
    "path.next": ("stroke:#57606a", "stroke:#9da7b3"),
    "path.head.next": ("fill:#57606a", "fill:#9da7b3"),
    "path.head.tls": ("fill:#1a7f37", "fill:#3fb950"),
    "path.head.plain": ("fill:#9a6700", "fill:#d29922"),
}
_FIXED = {
    "text": 'font:10.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace',
    ".title": f"font:600 17px {_SANS}",
    ".label": f"font:600 11px {_SANS}",
    ".name": "font-size:12px;font-weight:600",
    ".digit": "font-weight:600",
    "path": "fill:none;stroke-width:1.5",
    "path.tls,path.next": "stroke-width:2.5",
    "path.plain,.box.init,path.moment": "stroke-dasharray:5 3",
    "path.head": "stroke:none",
    ".box.app": "stroke-width:2",
}


def written(sheets: Sequence[tuple[float, Sheet]], *, title: str, description: str, width: float, height: float) -> str:
    """The sheets, each so far from the left edge, in one picture."""
    size = f'width="{_n(width)}" height="{_n(height)}"'
    drawn = []
    for x, sheet in sheets:
        shapes = "\n".join(map(_shape, sheet.shapes))
        drawn.append(f'<g transform="translate({_n(x)} 0)">\n{shapes}\n</g>' if x else shapes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" {size} role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f"<style>{_styles('paper', *(word for _, sheet in sheets for shape in sheet.shapes for word in _words(shape)))}</style>",
        f'<rect class="paper" {size} rx="8"/>',
        *drawn,
    ]
    return "\n".join([*parts, "</svg>\n"])


def _words(shape: Shape) -> list[str]:
    """Everything that a rule can name it by."""
    return [*shape.style.split(), *(["head", "path"] if isinstance(shape, Line) else [])]


def _styles(*words: str) -> str:
    """The rules of what is there."""
    known = {"text", *words}

    def rules(found: Iterable[tuple[str, str]]) -> str:
        lines = []
        for selectors, rule in found:
            used = [s for s in selectors.split(",") if known.issuperset(part for part in s.split(".") if part)]
            lines += [f"{','.join(used)}{{{rule}}}"] if used else []
        return "\n".join(lines)

    fixed = rules(_FIXED.items())
    light, dark = (rules((selectors, pair[index]) for selectors, pair in _COLOURS.items()) for index in (0, 1))
    return f"\n{fixed}\n{light}\n@media (prefers-color-scheme:dark){{\n{dark}\n}}\n"


def _shape(shape: Shape) -> str:
    match shape:
        case Rect():
            place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}" rx="{_n(shape.radius)}"'
            return _element("rect", f'class="{shape.style}" {place}', _title(shape.title))
        case Dot():
            return _element(
                "circle", f'class="{shape.style}" cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"', _title(shape.title)
            )
        case Words():
            anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
            return f'<text class="{shape.style}" x="{_n(shape.x)}" y="{_n(shape.y)}"{anchor}>{escape(shape.text)}</text>'
        case Line():
            return _line(shape)


def _line(line: Line) -> str:
    (x0, _), (x1, y1) = line.points[-2:]
    points = line.points
    head = ""
    if line.is_arrow:
        # the line ends where the head begins
        step = 7 if x1 > x0 else -7
        points = (*points[:-1], (x1 - step, y1))
        head = f'<path class="head {line.style}" d="M{_n(x1)} {_n(y1)}l{-step} -4v8z"/>'
    start, *rest = points
    way = f"M{_n(start[0])} {_n(start[1])}" + "".join(f"L{_n(x)} {_n(y)}" for x, y in rest)
    return f'<path class="{line.style}" d="{way}"/>{head}'


def _element(tag: str, attributes: str, content: str) -> str:
    return f"<{tag} {attributes}>{content}</{tag}>" if content else f"<{tag} {attributes}/>"


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _n(number: float) -> str:
    """A number with one place at most."""
    return f"{number:.1f}".removesuffix(".0")
