"""A component made from what the engine sends, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pulumi

from ..certificates import CertificateAuthority, CertificateAuthorityArgs
from ..core import rules
from ..core.app import App
from ..core.errors import ArgumentError, refuse
from ..declared.injected import InjectedArgs, InjectedChartArgs, InjectedYamlArgs
from ..declared.injections import InjectionItem, listed
from ..declared.pattern_list import checked, patterns
from ..schema.naming import camel
from ..schema.package import token
from ..workload import Workload, WorkloadArgs
from .arguments import InputParser, by_key
from .injected import Injected, InjectedChart, InjectedYaml

Made = Mapping[str, pulumi.Resource]
"""Components by URN."""

# read step by step
_HIDDEN = {WorkloadArgs: ("app", "patterns"), InjectedChartArgs: ("injections",), InjectedYamlArgs: ("injections",)}


class _Spelled(pulumi.ComponentResource):
    """Tells the engine its outputs by the names that other languages know."""

    def register_outputs(self, outputs: Mapping[str, Any]) -> None:
        """See ComponentResource."""
        super().register_outputs({camel(name): value for name, value in outputs.items()})


class _Workload(_Spelled, Workload):
    pass


class _CertificateAuthority(_Spelled, CertificateAuthority):
    pass


class _InjectedChart(_Spelled, InjectedChart):
    pass


class _InjectedYaml(_Spelled, InjectedYaml):
    pass


def construct(type_: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions, made: Made) -> pulumi.ComponentResource:
    """The component. made: those that it can refer to. Raises ArgumentError and CompositionError with every problem."""
    kind = type_.rpartition(":")[2]
    if kind not in _KINDS or type_ != token(kind):
        raise ArgumentError(type_, [f"there is no such component; known: {', '.join(map(token, _KINDS))}"])
    parser = InputParser(_HIDDEN, made)
    make = _KINDS[kind](parser, inputs)
    # as those call themselves
    refuse(f"{'workload' if kind == 'Workload' else kind} {name!r}", parser.problems)
    return make(name, opts)


def arguments(type_: str) -> frozenset[str]:
    """The names of a component's arguments."""
    cls = _ARGS.get(type_)
    return frozenset(camel(field.name) for field in fields(cls)) if cls else frozenset()


def outputs(component: pulumi.ComponentResource) -> dict[str, pulumi.Output[Any]]:
    """What it knows of itself, by the names that other languages know."""
    public = next(cls for cls in type(component).__mro__ if cls in (Workload, CertificateAuthority, Injected))
    return {camel(name): getattr(component, name) for name in public.__annotations__ if isinstance(getattr(component, name), pulumi.Output)}


_Make = Callable[[str, pulumi.ResourceOptions], pulumi.ComponentResource]
"""Makes the component, once nothing is wrong with its arguments."""


def _workload(parser: InputParser, inputs: Mapping[str, Any]) -> _Make:
    given = dict(inputs)
    app = _app(parser, given)
    args = _workload_args(parser, given, app)
    name = app.name if app else "app"
    facts = {
        "app_name": name,
        "service_name": (args.service_name if args else None) or name,
        "namespace": args.namespace if args else "default",
        "authority": args.authority if args else None,
    }
    wanted = parser.plain(given, "patterns")
    if wanted is not None and not isinstance(wanted, list):
        parser.wrong("patterns", "a list", wanted)
    found = patterns(parser, wanted, facts, read=by_key)

    def make(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
        assert args
        return _Workload(name, replace(args, patterns=found), opts)

    return make


def _app(parser: InputParser, given: Mapping[str, Any]) -> App | None:
    if given.get("app") is None:
        parser.problems.append("app: missing")
        return None
    app = parser.plain(given, "app")
    return None if app is None else checked(parser, parser.instance(App, app, "app"), "app")


def _workload_args(parser: InputParser, given: Mapping[str, Any], app: App | None) -> WorkloadArgs | None:
    before = len(parser.problems)
    values = parser.values(WorkloadArgs, given, "", beside=("app", "patterns"))
    if app is None or len(parser.problems) > before:
        return None
    args = WorkloadArgs(app=app, **values)
    parser.problems += rules.problems(args)
    return args


def _authority(parser: InputParser, inputs: Mapping[str, Any]) -> _Make:
    args = parser.instance(CertificateAuthorityArgs, inputs, "")
    parser.problems += rules.problems(args) if args else []
    return lambda name, opts: _CertificateAuthority(name, args, opts)


def _injected(cls: type[Injected], arguments: type[InjectedArgs]) -> Callable[[InputParser, Mapping[str, Any]], _Make]:
    def read(parser: InputParser, inputs: Mapping[str, Any]) -> _Make:
        values = parser.values(arguments, inputs, "", beside=("injections",))
        parser.missing(arguments, values, "")
        items = _injections(parser, inputs, values)
        if not parser.problems:
            parser.problems += rules.problems(arguments(injections=items, **values))

        def make(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
            return cls(name, arguments(injections=items, **values), opts)

        return make

    return read


def _injections(parser: InputParser, inputs: Mapping[str, Any], values: Mapping[str, Any]) -> list[InjectionItem]:
    """The injections. values: the other arguments."""
    if inputs.get("injections") is None:
        parser.problems.append("injections: missing")
        return []
    wanted, namespace = parser.plain(inputs, "injections"), values.get("namespace")
    known = namespace if isinstance(namespace, str) else None
    authority = values.get("authority")
    by = authority if isinstance(authority, CertificateAuthority) else None
    return [] if wanted is None else listed(parser, wanted, known, by, read=by_key)[0]


_KINDS: Mapping[str, Callable[[InputParser, Mapping[str, Any]], _Make]] = {
    "Workload": _workload,
    "CertificateAuthority": _authority,
    "InjectedChart": _injected(_InjectedChart, InjectedChartArgs),
    "InjectedYaml": _injected(_InjectedYaml, InjectedYamlArgs),
}
_ARGS: Mapping[str, type] = {
    token(cls.__name__.removesuffix("Args")): cls for cls in (WorkloadArgs, CertificateAuthorityArgs, InjectedChartArgs, InjectedYamlArgs)
}
