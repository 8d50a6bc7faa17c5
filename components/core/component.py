"""Patterns that own nothing, made by hand as components."""

from dataclasses import MISSING, fields, replace
from typing import Any, Generic, TypeVar, cast, get_args

import pulumi

from . import rules
from .errors import refuse
from .patch import PodPatch
from .plug import Adds, PatternArgs
from .view import PodView

A = TypeVar("A", bound=PatternArgs)


class PatternComponent(pulumi.ComponentResource, Generic[A]):
    """A component that does what its arguments say; it can be shared by workloads."""

    args: A
    """Its arguments."""
    _kind: str
    _arguments: type[PatternArgs]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if PatternComponent in cls.__bases__:
            # of a subclass too, the type token is that of the kind
            cls._kind = cls.__name__
            cls._arguments = get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]

    def __init__(self, name: str, args: A | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        where = f"{self._kind} {name!r}"
        if args is None:
            required = [f.name for f in fields(self._arguments) if f.default is MISSING and f.default_factory is MISSING]
            refuse(where, [f"{field} is missing" for field in required])
        given = self._arguments() if args is None else args
        refuse(where, rules.misplaced(self._arguments, given) or rules.problems(given))
        self.args = cast("A", replace(given, name=name))
        super().__init__(f"pod-patterns:index:{self._kind}", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return cast("Adds", self.args).patch(pod)
