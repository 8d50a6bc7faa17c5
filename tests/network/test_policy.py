"""The NetworkPolicy of a workload, asked who may reach whom; the schema's opinion of it, and what is refused."""

from typing import Any

import kubernetes_validate
import pulumi
import pytest

from components import (
    App,
    ArgumentError,
    EgressTarget,
    EgressTlsTunnelArgs,
    FetchInitArgs,
    Job,
    JwtAmbassadorArgs,
    LogShipperSidecarArgs,
    MetricsAdapterArgs,
    MigrationInitArgs,
    NetworkPolicyArgs,
    Peer,
    Port,
    Rebind,
    SessionStore,
    TlsAmbassadorArgs,
    VaultInitArgs,
    VaultSecret,
    WaitForInitArgs,
    Workload,
    WorkloadArgs,
)
from components.core.app import SecretKey
from components.core.errors import CompositionError
from components.core.patch import Connection, PodPatch
from components.testing import run
from tests.support.network_policies import Party, admits
from tests.support.pods import Adds

APP = App(
    name="web",
    image="web:1",
    ports=[
        Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"})),
        Port(name="admin", number=9000, service=False),
        Port(name="udp", number=5353, protocol="UDP"),
    ],
    readiness_probe={"httpGet": {"port": "http", "path": "/ready"}},
    liveness_probe={"tcpSocket": {"port": 9000}},
)
TLS = TlsAmbassadorArgs(secret_name="web-tls")
METRICS = MetricsAdapterArgs(exporter="redis")
MONITORING = [Peer(namespace="monitoring", pod_labels={"app": "prometheus"})]
INNER = 8081
HEALTH = 8082

NEIGHBOUR = Party("10.1.0.2", "prod", {"app": "other"})
STRANGER = Party("10.1.0.3", "dev")
PROMETHEUS = Party("10.1.0.4", "monitoring", {"app": "prometheus"})
BESIDE_PROMETHEUS = Party("10.1.0.5", "monitoring", {"app": "grafana"})
NODE = Party("10.9.0.1")
INTERNET = Party("192.0.2.7")
DNS = Party("10.1.0.6", "kube-system", {"k8s-app": "kube-dns"})


def policy(*patterns: Any, app: App = APP, workload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    args = NetworkPolicyArgs(**{"scrapers": MONITORING, **fields})
    arguments = WorkloadArgs(app=app, patterns=patterns, namespace="prod", network_policy=args, **workload or {})
    made = run(lambda: Workload("web", arguments)).one("NetworkPolicy").inputs
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **made}
    for version in ("1.29", "1.33"):
        kubernetes_validate.validate({**manifest, "metadata": {"name": "web", **made["metadata"]}}, version, strict=True)
    return manifest


def reached(found: dict[str, Any], party: Party, *ports: int) -> set[int]:
    """Which of the ports the party reaches."""
    return {port for port in ports if admits(found, "Ingress", party, port)}


PORTS = (8080, INNER, HEALTH, 9000, 9114, 9121)


@pytest.mark.parametrize(
    ("party", "ports"),
    [(NEIGHBOUR, {8080}), (STRANGER, set()), (PROMETHEUS, {9114}), (BESIDE_PROMETHEUS, set()), (NODE, set()), (INTERNET, set())],
)
def test_who_reaches_which_port(party: Party, ports: set[int]) -> None:
    found = policy(TLS, METRICS)
    assert found["spec"]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web"}}
    assert reached(found, party, *PORTS) == ports
    assert admits(found, "Ingress", party, 5353, "UDP") is (party is NEIGHBOUR)
    assert not admits(found, "Ingress", party, 8080, "UDP")


def test_the_inner_port_is_really_the_apps() -> None:
    found: list[Any] = []
    run(lambda: found.append(Workload("web", WorkloadArgs(app=APP, patterns=[TLS])).pod))
    assert {p.name: p.number for p in found[0].ports}["http"] == INNER
    assert HEALTH in found[0].health_ports


