"""What is needed while the pod starts, and led to a proxy in the pod that is not there yet."""

from typing import Any

import pytest

from components.core.app import App
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import Connection, PodPatch, UndeclaredPort, sidecar
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.migration_init import MigrationInitArgs
from components.patterns.shared.vault_secret import VaultSecret
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from components.patterns.vault_agent_sidecar import VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInitArgs
from components.patterns.wait_for_init import WaitForInitArgs
from tests.support.composing import PEM
from tests.support.pods import Adds, container

APP = App(name="web", image="web:1")
VAULT: dict[str, Any] = {
    "role": "web",
    "address": "https://vault.prod.svc:8200",
    "ca_pem": PEM,
    "secrets": [VaultSecret(path="web", file="a", field="a")],
}
WAIT = WaitForInitArgs(tcp=["db.prod.svc:5432"])
NEEDY = {
    "WaitForInit": (WAIT, "db.prod.svc:5432"),
    "VaultInit": (VaultInitArgs(**VAULT), "https://vault.prod.svc:8200"),
    "VaultAgentSidecar": (VaultAgentSidecarArgs(**VAULT), "https://vault.prod.svc:8200"),
    "MigrationInit": (MigrationInitArgs(image="migrate:1", command=["migrate"], database="db.prod.svc:5432"), "db.prod.svc:5432"),
    "FetchInit": (
        FetchInitArgs(source="https://files.example.com/a.bin", sha256="0" * 64, mount_path="/data", size_limit="1Gi"),
        "https://files.example.com/a.bin",
    ),
}


def redirect(**args: Any) -> TrafficRedirectInitArgs:
    return TrafficRedirectInitArgs(**{"target_ports": (), "outbound_port": 15001, "exclude_uids": (101,), **args})


def proxy(*, is_sidecar: bool = True) -> Adds:
    """Something that serves the port to which connections are led."""
    made, ports = container("envoy"), (UndeclaredPort(number=15001),)
    if is_sidecar:
        return Adds("proxy", PodPatch(init_containers=(sidecar(made),), undeclared_ports=ports))
    return Adds("proxy", PodPatch(containers=(made,), undeclared_ports=ports))


def refused(*patterns: Any, **options: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        compose(APP, patterns, **options)
    return error.value.problems


def line(owner: str, address: str, served: str = "which nobody is known to serve") -> str:
    return (
        f"{owner}: {address} is redirected by TrafficRedirectInit to port 15001, {served}; list {owner} before TrafficRedirectInit, or "
        "behind a sidecar that serves the port, or set exclude_outbound_ports="
    )


@pytest.mark.parametrize("owner", NEEDY)
def test_what_the_app_waits_for_cannot_be_led_to_nobody(owner: str) -> None:
    pattern, address = NEEDY[owner]
    assert refused(redirect(), pattern) == (line(owner, address),)
    assert refused(redirect(), pattern, proxy()) == (line(owner, address, "which Adds 'proxy' serves later"),)
    # the ways out
    compose(APP, [pattern, redirect()])
    compose(APP, [redirect(), proxy(), pattern])
    compose(APP, [proxy(), redirect(), pattern])
    number = int(address.rpartition(":")[2]) if address[-1].isdigit() else 443
    compose(APP, [redirect(exclude_outbound_ports=(number,)), pattern])
    compose(APP, [redirect(outbound_ports=(80,)), pattern])


def test_an_ordinary_container_starts_too_late() -> None:
    later = line("WaitForInit", "db.prod.svc:5432", "which Adds 'proxy' serves later")
    assert refused(redirect(), proxy(is_sidecar=False), WAIT) == (later,)
    assert refused(redirect(), proxy(), WAIT, sidecars="classic", kubernetes_version="1.28") == (later,)


def test_what_is_not_redirected_is_left_alone() -> None:
    compose(APP, [redirect(exclude_uids=(101, 65532)), needing(65532)])
    assert refused(redirect(), needing(65532)) == (line("Adds 'needs'", "db:5432"),)
    # a name may be anything, and its port too
    tunnel = EgressTlsTunnelArgs(targets=[EgressTarget(name="db", host="db.example.com", port=6380, local_port=6379)])
    compose(APP, [redirect(), tunnel, WaitForInitArgs(http=["http://127.0.0.1:6379/"])])


def needing(uid: int) -> Adds:
    made = {**container("needs"), "securityContext": {"runAsUser": uid, "runAsNonRoot": True}}
    return Adds("needs", PodPatch(init_containers=(made,), connects=(Connection(address="db:5432", awaited="answer"),)))
