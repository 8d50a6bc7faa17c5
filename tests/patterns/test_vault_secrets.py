"""What is asked of Vault: a path that is nearly right is refused with the right form, files of one secret are of one read, and certificates
are issued."""

import json
from dataclasses import replace
from typing import Any

import pytest

from components import testing
from components.core import rules
from components.core.app import App
from components.core.errors import ArgumentError
from components.core.patch import PodPatch
from components.core.view import view
from components.declared import stack_file
from components.declared.parser import Parser
from components.declared.stack_file import SettingsError
from components.patterns.shared.vault_certificate import VaultCertificate
from components.patterns.shared.vault_secret import VaultSecret
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs

SHAPE = "segments of letters, digits and _.@+=-, joined by '/'"
ENDS = "path and mount must not have '/' at an end"
MOUNT = "path must not hold the mount"
DATA = "kv_version=2 adds data/"
LEASED = "is leased, and the lease ends with VaultInit's token, before the app starts; use VaultAgentSidecar"
CREDENTIALS = VaultSecret(mount="database", kv_version=None, path="creds/app", file="db.env", format="env")
CERTIFICATE = VaultCertificate(role="web", common_name="web.example.com")


def secret(**given: Any) -> VaultSecret:
    return VaultSecret(**{"file": "f", "field": "x", **given})


def arguments(**given: Any) -> Any:
    return {"address": "https://vault:8200", "role": "app", **given}


# paths


@pytest.mark.parametrize(
    ("given", "why", "right"),
    [
        ({"path": "secret/data/app"}, f"{MOUNT} and {DATA}", "path='app', mount='secret'"),
        ({"path": "data/app"}, DATA, "path='app', mount='secret'"),
        ({"path": "data/team/app", "mount": "kv"}, DATA, "path='team/app', mount='kv'"),
        ({"path": "secret/app"}, MOUNT, "path='app', mount='secret'"),
        ({"path": "secret/app", "kv_version": 1}, MOUNT, "path='app', mount='secret'"),
        ({"path": "kv/data/app"}, f"{MOUNT} and {DATA}", "path='app', mount='kv'"),
        ({"path": "team/data/app", "mount": "team"}, f"{MOUNT} and {DATA}", "path='app', mount='team'"),
        ({"path": "/app"}, ENDS, "path='app', mount='secret'"),
        ({"path": "app/"}, ENDS, "path='app', mount='secret'"),
        ({"path": "app", "mount": "secret/"}, ENDS, "path='app', mount='secret'"),
        ({"path": "app", "mount": "secret/data"}, DATA, "path='app', mount='secret'"),
        ({"path": "/secret/data/app/"}, f"{ENDS} and {MOUNT} and {DATA}", "path='app', mount='secret'"),
        ({"path": "creds/app", "mount": "database"}, "the engine is not KV", "path='creds/app', mount='database', kv_version=None"),
        (
            {"path": "static-creds/app", "mount": "database-eu", "kv_version": 1},
            "the engine is not KV",
            "path='static-creds/app', mount='database-eu', kv_version=None",
        ),
        (
            {"path": "database/creds/app", "mount": "database"},
            f"{MOUNT} and the engine is not KV",
            "path='creds/app', mount='database', kv_version=None",
        ),
        ({"path": "pg/creds/app", "mount": "pg", "kv_version": None}, MOUNT, "path='creds/app', mount='pg'"),
        (
            {"path": "issue/web", "mount": "pki"},
            "a certificate is issued, not read",
            "certificates=[VaultCertificate(mount='pki', role='web', common_name=...)]",
        ),
        (
            {"path": "issue/web", "mount": "pki_int", "kv_version": None},
            "a certificate is issued, not read",
            "certificates=[VaultCertificate(mount='pki_int', role='web', common_name=...)]",
        ),
        (
            {"path": "issuer/default/sign/web", "mount": "pki", "kv_version": None},
            "a certificate is issued, not read",
            "certificates=[VaultCertificate(mount='pki', role='web', common_name=...)]",
        ),
        ({"path": "v1/secret/data/app"}, f"v1/ is added and {MOUNT} and {DATA}", "path='app', mount='secret'"),
        ({"path": "app", "mount": "v1/kv"}, "v1/ is added", "path='app', mount='kv'"),
        ({"path": "secret/metadata/app"}, f"{MOUNT} and metadata/ has no values", "path='app', mount='secret'"),
        ({"path": "app", "mount": "secret/metadata"}, "metadata/ has no values", "path='app', mount='secret'"),
    ],
)
def test_a_path_that_is_nearly_right_is_refused_with_the_right_form(given: dict[str, Any], why: str, right: str) -> None:
    mount = given.get("mount", "secret")
    assert rules.problems(secret(**given)) == [f"path {given['path']!r} in mount {mount!r} is not allowed: {why}; write {right}"]


