"""Compositions: an app and patterns with arguments of every kind, from one number; and how one that fails is made smaller."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from random import Random
from typing import Any, get_args

from components.core.app import App, LogFiles, Port, Rebind
from components.core.cluster import IpFamily, Version
from components.core.images import Registries
from components.declared import kinds
from tests.fuzz.values import Maker, required

VERSIONS = ("1.25", "1.28", "1.29", "1.30", "1.31", "1.32", "1.34", "1.37")
GOOD = App(
    name="web",
    image="web:1",
    command=("web",),
    ports=(Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"})),),
    readiness_probe={"httpGet": {"path": "/healthz", "port": "http"}},
    log_files=LogFiles(directory="/var/log/web", files=("web.log",)),
    sysctl_alternatives={"vm.max_map_count": {"MMAP": "false"}},
    volumes=({"name": "settings", "configMap": {"name": "app-config"}},),
    volume_mounts=({"name": "settings", "mountPath": "/etc/web"},),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is composed."""

    label: str
    """How to make it again."""
    app: Any
    patterns: Sequence[Any] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of `compose`."""
    hostile: Mapping[str, str] = field(default_factory=dict)
    """Texts with something hostile in them, by their marker."""

    def __str__(self) -> str:
        parts = [f"app={short(self.app)}", *(f"pattern {short(pattern)}" for pattern in self.patterns)]
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        return "\n".join([self.label, *(f"  {part}" for part in (*parts, *options))])


def short(value: Any) -> str:
    """Arguments without what is as by default."""
    if not is_dataclass(value) or isinstance(value, type):
        return f"[{', '.join(map(short, value))}]" if isinstance(value, list | tuple) else repr(value)
    return f"{type(value).__name__}({', '.join(f'{name}={short(inner)}' for name, inner in chosen(value).items())})"


def chosen(args: Any) -> dict[str, Any]:
    """The fields that are not as by default."""
    found = {}
    for f in fields(args):
        default = f.default if f.default is not MISSING else f.default_factory() if f.default_factory is not MISSING else MISSING
        value = getattr(args, f.name)
        if default is MISSING or type(value) is not type(default) or value != default:
            found[f.name] = value
    return found


def made(seed: int, number: int, *, late: bool = False, objects: Mapping[type, Any] | None = None) -> Case:
    """The composition of that number."""
    random = Random(f"{seed}:{number}")
    # most are such as no rule of one field refuses: those get to the fold
    maker = Maker(random, wild=random.choice((0, 0, 0, 0, 0.01, 0.05, 0.3)), late=late)
    maker.objects.update(objects or {})
    patterns = [maker.build(cls) for cls in chosen_kinds(random)]
    return Case(
        label=f"--seed {seed} --only {number}",
        app=_app(maker),
        patterns=patterns,
        options=_options(maker),
        hostile=maker.hostile,
    )


def chosen_kinds(random: Random) -> list[type]:
    """Some kinds of patterns in some order, now and then all of them, or one twice."""
    every = list(kinds.shipped().values())
    count = random.choice((1, 1, 2, 2, 3, 4, 6, len(every)))
    found = random.sample(every, count)
    return [*found, random.choice(found)] if random.random() < 0.05 else found


def _app(maker: Maker) -> Any:
    drawn = maker.build(App)
    kind = maker.random.random()
    if kind < 0.1:
        return drawn
    if kind < 0.5 or not isinstance(drawn, App):
        return GOOD
    # the good one, with a few fields of the other
    given = chosen(drawn)
    names = maker.random.sample(sorted(given), min(len(given), 2))
    return replace(GOOD, **{name: given[name] for name in names})


def _options(maker: Maker) -> dict[str, Any]:
    random = maker.random
    version = random.choice(VERSIONS)
    options: dict[str, Any] = {
        "kubernetes_version": version,
        "sidecars": "classic" if version < "1.29" or random.random() < 0.1 else "native",
    }
    if random.random() < 0.3:
        options["ip_families"] = random.sample(get_args(IpFamily), random.choice((1, 2)))
    if random.random() < 0.1:
        options["image_registry"] = maker.value(Registries)
    if random.random() < 0.1:
        options["fields"] = {random.choice(("nodeSelector", "containers", str(maker.value(str)))): maker.value(dict[str, str])}
    if random.random() < 0.1:
        options["kubernetes_version"] = maker.value(Version)
    return options


def smaller(case: Case, fails: Callable[[Case], bool], tries: int = 400) -> Case:
    """A case that fails in the same way with less in it."""
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for candidate in _less(case):
            left -= 1
            if fails(candidate):
                case, progress = candidate, True
                break
            if left <= 0:
                break
    return case


def _less(case: Case) -> Iterator[Case]:
    for index in range(len(case.patterns)):
        yield replace(case, patterns=[*case.patterns[:index], *case.patterns[index + 1 :]])
    for name in case.options:
        yield replace(case, options={key: value for key, value in case.options.items() if key != name})
    if case.app != GOOD:
        yield replace(case, app=GOOD)
    for app in less(case.app):
        yield replace(case, app=app)
    for index, pattern in enumerate(case.patterns):
        for fewer in less(pattern):
            yield replace(case, patterns=[*case.patterns[:index], fewer, *case.patterns[index + 1 :]])


def less(value: Any) -> Iterator[Any]:
    """A value with one thing less in it."""
    if is_dataclass(value) and not isinstance(value, type):
        given = chosen(value)
        for name, inner in given.items():
            if name not in required(type(value)):
                yield type(value)(**{key: v for key, v in given.items() if key != name})
            for fewer in less(inner):
                yield type(value)(**{**given, name: fewer})
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield [*value[:index], *value[index + 1 :]]
            for fewer in less(inner):
                yield [*value[:index], fewer, *value[index + 1 :]]
    elif isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
