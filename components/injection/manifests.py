"""Injection into manifests at hand: plain data in, plain data out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..core.errors import CompositionError
from ..core.patch import Wire
from .carrier import metadata_of
from .index import Index
from .injection import Injection, InjectionError
from .reached import labels_of, template_of
from .references import cut_off


def inject(manifests: Iterable[Wire], injections: Sequence[Injection]) -> list[dict[str, Any]]:
    """The manifests, each injection in its workload; those of `List` kinds each on its own. Monitors and NetworkPolicies follow at the
    end.

    The inputs are not changed; what is nobody's target comes out as it came. Raises InjectionError if an injection does not meet exactly
    one workload, and CompositionError with every conflict.
    """
    found = list(flattened(manifests))
    places: dict[Any, list[int]] = {}
    for index, manifest in enumerate(found):
        places.setdefault(metadata_of(manifest).get("name"), []).append(index)
    problems = [line for injection in injections for line in _unmet(injection, found, places.get(injection.target.name, ()))]
    if problems:
        raise InjectionError("injections", problems)
    before, around, failures = list(found), Index(found), []
    for injection in injections:
        try:
            for index in places.get(injection.target.name, ()):
                if injection.is_for(found[index]):
                    labels = labels_of(template_of(injection, found[index]))
                    found[index] = injection.into(found[index], beside=around.selecting(labels))
        except CompositionError as error:
            failures.append(error)
    failures += [CompositionError(where, lines) for where, lines in cut_off(before, injections).items()]
    if len(failures) > 1:
        raise CompositionError("injections", [f"{error.where}: {line}" for error in failures for line in error.problems])
    if failures:
        raise failures[0]
    found += [beside for injection in injections for beside in injection.objects]
    return found


def flattened(manifests: Iterable[Wire]) -> Iterator[dict[str, Any]]:
    """The objects, those in lists too; empty documents are left out."""
    for manifest in manifests:
        if manifest and str(manifest.get("kind", "")).endswith("List") and isinstance(manifest.get("items"), list):
            yield from flattened(manifest["items"])
        elif manifest:
            yield dict(manifest)


def _unmet(injection: Injection, manifests: Sequence[Wire], places: Sequence[int]) -> Iterator[str]:
    met = [m for m in (manifests[index] for index in places) if injection.is_for(m)]
    if len(met) == 1:
        return
    where = f"injection {injection.name!r}"
    if met:
        there = ", ".join(f"{m.get('kind')} in namespace {(m.get('metadata') or {}).get('namespace', '(none)')}" for m in met)
        yield f"{where} meets {len(met)} workloads called {injection.target.name!r} ({there}); set kind= or namespace= of the target"
        return
    known = [f"{m['kind']} {(m.get('metadata') or {}).get('name')}" for m in manifests if injection.target.path(m.get("kind")) is not None]
    yield (
        f"{where} meets no workload: there is no {injection.target.described()} (known: {', '.join(known) or 'none'}); set name= of the "
        "target"
    )
