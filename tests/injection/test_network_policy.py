"""The NetworkPolicy of an injected workload, asked who may reach whom."""

from typing import Any

import kubernetes_validate
import pulumi
import pytest

from components import (
    ArgumentError,
    CompositionError,
    Injection,
    MetricsAdapterArgs,
    NetworkPolicyArgs,
    Peer,
    Target,
    TlsAmbassadorArgs,
    extend,
    inject,
)
from components.testing import run
from tests.injection.test_inject import MOVES, deployment
from tests.network.test_policy import MONITORING, NEIGHBOUR, PROMETHEUS, STRANGER
from tests.support.network_policies import Party, admits

TLS = TlsAmbassadorArgs(secret_name="web-tls")
METRICS = MetricsAdapterArgs(exporter="redis")
POD = Party("10.1.0.1", "prod", {"app": "web"})
SIDE = {"name": "side", "image": "side:1", "ports": [{"containerPort": 9000}, {"containerPort": 53, "protocol": "UDP"}]}
WEB = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


def given(**policy: Any) -> Injection:
    args = NetworkPolicyArgs(**{"scrapers": MONITORING, **policy})
    target = Target(name="web", uid=1000, container="web", namespace="prod", ports=[MOVES])
    return Injection("ours", target, [TLS, METRICS], network_policy=args)


def policy(**fields: Any) -> dict[str, Any]:
    *_, found = inject([deployment(containers=[WEB, SIDE])], [given(**fields)])
    return found


def test_it_lets_in_what_the_pod_is_for() -> None:
    found = policy()
    assert kubernetes_validate.validate(found, "1.33", strict=True)
    assert (found["metadata"], found["spec"]["podSelector"]) == ({"name": "ours", "namespace": "prod"}, {"matchLabels": {"app": "web"}})
    for port, protocol in ((8080, "TCP"), (9000, "TCP"), (53, "UDP")):
        assert admits(found, "Ingress", NEIGHBOUR, port, protocol), port
        assert not admits(found, "Ingress", STRANGER, port, protocol), port
    assert admits(found, "Ingress", PROMETHEUS, 9114, "TCP")
    assert not admits(found, "Ingress", NEIGHBOUR, 9114, "TCP")
    # where the app listens behind nginx
    assert not admits(found, "Ingress", NEIGHBOUR, 8081, "TCP")


def test_what_it_connects_to_is_said() -> None:
    assert not admits(policy(), "Egress", NEIGHBOUR, 5432, "TCP")
    assert admits(policy(connects=["db:5432"]), "Egress", NEIGHBOUR, 5432, "TCP")
    assert "egress" not in policy(connects=None)["spec"]


def test_it_is_made_where_extend_is() -> None:
    target = Target(name="web", uid=1000, namespace="prod", ports=[MOVES])
    recording = run(lambda: pulumi.export("x", list(extend(deployment(), [TLS], target=target, network_policy=NetworkPolicyArgs()))))
    assert recording.one("NetworkPolicy", "web").inputs["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}


def test_what_would_cut_it_off_is_rejected() -> None:
    with pytest.raises(CompositionError) as error:
        inject([deployment(containers=[WEB]), SERVICE], [given(scrapers=None)])
    assert error.value.problems == (
        "network_policy.scrapers is missing: who may reach http-prometheus, e.g. [Peer(namespace='monitoring')], or () for nobody",
        "network_policy.clients is missing: a Service of type LoadBalancer leads in from outside the cluster; name who may, e.g. "
        "[Peer(cidr='0.0.0.0/0')]",
    )
    bare = deployment(containers=[WEB])
    bare["spec"]["selector"] = bare["spec"]["template"]["metadata"] = {}
    with pytest.raises(CompositionError) as error:
        inject([bare], [given()])
    assert error.value.problems == ("its pods have no labels by which a NetworkPolicy could select them; leave network_policy out",)
    with pytest.raises(ArgumentError) as wrong:
        given(clients=[Peer(namespace="A B")])
    assert str(wrong.value) == (
        "injection 'ours': 1 problem\n  - network_policy.clients[0].namespace 'A B' is not allowed: a-z, 0-9 and '-', 63 characters at most"
    )
