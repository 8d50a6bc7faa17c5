"""What an App says of itself besides its image: its account, protocols, and the port in its exec probes."""

from typing import Any

import pytest

from components.core.app import App, Port, Rebind
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import PodPatch
from components.patterns.tls_ambassador import TlsAmbassadorArgs
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


def test_a_variable_of_a_shell_is_no_place_for_the_port() -> None:
    words = ["sh", "-c", "port=1; curl localhost:${port} || curl localhost:{port}"]
    (container,) = compose(web(readiness_probe={"exec": {"command": words}})).spec["containers"]
    assert container["readinessProbe"]["exec"]["command"][2] == "port=1; curl localhost:${port} || curl localhost:8080"


CUT_OFF = (
    "of container 'web' asks 127.0.0.1:8080, where the ambassador of port 'http' answers with https now; "
    "{0}use a rebind without {{port}}, so that the app keeps its number there, or list TrafficRedirectInit before the ambassador"
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"readiness_probe": {"exec": {"command": ["curl", "-f", "http://localhost:8080/"]}}},
            f"readinessProbe {CUT_OFF.format('write {port} in place of the number, or ')}",
        ),
        ({"env": {"SELF": "http://127.0.0.1:8080"}}, f"env 'SELF' {CUT_OFF.format('')}"),
        ({"command": ["app", "--callback=http://[::1]:8080"]}, f"command {CUT_OFF.format('')}"),
    ],
)
def test_an_app_that_asks_itself_where_the_ambassador_answers_is_rejected(changes: dict[str, Any], line: str) -> None:
    compose(web(**changes))
    with pytest.raises(CompositionError) as error:
        compose(web(**changes), [Proxy("proxy", scheme="https")])
    assert error.value.problems == (line,)


def test_what_a_rebind_replaces_asks_nobody() -> None:
    moved = Rebind(replace={"--listen=127.0.0.1:8080": "--listen={host}:{port}"})
    app = web(command=["app", "--listen=127.0.0.1:8080"], ports=(Port(name="http", number=8080, rebind=moved),))
    (container,) = compose(app, [Proxy("proxy", scheme="https")]).spec["containers"]
    assert container["command"] == ["app", "--listen=127.0.0.1:8081"]


def test_tls_leaves_udp_to_the_app() -> None:
    with pytest.raises(CompositionError) as error:
        compose(web(ports=(DNS,)), [TlsAmbassadorArgs(secret_name="web-tls", target_ports=["dns"])])
    assert "port 'dns' of the app is a UDP port, and ambassadors carry TCP alone; take it out of target_ports=" in error.value.problems
