"""VaultInit: its arguments, what it adds to a pod, and every refusal by its full text."""

import json
from typing import Any

import pulumi
import pytest

from components import testing
from components.core import rules
from components.core.app import App, ConfigMapKey, SecretKey
from components.core.errors import ArgumentError
from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_init import VaultInit, VaultInitArgs
from tests.support.pods import PEM

PASSWORD = VaultSecret(path="my-secret", file="password", field="password")
PATH_RULE = "segments of letters, digits and _.@+=-, joined by '/'"
UNENCRYPTED = "is not encrypted, so that the network reads the secrets; use https://, or set allow_plaintext=True"


def arguments(**given: Any) -> VaultInitArgs:
    return VaultInitArgs(**{"address": "https://vault:8200", "role": "app", "secrets": (PASSWORD,), **given})


def patched(app: App | None = None, **given: Any) -> PodPatch:
    """What VaultInit adds to an app."""
    made: list[PodPatch] = []
    testing.run(lambda: made.append(VaultInit("vault", arguments(**given)).patch(view(app or App(name="app", image="app:1")))))
    return made[0]


def variables(patch: PodPatch) -> dict[str, Any]:
    """The plain environment of the init container."""
    return {variable["name"]: variable["value"] for variable in patch.init_containers[0]["env"]}


