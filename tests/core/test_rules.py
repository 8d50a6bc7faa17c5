"""Rules at the fields of arguments: every text and number has one, and a value of another type is one line that names its field."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ProbeArgs

import components
from components import (
    App,
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    ConfigMapKey,
    EgressTarget,
    EgressTlsTunnelArgs,
    Exporter,
    LogFiles,
    MetricsAdapter,
    MetricsAdapterArgs,
    PatternArgs,
    Port,
    Rebind,
    RollingUpdate,
    SecretKey,
    SelfSignedCertificate,
    ServerCertificateArgs,
    SessionStore,
    VaultCertificate,
    VaultInitArgs,
    VaultSecret,
    Workload,
    WorkloadArgs,
    compose,
)
from components.core import checks, rules
from components.core.errors import ArgumentError, CompositionError
from components.core.view import Frontend
from components.testing import run
from tests.support.pods import PEM, web

SHARED = (
    App,
    Port,
    Rebind,
    SecretKey,
    LogFiles,
    Exporter,
    EgressTarget,
    VaultSecret,
    VaultCertificate,
    ConfigMapKey,
    RollingUpdate,
    components.Monitor,
    components.Peer,
    components.Target,
    components.Claim,
    components.CronJob,
    components.DaemonSet,
    components.Deployment,
    components.Job,
    components.StatefulSet,
    SessionStore,
)
PUBLIC = (*(getattr(components, name) for name in sorted(vars(components)) if name.endswith("Args")), *SHARED)
# the others are what some of them have in common
PATTERNS = [cls for cls in PUBLIC if isinstance(getattr(components, cls.__name__.removesuffix("Args"), None), type)]
PATTERNS = [cls for cls in PATTERNS if issubclass(cls, PatternArgs)]
COMMON = {cls for cls in PUBLIC if any(cls in other.__mro__[1:] for other in PUBLIC)}


# every text and number has a rule


def unruled(hint: Any, path: str) -> Iterator[str]:
    """The places in a hint where any text or any number would do, or a class that is not looked at here."""
    parameters = get_args(hint)
    if get_origin(hint) is Annotated:
        base, *notes = parameters
        if rules.Elsewhere in notes or not any(map(callable, notes)):
            yield from unruled(base, path)
    elif hint in (str, int):
        yield f"{path}: {hint.__name__}"
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield from [] if hint in PUBLIC else [f"{path}: {hint.__name__}"]
    elif not rules.is_late(hint) and get_origin(hint) is not Literal:
        for index, parameter in enumerate(parameters):
            yield from unruled(parameter, f"{path}[{index}]")


@pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
def test_no_text_and_no_number_is_without_a_rule(cls: type) -> None:
    assert [line for name, hint in rules.hints(cls).items() for line in unruled(hint, name)] == []


def test_a_text_or_number_without_a_rule_is_found_wherever_it_is() -> None:
    @dataclasses.dataclass
    class Lax:
        text: str
        either: rules.Label | int | None
        late: pulumi.Input[str]
        many: Sequence[pulumi.Input[str]]
        table: Mapping[rules.Label, Mapping[str, rules.Label]]
        elsewhere: Annotated[str, rules.Elsewhere]
        other: Frontend
        fine: Sequence[rules.Positive] | Literal["a", 1] | bool | None

    found = [line.partition("[")[0].partition(":")[0] for name, hint in rules.hints(Lax).items() for line in unruled(hint, name)]
    assert found == ["text", "either", "late", "many", "table", "elsewhere", "other"]


def test_a_hint_that_names_what_is_not_there_is_said_in_one_line() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class OddArgs(PatternArgs):
        target: "Nowhere"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ArgumentError) as error:
        rules.problems(OddArgs(target="x"))
    line = "its type hints cannot be read: name 'Nowhere' is not defined; import it outside of TYPE_CHECKING"
    assert error.value.problems == (line,)


# a value of another type is one line

REQUIRED: dict[type, dict[str, Any]] = {
    App: {"name": "web", "image": "web:1"},
    Port: {"name": "http", "number": 8080},
    Rebind: {"env": {"HOST": "{host}"}},
    SecretKey: {"name": "a", "key": "b"},
    ConfigMapKey: {"name": "a", "key": "b"},
    LogFiles: {"directory": "/logs", "files": ["a.log"]},
    Exporter: {"image": "exporter:1"},
    EgressTarget: {"name": "db", "host": "db.example.com", "port": 5433},
    VaultSecret: {"path": "a", "file": "a", "format": "json"},
    VaultCertificate: {"role": "web", "common_name": "web.example.com"},
    SessionStore: {"url": "rediss://redis"},
    ServerCertificateArgs: {"service_name": "web"},
    ClientCertificateArgs: {"common_name": "client"},
    WorkloadArgs: {"app": App(name="web", image="web:1")},
    components.TrustBundleArgs: {"ca_pem": PEM, "namespaces": ["web"], "config_map_name": "ca"},
    components.CertificateExpiryRuleArgs: {"expires_at": "2027-11-29T00:00:00Z", "subject": "web"},
    components.Target: {"name": "web"},
    components.Claim: {"name": "data", "size": "1Gi", "mount_path": "/data"},
    components.CronJob: {"schedule": "@daily"},
    components.ConfigReloadSidecarArgs: {"config_map": "a", "mount_path": "/a", "reload_path": "/reload"},
    EgressTlsTunnelArgs: {"targets": [EgressTarget(name="db", host="db.example.com", port=5433)]},
    components.FetchInitArgs: {"source": "https://example.com/a", "allow_unverified": True},
    components.JwtAmbassadorArgs: {"issuer": "https://a.example.com", "audience": "web"},
    components.LogShipperSidecarArgs: {"endpoint": "https://a.example.com", "directory": "/logs", "files": ["a.log"]},
    components.LogTailSidecarArgs: {"directory": "/logs", "files": ["a.log"]},
    components.MigrationInitArgs: {"image": "web:1", "command": ["migrate"]},
    components.TlsAmbassadorArgs: {"service_name": "web"},
    VaultInitArgs: {"address": "https://vault:8200", "role": "web", "secrets": [VaultSecret(path="a", file="a", format="json")]},
    components.WaitForInitArgs: {"tcp": ["db:5432"]},
}
REQUIRED[components.VaultAgentSidecarArgs] = REQUIRED[VaultInitArgs]


_NUMBERS = itertools.count()


def fresh() -> str:
    """A name that no other resource of a program has."""
    return f"x{next(_NUMBERS)}"


def vault(**given: Any) -> Any:
    return components.VaultInit(fresh(), VaultInitArgs(**{**REQUIRED[VaultInitArgs], **given}))


def component(args: Any) -> Any:
    return getattr(components, type(args).__name__.removesuffix("Args"))(fresh(), args)


def carried(kind: Any) -> Any:
    return Workload(fresh(), WorkloadArgs(app=web(), kind=kind))


def login(store: Any) -> components.JwtAmbassadorArgs:
    """Arguments of a browser login with that store."""
    required = REQUIRED[components.JwtAmbassadorArgs]
    secret = SecretKey(name="oidc", key="secret")
    return components.JwtAmbassadorArgs(**required, client_secret=secret, redirect_url="https://web/oauth2/callback", session_store=store)


MAKERS: dict[type, Callable[[Any], Any]] = {
    App: compose,
    Port: lambda port: compose(web(ports=[port])),
    Rebind: lambda rebind: compose(web(ports=[Port(name="http", number=80, rebind=rebind)])),
    SecretKey: lambda key: compose(web(secret_env={"A": key})),
    LogFiles: lambda files: compose(web(log_files=files)),
    Exporter: lambda exporter: MetricsAdapter(fresh(), MetricsAdapterArgs(exporter=exporter)),
    EgressTarget: lambda target: components.EgressTlsTunnel(fresh(), EgressTlsTunnelArgs(targets=[target])),
    VaultSecret: lambda secret: vault(secrets=[secret]),
    RollingUpdate: lambda update: Workload(fresh(), WorkloadArgs(app=web(), strategy=update)),
    VaultCertificate: lambda certificate: vault(certificates=[certificate]),
    components.Monitor: lambda monitor: compose(web(ports=[Port(name="http", number=80, monitor=monitor)])),
    components.ServiceArgs: lambda args: Workload(fresh(), WorkloadArgs(app=web(), service=args)),
    components.NetworkPolicyArgs: lambda args: Workload(fresh(), WorkloadArgs(app=web(), network_policy=args)),
    components.Peer: lambda peer: Workload(fresh(), WorkloadArgs(app=web(), network_policy=components.NetworkPolicyArgs(clients=[peer]))),
    SessionStore: lambda store: components.JwtAmbassador(fresh(), login(store)),
    ConfigMapKey: lambda key: vault(ca_config_map=key),
    ServerCertificateArgs: lambda args: SelfSignedCertificate(fresh(), args),
    ClientCertificateArgs: lambda args: CertificateAuthority(fresh()).issue_client(fresh(), args),
    CertificateAuthorityArgs: lambda args: CertificateAuthority(fresh(), args),
    WorkloadArgs: lambda args: Workload(fresh(), args),
    components.TrustBundleArgs: lambda args: components.TrustBundle(fresh(), args),
    components.CertificateExpiryRuleArgs: lambda args: components.CertificateExpiryRule(fresh(), args),
    components.Target: lambda target: components.Injection("ours", target, []),
    components.Claim: lambda claim: carried(components.StatefulSet(claims=[claim])),
    components.CronJob: carried,
    components.DaemonSet: carried,
    components.Deployment: carried,
    components.Job: carried,
    components.StatefulSet: carried,
    **dict.fromkeys(PATTERNS, component),
}


def fits(hint: Any, value: Any) -> bool:
    """Whether a value is of that type, whatever is in it."""
    origin, parameters = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fits(parameters[0], value)
    if rules.is_union(hint):
        return any(fits(parameter, value) for parameter in parameters)
    if origin is Literal:
        return type(value) in map(type, parameters)
    if hint in (str, int, bool):
        return type(value) is hint
    if getattr(hint, "_is_protocol", False) and not rules.is_late(hint):
        return False
    expected = origin or hint
    return hint is Any or (isinstance(value, expected) and not (expected is Sequence and isinstance(value, str)))


def of_other_types(hint: Any) -> Iterator[Any]:
    """Values of other types than the hint's, and what holds one."""
    values = ("text", 42, 1.5, True, None, b"text", ["text"], {"key": "text"}, {"text"}, object, ProbeArgs(), pulumi.Output.from_input("x"))
    yield from (value for value in values if not fits(hint, value))
    yield from within(hint)


