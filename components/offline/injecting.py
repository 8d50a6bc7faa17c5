"""Injection without an engine, with the certificates that patterns make."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..injection.injection import Injection
from ..injection.manifests import flattened, inject
from .mocks import Mocks
from .rendering import manifests as registered
from .run import run


def injected(
    manifests: Iterable[Mapping[str, Any]], program: Callable[[], Sequence[Injection]], *, mocks: Mocks | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """The manifests, each injection in its workload, and behind them the objects that their patterns own, such as Secrets of certificates.

    program: makes the injections, with whatever they need, and returns them. Objects that are among the manifests already, and all if
    every workload had been injected before, are left out. `settings` are those of `run`; `keys` is where keys and certificates last.

    Raises what `inject` and the program raise, KeyFileError and OfflineError.
    """
    given = list(flattened(manifests))

    def changed() -> dict[int, dict[str, Any]]:
        result = inject(given, program())
        # behind those given is what stands beside the workloads
        return {index: after for index, after in enumerate(result) if index >= len(given) or after != given[index]}

    recording = run(changed, mocks=mocks or Mocks(keys=settings.pop("keys", None), now=settings.pop("now", None), status=False), **settings)
    touched: dict[int, dict[str, Any]] = recording.value
    there = [m for m in given if m.get("kind") == "Secret"]
    owned = [manifest for manifest in registered(recording) if manifest not in there] if touched else []
    more = [manifest for index, manifest in touched.items() if index >= len(given)]
    return [*(touched.get(index, manifest) for index, manifest in enumerate(given)), *owned, *more]
