"""What an App says of itself besides its image: its account, protocols, and the port in its exec probes."""

from typing import Any

import pytest

from components.core.app import App, Port
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch
from tests.support.pods import HTTP, Adds, Proxy, web

DNS = Port(name="dns", number=8080, protocol="UDP")


def test_its_service_account_and_whether_its_token_is_mounted() -> None:
    assert compose(web()).spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in compose(web()).spec
    spec = compose(web(service_account="web", api_token=True)).spec
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("web", True)


def test_a_pattern_that_needs_another_account_is_rejected() -> None:
    other, same = (Adds("vault", PodPatch(service_account=(name,))) for name in ("vault", "web"))
    assert compose(web(service_account="web"), [same]).spec["serviceAccountName"] == "web"
    with pytest.raises(CompositionError) as error:
        compose(web(service_account="web"), [other])
    assert error.value.problems == (
        "service account 'vault' of Adds 'vault' is already set by the app; a pod has one: set service_account= on one of them only",
    )


def test_one_number_carries_tcp_and_udp() -> None:
    pod = compose(web(ports=(HTTP, DNS)), [Proxy("proxy", scheme="https")])
    (container,) = pod.spec["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 8080, "protocol": "UDP"}]
    # TLS on TCP does not make UDP secret
    assert pod.plaintext_ports == [8080]
    assert [p.outer_scheme for p in pod.ports] == ["https", "udp"]


def test_ambassadors_carry_tcp_alone() -> None:
    with pytest.raises(CompositionError) as error:
        compose(web(ports=(DNS,)), [Proxy("proxy", port="dns")])
    assert "port 'dns' of the app is a UDP port, and ambassadors carry TCP alone; take it out of target_ports=" in error.value.problems


@pytest.mark.parametrize(("patterns", "port"), [((), "8080"), ((Proxy("proxy"),), "8081")])
def test_an_exec_probe_asks_where_the_app_listens(patterns: tuple[Any, ...], port: str) -> None:
    words = ["sh", "-c", "curl localhost:{port} | awk '{print}' && echo {{port}}"]
    app: App = web(readiness_probe={"exec": {"command": words}})
    (container,) = compose(app, patterns).spec["containers"]
    assert container["readinessProbe"] == {"exec": {"command": ["sh", "-c", f"curl localhost:{port} | awk '{{print}}' && echo {{port}}"]}}