def within(hint: Any) -> Iterator[Any]:
    """What is of the hint's type, and holds a value that is not."""
    origin, parameters = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield from within(parameters[0])
    elif rules.is_union(hint):
        yield from (value for parameter in parameters if not rules.is_late(parameter) for value in within(parameter))
    elif origin is Mapping and parameters[1] is Any:
        yield from ({42: "text"}, {"requests": ProbeArgs()}, {"requests": [ProbeArgs()]})
    elif origin is Mapping:
        yield {42: good(parameters[1])}
        yield from ({good(parameters[0]): value} for value in of_other_types(parameters[1]))
    elif origin is Sequence:
        yield from ([value] for value in of_other_types(parameters[0]))


def good(hint: Any) -> Any:
    """A value without a problem."""
    candidates = (fresh(), "/x", "x.y", "1Mi", SecretKey(name="a", key="b"), {"X": "x"})

    @dataclasses.dataclass
    class One:
        value: hint

    return next(value for value in candidates if not rules.problems(One(value)))


def refusals(cls: type, make: Callable[[Any], Any]) -> Iterator[str]:
    """What is not as it should be when a field has a value of another type: one line that names the field."""
    for name, hint in rules.hints(cls).items():
        for value in of_other_types(hint):
            try:
                make(cls(**{**REQUIRED.get(cls, {}), name: value}))
            except (ArgumentError, CompositionError) as error:
                if len(error.problems) != 1 or name not in error.problems[0]:
                    yield f"{name}={value!r}: {error}"
            except Exception as error:
                yield f"{name}={value!r}: {error!r}"
            else:
                yield f"{name}={value!r} is accepted"


