"""The stack files: what is read, what is refused, and that each one builds."""

import json
import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import config as pulumi_config

from components.core import plug
from components.core.app import App, Port, Rebind
from components.declared import stack_file
from components.declared.kinds import shipped
from components.declared.parser import Parser
from components.declared.stack_file import SettingsError
from components.patterns.sysctl_init import SysctlInitArgs
from components.testing import Mocks, Recording, run
from stacks import settings

ROOT = Path(__file__).parent.parent.parent
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
VAULT = {"address": "https://vault:8200", "role": "web"}
WEB = {
    "name": "web",
    "image": "web:1",
    "command": ["web"],
    "ports": [{"name": "http", "number": 8080, "rebind": {"args": ["-p", "{host}:{port}"]}}],
}


def keys(path: Path) -> dict[str, Any]:
    """The keys of a stack file without the project's name."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    return {key.removeprefix("pod-patterns:"): value for key, value in config.items()}


def refusal(given: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> list[str]:
    """What is refused in these keys."""
    with pytest.raises(SettingsError) as error:
        stack_file.parse(given, "stacks/Pulumi.test.yaml", secrets)
    return list(error.value.problems)


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int
    ratio: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Outer:
    text: pulumi.Input[str]
    maybe: pulumi.Input[str] | None = None
    flag: bool = False
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    table: Mapping[str, int | str] = field(default_factory=dict)
    either: str | Inner = "x"
    free: Any = None
    resource: pulumi.Resource | None = None
    set_elsewhere: int = 0


def parsed(given: Any) -> tuple[Any, list[str]]:
    parser = Parser({Outer: ["set_elsewhere"]})
    return parser.instance(Outer, given, "at"), parser.problems


# the parser


def test_data_becomes_an_instance_by_its_type_hints() -> None:
    given = {
        "text": "a",
        "maybe": None,
        "flag": True,
        "inner": {"size": 1, "ratio": 2},
        "many": [{"size": 2}, {"size": 3, "ratio": 0.5}],
        "table": {"a.b": 1, "c": "two"},
        "either": {"size": 4},
        "free": {"x": [1]},
    }
    expected = Outer(
        text="a",
        flag=True,
        inner=Inner(size=1, ratio=2),
        many=[Inner(size=2), Inner(size=3, ratio=0.5)],
        table={"a.b": 1, "c": "two"},
        either=Inner(size=4),
        free={"x": [1]},
    )
    assert parsed(given) == (expected, [])


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"text": 1.3}, "at.text must be a text, but is the number 1.3; put it in quotes"),
        ({"text": True}, "at.text must be a text, but is true; put it in quotes"),
        ({"text": None}, "at.text must be a text, but is empty"),
        ({"text": ["a"]}, "at.text must be a text, but is a list"),
        ({"text": "a", "maybe": {}}, "at.maybe must be a text, but is a mapping"),
        ({"text": "a", "flag": "yes"}, "at.flag must be true or false, but is the text 'yes'"),
        ({"text": "a", "flag": 1}, "at.flag must be true or false, but is the number 1"),
        ({"text": "a", "inner": {"size": True}}, "at.inner.size must be a whole number, but is true"),
        ({"text": "a", "inner": {"size": "1"}}, "at.inner.size must be a whole number, but is the text '1'"),
        ({"text": "a", "inner": {"size": 1.0}}, "at.inner.size must be a whole number, but is the number 1.0"),
        ({"text": "a", "inner": {"size": 1, "ratio": False}}, "at.inner.ratio must be a number, but is false"),
        ({"text": "a", "inner": {}}, "at.inner.size: missing"),
        ({"text": "a", "inner": []}, "at.inner must be a mapping, but is a list"),
        ({"text": "a", "many": {}}, "at.many must be a list, but is a mapping"),
        (
            {"text": "a", "many": [{"size": 1}, {"size": 1, "siz": 2}]},
            "at.many[1].siz: unknown key, did you mean 'size'? known: ratio, size",
        ),
        ({"text": "a", "many": [{"size": 1, "x": 2}]}, "at.many[0].x: unknown key; known: ratio, size"),
        ({"text": "a", "table": {"k": 1.5}}, "at.table['k'] must be a whole number or a text, but is the number 1.5"),
        ({"text": "a", "table": {1: 1}}, "at.table key must be a text, but is the number 1; put it in quotes"),
        ({"text": "a", "table": "k"}, "at.table must be a mapping, but is the text 'k'"),
        ({"text": "a", "either": {"sise": 1, "size": 1}}, "at.either.sise: unknown key, did you mean 'size'? known: ratio, size"),
        ({"text": "a", "either": 3}, "at.either must be a text or an Inner, but is the number 3"),
        ("text", "at must be a mapping, but is the text 'text'"),
        ({}, "at.text: missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(given: Any, line: str) -> None:
    assert parsed(given) == (None, [line])


@pytest.mark.parametrize("name", ["resource", "set_elsewhere"])
def test_what_the_program_sets_is_no_key_of_a_file(name: str) -> None:
    line = f"at.{name}: unknown key; known: either, flag, free, inner, many, maybe, table, text"
    assert parsed({"text": "a", name: 1}) == (None, [line])


# the keys of a stack file


def test_every_mistake_is_in_one_error_with_the_file() -> None:
    given = {
        "app": {"preset": "elasticsearch", "imge": "x", "uid": "1000"},
        "workload": {"replicas": True, "kubernetes_version": 1.3},
        "patern": [],
        "patterns": [
            {"kind": "TlsAmbassador", "target_prots": ["http"], "health_port": 0},
            {"kind": "SysctlInit", "strategy": "maybe"},
            {"kind": "TlsAmbasador"},
            {"name": "x"},
            "SysctlInit",
            {"kind": 3},
        ],
        "demo_vault": "yes",
    }
    with pytest.raises(SettingsError) as error:
        stack_file.parse(given, "stacks/Pulumi.test.yaml")
    app = ", ".join(sorted({*App.__dataclass_fields__, "preset"}))
    tls = ", ".join(sorted({*shipped()["TlsAmbassador"].__dataclass_fields__, "kind", "name"} - {"authority"}))
    kinds = ", ".join(sorted(shipped()))
    assert str(error.value) == (
        "stacks/Pulumi.test.yaml: 12 problems\n"
        "  - patern: unknown key, did you mean 'patterns'? "
        "known: always_render, app, authority, client_certificates, create_namespace, demo_vault, patterns, render, workload\n"
        "  - demo_vault must be true or false, but is the text 'yes'\n"
        f"  - app.imge: unknown key, did you mean 'image'? known: {app}\n"
        "  - app.uid must be a whole number, but is the text '1000'\n"
        "  - workload.replicas must be a whole number, but is true\n"
        "  - workload.kubernetes_version must be a text, but is the number 1.3; put it in quotes\n"
        f"  - patterns[0].target_prots: unknown key, did you mean 'target_ports'? known: {tls}\n"
        "  - patterns[1].strategy 'maybe' is not allowed: one of init, none\n"
        f"  - patterns[2].kind: unknown value 'TlsAmbasador', did you mean 'TlsAmbassador'? known: {kinds}\n"
        f"  - patterns[3].kind: missing; known: {kinds}\n"
        "  - patterns[4] must be a mapping with a kind, but is the text 'SysctlInit'\n"
        "  - patterns[5].kind must be a text, but is the number 3; put it in quotes"
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"app": {**WEB, "uid": 0}}, "app.uid 0 is root: use another user id"),
        ({"app": {"preset": "elastic"}}, "app.preset: unknown value 'elastic', did you mean 'elasticsearch'? known: elasticsearch"),
        ({"app": "elasticsearch"}, "app must be a mapping, but is the text 'elasticsearch'"),
        (
            {"app": {**WEB, "ports": [{"name": "http", "number": 80, "front": None}]}},
            "app.ports[0].front: unknown key; known: metrics, monitor, name, number, peers, probe_paths, protocol, rebind, scheme, "
            "service, service_number",
        ),
        ({"app": WEB, "workload": {"replicas": -1}}, "workload.replicas -1 is not allowed: a whole number, 0 or more"),
        ({"app": WEB, "patterns": {"kind": "SysctlInit"}}, "patterns must be a list, but is a mapping"),
        (
            {"app": WEB, "patterns": [{"kind": "SysctlInit", "name": "Not a label"}]},
            "patterns[0].name 'Not a label' is not allowed: a-z, 0-9 and '-', 63 characters at most",
        ),
        (
            {"app": WEB, "patterns": [{"kind": "SysctlInit"}, {"kind": "SysctlInit"}]},
            "patterns[1].name: there is a SysctlInit already; give this one a name of its own",
        ),
        (
            {"app": WEB, "patterns": [{"kind": "VaultInit", "role": "web", "secrets": [{"path": "a", "file": "a", "format": "json"}]}]},
            "patterns[0].address: missing",
        ),
        (
            {
                "app": WEB,
                "patterns": [{"kind": "VaultInit", **VAULT, "secrets": [{"path": "a", "file": "a", "format": "json", "mode": 0o400}]}],
            },
            "patterns[0].secrets[0].mode must be one of 0400, 0440, but is the number 256; put it in quotes",
        ),
        ({"app": WEB, "render": "../out"}, "render '../out' is not allowed: a directory inside the project, e.g. out/render"),
        ({"app": WEB, "render": "/etc"}, "render '/etc' is not allowed: a directory inside the project, e.g. out/render"),
        ({"app": WEB, "render": "."}, "render '.' is not allowed: a directory inside the project, e.g. out/render"),
        (
            {"app": WEB, "create_namespace": "strict", "workload": {"namespace": "shop"}},
            "create_namespace 'strict' is not allowed: one of privileged, baseline, restricted",
        ),
        (
            {"app": WEB, "create_namespace": "baseline"},
            "create_namespace: every cluster has a namespace 'default' already; set workload.namespace",
        ),
        (
            {"app": WEB, "authority": {"common_name": ""}},
            "authority.common_name '' is not allowed: text, not empty, without NUL and lone surrogates",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(given: Mapping[str, Any], line: str) -> None:
    assert refusal(given) == [line]


def test_a_file_that_says_nothing_is_refused() -> None:
    assert refusal({}) == [
        "says nothing about this project; is the file there, and does Pulumi.yaml say `stackConfigDir: stacks`?",
        "app: missing",
    ]


def test_a_secret_is_refused_with_the_way_out() -> None:
    line = "app: holds a secret (secure:), but nothing here takes one; put it in a Kubernetes Secret and name that, as in app.secret_env"
    # under the engine the value comes decrypted, and the key is in a list
    assert refusal({"app": {**WEB, "env": {"PASSWORD": "hunter2"}}}, secrets=("app",)) == [line]
    assert refusal({"app": {**WEB, "env": {"PASSWORD": {"secure": "v1:abc"}}}}) == [line]
    assert refusal({"app": {**WEB, "volumes": [{"name": {"secure": "v1:abc"}}]}}) == [line]


def test_a_preset_takes_fields_of_the_app() -> None:
    app = stack_file.parse({"app": {"preset": "elasticsearch", "image": "es:8", "env": {"A": "b"}}}, "x").workload.app
    assert (app.name, app.image, app.env["A"], app.env["discovery.type"]) == ("elasticsearch", "es:8", "b", "single-node")


def test_an_app_needs_no_preset() -> None:
    app = stack_file.parse({"app": WEB}, "x").workload.app
    port = Port(name="http", number=8080, rebind=Rebind(args=["-p", "{host}:{port}"]))
    assert app == App(name="web", image="web:1", command=["web"], ports=[port])


def test_service_namespace_and_app_are_said_once() -> None:
    monitor = {"kind": "MetricsAdapter", "scrape": "pod_monitor"}
    given = {"app": WEB, "workload": {"namespace": "shop", "service_name": "front"}, "patterns": [{"kind": "TlsAmbassador"}, monitor]}
    recording = built(given)
    assert "front.shop.svc" in recording.one("SelfSignedCert").inputs["dnsNames"]
    assert recording.one("Secret").inputs["metadata"]["namespace"] == "shop"
    assert recording.one("PodMonitor").inputs["metadata"]["namespace"] == "shop"
    assert recording.one("PodMonitor").inputs["spec"]["selector"] == {
        "matchLabels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web"}
    }


def test_a_policy_and_a_service_are_said_in_data() -> None:
    policy = {"clients": [{"namespace": "front"}], "connects": ["db.data.svc:5432"]}
    given = {"app": WEB, "workload": {"network_policy": policy, "service": {"headless": True}}}
    recording = built(given)
    spec = recording.one("NetworkPolicy").inputs["spec"]
    namespaces = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}, "podSelector": {}} for name in ("front", "data")
    ]
    assert spec["ingress"] == [{"from": namespaces[:1], "ports": [{"protocol": "TCP", "port": 8080}]}]
    assert spec["egress"][1:] == [{"to": namespaces[1:], "ports": [{"protocol": "TCP", "port": 5432}]}]
    assert recording.one("Service").inputs["spec"]["clusterIP"] == "None"


def test_patterns_keep_their_order_and_take_names() -> None:
    given = {"app": WEB, "patterns": [{"kind": "TlsAmbassador"}, {"kind": "SysctlInit", "name": "a"}, {"kind": "SysctlInit"}]}
    patterns = stack_file.parse(given, "x").patterns
    assert [(plug.kind(p), p.name) for p in patterns] == [("TlsAmbassador", None), ("SysctlInit", "a"), ("SysctlInit", None)]
    assert patterns[1] == SysctlInitArgs(name="a")
    assert built({**given, "patterns": given["patterns"][:1]}).one("TlsAmbassador").name == "web-tls-ambassador"


# Pulumi's side


def test_the_engine_s_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_project", lambda: "pod-patterns")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "mine")
    config = {"pod-patterns:app": json.dumps(WEB), "pod-patterns:render": "out/mine", "kubernetes:context": "x"}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    token = pulumi_config.CONFIG.set({})
    try:
        found = settings.read()
        assert (found.workload.app.name, found.file.render) == ("web", "out/mine")
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["pod-patterns:render"]))
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**config, "pod-patterns:demo_valt": "true"}))
        with pytest.raises(SettingsError) as error:
            settings.read()
    finally:
        pulumi_config.CONFIG.reset(token)
    assert str(error.value) == (
        "stacks/Pulumi.mine.yaml: 2 problems\n"
        "  - render: holds a secret (secure:), but nothing here takes one; "
        "put it in a Kubernetes Secret and name that, as in app.secret_env\n"
        "  - demo_valt: unknown key, did you mean 'demo_vault'? "
        "known: always_render, app, authority, client_certificates, create_namespace, demo_vault, patterns, render, workload"
    )


def test_pulumi_finds_the_stack_files() -> None:
    # Pulumi ignores a key that it does not know, and then the stack files too
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert set(project) == {"name", "description", "runtime", "stackConfigDir"}
    assert (project["name"], project["stackConfigDir"]) == ("pod-patterns", "stacks")
    for path in STACKS:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert list(document) == ["config"]
        assert all(key.startswith("pod-patterns:") for key in document["config"])


# what is built


def built(config: Mapping[str, Any], **options: Any) -> Recording:
    """The program, run with these keys."""
    return run(lambda: runpy.run_path(str(ROOT / "__main__.py")), project="pod-patterns", stack="test", config=config, **options)


def pod(recording: Recording) -> dict[str, Any]:
    return recording.one("Deployment").inputs["spec"]["template"]["spec"]


@pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])
@pytest.mark.parametrize("path", STACKS, ids=lambda p: p.stem)
def test_every_stack_file_builds(path: Path, preview: bool) -> None:
    recording = built(keys(path), preview=preview)
    assert len(recording.all("Workload")) == 1
    clients = {"client_certificates"} if "client_certificates" in keys(path) else set()
    assert set(recording.exports) == clients | {
        "service_name",
        "endpoints",
        "ca_pem",
        "certificate_expires_at",
        "pod_security_level",
        "privileged_containers",
        "plaintext_ports",
        "health_ports",
        "summary",
    }


def test_render_needs_no_cluster() -> None:
    recording = built(keys(ROOT / "stacks" / "Pulumi.render.yaml"))
    provider = recording.one("pulumi:providers:kubernetes")
    assert provider.inputs["renderYamlToDirectory"] == "out/render"
    objects = [r for r in recording.registrations if r.type.startswith("kubernetes:")]
    assert {r.type.split(":")[-1] for r in objects} == {"ConfigMap", "Deployment", "Secret", "Service"}
    assert all(r.request.provider.startswith(f"{provider.urn}::") for r in objects)
    assert [c["name"] for c in (*pod(recording)["initContainers"], *pod(recording)["containers"])] == [
        "update-sysctl",
        "get-secret",
        "logs",
        "nginx-proxy",
        "prometheus-exporter",
        "elasticsearch",
    ]
    assert recording.exports["endpoints"] == {
        "http": "https://elasticsearch.default.svc:9200",
        "http-prometheus": "http://elasticsearch.default.svc:9114",
    }


def test_prod_has_a_namespace_and_an_authority_of_its_own() -> None:
    recording = built(keys(ROOT / "stacks" / "Pulumi.prod.yaml"))
    namespace = recording.one("Namespace")
    assert namespace.inputs["metadata"] == {"name": "podinfo", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    for kind in ("CertificateAuthority", "Workload"):
        assert namespace.urn in recording.one(kind).dependencies
    assert recording.one("TlsAmbassador").parent == recording.one("Workload").urn
    assert {r.name: r.inputs["allowedUses"][1] for r in recording.all("LocallySignedCert")} == {
        "podinfo-tls-ambassador-certificate": "server_auth",
        "podinfo-client-frontend-certificate": "client_auth",
    }
    secret = recording.exports["client_certificates"]["frontend"]
    assert secret in [r.outputs["metadata"]["name"] for r in recording.all("Secret")]
    assert recording.one("Deployment").inputs["spec"]["replicas"] == 3
    wanted = ("endpoints", "pod_security_level", "privileged_containers", "plaintext_ports", "health_ports")
    assert {key: recording.exports[key] for key in wanted} == {
        "endpoints": {"http": "https://podinfo.podinfo.svc:9898"},
        "pod_security_level": "restricted",
        "privileged_containers": [],
        "plaintext_ports": [],
        # nginx itself, and the paths that the app is probed at, for the kubelet has no certificate
        "health_ports": {"8081": ["/healthz"], "8082": ["/healthz", "/readyz"]},
    }


def test_a_namespace_that_would_refuse_the_pods_is_refused() -> None:
    given = {"app": WEB, "workload": {"namespace": "shop"}, "create_namespace": "baseline", "patterns": [{"kind": "SysctlInit"}]}
    with pytest.raises(SettingsError) as error:
        built(given)
    assert str(error.value) == (
        "workload 'web': 1 problem\n"
        "  - create_namespace: baseline admits none of its pods, which are privileged; set that, or leave out what is not"
    )
    assert built({**given, "create_namespace": "privileged"}).exports["pod_security_level"] == "privileged"


def test_dev_brings_a_vault_until_a_real_one_is_named() -> None:
    config = keys(ROOT / "stacks" / "Pulumi.dev.yaml")
    recording = built(config)
    assert len(recording.all("DemoVault")) == 1
    (reader,) = (
        c
        for c in recording.one("Deployment", "elasticsearch").inputs["spec"]["template"]["spec"]["initContainers"]
        if c["name"] == "get-secret"
    )
    env = {e["name"]: e["value"] for e in reader["env"]}
    assert (env["VAULT_ADDR"], env["ROLE"]) == ("https://vault.default.svc:8200", "elasticsearch")
    (scripts,) = (c for c in recording.all("ConfigMap") if "fetch.sh" in c.inputs["data"])
    (certificate,) = (c for c in recording.all("SelfSignedCert") if "demo-vault" in c.name)
    assert scripts.inputs["data"]["ca.crt"] == certificate.outputs["certPem"]

    real = [{**item, "address": "https://vault.corp:8200"} if item["kind"] == "VaultInit" else item for item in config["patterns"]]
    assert built({**config, "patterns": real}).all("DemoVault") == []


@pytest.mark.parametrize(
    "change",
    [
        {"secrets": [{"path": p, "file": p, "format": "json"} for p in ("one", "two")]},
        {"secrets": [{"path": "one", "file": "one", "format": "json", "kv_version": 1}]},
        {"auth_mount": "other"},
    ],
)
def test_the_demonstration_vault_is_asked_for_no_more_than_it_has(change: Mapping[str, Any]) -> None:
    item = {"kind": "VaultInit", "role": "web", "secrets": [{"path": "one", "file": "one", "format": "json"}], **change}
    line = "demo_vault: has one role at auth/kubernetes and one secret in the KV v2 mount secret/; want no more, or set address:"
    assert refusal({"app": WEB, "demo_vault": True, "patterns": [item]}) == [line]


def test_an_authority_leaves_existing_certificates_alone() -> None:
    tls = {"kind": "TlsAmbassador", "secret_name": "mine", "dns_names": []}
    recording = built({"app": WEB, "authority": {}, "patterns": [tls]})
    assert recording.all("LocallySignedCert") == []
    sources = [v["secret"]["secretName"] for v in pod(recording)["volumes"] if "secret" in v]
    assert sources == ["mine"]


def test_nothing_is_created_before_every_argument_is_checked() -> None:
    created: list[str] = []

    class Noting(Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            created.append(args.name)
            return super().new_resource(args)

    good = {"app": WEB, "authority": {}, "patterns": [{"kind": "TlsAmbassador"}, {"kind": "SysctlInit"}]}
    bad = {**good, "patterns": [{"kind": "TlsAmbassador"}, {"kind": "SysctlInit", "strategy": "x"}]}
    with pytest.raises(SettingsError) as error:
        built(bad, mocks=Noting())
    assert str(error.value) == "stacks/Pulumi.test.yaml: 1 problem\n  - patterns[1].strategy 'x' is not allowed: one of init, none"
    assert created == []
    built(good, mocks=Noting())
    assert "web-ca" in created


def test_a_new_stack_is_a_new_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.mine.yaml"
    path.write_text(
        """\
