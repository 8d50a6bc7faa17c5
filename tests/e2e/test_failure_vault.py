"""Vault is not there, sealed, or does not give: the init container says so in one line, in time, and leaks nothing."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_init import VaultInit, VaultInitArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import bare, scripts, statuses, web
from .vault import ADDRESS, ROLE, Vault

Figure = Callable[[str], None]
SECONDS = 20
VALUE = "correct-horse-battery-staple"
PASSWORD = VaultSecret(path="app", file="password", field="password")
ARGS = VaultInitArgs(address=ADDRESS, role=ROLE, secrets=(PASSWORD,), allow_plaintext=True, timeout_seconds=SECONDS)


@pytest.fixture(scope="module")
def vault(module_namespace: Namespace) -> Vault:
    scripts(module_namespace)
    return Vault(module_namespace, {"app": {"password": VALUE}})


def failed(vault: Vault, name: str, args: VaultInitArgs) -> dict[str, Any]:
    """How the init container of a pod with these arguments ended: its one line and its seconds."""
    namespace = vault.namespace
    # no container of it is started but this one
    deployment = deploy(namespace, lambda: bare(namespace, name, web(), [VaultInit("vault", args)]), wait=False)
    namespace.wait(f"pod/{name}", "jsonpath={.status.phase}=Failed", timeout=SECONDS + 60)
    pod, log = namespace.get("pod", name), namespace.logs(name, "get-secret")
    end = statuses(pod)["get-secret"]["state"]["terminated"]
    took = datetime.fromisoformat(end["finishedAt"]) - datetime.fromisoformat(end["startedAt"])
    everything = f"{log}{pod}{namespace.all('events')}"
    assert VALUE not in everything
    assert not re.search(r"\beyJ|\bhv[sbr]\.", everything), everything
    assert "started" not in namespace.logs(name, "web")
    assert end["message"].strip() == log.strip()
    deployment.undo()
    (line,) = log.splitlines()
    return {"line": line, "seconds": took.total_seconds(), "code": end["exitCode"]}


def tokens(vault: Vault) -> int:
    """How many tokens Vault knows."""
    return len(vault.vault("list", "auth/token/accessors").splitlines())


CASES: dict[str, tuple[VaultInitArgs, str]] = {
    "unreachable": (
        replace(ARGS, address="http://vault:8300"),
        r"Vault at http://vault:8300 cannot be reached: .*; check address, DNS and network policies \(tried for 20 s\)",
    ),
    "unknown name": (
        replace(ARGS, address="http://nowhere:8200"),
        r"Vault at http://nowhere:8200 cannot be reached: .*no such host; check address, DNS and network policies \(tried for 20 s\)",
    ),
    "wrong role": (
        replace(ARGS, role="another"),
        r"Vault at http://vault:8200 rejected the login of role 'another' at auth/kubernetes with 400: invalid role name \"another\"; "
        r"check that the role exists, and allows this pod's service account, namespace and audience",
    ),
    "wrong audience": (
        replace(ARGS, audience="elsewhere"),
        r"Vault at http://vault:8200 rejected the login of role 'app' at auth/kubernetes with 403: .*; "
        r"check that the role exists, and allows this pod's service account, namespace and audience",
    ),
    "missing secret": (
        replace(ARGS, secrets=(replace(PASSWORD, path="other"),)),
        r"Vault at http://vault:8200 has no secret at secret/data/other; check mount, path and kv_version",
    ),
    "missing field": (
        replace(ARGS, secrets=(PASSWORD, replace(PASSWORD, file="user", field="user"))),
        r"Vault at http://vault:8200 has no field user in secret/data/app; check field and kv_version",
    ),
    # the agent's own message quotes the value
    "broken template": (
        replace(ARGS, secrets=(VaultSecret(path="app", file="number", template="{{ parseInt .password }}"),)),
        r"the files could not be rendered from Vault at http://vault:8200; check the templates "
        r"\(the reason is not shown here, because it may quote a secret\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_vault_does_not_give_ends_the_pod_in_time_with_one_line(vault: Vault, figure: Figure, case: str) -> None:
    args, said = CASES[case]
    before = tokens(vault)
    end = failed(vault, f"{case.replace(' ', '-')}", args)
    figure(f"{case}: {end['seconds']:.0f} s, {end['line']}")
    assert re.fullmatch(said, end["line"]), str(end)
    assert end["code"] == 1
    assert end["seconds"] <= SECONDS + 15
    # whatever it was given is revoked
    assert tokens(vault) == before


def test_a_sealed_vault_is_waited_for_and_then_named(vault: Vault, figure: Figure) -> None:
    # dev servers keep everything in memory: a sealed one never opens again, so this is the last test of the file
    vault.vault("operator", "seal")
    eventually(lambda: '"sealed": true' in vault.run("status", "-format=json").out, "a sealed Vault")
    eventually(lambda: not _in_service(vault.namespace), "Vault out of its Service")
    vault.namespace.kubectl("patch", "service", "vault", "-p", '{"spec": {"publishNotReadyAddresses": true}}')
    eventually(lambda: _in_service(vault.namespace), "Vault in its Service, sealed")
    end = failed(vault, "sealed", ARGS)
    figure(f"sealed: {end['seconds']:.0f} s, {end['line']}")
    assert end["line"] == f"Vault at {ADDRESS} is sealed; unseal it (tried for {SECONDS} s)"
    assert SECONDS - 10 <= end["seconds"] <= SECONDS + 15


def _in_service(namespace: Namespace) -> bool:
    slices = namespace.all("endpointslices", "kubernetes.io/service-name=vault")
    return any(endpoint["conditions"].get("ready") for found in slices for endpoint in found.get("endpoints") or ())
