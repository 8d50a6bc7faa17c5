"""VaultAgentSidecar: its arguments, what it adds to a pod, and every refusal by its full text."""

import json
from typing import Any

import pulumi
import pytest

from components import testing
from components.core.app import App, Port
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from tests.support.pods import PEM

PASSWORD = VaultSecret(path="my-secret", file="password", field="password")
WEB = App(name="app", image="app:1", ports=(Port(name="http", number=8080), Port(name="db", number=5432, scheme="tcp")), uid=1234, gid=2345)
UNENCRYPTED = "is not encrypted, so that the network reads the secrets; use https://, or set allow_plaintext=True"


def arguments(**given: Any) -> VaultAgentSidecarArgs:
    return VaultAgentSidecarArgs(**{"address": "https://vault:8200", "role": "app", "secrets": (PASSWORD,), **given})


def patched(**given: Any) -> PodPatch:
    made: list[PodPatch] = []
    testing.run(lambda: made.append(VaultAgentSidecar("vault", arguments(**given)).patch(view(WEB))))
    return made[0]


def spec(*others: Any, sidecars: str = "native", kubernetes_version: str = "1.30", **given: Any) -> Any:
    """The PodSpec of an app with it."""
    made: list[Any] = []

    def program() -> None:
        patterns = [*(make() for make in others), VaultAgentSidecar("vault", arguments(**given))]
        pod = compose(WEB, patterns, sidecars=sidecars, kubernetes_version=kubernetes_version)
        made.append(pod.pod_spec({c.name: "config-1" for c in pod.config_files}))

    testing.run(program)
    return made[0]


def env(container: Any) -> dict[str, Any]:
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_the_pod_is_restricted_and_only_the_app_sees_the_files_as_a_directory() -> None:
    pod = spec()
    (sidecar,), (app,) = pod["initContainers"], pod["containers"]
    assert pod_security_level(pod) == "restricted"
    assert (sidecar["name"], sidecar["image"], sidecar["restartPolicy"]) == ("vault-agent", "hashicorp/vault:1.21.1", "Always")
    assert (sidecar["securityContext"]["runAsUser"], sidecar["securityContext"]["runAsGroup"]) == (1234, 2345)
    # a subPath would hold on to the first files
    assert app["volumeMounts"] == [{"name": "vault", "mountPath": "/vault/secrets", "readOnly": True}]
    assert [(v["name"], v.get("emptyDir")) for v in pod["volumes"]] == [
        ("vault", {"medium": "Memory", "sizeLimit": "2Mi"}),
        ("vault-home", {"medium": "Memory", "sizeLimit": "8Mi"}),
        ("vault-identity", None),
        ("vault-config", None),
    ]


def test_the_app_waits_for_the_first_files_and_no_probe_can_unready_the_pod_later() -> None:
    sidecar = spec(timeout_seconds=60)["initContainers"][0]
    assert sidecar["startupProbe"] == {
        "exec": {"command": ["/bin/sh", "-c", "test -e /vault/secrets/..data"]},
        "periodSeconds": 1,
        "failureThreshold": 90,
    }
    assert not {"readinessProbe", "livenessProbe"} & set(sidecar)


def test_the_agent_logs_in_by_itself_and_its_token_is_private() -> None:
    config = json.loads(arguments(auth_mount="k8s/eu", render_interval_seconds=60).agent_config("reader"))
    auto_auth = config["auto_auth"][0]
    assert auto_auth["method"] == [
        {
            "type": "kubernetes",
            "mount_path": "auth/k8s/eu",
            "max_backoff": "30s",
            "config": [{"role": "reader", "token_path": "identity/token"}],
        }
    ]
    assert auto_auth["sink"] == [{"type": "file", "config": [{"path": "home/.vault-token", "mode": 0o600}]}]
    assert config["template_config"] == {"static_secret_render_interval": "60s", "lease_renewal_threshold": 0.67}
    assert [(t["destination"], t["perms"]) for t in config["template"]] == [("home/rendered/read-0", "0600")]


def test_the_arguments_that_it_shares_with_vault_init_mean_the_same() -> None:
    shared: dict[str, Any] = {
        "vault_namespace": "team/a",
        "ca_pem": PEM,
        "tls_server_name": "vault.internal",
        "service_account": "reader",
        "timeout_seconds": 60,
        "audience": "a",
        "token_expiration_seconds": 900,
        "volume_name": "v",
        "mount_path": "/m",
        "image": "mirror/vault:1",
        "container_name": "c",
    }
    made: list[PodPatch] = []

    def program() -> None:
        args = VaultInitArgs(address="https://vault:8200", role="app", secrets=(PASSWORD,), **shared)
        made.append(VaultInit("vault", args).patch(view(WEB)))

    testing.run(program)
    agent, init = patched(**shared), made[0]
    ours, theirs = agent.init_containers[0], init.init_containers[0]
    assert {**env(ours), **env(theirs)} == {**env(ours), "COMPONENT": "VaultInit 'vault'"}
    for key in ("name", "image", "workingDir", "volumeMounts", "resources", "securityContext"):
        assert ours[key] == theirs[key], key
    assert agent.service_account == init.service_account
    assert agent.volumes[2] == init.volumes[2]
    assert agent.config_files[0].files["ca.crt"] == PEM


