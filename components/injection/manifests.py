"""Injection into manifests at hand: plain data in, plain data out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..core.patch import Wire
from .injection import Injection, InjectionError


def inject(manifests: Iterable[Wire], injections: Sequence[Injection]) -> list[dict[str, Any]]:
    """The manifests, each injection in its workload; those of `List` kinds each on its own. PodMonitors of the patterns follow at the end.

    The inputs are not changed; what is nobody's target comes out as it came. Raises InjectionError if an injection does not meet exactly
    one workload, and CompositionError with every conflict.
    """
    found = list(flattened(manifests))
    problems = [line for injection in injections for line in _unmet(injection, found)]
    if problems:
        raise InjectionError("injections", problems)
    for injection in injections:
        found = [injection.into(m, beside=found) if injection.is_for(m) else m for m in found]
        found += injection.monitors
    return found


def flattened(manifests: Iterable[Wire]) -> Iterator[dict[str, Any]]:
    """The objects, those in lists too; empty documents are left out."""
    for manifest in manifests:
        if manifest and str(manifest.get("kind", "")).endswith("List") and isinstance(manifest.get("items"), list):
            yield from flattened(manifest["items"])
        elif manifest:
            yield dict(manifest)


def _unmet(injection: Injection, manifests: Sequence[Wire]) -> Iterator[str]:
    met = [m for m in manifests if injection.is_for(m)]
    if len(met) == 1:
        return
    where = f"injection {injection.name!r}"
    if met:
        places = ", ".join(f"{m.get('kind')} in namespace {(m.get('metadata') or {}).get('namespace', '(none)')}" for m in met)
        yield f"{where} meets {len(met)} workloads called {injection.target.name!r} ({places}); set kind= or namespace= of the target"
        return
    known = [f"{m['kind']} {(m.get('metadata') or {}).get('name')}" for m in manifests if injection.target.path(m.get("kind")) is not None]
    yield (
        f"{where} meets no workload: there is no {injection.target.described()} (known: {', '.join(known) or 'none'}); set name= of the "
        "target"
    )
