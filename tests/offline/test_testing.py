"""components/testing.py, and the issuer and key file below it: what a program sees under mocks, and what is recorded."""

import asyncio
import gc
import json
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.core.errors import SecretLeakError
from components.core.patch import ConfigFiles
from components.core.secrecy import secret_guard
from components.offline.key_file import KeyFileError
from components.testing import UNKNOWN, Mocks, run, secret

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def at(days: float) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: NOW + timedelta(days=days)


def self_signed(**changes: Any) -> tls.SelfSignedCert:
    """A certificate valid for 90 days, due after 60, its key, and a Secret of both."""
    key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
    given: dict[str, Any] = {
        "private_key_pem": key.private_key_pem,
        "allowed_uses": ["digital_signature", "server_auth"],
        "validity_period_hours": 90 * 24,
        "early_renewal_hours": 30 * 24,
        "dns_names": ["web"],
    }
    certificate = tls.SelfSignedCert("certificate", **(given | changes))
    kubernetes.core.v1.Secret("tls", string_data={"tls.crt": certificate.cert_pem, "tls.key": key.private_key_pem_pkcs8})
    pulumi.export("certificate", certificate.cert_pem)
    pulumi.export("key", key.private_key_pem)
    return certificate


def authority_and_leaf() -> dict[str, Any]:
    """A CA, a server certificate for web and 127.0.0.1, and what both exchange with the outside."""
    ca_key = tls.PrivateKey("ca-key", algorithm="ECDSA", ecdsa_curve="P384")
    ca = tls.SelfSignedCert(
        "ca",
        private_key_pem=ca_key.private_key_pem,
        subject={"common_name": "Test CA", "organization": "Example", "street_addresses": ["1 Main Street"]},
        allowed_uses=["cert_signing", "crl_signing"],
        is_ca_certificate=True,
        max_path_length=0,
        validity_period_hours=48,
    )
    key = tls.PrivateKey("leaf-key", algorithm="ECDSA", ecdsa_curve="P256")
    request = tls.CertRequest(
        "request",
        private_key_pem=key.private_key_pem,
        subject={"common_name": "web"},
        dns_names=["web", "*.web.svc"],
        ip_addresses=["127.0.0.1", "::1"],
        uris=["spiffe://cluster.local/web"],
    )
    leaf = tls.LocallySignedCert(
        "leaf",
        ca_cert_pem=ca.cert_pem,
        ca_private_key_pem=ca_key.private_key_pem,
        cert_request_pem=request.cert_request_pem,
        allowed_uses=["digital_signature", "key_encipherment", "server_auth"],
        validity_period_hours=24,
        early_renewal_hours=8,
        set_subject_key_id=True,
    )
    made = {"ca": ca.cert_pem, "leaf": leaf.cert_pem, "key": key.private_key_pem_pkcs8}
    return {**made, "ready": leaf.ready_for_renewal, "end": leaf.validity_end_time}