@pytest.mark.parametrize(("mount", "path"), [("transit", "decrypt/key"), ("ssh-eu", "creds/app"), ("auth", "token/create")])
def test_what_answers_a_write_alone_is_refused(mount: str, path: str) -> None:
    found = rules.problems(secret(mount=mount, path=path, kv_version=None))
    assert found == [f"path {path!r} in mount {mount!r} is not allowed: Vault answers it to a write alone; let the app ask for it"]


def test_the_right_form_is_right() -> None:
    for right in (
        {"path": "app", "mount": "secret"},
        {"path": "creds/app", "mount": "database", "kv_version": None},
        {"path": "creds/app", "mount": "pg", "kv_version": None},
    ):
        assert rules.problems(secret(**right)) == []


@pytest.mark.parametrize(
    "given",
    [
        # folders that only look like something else
        {"path": "team/db", "mount": "team"},
        {"path": "creds/app"},
        {"path": "database/creds/app"},
        {"path": "app/data/x"},
        {"path": "databases/app", "mount": "database"},
        {"path": "issue/1"},
        {"path": "v1/app"},
        {"path": "metadata/app"},
        {"path": "secrets/app"},
        # what KV version 1 and other engines call data is their own
        {"path": "data/app", "kv_version": 1},
        {"path": "data/secret/app", "kv_version": None},
    ],
)
def test_a_path_that_may_be_meant_is_accepted(given: dict[str, Any]) -> None:
    assert rules.problems(secret(**given)) == []


@pytest.mark.parametrize("path", ["secret/../sys", "secret/a b", "a//b", "/", 'a" }}'])
def test_of_a_path_that_no_form_makes_right_only_its_shape_is_told(path: str) -> None:
    assert rules.problems(secret(path=path)) == [f"path {path!r} is not allowed: {SHAPE}"]


# what VaultInit cannot keep


def test_vault_init_refuses_what_is_leased_and_every_slip_in_one_error() -> None:
    secrets = (CREDENTIALS, secret(path="creds/app", mount="database"), secret(path="secret/data/app", file="app"))
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: VaultInit("vault", VaultInitArgs(**arguments(secrets=secrets))))
    assert str(error.value) == (
        "VaultInit 'vault': 4 problems\n"
        "  - secrets[1]: path 'creds/app' in mount 'database' is not allowed: the engine is not KV; "
        "write path='creds/app', mount='database', kv_version=None\n"
        f"  - secrets[2]: path 'secret/data/app' in mount 'secret' is not allowed: {MOUNT} and {DATA}; "
        "write path='app', mount='secret'\n"
        f"  - secrets[0]: what Vault gives at path 'creds/app' {LEASED}\n"
        f"  - secrets[1]: what Vault gives at path 'creds/app' {LEASED}"
    )


def test_vault_init_accepts_what_has_no_lease_and_the_sidecar_all_of_it() -> None:
    static = secret(path="static-creds/app", mount="database", kv_version=None)
    assert rules.problems(VaultInitArgs(**arguments(secrets=(static,), certificates=(CERTIFICATE,)))) == []
    assert rules.problems(VaultAgentSidecarArgs(**arguments(secrets=(static, CREDENTIALS), certificates=(CERTIFICATE,)))) == []


