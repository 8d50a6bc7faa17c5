"""What an init container waits for: nothing that starts later in the pod, and no tunnel in place of the server behind it."""

from typing import Any

import pulumi
import pytest

from components.core.app import App, Port, Rebind
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import Connection, PodPatch, UndeclaredPort, sidecar
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.migration_init import MigrationInitArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecarArgs
from components.patterns.shared.vault import VaultSecret
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.vault_agent_sidecar import VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInitArgs
from components.patterns.wait_for_init import WaitForInitArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import Adds, container

APP = App(name="web", image="web:1", ports=[Port(name="http", number=8080)], loopback_ports=[9300])
DATABASE = EgressTarget(name="db", host="db.example.com", port=5432, direct_tls=True)
ADDRESS = EgressTarget(name="cache", host="2001:db8::1", port=6380, local_port=6379, server_name="cache.example.com")
TUNNEL = EgressTlsTunnelArgs(name="egress", targets=[DATABASE, ADDRESS])
FIRST = "list that first"
NATIVE = "use sidecars='native', and list that first"


def wait(*tcp: str, **more: Any) -> WaitForInitArgs:
    return WaitForInitArgs(**{"name": "wait", "tcp": tcp, **more})


def migration(**more: Any) -> MigrationInitArgs:
    return MigrationInitArgs(**{"name": "m", "image": "shop:1", "command": ["migrate"], "database": "127.0.0.1:5432", **more})


def vault(cls: Any) -> Any:
    return cls(name="vault", address="http://127.0.0.1:5432", role="web", secrets=[VaultSecret(path="a", file="a", format="json")])


def fetch(**more: Any) -> FetchInitArgs:
    return FetchInitArgs(
        **{"name": "fetch", "source": "s3://models/model.bin", "sha256": "0" * 64, "endpoint": "http://localhost:5432", **more}
    )


def refused(*patterns: Any, app: App = APP, **options: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        compose(app, patterns, **options)
    return error.value.problems


@pytest.mark.parametrize("address", ["127.0.0.1:5432", "localhost:5432", "[::1]:5432", "127.0.1.1:5432"])
@pytest.mark.parametrize("tunnel_first", [True, False])
def test_to_wait_for_a_tunnel_is_to_wait_for_nothing(address: str, tunnel_first: bool) -> None:
    patterns = [TUNNEL, wait(address)] if tunnel_first else [wait(address), TUNNEL]
    assert refused(*patterns) == (
        f"WaitForInit 'wait': {address} is answered by EgressTlsTunnel 'egress' even while db.example.com:5432 is down; wait for "
        "db.example.com:5432 itself",
    )


def test_the_way_out_works():
    compose(APP, [wait("db.example.com:5432", "[2001:db8::1]:6380"), TUNNEL])


def test_an_address_is_named_as_it_is_waited_for():
    assert refused(TUNNEL, wait("127.0.0.1:6379")) == (
        "WaitForInit 'wait': 127.0.0.1:6379 is answered by EgressTlsTunnel 'egress' even while [2001:db8::1]:6380 is down; wait for "
        "[2001:db8::1]:6380 itself",
    )


def test_a_migration_that_only_waits_for_a_connection_is_refused():
    assert refused(TUNNEL, migration()) == (
        "MigrationInit 'm': 127.0.0.1:5432 is answered by EgressTlsTunnel 'egress' even while db.example.com:5432 is down; wait for "
        "db.example.com:5432 itself",
    )


ASKING: dict[str, tuple[Any, str]] = {
    "a page": (wait(http=["http://127.0.0.1:5432/ready"]), "WaitForInit 'wait': http://127.0.0.1:5432/ready"),
    "a database": (migration(lock="postgresql"), "MigrationInit 'm': 127.0.0.1:5432"),
    "a bucket": (fetch(), "FetchInit 'fetch': http://localhost:5432"),
    "Vault": (vault(VaultInitArgs), "VaultInit 'vault': http://127.0.0.1:5432"),
    "Vault, again and again": (vault(VaultAgentSidecarArgs), "VaultAgentSidecar 'vault': http://127.0.0.1:5432"),
}


@pytest.mark.parametrize(("pattern", "what"), ASKING.values(), ids=ASKING.keys())
def test_what_asks_the_server_itself_does_so_through_a_tunnel_before_it(pattern: Any, what: str) -> None:
    compose(APP, [TUNNEL, pattern])
    assert refused(pattern, TUNNEL) == (f"{what} is served by EgressTlsTunnel 'egress', which starts later; {FIRST}",)
    classic = refused(TUNNEL, pattern, sidecars="classic", kubernetes_version="1.28")
    assert classic == (f"{what} is served by EgressTlsTunnel 'egress', which starts later; {NATIVE}",)


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "localhost:9300"])
def test_the_app_starts_later(address: str) -> None:
    line = f"WaitForInit 'wait': {address} is served by the app, which starts later; do not wait for it"
    assert refused(wait(address)) == (line,)


