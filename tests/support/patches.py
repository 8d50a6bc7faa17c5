"""What one pattern adds to a bare app, and nothing else; it is compared with goldens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any

import pulumi

from components.core import plug
from components.core.app import App
from components.core.container import app_container, follow
from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.view import PodView
from components.offline import manifests
from components.offline.order import ordered
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.presets.elasticsearch import elasticsearch
from components.testing import run
from tests.support.rendered import OTHERS, PATTERNS, mutual, redirected, web


@dataclass(frozen=True, kw_only=True)
class Case:
    """One pattern of a pod."""

    patterns: Callable[[], list[Any]]
    shown: int = 0
    """Its place in the list."""
    app: Callable[[], App] = elasticsearch


def single(make: Callable[[], Any]) -> Case:
    return Case(patterns=lambda: [make()])


def monitored() -> MetricsAdapter:
    return MetricsAdapter("metrics", MetricsAdapterArgs(scrape="pod_monitor"))


CASES = {
    **{name: single(make) for name, make in {**PATTERNS, **OTHERS}.items()},
    "metrics-monitor": single(monitored),
    "redirect": Case(patterns=redirected, app=web),
    "tls-redirect": Case(patterns=redirected, app=web, shown=1),
    "tls-mutual": Case(patterns=mutual),
    "jwt-mutual": Case(patterns=mutual, shown=1),
}
"""By `<pattern>[-variant]`."""


class Shown:
    """Stands for a pattern, and keeps what it does to the pod."""

    before: PodView
    after: PodView

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern
        self.kind = plug.kind(pattern)
        self.ports = plug.served(pattern)
        self.added = PodPatch()

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        self.before = pod
        self.after, added = plug.wrapped(self.pattern, pod) if plug.wraps(self.pattern) else (pod, PodPatch())
        self.added += added
        return self.after, added

    def patch(self, pod: PodView) -> PodPatch:
        added = plug.added(self.pattern, pod) if plug.adds(self.pattern) else PodPatch()
        self.added += added
        return added

    def document(self) -> dict[str, Any]:
        """The fields of the patch, then what it does to the app's container and to the ports; what is empty is left out."""
        container = app_container(self.before.app, (1, 30))
        told = [follow(container, pod)[0] for pod in (self.before, self.after)]
        ports = [{port.name: plain(port) for port in pod.ports} for pod in (self.before, self.after)]
        pairs = {name: dict(getattr(self.added, name)) for name in ("annotations", "labels", "sysctls")}
        document = {
            "pattern": self.kind,
            **plain(self.added),
            **pairs,
            # the PEM is random, and the end follows the clock
            "certificates": [{"dns_names": list(c.dns_names)} for c in self.added.certificates],
            "serves": plain(self.ports),
            "app_container": difference(*told),
            "ports": difference(*ports),
        }
        return {name: value for name, value in document.items() if value}


def plain(value: Any) -> Any:
    """Dataclasses, without what is as by default, and tuples as dicts and lists; empty lists are left out of dicts."""
    if is_dataclass(value):
        given = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
        return plain({name: inner for name, (inner, default) in given.items() if inner != default})
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items() if inner not in ([], ())}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def difference(old: Any, new: Any) -> Any:
    """What of the new value is not in the old one; null for a field that is gone."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: difference(old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)}
    return [item for item in new if item not in old] if isinstance(old, list) and isinstance(new, list) else new


@cache
def patched(name: str) -> list[dict[str, Any]]:
    """What the pattern of that case adds to the pod, and the objects that it owns, fields in order."""
    case, found = CASES[name], list[Any]()

    def program() -> None:
        patterns = case.patterns()
        shown = patterns[case.shown] = Shown(patterns[case.shown])
        compose(case.app(), patterns)
        pulumi.Output.from_input(shown.document()).apply(found.append)

    recording = run(program)
    (patch,) = found
    own = tuple(r for r in recording.registrations if f":{patch['pattern']}$" in r.urn)
    objects = manifests(replace(recording, registrations=own))
    return [{field: ordered(value) for field, value in patch.items()}, *map(ordered, objects)]
