"""The stack file, read strictly, and what it asks for, built. The only reader of Pulumi's configuration.

Pulumi lets unknown keys and misspelt ones pass in silence, so everything in the project's namespace is read here and must be known.
The names in the file are those of the Args dataclasses.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, get_args

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi.runtime import config as pulumi_config

from components.certificates import CertificateAuthority, CertificateAuthorityArgs, ClientCertificateArgs
from components.core import checks, plug, rules
from components.core.app import App
from components.core.errors import ProblemsError
from components.declared import kinds
from components.declared.parser import Parser
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .demo_vault import DemoVault, DemoVaultArgs

PRESETS: Mapping[str, Callable[..., App]] = {"elasticsearch": elasticsearch}
"""What `app.preset` may be: a function that takes fields of App and returns one."""

DEMO_VAULT = "https://demo-vault:8200"
"""Stands for the address of the demonstration Vault until that is made."""

Level = Literal["privileged", "baseline", "restricted"]
LEVELS = get_args(Level)
"""The Pod Security Standards, from the one that admits everything."""


def _directory_problems(what: str, value: str) -> list[str]:
    if checks.path("", f"/{value}") or value.strip("./") == "" or value.startswith("/"):
        return [f"{what} {value!r} is not allowed: a directory inside the project, e.g. out/render"]
    return []


Directory = Annotated[str, _directory_problems]

# set by the lists of the file
_HIDDEN = {
    WorkloadArgs: ("app", "patterns", "authority"),
    ClientCertificateArgs: ("namespace",),
}


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


def read() -> Settings:
    """The settings of this stack, from Pulumi's configuration. Raises SettingsError with everything that is wrong."""
    prefix = f"{pulumi.get_project()}:"
    keys = [key for key in {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()} if key.startswith(prefix)]
    secrets = [k.removeprefix(prefix) for k in keys if pulumi_config.is_config_secret(k) or k in pulumi_config.get_config_secret_keys_env()]
    given = {k.removeprefix(prefix): decoded(pulumi_config.get_config(k)) for k in keys}
    return parse(given, f"stacks/Pulumi.{pulumi.get_stack()}.yaml", secrets)


def parse(given: Mapping[str, Any], where: str, secrets: Iterable[str] = ()) -> Settings:
    """The settings in the keys of a stack file. secrets: the keys that hold a secret. Raises SettingsError for `where`."""
    parser = Parser(_HIDDEN)
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
    authority = _Stated(file.authority) if file and file.authority else None
    defaults = {"address": DEMO_VAULT} if usable.get("demo_vault") is True else {}
    patterns = _patterns(parser, usable.get("patterns"), defaults, _facts(app, workload, authority))
    if file:
        parser.problems += rules.problems(file)
    if file and file.create_namespace and workload and workload.namespace == "default":
        parser.problems.append("create_namespace: every cluster has a namespace 'default' already; set workload.namespace")
    if workload:
        parser.problems += _demo_problems(_demo_vaults(patterns, workload.namespace))
    if file and file.client_certificates and file.authority is None:
        parser.problems.append("client_certificates: there is no authority to issue them; set authority")
    if parser.problems:
        raise SettingsError(where, parser.problems)
    assert file
    assert workload
    return Settings(file=file, workload=workload, patterns=patterns)


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
        return _checked(parser, parser.instance(App, given, "app", beside=("preset",)), "app")
    before = len(parser.problems)
    values = parser.values(App, given, "app", beside=("preset",))
    preset = parser.choice(given["preset"], PRESETS, "app.preset")
    if preset is None or len(parser.problems) > before:
        return None
    return _checked(parser, PRESETS[preset](**values), "app")


def _workload(parser: Parser, given: Any, app: App | None) -> WorkloadArgs | None:
    before = len(parser.problems)
    values = parser.values(WorkloadArgs, given, "workload")
    if app is None or len(parser.problems) > before:
        return None
    return _checked(parser, WorkloadArgs(app=app, **values), "workload")


class _Stated(CertificateAuthority):
    """Stands for the authority until it is made, while what its leaves ask for is looked at; it is never registered."""

    def __init__(self, args: CertificateAuthorityArgs) -> None:
        self._args = args


def _facts(app: App | None, workload: WorkloadArgs | None, authority: _Stated | None) -> dict[str, Any]:
    """What the workload will know; an app with a problem stands for itself, so that its patterns are still looked at."""
    name = app.name if app else "app"
    namespace = workload.namespace if workload else "default"
    service_name = (workload.service_name if workload else None) or name
    return {"app_name": name, "service_name": service_name, "namespace": namespace, "authority": authority}