def test_an_ambassador_in_front_of_the_app_is_no_app():
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))])
    for number in (8080, 8081):
        assert refused(TlsAmbassadorArgs(service_name="web", secret_name="tls"), wait(f"127.0.0.1:{number}"), app=app) == (
            f"WaitForInit 'wait': 127.0.0.1:{number} is served by the app, which starts later; do not wait for it",
        )


def test_a_sidecar_is_there_if_it_is_listed_before():
    cache, metrics = RedisCacheSidecarArgs(name="cache"), MetricsAdapterArgs(name="metrics")
    compose(APP, [cache, metrics, wait("127.0.0.1:6379", "127.0.0.1:9114")])
    assert refused(wait("127.0.0.1:6379", "127.0.0.1:9114"), cache, metrics) == (
        f"WaitForInit 'wait': 127.0.0.1:6379 is served by RedisCacheSidecar 'cache', which starts later; {FIRST}",
        f"WaitForInit 'wait': 127.0.0.1:9114 is served by MetricsAdapter 'metrics', which starts later; {FIRST}",
    )


def test_a_container_beside_the_app_is_never_there():
    beside = Adds("beside", PodPatch(containers=(container("beside", ports=[{"containerPort": 7000}]),)))
    assert refused(beside, wait("127.0.0.1:7000")) == (
        f"WaitForInit 'wait': 127.0.0.1:7000 is served by Adds 'beside', which starts later; make it a sidecar(), and {FIRST}",
    )


def test_patterns_of_ones_own_say_what_they_need():
    asks = Adds(
        "asks", PodPatch(init_containers=(container("asks"),), connects=(Connection(address="http://127.0.0.1/", awaited="answer"),))
    )
    web = sidecar(container("web-cache", ports=[{"containerPort": 80}]))
    serves = Adds("serves", PodPatch(init_containers=(web,)))
    compose(APP, [serves, asks])
    assert refused(asks, serves) == (f"Adds 'asks': http://127.0.0.1/ is served by Adds 'serves', which starts later; {FIRST}",)


@pytest.mark.parametrize(
    "target",
    [
        {"tcp": ["web:8080"]},
        {"tcp": ["web.prod:8080"]},
        {"http": ["http://web.prod.svc/ready"]},
        {"http": ["https://web.prod.svc.cluster.local:8443"]},
    ],
)
def test_the_pods_own_service_has_no_pod_yet(target: dict[str, Any]) -> None:
    (address,) = next(iter(target.values()))
    with pytest.raises(CompositionError) as error:
        run(lambda: Workload("web", WorkloadArgs(app=APP, patterns=[wait(**target)], namespace="prod")))
    assert error.value.problems == (
        f"WaitForInit 'wait': {address} is the workload's own Service, which has no pod until this one is ready; do not wait for it",
    )


@pytest.mark.parametrize(
    "target", [{"tcp": ["web2:8080", "web.other:8080", "10.0.0.1:8080"]}, {"dns": ["web.prod.svc"]}, {"tcp": ["127.0.0.1:7777"]}]
)
def test_what_is_elsewhere_or_not_known_is_waited_for(target: dict[str, Any]) -> None:
    run(lambda: Workload("web", WorkloadArgs(app=APP, patterns=[TUNNEL, wait(**target)], namespace="prod")))


def test_an_address_that_is_known_later_is_left_alone(caplog: pytest.LogCaptureFixture):
    def program() -> None:
        late: Any = pulumi.Output.from_input("127.0.0.1:5432")
        compose(APP, [TUNNEL, wait(late)])

    run(program)
    # Pulumi complains where an Output is made a text
    assert caplog.messages == []


def test_a_server_whose_address_is_known_later_has_no_name_yet(capfd: pytest.CaptureFixture[str]) -> None:
    found: list[tuple[str, ...]] = []

    def program() -> None:
        later: Any = pulumi.Output.from_input("db.example.com:5432")
        connects = (Connection(address=later, local_port=5432), Connection(address=later))
        tunnel = PodPatch(
            init_containers=(sidecar(container("tunnel")),), undeclared_ports=(UndeclaredPort(number=5432),), connects=connects
        )
        found.append(refused(Adds("tunnel", tunnel), wait("127.0.0.1:5432")))

    run(program)
    line = "WaitForInit 'wait': 127.0.0.1:5432 is answered by Adds 'tunnel' even while its server is down; wait for its server itself"
    assert found == [(line,)]
    # Pulumi warns of an Output that is made a text
    assert capfd.readouterr().err == ""