@pytest.mark.parametrize(
    ("peer", "parties"),
    [
        (Peer(), {NEIGHBOUR.address}),
        (Peer(namespace="dev"), {STRANGER.address}),
        (Peer(namespace="monitoring", pod_labels={"app": "grafana"}), {BESIDE_PROMETHEUS.address}),
        (Peer(pod_labels={"app": "other"}), {NEIGHBOUR.address}),
        (Peer(pod_labels={"app": "else"}), set()),
        (Peer(namespace_labels={}), {p.address for p in (NEIGHBOUR, STRANGER, PROMETHEUS, BESIDE_PROMETHEUS, DNS)}),
        (Peer(namespace_labels={}, pod_labels={"app": "other"}), {NEIGHBOUR.address}),
        (Peer(namespace_labels={"team": "a"}), set()),
        (Peer(cidr="192.0.2.0/24"), {INTERNET.address}),
    ],
)
def test_who_the_clients_are(peer: Peer, parties: set[str]) -> None:
    found = policy(TLS, METRICS, clients=[peer])
    everybody = (NEIGHBOUR, STRANGER, PROMETHEUS, BESIDE_PROMETHEUS, NODE, INTERNET, DNS)
    assert {party.address for party in everybody if admits(found, "Ingress", party, 8080)} == parties
    # those of one rule get nothing of the other
    assert {party.address for party in everybody if admits(found, "Ingress", party, 9114)} == {PROMETHEUS.address}


def test_nobody_is_nobody_and_not_everybody() -> None:
    found = policy(TLS, METRICS, clients=(), scrapers=())
    assert found["spec"]["ingress"] == []
    assert not reached(found, NEIGHBOUR, *PORTS)


def test_pods_that_are_one_cluster_reach_each_other_and_nobody_else_does() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="peers", number=9300, scheme="tcp", service=False, peers=True)])
    found = policy(app=app)
    own = Party("10.1.2.1", "prod", {**found["spec"]["podSelector"]["matchLabels"], "a": "b"})
    for direction in ("Ingress", "Egress"):
        assert admits(found, direction, own, 9300)
        assert not admits(found, direction, own, 9301)
        assert not admits(found, direction, NEIGHBOUR, 9300)


def test_no_client_comes_where_no_service_leads() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080)])
    assert policy(app=app, workload={"kind": Job()})["spec"]["ingress"] == []


def test_nodes_reach_what_the_kubelet_asks_where_the_plugin_does_not_let_them_in() -> None:
    found = policy(TLS, METRICS, node_cidrs=["10.9.0.0/24"])
    # http through the ambassador, the ambassador itself, the app's other port
    assert reached(found, NODE, *PORTS) == {8080, HEALTH, 9000}
    assert reached(found, INTERNET, *PORTS) == set()


def test_an_app_says_itself_which_of_its_ports_is_for_metrics() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080), Port(name="stats", number=9102, metrics=True)])
    found = policy(app=app)
    assert reached(found, NEIGHBOUR, 8080, 9102) == {8080}
    assert reached(found, PROMETHEUS, 8080, 9102) == {9102}


def wait(*tcp: Any) -> WaitForInitArgs:
    return WaitForInitArgs(tcp=tcp)


VAULT = VaultInitArgs(address="https://vault.vault.svc:8200", role="web", secrets=[VaultSecret(path="a", file="a", format="json")])
TUNNEL = EgressTlsTunnelArgs(
    targets=[
        EgressTarget(name="db", host="db.example.com", port=5432, direct_tls=True),
        EgressTarget(name="ip", host="192.0.2.9", port=6380, server_name="a.b"),
    ],
    nameservers=["192.0.2.53:53"],
)
VAULTS, DATABASE, ELSEWHERE, ADDRESS = Party("10.1.1.1", "vault"), Party("192.0.2.8"), Party("203.0.113.1"), Party("192.0.2.9")


