"""The stack file, read strictly, and what it asks for, built. The only reader of Pulumi's configuration.

Pulumi lets unknown keys and misspelt ones pass in silence, so everything in the project's namespace is read here and must be known.
The names in the file are those of the Args dataclasses.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi.runtime import config as pulumi_config

from components.certificates import CertificateAuthority, CertificateAuthorityArgs, ClientCertificateArgs
from components.core import checks
from components.core.app import App
from components.core.errors import ProblemsError
from components.core.pod_security import pod_security_level
from components.declared.parser import Parser
from components.patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from components.patterns.egress_tls_tunnel import EgressTlsTunnel, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInit, FetchInitArgs
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.migration_init import MigrationInit, MigrationInitArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit, TrafficRedirectInitArgs
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .demo_vault import DemoVault, DemoVaultArgs

KINDS: Mapping[str, tuple[Any, Any]] = {
    "ConfigReloadSidecar": (ConfigReloadSidecar, ConfigReloadSidecarArgs),
    "EgressTlsTunnel": (EgressTlsTunnel, EgressTlsTunnelArgs),
    "FetchInit": (FetchInit, FetchInitArgs),
    "JwtAmbassador": (JwtAmbassador, JwtAmbassadorArgs),
    "LogShipperSidecar": (LogShipperSidecar, LogShipperSidecarArgs),
    "LogTailSidecar": (LogTailSidecar, LogTailSidecarArgs),
    "MetricsAdapter": (MetricsAdapter, MetricsAdapterArgs),
    "MigrationInit": (MigrationInit, MigrationInitArgs),
    "RedisCacheSidecar": (RedisCacheSidecar, RedisCacheSidecarArgs),
    "SysctlInit": (SysctlInit, SysctlInitArgs),
    "TlsAmbassador": (TlsAmbassador, TlsAmbassadorArgs),
    "TrafficRedirectInit": (TrafficRedirectInit, TrafficRedirectInitArgs),
    "VaultAgentSidecar": (VaultAgentSidecar, VaultAgentSidecarArgs),
    "VaultInit": (VaultInit, VaultInitArgs),
    "WaitForInit": (WaitForInit, WaitForInitArgs),
}
"""What `kind` may be: the pattern and its arguments."""

PRESETS: Mapping[str, Callable[..., App]] = {"elasticsearch": elasticsearch}
"""What `app.preset` may be: a function that takes fields of App and returns one."""

DEMO_VAULT = "https://demo-vault:8200"
"""Stands for the address of the demonstration Vault until that is made."""

LEVELS = ("privileged", "baseline", "restricted")
"""The Pod Security Standards, from the one that admits everything."""

# set by the lists of the file
_HIDDEN = {
    WorkloadArgs: ("app", "patterns"),
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
    patterns: tuple[Any, ...] = ()
    """The patterns in order; each has a `kind`, its arguments, and a `name` if there are two of the kind. Default: none."""
    certificate_authority: CertificateAuthorityArgs | None = None
    """An authority that issues every certificate of the stack, apart from patterns that name a Secret. Default: none, each is
    self-signed."""
    client_certificates: tuple[ClientCertificateArgs, ...] = ()
    """Clients that the authority issues a certificate to, each a Secret in the workload's namespace; the stack output
    client_certificates has their names. Default: none."""
    create_namespace: str | None = None
    """The Pod Security Standard (privileged, baseline or restricted) enforced in the workload's namespace, which the stack then
    creates. Default: none, the namespace exists."""
    render: str | None = None
    """Directory into which manifests are written instead of reaching a cluster. Default: none."""
    always_render: bool = False
    """Whether every `pulumi up` writes every manifest again, though nothing has changed; a preview then always shows changes.
    Default: false."""
    demo_vault: bool = False
    """Whether to run a Vault for demonstration, for every pattern that names no `address`. Default: false."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One pattern of a stack: its kind, its Pulumi name and its arguments."""

    kind: str
    name: str
    args: Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack file says, checked."""

    file: StackFile
    """The keys that are plain values."""
    workload: WorkloadArgs
    """The workload with its app, still without patterns."""
    items: tuple[Item, ...]
    """Its patterns."""


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
    items = _items(parser, usable.get("patterns"), _defaults(app, workload, demo_vault=usable.get("demo_vault") is True))
    if file:
        parser.problems += _file_problems(file)
    if file and file.create_namespace and workload and workload.namespace == "default":
        parser.problems.append("create_namespace: every cluster has a namespace 'default' already; set workload.namespace")
    if workload:
        parser.problems += _demo_problems(_demo_vaults(items, workload.namespace))
    if file and file.client_certificates and file.certificate_authority is None:
        parser.problems.append("client_certificates: there is no authority to issue them; set certificate_authority")
    for index, client in enumerate(file.client_certificates if file else ()):
        _checked(parser, client, f"client_certificates[{index}]")
    if parser.problems:
        raise SettingsError(where, parser.problems)
    assert file
    assert workload
    return Settings(file=file, workload=workload, items=items)


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


def _file_problems(file: StackFile) -> list[str]:
    found = []
    if file.create_namespace is not None:
        found += checks.one_of("create_namespace:", file.create_namespace, LEVELS)
    if file.render is not None and (checks.path("", f"/{file.render}") or file.render.strip("./") == "" or file.render.startswith("/")):
        found.append(f"render: {file.render!r} is not allowed: a directory inside the project, e.g. out/render")
    if file.certificate_authority is not None:
        found += [f"certificate_authority: {problem}" for problem in file.certificate_authority.problems()]
    return found


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


def _defaults(app: App | None, workload: WorkloadArgs | None, *, demo_vault: bool) -> dict[str, Any]:
    """What a pattern's arguments of these names are unless they are given, so that nobody repeats them."""
    # an app with a problem stands for itself: its patterns are still looked at
    name = app.name if app else "app"
    return {
        "app_name": name,
        "service_name": (workload.service_name if workload else None) or name,
        "namespace": workload.namespace if workload else "default",
        **({"address": DEMO_VAULT} if demo_vault else {}),
    }


