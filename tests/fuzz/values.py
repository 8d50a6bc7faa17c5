"""Values for the fields of arguments, made from their annotated types: such as the rules accept, hostile ones too, and any others."""

import contextlib
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from random import Random
from typing import Annotated, Any, Literal, get_args, get_origin

import pulumi

from components.core import rules
from components.core.app import App
from tests.fuzz.words import NASTY, NUMBERS, STRANGE_NUMBERS, WHOLE, WORDS

RESOURCES = ("10m", "8Mi", "32Mi"), ("100m", "64Mi", "256Mi"), (1, "1Gi", "2Gi"), ("1", "1e3", "1Ei")
SIZES: tuple[Mapping[str, Any], ...] = (
    *({"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}} for cpu, memory, limit in RESOURCES),
    {"requests": {"cpu": "1", "memory": "1Mi", "nvidia.com/gpu": 1}, "limits": {"memory": "1Mi", "cpu": "1500m", "nvidia.com/gpu": 1}},
)
SOURCES: tuple[Mapping[str, Any], ...] = (
    {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": "log.level"}}},
)
OF_KIND: dict[str, tuple[Mapping[str, Any], ...]] = {
    "_probe_problems": (
        {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        {"httpGet": {"path": "/healthz?full=1", "port": 8080, "scheme": "HTTP"}},
        {"tcpSocket": {"port": "http"}},
        {"exec": {"command": ["true"]}},
    ),
    "_mount_problems": (
        {"name": "data", "mountPath": "/data"},
        {"name": "settings", "mountPath": "/etc/app/app.conf", "subPath": "app.conf"},
    ),
    "_volume_problems": (
        {"name": "settings", "configMap": {"name": "app-config"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}},
    ),
    "manifest": (
        {},
        {"ca": {"configMap": {"name": "es-ca", "key": "ca.crt"}}, "serverName": "web"},
        {"workingDir": "/data", "tty": True},
    ),
    "resources": SIZES,
    "env_source": SOURCES,
}
"""Valid objects in manifest form, by the name of the check of their kind."""
MANIFESTS = tuple(manifest for manifests in OF_KIND.values() for manifest in manifests)
WRONG = (None, 3, -1, True, 1.5, float("nan"), b"bytes", [], ["a"], (), {}, {"a": 1}, {1: 2}, object(), "text", "", App, Ellipsis, {"a"})


def noted(hint: Any) -> tuple[Any, list[Any]]:
    """What an annotated hint is made of, and the checks in it."""
    base, notes = hint, []
    while get_origin(base) is Annotated:
        base, *more = get_args(base)
        notes += [note for note in more if callable(note) and note is not rules.Elsewhere]
    return base, notes


def passes(notes: Sequence[Any], value: Any) -> bool:
    """Whether all checks accept the value; one that cannot look at it is found wrong elsewhere."""
    with contextlib.suppress(Exception):
        return not any(list(note("x", value)) for note in notes)
    return False


@cache
def known_words(hint: Any) -> tuple[str, ...]:
    """The words that a hint of a text accepts."""
    _, notes = noted(hint)
    return tuple(word for word in WORDS if passes(notes, word))


class Maker:
    """Makes values; the same random numbers make the same."""

    def __init__(self, random: Random, *, wild: float = 0.0, late: bool = False) -> None:
        self.random = random
        self.wild = wild
        """How many values are made without looking at their rule, or at their type; from 0 to 1."""
        self.late = late
        """Whether Outputs may be made, which takes a run of Pulumi."""
        self.hostile: dict[str, str] = {}
        """Texts with something hostile in them, by the marker that each has, too."""
        self.objects: dict[type, Any] = {}
        """What there is of classes that are no arguments."""

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def value(self, hint: Any) -> Any:
        """A value for a hint."""
        if self.chance(self.wild / 3):
            return self.random.choice(WRONG)
        base, notes = noted(hint)
        origin, parameters = get_origin(base), get_args(base)
        if base is str:
            return self._text(hint, notes)
        if base in (int, float):
            return self._number(notes)
        if base is bool:
            return self.chance(0.5)
        if base is Any:
            return self.random.choice((self._text(str, []), self.random.choice(NUMBERS), self.random.choice(MANIFESTS)))
        if origin is Literal:
            return self.random.choice(parameters)
        if rules.is_union(base):
            return self._one_of(parameters)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(parameters, notes)
        if isinstance(origin, type) and issubclass(origin, Sequence):
            return [self.value(parameters[0]) for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
        if isinstance(base, type) and is_dataclass(base):
            return self.build(base)
        return self.objects.get(base)

    def _text(self, hint: Any, notes: Sequence[Any]) -> str:
        known = known_words(hint)
        for _ in range(6):
            text = self._hostile(known) if self.chance(0.5) else self.random.choice(known or WORDS)
            if self.chance(self.wild) or passes(notes, text):
                return text
        return self.random.choice(known or WORDS)

    def _hostile(self, known: Sequence[str]) -> str:
        if self.chance(0.15):
            return self.random.choice(WHOLE)
        word, marker = self.random.choice(known or WORDS), f"zq{len(self.hostile)}x"
        at = self.random.randint(0, len(word))
        kind = self.random.random()
        first, second = (self.random.choice(NASTY) for _ in range(2))
        # a marker between two, before one, or alone
        middle = f"{first}{marker}{second}" if kind < 0.4 else f"{first}{marker}" if kind < 0.8 else marker
        self.hostile[marker] = word[:at] + middle + word[at:]
        return self.hostile[marker]

    def _number(self, notes: Sequence[Any]) -> Any:
        for _ in range(20):
            number = self.random.choice(NUMBERS if self.chance(0.9) else STRANGE_NUMBERS)
            if self.chance(self.wild) or passes(notes, number):
                return number
        return next((number for number in (*NUMBERS, *range(1, 65536)) if passes(notes, number)), 1)

    def _one_of(self, members: Sequence[Any]) -> Any:
        plain = [member for member in members if member is not type(None) and not rules.is_late(member)]
        if type(None) in members and self.chance(0.2):
            return None
        value = self.value(self.random.choice(plain))
        if self.late and isinstance(value, str) and any(map(rules.is_late, members)) and self.chance(0.3):
            return pulumi.Output.secret(value) if self.chance(0.2) else pulumi.Output.from_input(value)
        return value

    def _mapping(self, parameters: Sequence[Any], notes: Sequence[Any]) -> Any:
        if parameters and noted(parameters[1])[0] is not Any:
            pairs = [(self.value(parameters[0]), self.value(parameters[1])) for _ in range(self.random.choice((0, 1, 1, 2)))]
            return {key: value for key, value in pairs if isinstance(key, Hashable)}
        known = [manifest for note in notes for manifest in OF_KIND.get(note.__name__, MANIFESTS)] or MANIFESTS
        fitting = [manifest for manifest in known if self.chance(self.wild) or passes(notes, manifest)]
        manifest = self.random.choice(fitting or MANIFESTS)
        changed = self._changed(manifest)
        return changed if self.chance(self.wild) or passes(notes, changed) else manifest

    def _changed(self, manifest: Any) -> Any:
        """The manifest, perhaps with another text or number in it."""
        if isinstance(manifest, Mapping):
            return {key: self._changed(inner) for key, inner in manifest.items()}
        if self.chance(0.1):
            return self._hostile([manifest]) if isinstance(manifest, str) else self.random.choice((manifest, *WRONG))
        return manifest

    def build(self, cls: type) -> Any:
        """Arguments of a class: what is required, and some of the rest; mended by what their own problems name, unless wild."""
        hints = rules.hints(cls)
        needed = required(cls)
        optional = [name for name in hints if name not in needed]
        some = self.random.sample(optional, min(len(optional), self.random.choice((0, 1, 1, 2, 3, 5))))
        values = {name: self.of_field(cls, name) for name in (*needed, *some)}
        if self.chance(self.wild * 2):
            return cls(**values)
        for _ in range(16):
            try:
                wrong = list(rules.problems(cls(**values)))
            except Exception:
                # composing will say so
                return cls(**values)
            if not wrong:
                return cls(**values)
            named = [name for name in re.findall(r"\w+", " ".join(wrong)) if name in hints]
            name = self.random.choice(named or list(values) or optional)
            if name in needed or name not in values or self.chance(0.5):
                values[name] = self.of_field(cls, name)
            else:
                del values[name]
        return cls(**values)

    def of_field(self, cls: type, name: str) -> Any:
        """A value for a field of a class."""
        hint = rules.hints(cls)[name]
        words = plausible(cls).get(name)
        if words is None or self.chance(self.wild):
            return self.value(hint)
        for _ in range(4):
            text = self._hostile(words) if self.chance(0.5) else self.random.choice(words)
            if fits_field(cls, name, text):
                return text
        return self.random.choice(words)


@cache
def required(cls: type) -> tuple[str, ...]:
    """The fields of a class without which it cannot be."""
    return tuple(f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING)


@cache
def least(cls: type) -> Mapping[str, Any]:
    """Arguments of a class that are as few as can be; some may not fit together."""
    maker = Maker(Random(cls.__name__))
    return {name: maker.value(rules.hints(cls)[name]) for name in required(cls)}


def fits_field(cls: type, name: str, text: str) -> bool:
    """Whether no problem of the arguments begins with this field."""
    with contextlib.suppress(Exception):
        return not any(line.startswith((f"{name} ", f"{name}:")) for line in rules.problems(cls(**{**least(cls), name: text})))
    return False


@cache
def plausible(cls: type) -> Mapping[str, Sequence[str]]:
    """For the fields whose rule stands elsewhere than at the field, such as addresses: the words that they take."""
    found = {}
    for name, hint in rules.hints(cls).items():
        members = [m for m in get_args(hint) if not rules.is_late(m)] if rules.is_union(hint) else [hint]
        loose = [m for m in members if noted(m)[0] is str and len(known_words(m)) > 0.8 * len(WORDS)]
        words = [word for word in WORDS if fits_field(cls, name, word)] if loose else []
        if words:
            found[name] = words
    return found