@pytest.mark.parametrize(
    ("patterns", "party", "port", "unreached"),
    [
        ([VAULT], VAULTS, 8200, [(VAULTS, 8201), (STRANGER, 8200), (DATABASE, 8200)]),
        ([TUNNEL], DATABASE, 5432, [(DATABASE, 5433), (Party("169.254.169.254"), 5432)]),
        ([TUNNEL], ADDRESS, 6380, [(DATABASE, 6380), (ADDRESS, 6379)]),
        ([LogShipperSidecarArgs(endpoint="https://logs.example.com", directory="/l", files=["a.log"])], ELSEWHERE, 443, [(ELSEWHERE, 80)]),
        ([MigrationInitArgs(image="m:1", command=["m"], database="db:5432")], NEIGHBOUR, 5432, [(STRANGER, 5432), (DATABASE, 5432)]),
        ([FetchInitArgs(source="s3://models/a", allow_unverified=True)], ELSEWHERE, 443, [(Party("169.254.170.23"), 80)]),
        ([FetchInitArgs(source="s3://m/a", allow_unverified=True, workload_identity=True)], Party("169.254.170.23"), 80, [(ELSEWHERE, 80)]),
        ([FetchInitArgs(source="gs://m/a", allow_unverified=True, workload_identity=True)], Party("169.254.169.252"), 988, []),
        ([wait("db.data.svc.cluster.local:5432")], Party("10.1.1.2", "data"), 5432, [(NEIGHBOUR, 5432), (DATABASE, 5432)]),
        ([wait("db-0.db.data.svc:5432")], Party("10.1.1.2", "data"), 5432, [(Party("10.1.1.3", "db"), 5432)]),
        # a Service or a domain
        ([wait("db.data:5432")], Party("10.1.1.2", "data"), 5432, []),
        ([wait("example.com:5432")], ELSEWHERE, 5432, []),
        ([wait("[2001:db8::1]:5432")], Party("2001:db8::1"), 5432, [(Party("2001:db8::2"), 5432)]),
        ([], DNS, 53, [(STRANGER, 53), (DNS, 443)]),
    ],
)
def test_what_the_patterns_connect_to_is_let_out_and_nothing_else(
    patterns: list[Any], party: Party, port: int, unreached: list[tuple[Party, int]]
) -> None:
    found = policy(*patterns)
    assert admits(found, "Egress", party, port)
    for other, number in unreached:
        assert not admits(found, "Egress", other, number)


def test_the_keys_of_an_issuer_and_the_store_of_sessions_are_let_out() -> None:
    store = SessionStore(url="rediss://sessions.cache.svc")
    login = {
        "client_secret": SecretKey(name="c", key="c"),
        "redirect_url": "https://web.example.com/oauth2/callback",
        "session_store": store,
    }
    found = policy(JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="web", **login))
    assert admits(found, "Egress", ELSEWHERE, 443)
    assert admits(found, "Egress", Party("10.1.1.5", "cache"), 6379)
    assert not admits(found, "Egress", STRANGER, 6379)


def test_names_are_resolved_over_both_protocols_and_by_servers_of_ones_own() -> None:
    found = policy(TUNNEL, workload={"pod_spec": {"dnsConfig": {"nameservers": ["192.0.2.54"]}}})
    for protocol in ("UDP", "TCP"):
        assert admits(found, "Egress", DNS, 53, protocol)
        assert admits(found, "Egress", Party("192.0.2.54"), 53, protocol)
    assert admits(found, "Egress", Party("192.0.2.53"), 53, "UDP")
    assert not admits(found, "Egress", Party("192.0.2.53"), 53, "TCP")
    found = policy(dns_namespace="openshift-dns", dns_port=5353)
    assert admits(found, "Egress", Party("10.1.0.7", "openshift-dns"), 5353, "UDP")
    assert not admits(found, "Egress", DNS, 5353, "UDP")


def test_what_the_app_connects_to_is_said() -> None:
    found = policy(connects=["http://api.billing.svc:8443/v1", "cache:6379"])
    assert admits(found, "Egress", Party("10.1.1.6", "billing"), 8443)
    assert admits(found, "Egress", NEIGHBOUR, 6379)
    assert not admits(found, "Egress", NEIGHBOUR, 8443)
    assert not admits(found, "Egress", INTERNET, 443)


def test_an_app_may_be_left_to_connect_to_anything() -> None:
    found = policy(connects=None)
    assert found["spec"]["policyTypes"] == ["Ingress"]
    assert "egress" not in found["spec"]
    assert admits(found, "Egress", INTERNET, 443)


def test_an_app_with_a_token_reaches_the_api() -> None:
    app = App(name="web", image="web:1", api_token=True)
    found = policy(app=app, cluster_cidrs=["10.1.0.0/16"])
    for port in (443, 6443):
        assert admits(found, "Egress", NODE, port)
    assert not admits(policy(), "Egress", NODE, 6443)


def test_pods_are_not_outside_where_their_addresses_are_known() -> None:
    servers = ["db.example.com:5432"]
    assert admits(policy(connects=servers), "Egress", STRANGER, 5432)
    found = policy(connects=servers, cluster_cidrs=["10.1.0.0/16", "fd00::/8"])
    assert not admits(found, "Egress", STRANGER, 5432)
    assert admits(found, "Egress", DATABASE, 5432)