def wrong(cls: type, make: Callable[[Any], Any]) -> list[str]:
    found: list[str] = []
    run(lambda: found.extend(refusals(cls, make)))
    return found


@pytest.mark.parametrize("cls", MAKERS, ids=lambda cls: cls.__name__)
def test_a_value_of_another_type_is_one_line_that_names_its_field(cls: type) -> None:
    make = MAKERS[cls]
    run(lambda: make(cls(**REQUIRED.get(cls, {}))))
    assert wrong(cls, make) == []


@pytest.mark.parametrize("cls", PATTERNS, ids=lambda cls: cls.__name__)
def test_so_it_is_where_arguments_stand_for_their_pattern(cls: type) -> None:
    assert wrong(cls, lambda args: Workload(fresh(), WorkloadArgs(app=web(), patterns=[args]))) == []


LATER, TYPED = "must be a plain value, not an Output", "is not in manifest form, but a ProbeArgs; write it as in a manifest"
FRAGMENTS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "typed": (lambda: {"readiness_probe": ProbeArgs()}, "app.readiness_probe must be a mapping, but is a ProbeArgs"),
    "typed inside": (lambda: {"startup_probe": {"httpGet": ProbeArgs()}}, f"app.startup_probe.httpGet {TYPED}"),
    "typed in a list": (lambda: {"container": {"envFrom": [{"prefix": "a"}, ProbeArgs()]}}, f"app.container.envFrom[1] {TYPED}"),
    "typed in a volume": (lambda: {"volumes": [{"name": "v", "secret": ProbeArgs()}]}, f"app.volumes[0].secret {TYPED}"),
    "no text as a key": (lambda: {"container": {"x": {1: 2}}}, "app.container.x key 1 is not allowed: text"),
    "handler": (lambda: {"liveness_probe": {"httpGet": "/"}}, "app.liveness_probe.httpGet must be a mapping, but is the text '/'"),
    "empty handler": (lambda: {"liveness_probe": {"exec": None}}, "app.liveness_probe.exec must be a mapping, but is empty"),
    "handler later": (lambda: {"liveness_probe": {"grpc": pulumi.Output.from_input({})}}, f"app.liveness_probe.grpc {LATER}"),
    "volume": (lambda: {"volumes": [{"name": "v", "emptyDir": None}]}, "app.volumes[0].emptyDir must be a mapping, but is empty"),
    "volume later": (lambda: {"volumes": [{"name": "v", "secret": pulumi.Output.from_input({})}]}, f"app.volumes[0].secret {LATER}"),
    "volume name": (lambda: {"volumes": [{"name": [], "emptyDir": {}}]}, "app.volumes[0].name must be a text, but is a list"),
    "mount name": (lambda: {"volume_mounts": [{"name": {}}]}, "app.volume_mounts[0].name must be a text, but is a mapping"),
}