def test_the_pod_passes_restricted_and_only_the_app_sees_the_files() -> None:
    specs: list[Any] = []

    def program() -> None:
        pod = compose(App(name="app", image="app:1", uid=1234, gid=2345), [VaultInit("vault", arguments())])
        specs.append(pod.pod_spec({"secrets-config": "config-1"}))

    testing.run(program)
    spec = specs[0]
    (container,), (app,) = spec["initContainers"], spec["containers"]
    assert pod_security_level(spec) == "restricted"
    assert spec["automountServiceAccountToken"] is False
    assert (container["name"], container["image"]) == ("get-secret", "hashicorp/vault:1.21.1")
    assert container["command"] == ["/bin/sh", "config/fetch.sh"]
    assert (container["securityContext"]["runAsUser"], container["securityContext"]["runAsGroup"]) == (1234, 2345)
    assert app["volumeMounts"] == [{"name": "secrets", "mountPath": "/vault/secrets", "subPath": "files", "readOnly": True}]
    assert spec["volumes"] == [
        {"name": "secrets", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "secrets-home", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
        {
            "name": "secrets-identity",
            "projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "expirationSeconds": 600, "path": "token"}}]},
        },
        {"name": "secrets-config", "configMap": {"name": "config-1"}},
    ]


def test_every_argument_arrives_where_it_belongs() -> None:
    patch = patched(
        address="https://vault.example:8200",
        role="reader",
        auth_mount="k8s/eu",
        audience="https://vault.example",
        token_expiration_seconds=900,
        vault_namespace="team/a",
        ca_pem=PEM,
        tls_server_name="vault.internal",
        service_account="reader",
        mount_path="/run/secret",
        volume_name="credentials",
        size_limit="2Mi",
        timeout_seconds=60,
        image="mirror/vault:1",
        container_name="fetch",
    )
    container = patch.init_containers[0]
    assert (container["name"], container["image"], patch.service_account) == ("fetch", "mirror/vault:1", ("reader",))
    assert variables(patch) == {
        "VAULT_ADDR": "https://vault.example:8200",
        "VAULT_NAMESPACE": "team/a",
        "VAULT_CACERT": "config/ca.crt",
        "VAULT_TLS_SERVER_NAME": "vault.internal",
        "ROLE": "reader",
        "AUTH_MOUNT": "k8s/eu",
        "TIMEOUT_SECONDS": "60",
        "FILES": "password",
        "MOUNT_PATH": "/run/secret",
        "DIRECTORY_MODE": "0700",
        "COMPONENT": "VaultInit 'vault'",
    }
    assert patch.config_files[0].name == "credentials-config"
    assert patch.config_files[0].files["ca.crt"] == PEM
    assert patch.app_mounts[0]["mountPath"] == "/run/secret"
    assert [v["name"] for v in patch.volumes] == ["credentials", "credentials-home", "credentials-identity"]
    assert patch.volumes[0]["emptyDir"]["sizeLimit"] == "2Mi"
    token = patch.volumes[2]["projected"]["sources"][0]["serviceAccountToken"]
    assert (token["audience"], token["expirationSeconds"]) == ("https://vault.example", 900)


PLAINTEXT = "address 'http://vault' is not encrypted, so that the network reads the secrets; use https://, or set allow_plaintext=True"


@pytest.mark.parametrize(
    ("given", "volume"),
    [
        ({"ca_secret": SecretKey(name="vault-tls", key="ca.crt")}, {"name": "secrets-ca", "secret": {"secretName": "vault-tls"}}),
        ({"ca_config_map": ConfigMapKey(name="vault-ca", key="ca.crt")}, {"name": "secrets-ca", "configMap": {"name": "vault-ca"}}),
    ],
)
def test_the_ca_may_come_from_a_secret_or_a_config_map(given: Any, volume: Any) -> None:
    patch = patched(**given)
    assert volume in patch.volumes
    assert {"name": "secrets-ca", "mountPath": "/vault/ca", "readOnly": True} in patch.init_containers[0]["volumeMounts"]
    assert variables(patch)["VAULT_CACERT"] == "ca/ca.crt"


def test_a_group_readable_file_is_in_a_group_readable_directory() -> None:
    secret = VaultSecret(path="a", file="a", field="a", mode="0440")
    assert variables(patched(secrets=(secret, PASSWORD)))["DIRECTORY_MODE"] == "0750"


def test_the_agent_ends_after_one_run_and_takes_no_missing_key() -> None:
    config = json.loads(arguments(secrets=(PASSWORD, VaultSecret(path="a", file="b", format="json", kv_version=1))).agent_config())
    assert config["exit_after_auth"] is True
    assert config["template_config"] == {"exit_on_retry_failure": True}
    assert [(t["destination"], t["perms"], t["error_on_missing_key"]) for t in config["template"]] == [
        ("home/rendered/read-0", "0600", True),
        ("home/rendered/read-1", "0600", True),
    ]
    assert 'secret "secret/data/my-secret"' in config["template"][0]["contents"]
    assert 'secret "secret/a"' in config["template"][1]["contents"]


def test_an_app_without_a_uid_leaves_it_to_the_cluster() -> None:
    patch = patched(App(name="app", image="app:1", uid=None))
    assert "runAsUser" not in patch.init_containers[0]["securityContext"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200", "https://vault", "https://10.0.0.1:8200/"]
)
def test_an_address_that_is_encrypted_or_loopback_is_accepted(address: str) -> None:
    assert rules.problems(arguments(address=address)) == []


def test_a_plaintext_address_is_accepted_when_asked_for() -> None:
    assert rules.problems(arguments(address="http://vault:8200", allow_plaintext=True)) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"address": "http://vault:8200"},
            "address 'http://vault:8200' is not encrypted, so that the network reads the secrets; "
            "use https://, or set allow_plaintext=True",
        ),
        (
            {"address": "http://127.0.0.1.example.com"},
            "address 'http://127.0.0.1.example.com' is not encrypted, so that the network reads the secrets; "
            "use https://, or set allow_plaintext=True",
        ),
        ({"address": "vault:8200"}, "address 'vault:8200' is not allowed: https://host, with a port at most"),
        (
            {"address": "https://me:pw@vault:8200"},
            "address 'https://me:pw@vault:8200' is not allowed: https://host, with a port at most",
        ),
        (
            {"address": "https://vault:8200\n"},
            "address 'https://vault:8200\\n' is not allowed: https://host, with a port at most",
        ),
        ({"role": "@/etc/passwd"}, "role '@/etc/passwd' is not allowed: letters, digits and _.-, starting with a letter, digit or _"),
        ({"role": "-"}, "role '-' is not allowed: letters, digits and _.-, starting with a letter, digit or _"),
        ({"auth_mount": "../sys"}, f"auth_mount '../sys' is not allowed: {PATH_RULE}"),
        (
            {"auth_mount": "auth/kubernetes/login"},
            "auth_mount 'auth/kubernetes/login' is not allowed: auth/ and /login are added; write auth_mount='kubernetes'",
        ),
        ({"auth_mount": "a b"}, f"auth_mount 'a b' is not allowed: {PATH_RULE}"),
        ({"audience": "a b"}, "audience 'a b' is not allowed: letters, digits and ._:/@+-"),
        ({"vault_namespace": "a;b"}, f"vault_namespace 'a;b' is not allowed: {PATH_RULE}"),
        (
            {"tls_server_name": "a_b"},
            "tls_server_name 'a_b' is not allowed: a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most",
        ),
        ({"token_expiration_seconds": 599}, "token_expiration_seconds 599 is not allowed: a whole number, 600 or more"),
        ({"timeout_seconds": 0}, "timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"ca_pem": PEM, "ca_secret": SecretKey(name="a", key="b")}, "set at most one of ca_pem, ca_secret and ca_config_map"),
        (
            {"ca_secret": SecretKey(name="a", key="../b")},
            "ca_secret.key '../b' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ),
        (
            {"ca_config_map": ConfigMapKey(name="a", key="b c")},
            "ca_config_map.key 'b c' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ),
        ({"mount_path": "/a/../b"}, "mount_path '/a/../b' is not allowed: it must not contain '..'"),
        ({"mount_path": "/a;b"}, "mount_path '/a;b' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        ({"volume_name": "A"}, "volume_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"container_name": "a_b"}, "container_name 'a_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"size_limit": "much"}, "size_limit 'much' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        (
            {"resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}},
            "resources.limits.memory is missing",
        ),
        ({"secrets": ()}, "secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates="),
        ({"secrets": (PASSWORD, PASSWORD)}, "secret file 'password' is set twice; give each a name of its own"),
    ],
)
def test_an_argument_is_refused(given: Any, problem: str) -> None:
    assert rules.problems(arguments(**given)) == [problem]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"file": "../a"}, "file '../a' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'"),
        ({"file": "a;b"}, "file 'a;b' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'"),
        ({"path": 'a" }}{{ env "HOME'}, f"path 'a\" }}}}{{{{ env \"HOME' is not allowed: {PATH_RULE}"),
        ({"path": "../sys"}, f"path '../sys' is not allowed: {PATH_RULE}"),
        (
            {"path": "/a"},
            "path '/a' in mount 'secret' is not allowed: path and mount must not have '/' at an end; write path='a', mount='secret'",
        ),
        ({"path": "a//b"}, f"path 'a//b' is not allowed: {PATH_RULE}"),
        ({"mount": "a?b"}, f"mount 'a?b' is not allowed: {PATH_RULE}"),
        ({"field": 'x"}}'}, "field 'x\"}}' is not allowed: letters, digits and _.@+-"),
        ({"field": None}, "set exactly one of field, format and template"),
        ({"format": "json"}, "set exactly one of field, format and template"),
        ({"field": None, "format": "xml"}, "format 'xml' is not allowed: one of json, env"),
        ({"kv_version": 3}, "kv_version 3 is not allowed: one of 1, 2"),
        ({"mode": "0444"}, "mode '0444' is not allowed: one of 0400, 0440"),
    ],
)
def test_a_secret_is_refused(given: Any, problem: str) -> None:
    given = {"path": "p", "file": "f", "field": "x", **given}
    problem = problem.replace("secret 'f'", f"secret {given['file']!r}")
    assert rules.problems(VaultSecret(**given)) == [problem]


