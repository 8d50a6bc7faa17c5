"""The stack file, read strictly.

The names in the file are those of the Args dataclasses. Pulumi lets unknown keys and misspelt ones pass in silence; here every key must
be known.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from ..certificates import CertificateAuthorityArgs, ClientCertificateArgs
from ..core import checks, rules
from ..core.app import App
from ..core.errors import ProblemsError
from ..presets.elasticsearch import elasticsearch
from ..workload import WorkloadArgs
from . import demo_vault
from .parser import Parser
from .pattern_list import checked, patterns
from .stated import Stated

PRESETS: Mapping[str, Callable[..., App]] = {"elasticsearch": elasticsearch}
"""What `app.preset` may be: a function that takes fields of App and returns one."""

Level = Literal["privileged", "baseline", "restricted"]
LEVELS = get_args(Level)
"""The Pod Security Standards, from the one that admits everything."""


@checks.outlined(r"(?![./]*$)[A-Za-z0-9._@%+=,-][A-Za-z0-9._@%+=,/-]*")
def _directory_problems(what: str, value: str) -> list[str]:
    if checks.path("", f"/{value}") or value.strip("./") == "" or value.startswith("/"):
        return [f"{what} {value!r} is not allowed: a directory inside the project, e.g. out/render"]
    return []


Directory = Annotated[str, _directory_problems]

HIDDEN: Mapping[type, tuple[str, ...]] = {
    WorkloadArgs: ("app", "patterns", "authority"),
    ClientCertificateArgs: ("namespace",),
}
"""Fields that the lists of the file set."""


PREFIX = "pod-patterns:"
"""What each key of a stack file begins with."""


class SettingsError(ProblemsError):
    """A stack file has keys or values that cannot be used; `problems` has a line for each, starting with its path."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """The keys of a stack file; each is written `pod-patterns:KEY`."""

    app: Any
    """The application: fields of App, or `preset:` and the fields that differ from it; `env` is added to the preset's."""
    workload: Any = field(default_factory=dict)
    """Fields of WorkloadArgs. Default: none."""
    patterns: Sequence[Any] = ()
    """The patterns in order; each has a `kind`, its arguments, and a `name` if there are two of the kind. Default: none."""
    authority: CertificateAuthorityArgs | None = None
    """An authority that issues every certificate of the stack, apart from patterns that name a Secret. Default: none, each is
    self-signed."""
    client_certificates: Sequence[ClientCertificateArgs] = ()
    """Clients that the authority issues a certificate to, each a Secret in the workload's namespace; the stack output
    client_certificates has their names. Default: none."""
    create_namespace: Level | None = None
    """The Pod Security Standard (privileged, baseline or restricted) enforced in the workload's namespace, which the stack then
    creates. Default: none, the namespace exists."""
    render: Directory | None = None
    """Directory into which manifests are written instead of reaching a cluster. Default: none."""
    always_render: bool = False
    """Whether every `pulumi up` writes every manifest again, though nothing has changed; a preview then always shows changes.
    Default: false."""
    demo_vault: bool = False
    """Whether to run a Vault for demonstration, for every pattern that names no `address`. Default: false."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack file says, checked."""

    file: StackFile
    """The keys that are plain values."""
    workload: WorkloadArgs
    """The workload with its app, still without patterns."""
    patterns: tuple[Any, ...]
    """Its patterns, as the file has them: arguments that stand for them."""


def parse(given: Mapping[str, Any], where: str, secrets: Iterable[str] = ()) -> Settings:
    """The settings in the keys of a stack file. secrets: the keys that hold a secret. Raises SettingsError for `where`."""
    parser = Parser(HIDDEN)
    if not given:
        parser.problems.append("says nothing about this project; is the file there, and does Pulumi.yaml say `stackConfigDir: stacks`?")
    refused = [key for key in given if key in secrets or _holds_secret(given[key])]
    parser.problems += [
        f"{key}: holds a secret (secure:), but nothing here takes one; put it in a Kubernetes Secret and name that, as in app.secret_env"
        for key in refused
    ]
    usable = {key: value for key, value in given.items() if key not in refused}
    file = parser.instance(StackFile, usable, "", defaults=dict.fromkeys(refused))
    app = _app(parser, usable["app"]) if "app" in usable else None
    workload = _workload(parser, usable.get("workload", {}), app)
    authority = Stated(file.authority) if file and file.authority else None
    defaults = {"address": demo_vault.ADDRESS} if usable.get("demo_vault") is True else {}
    found = patterns(parser, usable.get("patterns"), _facts(app, workload, authority), defaults=defaults)
    if file:
        parser.problems += rules.problems(file)
    if file and file.create_namespace and workload and workload.namespace == "default":
        parser.problems.append("create_namespace: every cluster has a namespace 'default' already; set workload.namespace")
    if workload:
        parser.problems += demo_vault.wanted_problems(demo_vault.wanted(found, workload.namespace))
    if file and file.client_certificates and file.authority is None:
        parser.problems.append("client_certificates: there is no authority to issue them; set authority")
    if parser.problems:
        raise SettingsError(where, parser.problems)
    assert file
    assert workload
    return Settings(file=file, workload=workload, patterns=found)


def keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of this package in the `config` of a stack file, without their prefix."""
    return {key.removeprefix(PREFIX): decoded(value) for key, value in config.items() if key.startswith(PREFIX)}


def decoded(value: Any) -> Any:
    """The value of a key: Pulumi hands over objects and scalars as JSON, and writes `true` into the stack file as a text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"secure"} or any(_holds_secret(v) for v in value.values())
    return isinstance(value, list) and any(_holds_secret(v) for v in value)


def _app(parser: Parser, given: Any) -> App | None:
    if not isinstance(given, Mapping) or "preset" not in given:
        return checked(parser, parser.instance(App, given, "app", beside=("preset",)), "app")
    before = len(parser.problems)
    values = parser.values(App, given, "app", beside=("preset",))
    preset = parser.choice(given["preset"], PRESETS, "app.preset")
    if preset is None or len(parser.problems) > before:
        return None
    return checked(parser, PRESETS[preset](**values), "app")


def _workload(parser: Parser, given: Any, app: App | None) -> WorkloadArgs | None:
    before = len(parser.problems)
    values = parser.values(WorkloadArgs, given, "workload")
    if app is None or len(parser.problems) > before:
        return None
    return checked(parser, WorkloadArgs(app=app, **values), "workload")


def _facts(app: App | None, workload: WorkloadArgs | None, authority: Stated | None) -> dict[str, Any]:
    """What the workload will know; an app with a problem stands for itself, so that its patterns are still looked at."""
    name = app.name if app else "app"
    namespace = workload.namespace if workload else "default"
    service_name = (workload.service_name if workload else None) or name
    return {"app_name": name, "service_name": service_name, "namespace": namespace, "authority": authority}