def test_only_vault_init_refuses_a_lease_at_run_time() -> None:
    (once,) = VaultInitArgs(**arguments(certificates=(CERTIFICATE,))).templates(leases=False)
    assert '{{ if .LeaseID }}{{ sprig_fail "leased at pki/issue/web ." }}{{ end }}' in once["contents"]
    config = json.loads(VaultAgentSidecarArgs(**arguments(certificates=(CERTIFICATE,))).agent_config("app"))
    assert "LeaseID" not in config["template"][0]["contents"]


# certificates


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"role": "issue/web"}, "role 'issue/web' is not allowed: letters, digits and _.-, starting with a letter, digit or _"),
        ({"mount": "pki/"}, f"mount 'pki/' is not allowed: {SHAPE}"),
        (
            {"common_name": 'web" "ttl=1h'},
            "common_name 'web\" \"ttl=1h' is not allowed: 64 characters at most: letters, digits, spaces and ._@:*-",
        ),
        (
            {"common_name": "a" * 65},
            f"common_name '{'a' * 65}' is not allowed: 64 characters at most: letters, digits, spaces and ._@:*-",
        ),
        (
            {"alt_names": ("a,b",)},
            "alt_names[0] 'a,b' is not allowed: a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most",
        ),
        ({"alt_names": "web.example.com"}, "alt_names must be a list, but is the text 'web.example.com'"),
        ({"ip_sans": ("10.0.0.0/8",)}, "ip_sans[0] '10.0.0.0/8' is not allowed: an IPv4 or IPv6 address"),
        ({"ttl_hours": 0}, "ttl_hours 0 is not allowed: a whole number, 1 or more"),
        (
            {"key_file": "../key"},
            "key_file '../key' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'",
        ),
        ({"mode": "0444"}, "mode '0444' is not allowed: one of 0400, 0440"),
        ({"mount": "v1/pki/issue"}, "mount 'v1/pki/issue' is not allowed: v1/ is added and issue/ is added; write mount='pki'"),
    ],
)
def test_an_argument_of_a_certificate_is_refused(given: dict[str, Any], problem: str) -> None:
    assert rules.problems(VaultCertificate(**{"role": "web", "common_name": "web.example.com", **given})) == [problem]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates="),
        (
            {"certificates": (CERTIFICATE,), "secrets": (secret(path="a", file="tls.key"),)},
            "secret file 'tls.key' is set twice; give each a name of its own",
        ),
        (
            {"certificates": (VaultCertificate(role="web", common_name="web", key_file="tls.crt"),)},
            "secret file 'tls.crt' is set twice; give each a name of its own",
        ),
    ],
)
def test_files_need_names_of_their_own_and_there_must_be_one(given: dict[str, Any], problem: str) -> None:
    assert rules.problems(VaultInitArgs(**arguments(**given))) == [problem]


def test_a_certificate_is_one_write_with_what_was_asked_for() -> None:
    asked = VaultCertificate(
        role="web",
        mount="pki_int",
        common_name="*.example.com",
        alt_names=("a.example.com", "b.example.com"),
        ip_sans=("10.0.0.1", "::1"),
        ttl_hours=48,
    )
    (template,) = VaultInitArgs(**arguments(certificates=(asked,))).templates(leases=True)
    assert (
        '{{ with secret "pki_int/issue/web" "common_name=*.example.com" "alt_names=a.example.com,b.example.com" "ip_sans=10.0.0.1,::1" '
        '"ttl=48h" "private_key_format=pkcs8" }}' in template["contents"]
    )
    (plain,) = VaultInitArgs(**arguments(certificates=(CERTIFICATE,))).templates(leases=True)
    assert '{{ with secret "pki/issue/web" "common_name=web.example.com" "private_key_format=pkcs8" }}' in plain["contents"]


def test_the_data_of_a_stack_file_says_the_same() -> None:
    given = {
        **arguments(),
        "certificates": [{"role": "web", "common_name": "web.example.com"}],
        "secrets": [{"mount": "database", "kv_version": None, "path": "creds/app", "file": "db.env", "format": "env"}],
    }
    parser = Parser({})
    found = parser.instance(VaultAgentSidecarArgs, given, "at")
    assert parser.problems == []
    assert (found.certificates, found.secrets) == ([CERTIFICATE], [CREDENTIALS])


