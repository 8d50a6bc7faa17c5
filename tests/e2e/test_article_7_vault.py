"""Article, section 7: the init container that fetches secrets."""

import json
from dataclasses import dataclass

import pytest

from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace
from .deploy import deploy
from .light import idle
from .vault import ADDRESS, ROLE, Vault

SECRET = {"username": "ada", "password": "correct horse battery staple"}
FILE = "my-secret.json"
APP = idle(uid=1234, gid=1234)


@dataclass(frozen=True)
class Supplied:
    """A pod of an app and a sidecar that was given a secret, and the Vault that it came from."""

    namespace: Namespace
    vault: Vault
    pod: str

    def app(self, *command: str) -> str:
        """What a command prints in the app's container."""
        done = self.namespace.exec(self.pod, "app", *command)
        assert done.code == 0, done.text
        return done.out


@pytest.fixture(scope="module")
def supplied(module_namespace: Namespace) -> Supplied:
    vault = Vault(module_namespace, {"my-secret": SECRET})

    def program() -> None:
        secret = VaultSecret(path="my-secret", file=FILE, format="json")
        fetch = VaultInit("vault", VaultInitArgs(address=ADDRESS, role=ROLE, secrets=(secret,), allow_plaintext=True))
        logs = LogTailSidecar("logs", LogTailSidecarArgs(directory="/var/log/app", files=("app.log",)))
        Workload("app", WorkloadArgs(app=APP, patterns=[fetch, logs], namespace=module_namespace.name))

    deploy(module_namespace, program)
    return Supplied(module_namespace, vault, module_namespace.pod("app"))


def test_the_app_reads_the_secret_which_nobody_but_its_uid_may(supplied: Supplied) -> None:
    assert json.loads(supplied.app("cat", f"/vault/secrets/{FILE}")) == SECRET
    assert supplied.app("stat", "-c", "%a %u %n", f"/vault/secrets/{FILE}") == f"400 1234 /vault/secrets/{FILE}\n"
    assert supplied.app("id", "-u") == "1234\n"
    assert supplied.namespace.exec(supplied.pod, "app", "sh", "-c", "echo changed >/vault/secrets/new").code != 0


def test_the_secret_is_in_memory_only(supplied: Supplied) -> None:
    mounts = [line.split() for line in supplied.app("cat", "/proc/mounts").splitlines()]
    assert [(kind, options.split(",")[0]) for _, path, kind, options, *_ in mounts if path == "/vault/secrets"] == [("tmpfs", "ro")]


def test_no_other_container_has_the_secret(supplied: Supplied) -> None:
    spec = supplied.namespace.get("pod", supplied.pod)["spec"]
    mounting = [
        container["name"]
        for container in (*spec["initContainers"], *spec["containers"])
        if any(mount["name"].startswith("secrets") for mount in container["volumeMounts"])
    ]
    assert mounting == ["get-secret", "app"]
    found = "find / -xdev -name 'my-secret*' 2>/dev/null; cut -d' ' -f2 /proc/mounts"
    assert "/vault/secrets" in supplied.app("sh", "-c", found).split()
    seen = supplied.namespace.exec(supplied.pod, "logs", "sh", "-c", found).out.split()
    assert "/logs" in seen
    assert not [path for path in seen if "secret" in path]


def test_no_log_or_object_shows_the_secret(supplied: Supplied) -> None:
    log = supplied.namespace.logs(supplied.pod, "get-secret")
    assert log == f"wrote /vault/secrets/{FILE}\n"
    objects = supplied.namespace.kubectl("get", "pods,configmaps,secrets,deployments", "-o", "json")
    assert SECRET["password"] not in objects


def test_the_token_was_revoked_as_soon_as_it_had_served(supplied: Supplied) -> None:
    login, *later = (entry for entry in supplied.vault.audit() if "kubernetes" in entry["auth"].get("display_name", ""))
    assert login["request"]["path"] == "auth/kubernetes/login"
    paths = [entry["request"]["path"] for entry in later]
    assert "secret/data/my-secret" in paths
    assert paths[-1] == "auth/token/revoke-self"
    lookup = supplied.vault.run("token", "lookup", "-accessor", login["auth"]["accessor"])
    assert lookup.code != 0
    assert "invalid accessor" in lookup.text
    # a token that was not revoked would be found this way
    root = json.loads(supplied.vault.vault("token", "lookup", "-format=json"))["data"]["accessor"]
    assert supplied.vault.run("token", "lookup", "-accessor", root).code == 0
