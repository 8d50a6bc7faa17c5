"""The schema of the Pulumi package: what other languages know of the components.

Names are in camelCase. Where Python chooses between several kinds of arguments (a pattern, what carries the pods), there is an object with
one property for each, of which exactly one is set, as Kubernetes writes volumes. Languages that cannot say None in place of a default name
the property in `unset`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..certificates import CertificateAuthority, CertificateAuthorityArgs
from ..declared.injected import InjectedChartArgs, InjectedYamlArgs
from ..declared.injections import InjectionItem
from ..workload import Workload, WorkloadArgs
from . import docstrings
from .naming import camel, pascal, said, token_name
from .reading import outputs, properties, records
from .types import REQUIRED, Anything, Choice, Items, Manifest, Map, OneOf, Property, Record, Resource, Scalar, Type

NAME = "pod-patterns"
UNSET = "unset"
"""The property that names those that have no value in place of their default."""
WORKLOADS = "workloads"
"""The output of what carries workloads of others."""

_ARGS = (WorkloadArgs, CertificateAuthorityArgs, InjectedChartArgs, InjectedYamlArgs)
_ANY = {"$ref": "pulumi.json#/Any"}
_TEXTS: Mapping[tuple[type, str], str] = {
    (WorkloadArgs, "patterns"): "What is added to its pod; the order is the start order, and of ambassadors the first is the outermost. "
    "Default: none.",
    (InjectionItem, "patterns"): "What is added to its pod, in order.",
    (WorkloadArgs, "kind"): "What carries the pods: a Deployment, StatefulSet, DaemonSet, Job or CronJob. Default: a Deployment.",
}
_INJECTED = {
    WORKLOADS: {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "The workload that each injection met, in words, by the injection's name.",
    }
}


def token(name: str) -> str:
    """The token of a type or a component."""
    return f"{NAME}:index:{name}"


def package(version: str) -> dict[str, Any]:
    """The schema."""
    types = _Types()
    resources = {
        token("Workload"): types.component(docstrings.of_kind(Workload), WorkloadArgs, Workload),
        token("CertificateAuthority"): types.component(
            "A certificate authority: patterns of workloads that name it have their certificates from it. Its key stays in the stack's "
            "state, in no Secret.",
            CertificateAuthorityArgs,
            CertificateAuthority,
        ),
        token("InjectedChart"): types.component(
            "A Helm chart (kubernetes:helm.sh/v4:Chart) with patterns in the pods of its workloads.", InjectedChartArgs
        ),
        token("InjectedYaml"): types.component(
            "Manifests (kubernetes:yaml/v2) with patterns in the pods of their workloads.", InjectedYamlArgs
        ),
    }
    return {
        "name": NAME,
        "displayName": "Pod Patterns",
        "version": version,
        "description": "Extend a Kubernetes workload by adding containers to its pod: TLS, tokens, metrics, logs, secrets, migrations.",
        "keywords": ["pulumi", "kubernetes", "sidecar", "ambassador", "tls", "vault", "category/infrastructure", "kind/component"],
        "license": "Apache-2.0",
        "meta": {"moduleFormat": "(.*)", "supportPack": True},
        "language": _LANGUAGES,
        "config": {},
        "provider": {},
        "types": dict(sorted(types.found.items())),
        "resources": resources,
    }


_LANGUAGES = {
    "nodejs": {"packageName": "pod-patterns", "respectSchemaVersion": True},
    # pod_patterns is the library itself
    "python": {"packageName": "pulumi_pod_patterns", "respectSchemaVersion": True, "pyproject": {"enabled": True}},
    "go": {
        "rootPackageName": "podpatterns",
        "respectSchemaVersion": True,
        # without these two, what is plain has types that are not there, and defaults that do not compile
        "generateExtraInputTypes": True,
        "disableObjectDefaults": True,
    },
    "csharp": {"namespaces": {NAME: "PodPatterns"}, "respectSchemaVersion": True},
    "java": {"basePackage": "com.podpatterns", "buildFiles": "gradle"},
}


class _Types:
    """The object and enum types that properties name, as they are met."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self._names = frozenset(p.name for cls in records(_ARGS) for p in properties(cls)) | {p.name for p in outputs(Workload)}

    def component(self, description: str, args: type, cls: type | None = None) -> dict[str, Any]:
        """A component; its outputs are those of its class, or of what carries workloads of others."""
        given = self._properties(args)
        found = {camel(p.name): {**self._of(p.of, p), **self._described(p)} for p in outputs(cls)} if cls else _INJECTED
        return {
            "description": said(description, self._names),
            "isComponent": True,
            "properties": found,
            "required": list(found),
            "inputProperties": given,
            "requiredInputs": _required(args),
        }

    def _properties(self, args: type) -> dict[str, Any]:
        found = {camel(p.name): {**self._plain(p.of, p), **self._described(p), **_default(p)} for p in properties(args)}
        absent = [p.name for p in properties(args) if p.of.nullable and p.default not in (None, REQUIRED)]
        if absent:
            choices = Scalar(kind="string", choices=tuple(map(camel, absent)))
            unset = Property(name=UNSET, of=Items(of=choices), description=_said_of_unset(absent), owner=args)
            found[UNSET] = {**self._plain(unset.of, unset), **self._described(unset)}
        return found

    def _described(self, of: Property) -> dict[str, Any]:
        return {"description": said(_TEXTS.get((of.owner, of.name), of.description), self._names)}

    def _plain(self, found: Type, at: Property) -> dict[str, Any]:
        """An input, which is plain unless its type says that it may be known later."""
        return {**self._of(found, at, self._plain), **({} if found.late or isinstance(found, Anything) else {"plain": True})}

    def _of(self, found: Type, at: Property, inner: Any = None) -> dict[str, Any]:
        """A type as the schema has it; `inner` is for what is in it (default: the same)."""
        inner = inner or self._of
        match found:
            case Scalar(kind=kind, choices=choices):
                return self._enum(found, at) if choices else {"type": kind}
            case Items(of=item):
                return {"type": "array", "items": inner(item, at)}
            case Map(values=values):
                return {"type": "object", "additionalProperties": inner(values, at)}
            case Manifest():
                return {"type": "object", "additionalProperties": _ANY}
            case Record(of=cls):
                return self._object(cls)
            case OneOf():
                return self._one_of(found, at)
            case Resource(of=cls):
                return {"$ref": f"#/resources/{token(cls.__name__)}"}
            case Choice(among=among):
                # a union is known later or not as a whole; one with an enum would be nothing but that in Go
                members = [replace(member, choices=()) if isinstance(member, Scalar) else member for member in among]
                return {"oneOf": [(self._of if found.late else inner)(member, at) for member in members]}
        return _ANY

    def _object(self, cls: type) -> dict[str, Any]:
        name = token_name(cls)
        if token(name) not in self.found:
            # before its properties, which may name it
            self.found[token(name)] = {}
            self.found[token(name)] |= {
                "description": said(docstrings.of_kind(cls), self._names),
                "type": "object",
                "properties": self._properties(cls),
                "required": _required(cls),
            }
        return {"$ref": f"#/types/{token(name)}"}

    def _one_of(self, found: OneOf, at: Property) -> dict[str, Any]:
        name = "Pattern" if found.open else _type_name(at)
        what = "A pattern." if found.open else self._described(at)["description"]
        if token(name) not in self.found:
            self.found[token(name)] = {}
            self.found[token(name)] |= {
                "description": f"{what} Exactly one of the properties is set.",
                "type": "object",
                "properties": {
                    camel(kind): {**self._plain(record, at), "description": said(docstrings.brief(record.of), self._names)}
                    for kind, record in found.among.items()
                },
            }
        return {"$ref": f"#/types/{token(name)}"}

    def _enum(self, found: Scalar, at: Property) -> dict[str, Any]:
        name = _type_name(at)
        self.found[token(name)] = {
            "type": found.kind,
            "enum": [{"name": _member(value, at), "value": value} for value in found.choices],
        }
        return {"$ref": f"#/types/{token(name)}"}


def _required(args: type) -> list[str]:
    return [camel(p.name) for p in properties(args) if p.default is REQUIRED]


def _default(of: Property) -> Mapping[str, Any]:
    """A default that the schema can have: of a text, a number, true or false."""
    return {"default": of.default} if isinstance(of.of, Scalar) and of.default not in (None, REQUIRED) else {}


def _said_of_unset(names: list[str]) -> str:
    return (
        f"Properties that have no value at all in place of their default, where others say None: any of {', '.join(names)}. Default: none."
    )


def _type_name(at: Property) -> str:
    """A name for a type that is a property's own: ServiceType of a Workload is WorkloadServiceType."""
    whose, name = token_name(at.owner), pascal(at.name)
    return name if name.startswith(whose) else f"{whose}{name}"


def _member(value: str | int, at: Property) -> str:
    name = pascal(str(value))
    return f"{pascal(at.name)}{name}" if name[0].isdigit() else name