def test_the_demonstration_vault_issues_no_certificate() -> None:
    item = {"kind": "VaultInit", "role": "web", "certificates": [{"role": "web", "common_name": "web.example.com"}]}
    web = {"name": "web", "image": "web:1", "ports": [{"name": "http", "number": 8080}]}
    with pytest.raises(SettingsError) as error:
        stack_file.parse({"app": web, "demo_vault": True, "patterns": [item]}, "stacks/Pulumi.test.yaml")
    assert list(error.value.problems) == [
        "demo_vault: has one role at auth/kubernetes and one secret in the KV v2 mount secret/; want no more, or set address:"
    ]


# what the agent renders


def test_files_of_one_secret_are_made_of_one_read() -> None:
    secrets = (
        secret(path="app", file="user", field="username"),
        secret(path="other", file="other"),
        secret(path="app", file="password", field="password", mode="0440"),
    )
    templates = VaultInitArgs(**arguments(secrets=secrets)).templates(leases=True)
    assert [(t["destination"], t["perms"], t["error_on_missing_key"]) for t in templates] == [
        ("home/rendered/read-0", "0600", True),
        ("home/rendered/read-1", "0600", True),
    ]
    assert templates[0]["contents"].endswith(
        '{{ with secret "secret/data/app" }}{{ $fields := .Data.data }}'
        '0400 user {{ executeTemplate "user" $fields | base64Encode }}\n'
        '0440 password {{ executeTemplate "password" $fields | base64Encode }}\n{{ end }}'
    )


def test_the_same_path_read_as_another_version_is_another_read() -> None:
    secrets = (secret(path="app", file="a"), secret(path="data/app", file="b", kv_version=1))
    assert len(VaultInitArgs(**arguments(secrets=secrets)).templates(leases=True)) == 2


def test_what_cannot_be_renewed_is_replaced_after_two_thirds_of_its_time() -> None:
    config = json.loads(VaultAgentSidecarArgs(**arguments(certificates=(CERTIFICATE,))).agent_config("app"))
    assert config["template_config"]["lease_renewal_threshold"] == 0.67


def env(container: Any, name: str) -> str:
    return next(variable["value"] for variable in container["env"] if variable["name"] == name)


def patched(component: Any, args: Any, *, classic: bool = False) -> PodPatch:
    made: list[PodPatch] = []
    pod = replace(view(App(name="app", image="app:1")), classic=classic)
    testing.run(lambda: made.append(component("vault", args).patch(pod)))
    return made[0]


def test_the_files_of_a_certificate_are_files_like_others() -> None:
    group = VaultCertificate(role="web", common_name="web.example.com", mode="0440")
    patch = patched(VaultInit, VaultInitArgs(**arguments(secrets=(secret(path="app"),), certificates=(group,))))
    (container,) = patch.init_containers
    assert (env(container, "FILES"), env(container, "DIRECTORY_MODE")) == ("f tls.crt tls.key ca.crt", "0750")


@pytest.mark.parametrize(("limit", "home"), [("1Mi", "4Mi"), ("1.5Mi", "6.0Mi"), ("2000000", "8000000"), ("1e6", "4e6")])
def test_what_is_rendered_has_room_twice_in_base64(limit: str, home: str) -> None:
    patch = patched(VaultInit, VaultInitArgs(**arguments(certificates=(CERTIFICATE,), size_limit=limit)))
    assert [volume["emptyDir"]["sizeLimit"] for volume in patch.volumes[:2]] == [limit, home]


@pytest.mark.parametrize(
    ("given", "revokes"),
    [({"secrets": (secret(path="app"),)}, "1"), ({"secrets": (CREDENTIALS,)}, ""), ({"certificates": (CERTIFICATE,)}, "")],
)
def test_with_classic_what_the_init_container_leased_outlives_it(given: dict[str, Any], revokes: str) -> None:
    init, sidecar = patched(VaultAgentSidecar, VaultAgentSidecarArgs(**arguments(**given)), classic=True).init_containers
    assert (env(init, "REVOKE"), env(sidecar, "REVOKE")) == (revokes, "")
    (native,) = patched(VaultAgentSidecar, VaultAgentSidecarArgs(**arguments(**given))).init_containers
    assert env(native, "REVOKE") == "1"