def test_a_call_and_a_command_reach_the_script_as_words() -> None:
    assert patched().init_containers[0]["command"] == ["/bin/sh", "config/agent.sh"]
    assert patched(reload_path="/-/reload").init_containers[0]["command"][2:] == [
        *("wget", "-q", "-O", "/dev/null", "--post-data=", "http://127.0.0.1:8080/-/reload"),
    ]
    mount = {"name": "vault-home", "mountPath": "/more"}
    container = patched(reload_command=("touch", "/more/a b"), volume_mounts=(mount,), reload_timeout_seconds=60).init_containers[0]
    assert container["command"][2:] == ["touch", "/more/a b"]
    assert container["volumeMounts"][-1] == mount
    assert env(container)["RELOAD_TIMEOUT_SECONDS"] == "60"


def test_natively_it_revokes_and_as_a_classic_sidecar_an_init_container_renders_first() -> None:
    (native,) = spec()["initContainers"]
    assert (env(native)["REVOKE"], env(native)["ONCE"]) == ("1", "")
    pod = spec(sidecars="classic", kubernetes_version="1.28")
    (init,), (sidecar, _) = pod["initContainers"], pod["containers"]
    assert pod_security_level(pod) == "restricted"
    assert (init["name"], env(init)["ONCE"], env(init)["REVOKE"]) == ("vault-agent-init", "1", "1")
    assert (sidecar["name"], env(sidecar)["ONCE"], env(sidecar)["REVOKE"]) == ("vault-agent", "", "")
    assert not {"startupProbe", "restartPolicy"} & set(init)


def test_beside_vault_init_it_has_names_of_its_own() -> None:
    args = VaultInitArgs(address="https://vault:8200", role="app", secrets=(PASSWORD,), mount_path="/secrets")
    pod = spec(lambda: VaultInit("once", args))
    assert [c["name"] for c in pod["initContainers"]] == ["get-secret", "vault-agent"]
    assert [m["mountPath"] for m in pod["containers"][0]["volumeMounts"]] == ["/secrets", "/vault/secrets"]


def test_a_role_and_an_address_that_are_known_later_arrive() -> None:
    def program() -> None:
        later = {"address": pulumi.Output.from_input("https://later:8200"), "role": pulumi.Output.from_input("later")}
        patch = VaultAgentSidecar("vault", arguments(**later)).patch(view(WEB))
        pulumi.export("address", patch.init_containers[0]["env"][0]["value"])
        pulumi.export("config", patch.config_files[0].files["agent.json"])

    exports = testing.run(program).exports
    assert exports["address"] == "https://later:8200"
    assert json.loads(exports["config"])["auto_auth"][0]["method"][0]["config"][0]["role"] == "later"


def test_a_role_that_is_known_later_is_checked_then() -> None:
    def program() -> None:
        patch = VaultAgentSidecar("vault", arguments(role=pulumi.Output.from_input("@x"))).patch(view(WEB))
        pulumi.export("config", patch.config_files[0].files["agent.json"])

    with pytest.raises(ArgumentError) as error:
        testing.run(program)
    assert str(error.value) == (
        "VaultAgentSidecar 'vault': 1 problem\n  - role '@x' is not allowed: letters, digits and _.-, starting with a letter, digit or _"
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"address": "http://vault:8200"},
            "address 'http://vault:8200' is not encrypted, so that the network reads the secrets; "
            "use https://, or set allow_plaintext=True",
        ),
        ({"secrets": ()}, "secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates="),
        ({"render_interval_seconds": 0}, "render_interval_seconds 0 is not allowed: a whole number, 1 or more"),
        (
            {"reload_path": "/a", "reload_command": ("touch", "/b")},
            "reload_path and reload_command are both set; the app is notified in one way",
        ),
        ({"reload_method": "DELETE"}, "reload_method 'DELETE' is not allowed: one of POST, GET"),
        ({"container_name": "a_b"}, "container_name 'a_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
    ],
)
def test_an_argument_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: VaultAgentSidecar("vault", arguments(**given)))
    assert str(error.value) == f"VaultAgentSidecar 'vault': 1 problem\n  - {problem}"


@pytest.mark.parametrize(
    ("port", "problem"),
    [
        ("admin", "the app has no port 'admin' to call; set reload_target_port= (known: http, db), or use reload_command="),
        ("db", "port 'db' speaks tcp, and the call is plain HTTP; set reload_target_port=, or use reload_command="),
    ],
)
def test_a_port_that_cannot_be_called_is_a_conflict(port: str, problem: str) -> None:
    with pytest.raises(CompositionError) as error:
        spec(reload_path="/-/reload", reload_target_port=port)
    assert str(error.value) == f"workload 'app': 1 conflict\n  - VaultAgentSidecar 'vault': {problem}"