def _items(parser: Parser, given: Any, defaults: Mapping[str, Any]) -> tuple[Item, ...]:
    items: list[Item] = []
    for index, item in enumerate(given if isinstance(given, list) else ()):
        path = f"patterns[{index}]"
        if not isinstance(item, Mapping):
            parser.wrong(path, "a mapping with a kind", item)
            continue
        kind = parser.choice(item.get("kind"), KINDS, f"{path}.kind")
        if kind is None:
            continue
        args = _checked(parser, parser.instance(KINDS[kind][1], item, path, defaults=defaults, beside=("kind", "name")), path)
        name = item.get("name")
        if name is None:
            name = f"{defaults['app_name']}-{_kebab(kind)}"
        else:
            parser.problems += checks.label(f"{path}.name:", name)
        if any((kind, name) == (i.kind, i.name) for i in items):
            parser.problems.append(f"{path}.name: there is a {kind} {name!r} already; give this one a name of its own")
        items.append(Item(kind=kind, name=name, args=args))
    return tuple(items)


def _demo_vaults(items: Iterable[Item], namespace: Any) -> set[DemoVaultArgs]:
    """What the patterns that name no address want of the demonstration Vault; it can be only one."""
    return {
        DemoVaultArgs(
            namespace=namespace,
            role=args.role,
            audience=args.audience,
            service_account=args.service_account or "default",
            secret_path=secret.path if (secret.mount, secret.kv_version, args.auth_mount) == ("secret", 2, "kubernetes") else "",
        )
        for args in (item.args for item in items if getattr(item.args, "address", None) == DEMO_VAULT)
        for secret in args.secrets
    }


def _demo_problems(wanted: set[DemoVaultArgs]) -> list[str]:
    if len(wanted) > 1 or any(args.secret_path == "" for args in wanted):
        return ["demo_vault: has one role at auth/kubernetes and one secret in the KV v2 mount secret/; want no more, or set address:"]
    return [f"demo_vault: {problem}" for args in wanted for problem in args.problems()]


def _kebab(kind: str) -> str:
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower()


def _checked(parser: Parser, instance: Any, path: str) -> Any:
    """The instance; what it finds wrong with itself is noted."""
    if instance is not None:
        parser.problems += [f"{path}: {problem}" for problem in getattr(instance, "problems", tuple)()]
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
    shared = _shared(settings, opts)
    clients = {
        client.common_name: shared["authority"].issue_client(
            f"{workload.app.name}-client-{client.common_name}", replace(client, namespace=workload.namespace), opts
        )
        for client in file.client_certificates
    }
    if clients:
        pulumi.export("client_certificates", {name: certificate.secret_name for name, certificate in clients.items()})
    patterns = [KINDS[item.kind][0](item.name, _completed(item.args, shared), opts) for item in settings.items]
    built = Workload(workload.app.name, replace(workload, patterns=patterns), opts)
    level = pod_security_level(built.pod.spec)
    if file.create_namespace is not None and LEVELS.index(level) < LEVELS.index(file.create_namespace):
        raise SettingsError(
            f"workload {workload.app.name!r}",
            [f"create_namespace: {file.create_namespace} admits none of its pods, which are {level}; set that, or leave out what is not"],
        )
    return built


def _shared(settings: Settings, opts: pulumi.ResourceOptions) -> dict[str, Any]:
    """What the whole stack shares: the authority, and the demonstration Vault if a pattern wants it."""
    file, name = settings.file, settings.workload.app.name
    shared: dict[str, Any] = {}
    if file.certificate_authority is not None:
        shared["authority"] = CertificateAuthority(f"{name}-ca", file.certificate_authority, opts)
    for args in _demo_vaults(settings.items, settings.workload.namespace):
        shared["demo_vault"] = DemoVault(f"{name}-demo-vault", args, opts)
    return shared


def _completed(args: Any, shared: Mapping[str, Any]) -> Any:
    """The arguments with what the stack shares; a certificate of an existing Secret needs no authority."""
    if "authority" in shared and hasattr(args, "authority") and getattr(args, "secret_name", None) is None:
        args = replace(args, authority=shared["authority"])
    if getattr(args, "address", None) == DEMO_VAULT:
        args = replace(args, address=shared["demo_vault"].address, ca=shared["demo_vault"].ca_pem)
    return args