def _kind(parser: Parser, kind: Any, path: str) -> type[Any] | None:
    """The arguments of that kind, this package's or somebody else's."""
    known = kinds.kinds()
    if isinstance(kind, str) and "." in kind:
        found, problem = kinds.by_path(kind)
        parser.problems += [f"{path}: {problem}"] if problem else []
        return found
    chosen = parser.choice(kind, known, path)
    return None if chosen is None else known[chosen]


def _patterns(parser: Parser, given: Any, defaults: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """The patterns that could be read; what they find wrong with themselves, once they know the facts, is noted."""
    found: list[Any] = []
    for index, item in enumerate(given if isinstance(given, list) else ()):
        path = f"patterns[{index}]"
        if not isinstance(item, Mapping):
            parser.wrong(path, "a mapping with a kind", item)
            continue
        cls = _kind(parser, item.get("kind"), f"{path}.kind")
        if cls is None:
            continue
        args = parser.instance(cls, item, path, defaults=defaults, beside=("kind",))
        if args is None:
            continue
        _checked(parser, args.completed(facts) if isinstance(args, plug.PatternArgs) else args, path)
        name = getattr(args, "name", None)
        if any((type(args), name) == (type(other), getattr(other, "name", None)) for other in found):
            parser.problems.append(f"{path}.name: there is a {plug.describe(args)} already; give this one a name of its own")
        found.append(args)
    return tuple(found)


def _demo_vaults(patterns: Iterable[Any], namespace: Any) -> set[DemoVaultArgs]:
    """What the patterns that name no address want of the demonstration Vault; it can be only one."""
    return {
        DemoVaultArgs(
            namespace=namespace,
            role=args.role,
            audience=args.audience,
            service_account=args.service_account or "default",
            secret_path=_demo_path(source, args.auth_mount),
        )
        for args in (args for args in patterns if getattr(args, "address", None) == DEMO_VAULT)
        for source in args.sources
    }


def _demo_path(source: Any, auth_mount: str) -> str:
    """The path of the secret, if the demonstration Vault can have it."""
    kv_version = getattr(source, "kv_version", None)
    return source.path if (source.mount, kv_version, auth_mount) == ("secret", 2, "kubernetes") else ""


def _demo_problems(wanted: set[DemoVaultArgs]) -> list[str]:
    if len(wanted) > 1 or any(args.secret_path == "" for args in wanted):
        return ["demo_vault: has one role at auth/kubernetes and one secret in the KV v2 mount secret/; want no more, or set address:"]
    return [line for args in wanted for line in rules.problems(args, "demo_vault: ")]


def _checked(parser: Parser, instance: Any, path: str) -> Any:
    """The instance; what it finds wrong with itself is noted."""
    if instance is not None:
        parser.problems += rules.problems(instance, f"{path}.")
    return instance


def build(settings: Settings) -> Workload:
    """Creates everything the settings ask for, and returns the workload. Raises ArgumentError, CompositionError and SettingsError."""
    file, workload = settings.file, settings.workload
    opts = pulumi.ResourceOptions()
    if file.render is not None:
        opts.provider = kubernetes.Provider(
            "render", render_yaml_to_directory=file.render, **({"always_render": True} if file.always_render else {})
        )
    if file.create_namespace is not None:
        labels = {"pod-security.kubernetes.io/enforce": file.create_namespace}
        namespace = kubernetes.core.v1.Namespace("namespace", metadata={"name": workload.namespace, "labels": labels}, opts=opts)
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace]))
    name = workload.app.name
    authority = None if file.authority is None else CertificateAuthority(f"{name}-ca", file.authority, opts)
    clients = {
        client.common_name: authority.issue_client(
            f"{name}-client-{client.common_name}", replace(client, namespace=workload.namespace), opts
        )
        for client in file.client_certificates
        if authority is not None
    }
    if clients:
        pulumi.export("client_certificates", {name: certificate.secret_name for name, certificate in clients.items()})
    patterns = _with_demo_vault(settings, opts)
    built = Workload(name, replace(workload, patterns=patterns, authority=authority), opts)
    level = built.pod.security_level
    if file.create_namespace is not None and LEVELS.index(level) < LEVELS.index(file.create_namespace):
        raise SettingsError(
            f"workload {name!r}",
            [f"create_namespace: {file.create_namespace} admits none of its pods, which are {level}; set that, or leave out what is not"],
        )
    return built


def _with_demo_vault(settings: Settings, opts: pulumi.ResourceOptions) -> list[Any]:
    """The patterns; those that name no Vault get the one for demonstration."""
    patterns: list[Any] = list(settings.patterns)
    for args in _demo_vaults(patterns, settings.workload.namespace):
        vault = DemoVault(f"{settings.workload.app.name}-demo-vault", args, opts)
        patterns = [
            replace(p, address=vault.address, ca_pem=vault.ca_pem) if getattr(p, "address", None) == DEMO_VAULT else p for p in patterns
        ]
    return patterns