config:
  pod-patterns:app:
    name: cache
    image: redis:7.4
    command: [redis-server]
    uid: 999
    gid: 999
    ports:
      - name: redis
        number: 6379
        scheme: tcp
        rebind: { args: ["--bind", "{host}", "--port", "{port}"] }
  pod-patterns:patterns:
    - kind: TlsAmbassador
      target_ports: [redis]
    - kind: MetricsAdapter
      exporter: redis
      target_port: redis
""",
        encoding="utf-8",
    )
    recording = built(keys(path))
    assert recording.exports["endpoints"] == {
        "redis": "tls://cache.default.svc:6379",
        "http-prometheus": "http://cache.default.svc:9114",
    }
    assert pod(recording)["containers"][-1]["args"] == ["--bind", "127.0.0.1", "--port", "6380"]


def test_the_program_names_no_pattern_and_no_app() -> None:
    text = (ROOT / "__main__.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 25
    assert not [name for name in (*shipped(), *stack_file.PRESETS) if name.lower() in text.lower()]


def test_client_certificates_need_an_authority() -> None:
    assert refusal({"app": {"preset": "elasticsearch"}, "client_certificates": [{"common_name": "front end"}]}) == [
        "client_certificates[0].common_name 'front end' is not allowed: a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most",
        "client_certificates: there is no authority to issue them; set authority",
    ]