def test_a_name_that_may_be_a_service_or_a_domain_is_both() -> None:
    found = policy(connects=["db.data:5432"], cluster_cidrs=["10.1.0.0/16"])
    assert [admits(found, "Egress", party, 5432) for party in (Party("10.1.1.2", "data"), DATABASE, STRANGER)] == [True, True, False]


def test_both_families_are_let_out_where_pods_have_both() -> None:
    late = {"workload": {"ip_families": ["IPv6", "IPv4"]}, "connects": ["db.example.com:5432"]}
    found = policy(**late, cluster_cidrs=["fd00::/8"])
    assert admits(found, "Egress", Party("2001:db8::1"), 5432)
    assert admits(found, "Egress", DATABASE, 5432)
    assert not admits(found, "Egress", Party("fd00::1"), 5432)
    assert not admits(policy(connects=["db.example.com:5432"]), "Egress", Party("2001:db8::1"), 5432)


def test_what_the_pod_serves_itself_is_no_way_out() -> None:
    assert policy(wait("127.0.0.1:7000", "localhost:7001", "[::1]:7002"))["spec"]["egress"] == policy()["spec"]["egress"]


def test_addresses_that_are_known_later() -> None:
    for late in ("https://vault.vault.svc:8200", "vault.vault.svc:8200"):
        found = policy(connects=[pulumi.Output.from_input(late), "cache:6379"])
        assert admits(found, "Egress", VAULTS, 8200)
        assert admits(found, "Egress", NEIGHBOUR, 6379)
        assert not admits(found, "Egress", VAULTS, 6379)
    with pytest.raises(ArgumentError) as error:
        policy(connects=[pulumi.Output.from_input("vault")])
    assert str(error.value) == "workload 'web': 1 problem\n  - 'vault' has no port; write host:port"


@pytest.mark.parametrize(
    ("patterns", "workload", "fields", "problem"),
    [
        (
            [METRICS],
            {},
            {"scrapers": None},
            "network_policy.scrapers is missing: who may reach http-prometheus, e.g. [Peer(namespace='monitoring')], or () for nobody",
        ),
        (
            [],
            {"service_type": "LoadBalancer"},
            {},
            "network_policy.clients is missing: a Service of type LoadBalancer leads in from outside the cluster; name who may, e.g. "
            "[Peer(cidr='0.0.0.0/0')]",
        ),
        (
            [Adds("own", PodPatch(connects=(Connection(address="db"),)))],
            {},
            {},
            "network_policy: a pattern's address 'db' has no port; write host:port",
        ),
        ([], {}, {"connects": ["*.example.com:443"]}, "network_policy.connects[0] '*.example.com:443' is not allowed: host:port, or a URL"),
        ([], {}, {"connects": ["db"]}, "network_policy.connects[0] 'db' has no port; write host:port"),
        (
            [],
            {},
            {"clients": [Peer(namespace="a", cidr="192.0.2.0/24")]},
            "network_policy.clients[0]: cidr is set together with pods; write a Peer each",
        ),
        (
            [],
            {},
            {"clients": [Peer(namespace="a", namespace_labels={})]},
            "network_policy.clients[0]: namespace and namespace_labels are both set; name the namespace, or its labels",
        ),
        (
            [],
            {},
            {"cluster_cidrs": ["10.0.0.1/8"]},
            "network_policy.cluster_cidrs[0] '10.0.0.1/8' is not allowed: a range of addresses such as 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            [],
            {},
            {"clients": [Peer(pod_labels={"a b": "c d"})]},
            "network_policy.clients[0].pod_labels key 'a b' is not allowed: letters, digits and '-_.', with a domain and '/' in front at "
            "most\n  - network_policy.clients[0].pod_labels['a b'] 'c d' is not allowed: letters, digits and '-_.', 63 characters at most",
        ),
    ],
)
def test_a_policy_that_cuts_off_what_the_pods_are_for_is_rejected(
    patterns: list[Any], workload: dict[str, Any], fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises((ArgumentError, CompositionError)) as error:
        policy(*patterns, workload=workload, **fields)
    count = problem.count("\n  - ") + 1
    assert str(error.value) == f"workload 'web': {count} problem{'s' if count > 1 else ''}\n  - {problem}"


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert not run(lambda: Workload("web", WorkloadArgs(app=APP, patterns=[METRICS]))).all("NetworkPolicy")
