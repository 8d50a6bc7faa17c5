"""extend: a workload of your own, written as Kubernetes has it, with patterns in its pod."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi import _types

from ..core.errors import refuse
from ..core.plug import Pattern
from ..kubernetes_object import register
from .carrier import informed
from .injection import Injection
from .target import Target


def extend(
    manifest: Mapping[str, Any] | Any,
    patterns: Sequence[Pattern],
    *,
    target: Target | None = None,
    name: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The arguments of a workload with the patterns in its pod: `kubernetes.apps.v1.Deployment("api", **extend(manifest, patterns))`.

    manifest: a Deployment, StatefulSet, DaemonSet, Job, CronJob or Pod: in manifest form, with or without apiVersion and kind, or Pulumi's
    own arguments (`DeploymentInitArgs`, or a mapping of `metadata` and `spec` whose values are such). patterns: as those of a Workload.
    target: what the manifest does not say (default: found by metadata.name). name: of the injection, in messages and resources (default:
    metadata.name). options: those of Injection.

    Raises ArgumentError and CompositionError.
    """
    given = as_manifest(manifest)
    refuse("extend", [] if isinstance(given, Mapping) else ["the manifest must be a mapping, or arguments of a workload"])
    metadata = given.get("metadata") or {}
    own_name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if target is None:
        refuse("extend", [] if isinstance(own_name, str) else ["the manifest has no metadata.name; set it, or target= and name="])
        namespace = metadata.get("namespace")
        target = Target(name=str(own_name), namespace=namespace if isinstance(namespace, str) else None)
    kind = given.get("kind") or target.kind or _kind(given)
    manifest = {**given, "kind": kind}
    injection = Injection(name or target.name, informed(target, manifest), patterns, **options)
    extended = injection.into(manifest)
    register(injection.objects, options.get("opts"))
    return {key: value for key, value in extended.items() if key not in ("apiVersion", "kind")}


def as_manifest(value: Any) -> Any:
    """Pulumi's own arguments, at any depth, in manifest form; everything else as it is."""
    if _types.is_input_type(type(value)):
        return {key: as_manifest(inner) for key, inner in _types.input_type_to_dict(value).items() if inner is not None}
    if isinstance(value, Mapping):
        return {key: as_manifest(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_manifest(inner) for inner in value]
    return value


def _kind(manifest: Mapping[str, Any]) -> str:
    """The kind of a workload that does not say it, by where its pod is; what carries it makes no other difference."""
    spec = manifest.get("spec")
    if not isinstance(spec, Mapping):
        return "Deployment"
    own = {"jobTemplate": "CronJob", "containers": "Pod", "serviceName": "StatefulSet"}
    return next((kind for field, kind in own.items() if field in spec), "Deployment")