@pytest.mark.parametrize(("given", "line"), FRAGMENTS.values(), ids=FRAGMENTS.keys())
def test_a_fragment_of_a_manifest_that_is_none_is_refused_with_its_place(given: Callable[[], dict[str, Any]], line: str) -> None:
    reload = components.ConfigReloadSidecarArgs(config_map="a", mount_path="/a", reload_path="/reload")
    with pytest.raises(CompositionError) as error:
        run(lambda: compose(web(**given()), [reload]))
    assert error.value.problems == (line,)


def test_outputs_are_welcome_at_the_leaves_of_a_fragment() -> None:
    def program() -> None:
        later = pulumi.Output.from_input("x")
        fragments = {"readiness_probe": {"exec": {"command": [later]}}, "volumes": [{"name": "v", "secret": {"secretName": later}}]}
        Workload("shop", WorkloadArgs(app=web(**fragments), pod_spec={"nodeSelector": {"a": later}}))

    assert run(program).one("Deployment").inputs["spec"]["template"]["spec"]["nodeSelector"] == {"a": "x"}


def test_every_public_class_of_arguments_is_tried() -> None:
    assert set(PUBLIC) - set(MAKERS) == COMMON


@pytest.mark.parametrize("value", ["text", 42, object, {"app": "web"}, ProbeArgs()], ids=lambda value: str(value).partition(" at ")[0])
def test_what_is_no_arguments_at_all_is_refused_too(value: Any) -> None:
    makers = {cls: MAKERS[cls] for cls in MAKERS if cls not in (*SHARED, *PATTERNS, components.NetworkPolicyArgs, components.ServiceArgs)}
    makers |= {cls: lambda args, cls=cls: getattr(components, cls.__name__.removesuffix("Args"))(fresh(), args) for cls in PATTERNS}
    for cls, make in {**makers, App: compose}.items():
        with pytest.raises((ArgumentError, CompositionError)) as error:
            run(lambda make=make: make(value))
        (line,) = error.value.problems
        assert line.startswith(("args must be ", "app must be ")), (cls, line)


def own_rules(hint: Any) -> set[Any]:
    """What is asked of a value besides its type, wherever in the hint."""
    parts = get_args(hint)
    notes = set(parts[1:]) if get_origin(hint) is Annotated else set()
    return notes.union(*(own_rules(part) for part in parts if get_args(part)))


ONE_RULE = {"uid": checks.uid, "validator_uid": checks.uid, "ca_pem": checks.pem, "client_ca_pems": checks.pem, "image": checks.image}


@pytest.mark.parametrize("name", ONE_RULE)
def test_one_kind_of_argument_has_one_rule(name: str) -> None:
    # a user that somebody else's pod has may be root
    classes = [cls for cls in MAKERS if name in rules.hints(cls) and (cls, name) != (components.Target, "uid")]
    assert classes
    assert {cls: ONE_RULE[name] in own_rules(rules.hints(cls)[name]) for cls in classes} == dict.fromkeys(classes, True)
