"""A pod in time: what starts when, and who stops when how fast."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.container import pre_stop_seconds
from ..core.patch import Wire
from ..core.pod import Pod
from ..core.pod_security import containers
from .measures import MARGIN
from .sheet import NARROW, WIDE, Line, Rect, Sheet, Words, spread

_ROW, _BAR, _TOP = 30, 16, 84
_STEP, _START, _SERVING, _STOPPING = 44, 26, 100, 300
"""Widths: of an init step, of a start, of the time in which the pod serves, and of its end."""
_DEFAULT_GRACE = 30


@dataclass
class _Times:
    """Where on the sheet the moments of a pod are."""

    x: float
    starts: dict[str, float] = field(default_factory=dict)
    up: dict[str, float] = field(default_factory=dict)
    """When it is done with starting, as its startup probe finds, or with everything it does."""
    ready: float = 0

    @property
    def deleted(self) -> float:
        """When the pod is to end."""
        return self.ready + _SERVING

    def at(self, seconds: float, grace: int) -> float:
        """So many seconds after that."""
        return self.deleted + _STOPPING * seconds / max(grace, 1)


def timeline(pod: Pod) -> Sheet:
    """The drawing: starting not to scale, stopping in seconds."""
    every, sheet = containers(pod.spec), Sheet()
    names = max(len(c["name"]) for c in every) * WIDE
    times = _times(pod, every, MARGIN + names + 16)
    grace = int(pod.spec.get("terminationGracePeriodSeconds") or _DEFAULT_GRACE)
    sheet.width = times.deleted + _STOPPING + 40
    bottom = _TOP + _ROW * len(every)
    latest = _latest(pod, grace)

    seconds = sorted({0, _waits(_app(pod)), latest, grace})
    places = spread([(times.at(number, grace), 40) for number in seconds], 0)
    marks = [
        (times.ready, times.ready, "ready"),
        *((times.at(n, grace), place, f"{n} s") for n, place in zip(seconds, places, strict=True)),
    ]
    sheet.add(
        Words(x=MARGIN, y=26, text=f"{pod.app.name}: start and stop", style="title"),
        Words(x=MARGIN + names + 16, y=52, text="start, in this order", style="label"),
        Words(x=times.deleted, y=52, text="stop, in seconds", style="label"),
    )
    for x, place, text in marks:
        sheet.add(Line(points=((x, _TOP - 8), (x, bottom)), style="moment"))
        sheet.add(Words(x=place, y=_TOP - 13, text=text, style="small", anchor="middle"))
    for index, container in enumerate(every):
        y = _TOP + _ROW * index
        sheet.add(Words(x=MARGIN, y=y + _BAR - 3, text=container["name"], style="name"))
        for start, end, style in _bars(pod, container, times, latest, grace):
            sheet.add(Rect(x=start, y=y, width=end - start, height=_BAR, style=f"bar {style}", radius=3))
    sheet.height = _legend(sheet, pod, bottom + 24)
    return sheet


def _app(pod: Pod) -> Wire:
    return next(c for c in pod.spec["containers"] if c["name"] == pod.app.name)


def _waits(container: Wire) -> int:
    """How long its preStop handler takes, as far as it says so."""
    handler = (container.get("lifecycle") or {}).get("preStop") or {}
    words = [word for word in (handler.get("exec") or {}).get("command") or () if isinstance(word, str)]
    return pre_stop_seconds(container) or sum(int(seconds) for word in words for seconds in re.findall(r"\bsleep (\d+)", word))


def _latest(pod: Pod, grace: int) -> int:
    """When the app has ended, at the latest."""
    return min(_waits(_app(pod)) + pod.app.stop_seconds, grace)


def _times(pod: Pod, every: Sequence[Wire], x: float) -> _Times:
    times, main = _Times(x), {c["name"] for c in pod.spec["containers"]}
    for container in every:
        name = container["name"]
        times.starts[name] = x
        is_init = name not in main and container.get("restartPolicy") != "Always"
        times.up[name] = x + (_STEP if is_init else _START if container.get("startupProbe") or name == pod.app.name else 10)
        if name not in main:
            # the next one starts when this is done, or up
            x = times.up[name]
    times.ready = max(times.up.values()) + 6
    return times


def _bars(pod: Pod, container: Wire, times: _Times, latest: int, grace: int) -> list[tuple[float, float, str]]:
    """Beginning, end and style of each stretch in the life of a container."""
    name = container["name"]
    start, up, deleted = times.starts[name], times.up[name], times.deleted
    is_main = any(c["name"] == name for c in pod.spec["containers"])
    if not is_main and container.get("restartPolicy") != "Always":
        return [(start, up, "step")]

    waits = min(_waits(container), grace)
    native = [c["name"] for c in pod.spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    if is_main:
        # at once when its own preStop handler is done
        term, end = float(waits), latest if name == pod.app.name else grace
    else:
        # one after another when the app has ended, the last one first
        term, end = latest + (grace - latest) * native[::-1].index(name) / (len(native) + 1), grace
    asked, over = times.at(waits, grace), times.at(term, grace)
    bars = [(start, up, "starting")]
    bars += [(up, deleted, "running"), (deleted, asked, "preStop"), (asked, over, "running")] if waits else [(up, over, "running")]
    bars.append((over, times.at(end, grace), "stopping"))
    return [bar for bar in bars if bar[1] > bar[0]]


def _legend(sheet: Sheet, pod: Pod, y: float) -> float:
    entries = {
        "step": "init step, to its end",
        "starting": "starting",
        "running": "running",
        "preStop": "preStop: endpoints are withdrawn",
        "stopping": "from SIGTERM, at most",
    }
    x = float(MARGIN)
    for style, text in entries.items():
        if x > MARGIN and x + 24 + len(text) * NARROW > sheet.width - MARGIN:
            x, y = float(MARGIN), y + 18
        sheet.add(Rect(x=x, y=y - 10, width=18, height=12, style=f"bar {style}", radius=3), Words(x=x + 24, y=y, text=text, style="small"))
        x += 24 + len(text) * NARROW + 18
    native = "Native sidecars get SIGTERM when the app has ended, the last one first."
    classic = "Every container gets SIGTERM when its own preStop handler is done."
    is_native = any(c.get("restartPolicy") == "Always" for c in pod.spec.get("initContainers") or ())
    for text in (native if is_native else classic, "Whatever still runs when the grace period ends is killed."):
        y += 18
        sheet.add(Words(x=MARGIN, y=y, text=text, style="faint"))
    return y + 12
