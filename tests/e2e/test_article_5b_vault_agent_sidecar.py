"""Article, section 5b: secrets from Vault that are kept fresh while the app runs."""

from typing import Any

import pytest

from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import idle, ready, statuses
from .vault import ADDRESS, ROLE, Vault

# prints what it found at its start, and every other content that it ever sees
_READER = """
trap 'exit 0' TERM
cat /vault/secrets/login || exit 1
echo
last=$(cat /vault/secrets/login)
while :; do
  now=$(cat /vault/secrets/login) || echo gone
  if [ "$now" != "$last" ]; then last=$now; echo "$now"; fi
  sleep 0.1
done
"""
APP = idle(command=("sh", "-c", _READER), uid=1234, gid=1234, empty_dirs={"/tmp": "1Mi"})
LOGIN = VaultSecret(path="my-secret", file="login", template="{{ .username }}:{{ .password }}")


def deployed(namespace: Namespace, *, wait: bool = True, sidecars: str = "native", **arguments: Any) -> None:
    def program() -> None:
        args = {"address": ADDRESS, "role": ROLE, "secrets": (LOGIN,), "allow_plaintext": True, "render_interval_seconds": 2, **arguments}
        agent = VaultAgentSidecar("vault", VaultAgentSidecarArgs(**args))
        Workload("app", WorkloadArgs(app=APP, patterns=[agent], namespace=namespace.name, sidecars=sidecars))

    deploy(namespace, program, wait=wait)


def test_a_changed_secret_reaches_the_running_app_and_an_outage_of_vault_takes_nothing_away(namespace: Namespace) -> None:
    vault = Vault(namespace, {"my-secret": {"username": "ada", "password": "one"}})
    deployed(
        namespace,
        reload_command=("touch", "/tmp/reload"),
        volume_mounts=({"name": "scratch-tmp", "mountPath": "/tmp"},),
    )
    pod = namespace.pod("app")

    def seen() -> list[str]:
        return namespace.logs(pod, "app").splitlines()

    assert seen() == ["ada:one"]
    assert namespace.exec(pod, "app", "ls", "/tmp").out == ""
    vault.vault("kv", "put", "secret/my-secret", "username=bob", "password=two")
    eventually(lambda: seen() == ["ada:one", "bob:two"], "the new secret in the app", timeout=30)
    eventually(lambda: namespace.exec(pod, "app", "ls", "/tmp").out == "reload\n", "the app is told", timeout=30)

    look = "stat -L -c '%a %u' /vault/secrets/login; touch /vault/secrets/x; find / -name .vault-token"
    shown = namespace.exec(pod, "app", "sh", "-c", look)
    assert shown.out == "400 1234\n", shown.text
    assert "Read-only file system" in shown.err

    # a dev server forgets everything: this one will not even know the login
    namespace.kubectl("delete", "pod", "vault", "--wait=true")
    said = "cannot be reached|stopped answering|does not accept the login"
    eventually(lambda: any(part in namespace.logs(pod, "vault-agent") for part in said.split("|")), "a line that says so", timeout=60)
    (now,) = namespace.pods("app")
    assert ready(now)
    assert {name: c["restartCount"] for name, c in statuses(now).items()} == {"vault-agent": 0, "app": 0}
    assert seen() == ["ada:one", "bob:two"]
    assert namespace.exec(pod, "app", "cat", "/vault/secrets/login").out == "bob:two"


def test_the_token_is_revoked_when_the_pod_stops(namespace: Namespace) -> None:
    vault = Vault(namespace, {"my-secret": {"username": "ada", "password": "one"}})
    deployed(namespace)
    logins = [e for e in vault.audit() if e["request"]["path"] == "auth/kubernetes/login"]
    accessor = logins[-1]["auth"]["accessor"]
    assert vault.run("token", "lookup", "-accessor", accessor).code == 0
    namespace.kubectl("scale", "deployment/app", "--replicas=0")
    eventually(lambda: vault.run("token", "lookup", "-accessor", accessor).code != 0, "the token is revoked", timeout=60)
    assert "invalid accessor" in vault.run("token", "lookup", "-accessor", accessor).text


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_without_vault_the_app_is_not_started_and_one_line_says_why(namespace: Namespace) -> None:
    deployed(namespace, wait=False, timeout_seconds=5, address="http://nowhere:8200")

    def failed() -> str:
        (pod,) = namespace.pods("app")
        assert "running" not in statuses(pod)["app"]["state"]
        state = statuses(pod)["vault-agent"]
        return str((state["state"].get("terminated") or state["lastState"].get("terminated") or {}).get("message", ""))

    line = eventually(failed, "the sidecar has failed", timeout=60)
    assert line.startswith("Vault at http://nowhere:8200 cannot be reached: dial tcp: lookup nowhere on ")
    assert line.endswith("; check address, DNS and network policies (tried for 5 s)\n")
    assert line.count("\n") == 1


def test_as_a_classic_sidecar_an_init_container_renders_before_the_app_starts(namespace: Namespace) -> None:
    vault = Vault(namespace, {"my-secret": {"username": "ada", "password": "one"}})
    deployed(namespace, sidecars="classic")
    pod = namespace.pod("app")
    assert namespace.logs(pod, "app") == "ada:one\n"
    vault.vault("kv", "put", "secret/my-secret", "username=bob", "password=two")
    eventually(lambda: namespace.logs(pod, "app") == "ada:one\nbob:two\n", "the new secret in the app", timeout=30)
    assert statuses(namespace.pods("app")[0])["app"]["restartCount"] == 0