class Web(pulumi.ComponentResource):
    """A component with a ConfigMap, a Secret, a Deployment that refers to both, and a Service."""

    def __init__(self, name: str, text: str = "a") -> None:
        super().__init__("test:index:Web", name, {}, None)
        child = pulumi.ResourceOptions(parent=self)
        config = kubernetes.core.v1.ConfigMap(f"{name}-config", data={"file": text}, immutable=True, opts=child)
        password = kubernetes.core.v1.Secret(f"{name}-password", string_data={"password": pulumi.Output.secret("hunter2")}, opts=child)
        self.deployment = kubernetes.apps.v1.Deployment(
            name,
            metadata={"name": name},
            spec={
                "replicas": 2,
                "selector": {"match_labels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {
                        "containers": [{"name": "web", "image": "web:1", "ports": [{"container_port": 8080}]}],
                        "volumes": [
                            {"name": "config", "config_map": {"name": config.metadata.name}},
                            {"name": "password", "secret": {"secret_name": password.metadata.name}},
                        ],
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, protect=True, aliases=[pulumi.Alias(name="old")]),
        )
        self.service = kubernetes.core.v1.Service(
            name, metadata={"name": name}, spec={"type": "LoadBalancer", "ports": [{"port": 80}]}, opts=child
        )
        self.config_name = config.metadata.name
        self.register_outputs({"configName": self.config_name})


def web(text: str = "a") -> None:
    site = Web("web", text)
    pulumi.export("config", site.config_name)
    pulumi.export("replicas", site.deployment.status.ready_replicas)
    pulumi.export("address", site.service.status.load_balancer.ingress[0].ip)
    pulumi.export("id", site.deployment.id)


def test_a_registration_has_plain_inputs_and_its_place_among_the_others() -> None:
    recording = run(web)
    deployment, component = recording.one("Deployment"), recording.one("test:index:Web")
    assert deployment.inputs["spec"]["replicas"] == 2
    assert isinstance(deployment.inputs["spec"]["replicas"], int)
    pod = deployment.inputs["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"] == [{"containerPort": 8080}]
    assert pod["volumes"][0]["configMap"]["name"] == recording.one("ConfigMap").outputs["metadata"]["name"]
    assert deployment.parent == component.urn
    assert deployment.urn == "urn:pulumi:stack::project::test:index:Web$kubernetes:apps/v1:Deployment::web"
    assert recording.one("ConfigMap").urn in deployment.dependencies
    assert deployment.request.protect
    assert "old" in [alias.spec.name for alias in deployment.request.aliases]
    assert not component.custom
    assert component.outputs == {"configName": recording.exports["config"]}


def test_the_cluster_answers_with_names_namespaces_status_and_ids() -> None:
    recording = run(web)
    assert recording.one("ConfigMap").outputs["metadata"] == {"name": recording.exports["config"], "namespace": "default"}
    assert recording.exports["replicas"] == 2
    assert recording.exports["address"] == "192.0.2.1"
    assert recording.exports["id"] == "default/web"


def test_what_the_program_returns_is_recorded_with_its_outputs_resolved() -> None:
    sites: list[Web] = []

    def program() -> dict[str, Any]:
        site = Web("web")
        sites.append(site)
        secret_size = pulumi.Output.secret({"size": 3.0, "half": 0.5})
        return {"replicas": site.deployment.status.ready_replicas, "all": [(secret_size,), site.service.metadata], "site": site}

    value = run(program).value
    metadata = {"name": "web", "namespace": "default"}
    assert value == {"replicas": 2, "all": [[{"size": 3, "half": 0.5}], metadata], "site": sites[0]}
    assert isinstance(value["all"][0][0]["size"], int)
    assert type(value["all"][1]) is dict


def test_an_output_that_the_program_returns_is_unknown_in_a_preview_and_an_async_program_returns_too() -> None:
    async def program() -> list[Any]:
        await asyncio.sleep(0)
        site = Web("web")
        return [site.deployment.id, site.service.metadata.name, pulumi.Output.secret(site.deployment.id)]

    assert run(program).value == ["default/web", "web", "default/web"]
    assert run(program, preview=True).value == [UNKNOWN, "web", UNKNOWN]


def test_a_program_that_returns_nothing_or_nothing_that_is_known_to_pulumi_is_no_error() -> None:
    anything = object()
    assert run(lambda: None).value is None
    assert run(lambda: anything).value is anything
    assert run(lambda: pulumi.Output.from_input(None)).value is None


def test_an_output_that_fails_is_raised_when_the_program_returns_it() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda: [Web("web").config_name.apply(lambda _: 1 // 0)])


def test_objects_outside_of_namespaces_get_no_namespace() -> None:
    recording = run(lambda: kubernetes.core.v1.Namespace("team"))
    assert list(recording.one("Namespace").outputs["metadata"]) == ["name"]


def test_automatic_names_follow_the_contents_of_config_maps_and_secrets_and_nothing_else() -> None:
    def program(data: str, replicas: int) -> None:
        kubernetes.core.v1.ConfigMap("a", data={"file": data})
        kubernetes.core.v1.Secret("a", string_data={"file": data})
        kubernetes.apps.v1.Deployment("a", spec={"replicas": replicas, "selector": {}, "template": {}})

    def names(data: str, replicas: int) -> list[str]:
        recording = run(lambda: program(data, replicas))
        return [recording.one(kind).outputs["metadata"]["name"] for kind in ("ConfigMap", "Secret", "Deployment")]

    first = names("x", 1)
    assert [name.rpartition("-")[0] for name in first] == ["a", "a", "a"]
    assert all(len(name) == len("a-01234567") for name in first)
    assert names("x", 1) == first
    changed = names("y", 2)
    assert changed[0] != first[0]
    assert changed[1] != first[1]
    assert changed[2] == first[2]


def test_a_given_name_is_kept_and_a_prefix_is_completed() -> None:
    def program() -> None:
        kubernetes.core.v1.ConfigMap("a", metadata={"name": "mine", "namespace": "team"}, data={})
        kubernetes.core.v1.ConfigMap("b", metadata={"generate_name": "prefix-"}, data={})

    recording = run(program)
    assert recording.one("ConfigMap", "a").outputs["metadata"] == {"name": "mine", "namespace": "team"}
    assert recording.one("ConfigMap", "b").outputs["metadata"]["name"].startswith("prefix-")


def test_an_existing_object_is_known_by_its_id() -> None:
    recording = run(lambda: kubernetes.core.v1.Secret.get("s", "team/there").metadata.name)
    assert recording.value == "there"
    assert recording.registrations == ()


def test_secrets_are_recorded_with_their_paths_and_hidden_from_the_public_view() -> None:
    recording = run(web)
    password = recording.one("Secret")
    assert password.inputs["stringData"] == {"password": "hunter2"}
    assert password.secrets == {"stringData"}
    assert password.public["stringData"] == "[secret]"


def test_a_secret_leaf_has_the_path_of_the_leaf() -> None:
    def program() -> None:
        value = pulumi.Output.secret("x")
        kubernetes.apiextensions.CustomResource("c", "example.com/v1", "Thing", spec={"items": [{"tls.key": value, "plain": 1}]})

    thing = run(program).one("Thing")
    assert thing.secrets == {'spec.items[0]["tls.key"]'}
    assert thing.public["spec"] == {"items": [{"tls.key": "[secret]", "plain": 1}]}


@pytest.mark.parametrize("preview", [False, True])
def test_generated_keys_are_secret_wherever_they_go(preview: bool) -> None:
    seen = {}

    def program() -> None:
        key = tls.PrivateKey("rsa", algorithm="RSA", rsa_bits=2048)
        for name in ("private_key_pem", "private_key_pem_pkcs8", "private_key_openssh", "public_key_pem"):

            async def look(name: str = name) -> None:
                seen[name] = await getattr(key, name).is_secret(), await getattr(key, name).is_known()

            pulumi.Output.from_input(look())
        self_signed()

    recording = run(program, preview=preview)
    known = not preview
    assert seen == {
        "private_key_pem": (True, known),
        "private_key_pem_pkcs8": (True, known),
        "private_key_openssh": (True, known),
        "public_key_pem": (False, known),
    }
    assert recording.one("SelfSignedCert").secrets == {"privateKeyPem"}
    assert recording.one("Secret").secrets == {"stringData"}
    assert "key" in recording.secret_exports
    assert "certificate" not in recording.secret_exports
    assert "PRIVATE KEY" not in json.dumps([r.public for r in recording.registrations])


def test_a_preview_knows_names_but_neither_keys_nor_ids_nor_status() -> None:
    def program() -> None:
        web()
        self_signed()

    recording = run(program, preview=True)
    assert recording.exports["config"].startswith("web-config-")
    unknown = {name for name, value in recording.exports.items() if value == UNKNOWN}
    assert unknown == {"replicas", "address", "id", "certificate", "key"}
    assert recording.one("SelfSignedCert").inputs["privateKeyPem"] == UNKNOWN
    assert recording.one("Secret", "tls").outputs["metadata"]["name"].startswith("tls-")


def handshake(made: dict[str, Any], server_name: str, directory: Path) -> None:
    """A TLS handshake in memory; the client trusts the CA only."""
    chain = directory / "chain.pem"
    chain.write_text(made["leaf"] + made["key"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    client = ssl.create_default_context(cadata=made["ca"])
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=server_name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert ends[0].version() == "TLSv1.3"


def test_a_tls_handshake_trusts_the_leaf_through_its_ca(tmp_path: Path) -> None:
    made = run(authority_and_leaf).value
    for name in ("web", "a.web.svc", "127.0.0.1", "::1"):
        handshake(made, name, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="other"):
        handshake(made, "other", tmp_path)


def test_certificates_say_what_they_were_asked_to_say() -> None:
    made = run(authority_and_leaf, now=at(0)).value
    ca = x509.load_pem_x509_certificate(made["ca"].encode())
    leaf = x509.load_pem_x509_certificate(made["leaf"].encode())

    def extension(certificate: x509.Certificate, kind: Any) -> Any:
        return certificate.extensions.get_extension_for_class(kind).value

    assert ca.subject.rfc4514_string() == "CN=Test CA,STREET=1 Main Street,O=Example"
    assert extension(ca, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=0)
    usage = extension(ca, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "web"
    assert leaf.issuer == ca.subject
    assert extension(leaf, x509.BasicConstraints).ca is False
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    names = extension(leaf, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["web", "*.web.svc"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://cluster.local/web"]
    assert extension(leaf, x509.SubjectKeyIdentifier) == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    assert extension(leaf, x509.AuthorityKeyIdentifier).key_identifier == extension(ca, x509.SubjectKeyIdentifier).digest
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (NOW, NOW + timedelta(hours=24))
    assert made["end"] == "2030-01-02T00:00:00Z"
    assert made["ready"] is False
    leaf.verify_directly_issued_by(ca)


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        ({"algorithm": "ECDSA", "ecdsa_curve": "P256"}, "EC PRIVATE KEY"),
        ({"algorithm": "ECDSA"}, "EC PRIVATE KEY"),
        ({"algorithm": "RSA"}, "RSA PRIVATE KEY"),
        ({"algorithm": "ED25519"}, "PRIVATE KEY"),
    ],
)
def test_a_private_key_has_the_forms_of_the_provider(arguments: dict[str, Any], header: str) -> None:
    def program() -> list[Any]:
        key = tls.PrivateKey("key", **arguments)
        return [key.private_key_pem, key.private_key_pem_pkcs8, key.public_key_pem, key.public_key_openssh]

    *pems, openssh = run(program).value
    assert pems[0].startswith(f"-----BEGIN {header}-----\n")
    assert pems[1].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert all(pem.endswith("-----\n") for pem in pems)
    public, same = (load_pem_private_key(pem.encode(), None).public_key() for pem in pems[:2])
    assert public == same
    # OpenSSH does not know P224, the provider's default curve
    known = arguments != {"algorithm": "ECDSA"}
    assert (openssh != "") is known


def test_a_certificate_that_cannot_be_made_is_an_error_with_its_urn() -> None:
    urn = "urn:pulumi:stack::project::tls:index/selfSignedCert:SelfSignedCert::certificate"
    with pytest.raises(pulumi.RunError) as error:
        run(lambda: self_signed(ip_addresses=["web"]))
    assert str(error.value) == f"{urn}: 'web' does not appear to be an IPv4 or IPv6 address"
    with pytest.raises(pulumi.RunError, match="allowedUses: serve not known; known: digital_signature, "):
        run(lambda: self_signed(allowed_uses=["serve"]))


def test_keys_and_certificates_last_as_long_as_their_inputs_stay_the_same(tmp_path: Path) -> None:
    keys = tmp_path / "deep" / "keys.json"
    first = run(self_signed, keys=keys, now=at(0)).exports
    text = keys.read_bytes()
    assert run(self_signed, keys=keys, now=at(1)).exports == first
    assert keys.read_bytes() == text
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    changed = run(lambda: self_signed(dns_names=["other"]), keys=keys, now=at(1)).exports
    assert changed["key"] == first["key"]
    assert changed["certificate"] != first["certificate"]


def test_a_certificate_that_is_due_is_renewed_with_the_same_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first = run(self_signed, keys=keys, now=at(0)).exports
    assert run(self_signed, keys=keys, now=at(59.9)).exports == first
    renewed = run(self_signed, keys=keys, now=at(60)).exports
    assert renewed["key"] == first["key"]
    end = x509.load_pem_x509_certificate(renewed["certificate"].encode()).not_valid_after_utc
    assert end == NOW + timedelta(days=150)
    assert run(self_signed, keys=keys, now=at(61)).exports == renewed


def test_an_earlier_renewal_leaves_a_certificate_alone_unless_it_is_due_then(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first = run(self_signed, keys=keys, now=at(0)).exports
    assert run(lambda: self_signed(early_renewal_hours=40 * 24), keys=keys, now=at(40)).exports == first
    assert run(lambda: self_signed(early_renewal_hours=60 * 24), keys=keys, now=at(40)).exports != first


def test_a_preview_sees_the_keys_of_an_earlier_run_and_writes_none(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    run(self_signed, preview=True, keys=keys)
    assert not keys.exists()
    first = run(self_signed, keys=keys, now=at(0)).exports
    assert run(self_signed, preview=True, keys=keys, now=at(1)).exports == first
    assert run(self_signed, preview=True, keys=keys, now=at(60)).exports == {"certificate": UNKNOWN, "key": first["key"]}


def test_a_program_that_fails_leaves_the_key_file_alone(tmp_path: Path) -> None:
    def program() -> None:
        self_signed()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(program, keys=tmp_path / "keys.json")
    assert list(tmp_path.iterdir()) == []


def test_the_key_file_forgets_what_this_stack_deleted_and_keeps_what_others_have(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    run(self_signed, keys=keys, stack="one")
    run(self_signed, keys=keys, stack="two")
    run(lambda: None, keys=keys, stack="one")
    assert {urn.split("::")[0] for urn in json.loads(keys.read_text())["entries"]} == {"urn:pulumi:two"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', '{"version": 1, "entries": {"a": {}}}', "\xff"])
def test_a_damaged_key_file_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(content.encode("latin-1"))
    with pytest.raises(KeyFileError) as error:
        run(self_signed, keys=keys)
    fault = "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte" if content == "\xff" else "is damaged"
    assert str(error.value) == (
        f"key file {keys} {fault}; nothing was written. Restore it from a copy; or delete it: "
        "then every key and certificate is made anew, and pods that use them restart"
    )
    assert keys.read_bytes() == content.encode("latin-1")


def test_a_damaged_certificate_in_the_key_file_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    run(self_signed, keys=keys)
    damaged = keys.read_text().replace("-----BEGIN CERTIFICATE", "-----BEGIN C")
    keys.write_text(damaged)
    with pytest.raises(KeyFileError, match=r"is damaged: urn:.*::certificate is not a certificate; nothing was written"):
        run(self_signed, keys=keys)
    assert keys.read_text() == damaged


def test_a_key_file_of_another_version_or_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"version": 2, "entries": {}}')
    with pytest.raises(KeyFileError, match=r"keys.json has version 2, this release reads 1; nothing was written"):
        run(self_signed, keys=keys)
    with pytest.raises(KeyFileError, match=r"cannot be read: \[Errno 21\] Is a directory"):
        run(self_signed, keys=tmp_path)


def test_what_the_program_raises_comes_out_as_it_was() -> None:
    def in_program() -> None:
        Web("web")
        raise ValueError("in the program")

    def in_apply() -> None:
        Web("web").config_name.apply(lambda name: {}[name])

    def in_input() -> None:
        bad = Web("web").config_name.apply(int)
        kubernetes.core.v1.ConfigMap("c", data={"n": bad})

    async def in_coroutine() -> None:
        await asyncio.sleep(0)
        raise OSError("in a coroutine")

    def in_export() -> None:
        pulumi.export("x", Web("web").config_name.apply(lambda _: 1 // 0))

    with pytest.raises(ValueError, match="in the program"):
        run(in_program)
    with pytest.raises(KeyError, match="web-config-"):
        run(in_apply)
    with pytest.raises(ValueError, match=r"invalid literal for int.*web-config-"):
        run(in_input)
    with pytest.raises(OSError, match="in a coroutine"):
        run(in_coroutine)
    with pytest.raises(ZeroDivisionError):
        run(in_export)


def test_a_secret_leak_found_in_an_output_comes_out_with_its_full_text() -> None:
    def program() -> None:
        key = tls.PrivateKey("key", algorithm="ED25519")
        files = ConfigFiles(name="config", files={"key.pem": key.private_key_pem})
        guard = secret_guard("workload 'web'", [], {}, (files,))
        kubernetes.core.v1.ConfigMap("config", data={name: guard(value) for name, value in files.files.items()})

    for preview in (False, True):
        with pytest.raises(SecretLeakError) as error:
            run(program, preview=preview)
        assert str(error.value) == (
            "workload 'web': 1 secret leak\n  - file 'key.pem' of ConfigMap 'config' holds a secret Output; put the file in a Secret"
        )


def test_an_async_program_runs_to_its_end() -> None:
    async def program() -> pulumi.Output[str]:
        await asyncio.sleep(0)
        return Web("web").config_name

    assert run(program).value.startswith("web-config-")


def test_two_resources_of_one_urn_are_refused_as_by_the_engine() -> None:
    def program() -> None:
        kubernetes.core.v1.ConfigMap("a", data={})
        kubernetes.core.v1.ConfigMap("a", data={})

    with pytest.raises(pulumi.RunError) as error:
        run(program)
    assert str(error.value) == (
        "Duplicate resource URN 'urn:pulumi:stack::project::kubernetes:core/v1:ConfigMap::a'; try giving it a unique name"
    )


def test_configuration_belongs_to_one_run() -> None:
    def program() -> None:
        config, other = pulumi.Config(), pulumi.Config("other")
        pulumi.export("size", config.get_int("size"))
        pulumi.export("list", config.get_object("list"))
        pulumi.export("other", other.get("key"))
        pulumi.export("password", config.get_secret("password"))
        pulumi.export("stack", f"{pulumi.get_project()}/{pulumi.get_stack()}")

    config = {"size": 3, "list": ["a"], "other:key": "b", "password": "c"}
    recording = run(program, project="p", stack="s", config=config, secret_config=["password"])
    assert recording.exports == {"size": 3, "list": ["a"], "other": "b", "password": "c", "stack": "p/s"}
    assert recording.secret_exports == {"password"}
    assert run(program).exports == {"stack": "project/stack"}


def process_state() -> list[Any]:
    """What Pulumi keeps in the process."""
    runtime = pulumi.runtime
    names = [pulumi.get_project(), pulumi.get_stack(), pulumi.Config("leak").get("key")]
    return [*names, runtime.is_dry_run(), runtime.get_root_resource(), runtime.settings.get_monitor(), gc.isenabled()]


def test_a_run_leaves_pulumi_as_it_was() -> None:
    before = process_state()
    run(web, project="leak", stack="leak", preview=True, config={"key": "value"})
    with pytest.raises(ValueError, match="no"):
        run(lambda: int("no"), project="leak", stack="leak", config={"key": "value"})
    assert process_state() == before


def test_many_runs_are_all_the_same_and_leave_nothing_open() -> None:
    first = run(web)
    descriptors = Path("/proc/self/fd")
    open_before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    for _ in range(15):
        again = run(web)
        assert [(r.urn, r.inputs, r.outputs) for r in again.registrations] == [(r.urn, r.inputs, r.outputs) for r in first.registrations]
        with pytest.raises(ZeroDivisionError):
            run(lambda: pulumi.export("x", Web("web").config_name.apply(lambda _: 1 // 0)))
    if descriptors.exists():
        assert len(list(descriptors.iterdir())) <= open_before


def test_a_lookup_that_finds_nothing_says_what_there_is() -> None:
    recording = run(lambda: kubernetes.core.v1.ConfigMap("a", data={}))
    with pytest.raises(LookupError) as error:
        recording.one("Secret", "a")
    assert str(error.value) == "0 registrations match Secret a; registered: kubernetes:core/v1:ConfigMap 'a'"


def test_a_subclass_answers_for_another_provider() -> None:
    class Bucket(pulumi.CustomResource):
        def __init__(self, name: str) -> None:
            options = pulumi.ResourceOptions(additional_secret_outputs=["key"])
            super().__init__("cloud:index:Bucket", name, {"url": None, "token": None, "key": None, "size": 1}, options)

    class Cloud(Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            if args.typ == "cloud:index:Bucket":
                return "b-1", {**args.inputs, "url": f"https://{args.name}", "token": secret("t"), "key": "k"}
            return super().new_resource(args)

    def program() -> None:
        bucket = Bucket("b")
        pulumi.export("all", [bucket.id, bucket.url, bucket.size])  # type: ignore[attr-defined]
        pulumi.export("token", bucket.token)  # type: ignore[attr-defined]
        pulumi.export("key", bucket.key)  # type: ignore[attr-defined]

    recording = run(program, mocks=Cloud())
    assert recording.exports == {"all": ["b-1", "https://b", 1], "token": "t", "key": "k"}
    assert recording.secret_exports == {"token", "key"}
    assert run(lambda: Bucket("b").id).value == "b-id"


# Pulumi throws away the Outputs that other tests have made without a program
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_the_mocks_work_with_pulumis_own_set_mocks() -> None:
    seen: dict[str, Any] = {}

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        key = tls.PrivateKey("key", algorithm="ED25519")
        config = kubernetes.core.v1.ConfigMap("config", data={"a": "b"})

        async def look() -> None:
            seen["secret"] = await key.private_key_pem.is_secret()
            seen["key"] = await key.private_key_pem.future()
            seen["name"] = await config.metadata.name.future()

        return pulumi.Output.from_input(look())

    try:
        pulumi.runtime.set_mocks(Mocks())
        program()
    finally:
        pulumi.runtime.reset_options()
    assert seen["secret"]
    assert seen["key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert seen["name"].startswith("config-")


def test_a_kubernetes_function_that_only_the_provider_knows_is_refused() -> None:
    with pytest.raises(
        pulumi.RunError, match="kubernetes:yaml:decode needs the Kubernetes provider; it cannot be answered without an engine"
    ):
        run(lambda: kubernetes.yaml.ConfigGroup("g", yaml="a: b"))
