"""What pods name must be there, or they wait for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from .manifests import UNKNOWN, Object, Stack, Wire

_BY_ITSELF = ("ConfigMap/kube-root-ca.crt", "ServiceAccount/default")
"""Kubernetes makes them in every namespace."""


def references(stack: Stack, settings: Wire) -> Iterator[tuple[Object, str]]:
    """Objects that pods name and the stack does not have. settings: `existing`, what is known to be there, as `Secret/name`."""
    existing = {*_BY_ITSELF, *settings.get("existing", ())}
    for workload in stack.with_pods:
        for kind, name, keys in dict.fromkeys(_named(workload.pod)):
            if UNKNOWN in (name, *keys) or f"{kind}/{name}" in existing:
                continue
            there = [item for item in stack.of_kind(kind) if item.name in (name, UNKNOWN) and item.shares_namespace(workload)]
            if not there:
                yield (
                    workload,
                    f"{workload}: its pods need {kind} {name!r} of namespace {workload.namespace!r}, which this stack does not have; make "
                    f"it, or list {kind}/{name} in existing",
                )
            elif there[0].name != UNKNOWN and kind in ("Secret", "ConfigMap"):
                known = {key for field in ("data", "stringData", "binaryData") for key in there[0].at(field)}
                lacking = [key for key in keys if known and key not in known]
                yield from (
                    (
                        workload,
                        f"{workload}: its pods need key {key!r} of {there[0]}, which has {', '.join(sorted(known))}; name one of these",
                    )
                    for key in lacking
                )


def _named(value: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Kind, name and keys of every object that a PodSpec cannot do without."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if not isinstance(value, Mapping):
        return
    for field, inner in value.items():
        if field in ("serviceAccountName",) and inner:
            yield "ServiceAccount", inner, ()
        for given in inner if field == "imagePullSecrets" and isinstance(inner, list) else ():
            yield "Secret", given.get("name", UNKNOWN), ()
        if isinstance(inner, Mapping) and not inner.get("optional"):
            yield from _of_field(field, inner)
        yield from _named(inner)


def _of_field(field: str, inner: Wire) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    keys = tuple(item["key"] for item in inner.get("items") or () if isinstance(item, Mapping) and "key" in item)
    if field in ("secret", "secretRef", "secretKeyRef"):
        yield "Secret", inner.get("secretName") or inner.get("name") or UNKNOWN, (inner["key"],) if "key" in inner else keys
    elif field in ("configMap", "configMapRef", "configMapKeyRef"):
        yield "ConfigMap", inner.get("name") or UNKNOWN, (inner["key"],) if "key" in inner else keys
    elif field == "persistentVolumeClaim":
        yield "PersistentVolumeClaim", inner.get("claimName") or UNKNOWN, ()