def test_structure_that_is_an_output_is_refused() -> None:
    found: list[list[str]] = []

    def program() -> None:
        output: Any = pulumi.Output.from_input("x")
        secret = VaultSecret(path=output, file="f", template=output)
        found.append([*rules.problems(secret), *rules.problems(arguments(audience=output, mount_path=output))])

    testing.run(program)
    assert found[0] == [
        "path must be a plain value, not an Output",
        "template must be a plain value, not an Output",
        "audience must be a plain value, not an Output",
        "mount_path must be a plain value, not an Output",
    ]


def test_all_problems_come_in_one_error_before_anything_is_registered() -> None:
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: VaultInit("vault", arguments(address="http://vault", role="a b", secrets=())))
    assert str(error.value) == (
        "VaultInit 'vault': 3 problems\n"
        "  - role 'a b' is not allowed: letters, digits and _.-, starting with a letter, digit or _\n"
        f"  - {PLAINTEXT}\n"
        "  - secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates="
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"address": "http://vault"}, PLAINTEXT),
        ({"role": "@x"}, "role '@x' is not allowed: letters, digits and _.-, starting with a letter, digit or _"),
    ],
)
def test_an_address_or_role_that_is_known_later_is_checked_then(given: dict[str, str], problem: str) -> None:
    def program() -> None:
        outputs = {name: pulumi.Output.from_input(value) for name, value in given.items()}
        patch = VaultInit("vault", arguments(**outputs)).patch(view(App(name="app", image="app:1")))
        pulumi.export("env", patch.init_containers[0]["env"])

    with pytest.raises(ArgumentError) as error:
        testing.run(program)
    assert str(error.value) == f"VaultInit 'vault': 1 problem\n  - {problem}"


def test_an_address_that_is_known_later_reaches_the_container() -> None:
    def program() -> None:
        patch = VaultInit("vault", arguments(address=pulumi.Output.from_input("https://later:8200"))).patch(
            view(App(name="app", image="app:1"))
        )
        pulumi.export("address", patch.init_containers[0]["env"][0]["value"])

    assert testing.run(program).exports["address"] == "https://later:8200"
