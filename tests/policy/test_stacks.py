"""The policies that look at all objects together."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import rpc

from tests.policy.objects import SERVICE, WEB, changed, secret
from tests.support.policy_pack import Pack


def test_a_service_without_pods_and_one_with_a_port_that_nobody_declares(pack: Pack) -> None:
    lost, wrong = changed(SERVICE, "spec.selector.app", "wbe"), changed(SERVICE, "spec.ports.0.targetPort", 9090)
    elsewhere = changed(SERVICE, "metadata.namespace", "other")
    nobody = "Service 'web': its selector app={} selects no pods of this stack; write the labels of a pod template"
    assert pack.violations([WEB, lost]) == [("services", nobody.format("wbe"))]
    assert pack.violations([WEB, elsewhere]) == [("services", nobody.format("web"))]
    assert pack.violations([WEB, wrong]) == [
        (
            "services",
            "port 443 (https) of Service 'web' leads to 9090, which no container of Deployment 'web' declares; correct targetPort, or "
            "declare "
            "the containerPort",
        )
    ]


def second(name: str, target: str, **more: Any) -> dict[str, Any]:
    port = {"name": name, "port": 80, "targetPort": target, **more}
    return changed(changed(SERVICE, "metadata.name", "open"), "spec.ports.0", port)


def test_a_way_past_tls(pack: Pack) -> None:
    assert pack.violations([WEB, SERVICE, second("http", "plain", appProtocol="http")]) == [
        (
            "no-way-past-tls",
            "port 80 (http) of Service 'open' is plain text, and leads to the pods of Deployment 'web' past the TLS of port 443 (https) of "
            "Service 'web'; put TLS in front of it, take it out of the Service, or list its name in plain",
        )
    ]
    assert pack.violations([WEB, SERVICE, second("metrics", "plain")]) == []
    assert pack.violations([WEB, SERVICE, second("http", "plain")], {"no-way-past-tls": {"plain": ["http"]}}) == []
    # nobody put TLS in front of these
    assert pack.violations([WEB, second("http", "plain")]) == []


def test_a_second_port_to_where_tls_is_spoken_says_so(pack: Pack) -> None:
    assert pack.violations([WEB, SERVICE, second("http", "http")]) == [
        (
            "no-way-past-tls",
            "port 80 (http) of Service 'open' leads to where port 443 (https) of Service 'web' speaks TLS, and does not say so; set its "
            "appProtocol to https or tls",
        )
    ]


def test_what_listens_on_loopback_is_open_on_the_network_of_the_node(pack: Pack) -> None:
    found = pack.violations([changed(WEB, "spec.template.spec.hostNetwork", True), SERVICE])
    assert (
        "no-way-past-tls",
        "Deployment 'web': hostNetwork is true, so that what listens on 127.0.0.1 is open to the whole node, past the TLS of port 443 "
        "(https) of "
        "Service 'web'; leave hostNetwork out",
    ) in found


def ingress(**annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"number": 443}}}
    rules = [{"host": "web.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    metadata = {"name": "web", "namespace": "shop", "annotations": annotations}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}


def test_an_ingress_that_sends_plain_http(pack: Pack) -> None:
    assert pack.violations([WEB, SERVICE, ingress()]) == [
        (
            "clients-speak-tls",
            "Ingress 'web': rules[0].http.paths[0] sends plain HTTP to port 443 (https) of Service 'web', which speaks TLS; tell its "
            "controller, "
            "ingress-nginx by annotation nginx.ingress.kubernetes.io/backend-protocol: HTTPS",
        )
    ]
    assert pack.violations([WEB, SERVICE, ingress(**{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"})]) == []


def client(url: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "client", "namespace": "shop"}, "data": {"url": url}}


def test_an_address_without_tls(pack: Pack) -> None:
    assert pack.violations([WEB, SERVICE, client("http://web.shop.svc:443/items")]) == [
        (
            "clients-speak-tls",
            "ConfigMap 'client': data.url names http://web.shop.svc:443 without TLS, but port 443 (https) of Service 'web' speaks TLS; "
            "write "
            "https:// or its like there",
        )
    ]
    for fine in ("https://web.shop.svc:443/items", "http://web.other.svc:443", "http://web:8080", "web:443"):
        assert pack.violations([WEB, SERVICE, client(fine)]) == []


def test_what_pods_need_is_there(pack: Pack) -> None:
    spec = "spec.template.spec"
    needs = changed(WEB, f"{spec}.volumes", [{"name": "own", "secret": {"secretName": "own", "items": [{"key": "a", "path": "a"}]}}])
    needs = changed(needs, f"{spec}.serviceAccountName", "web")
    needs = changed(needs, f"{spec}.imagePullSecrets", [{"name": "pull"}])
    config = {"configMapRef": {"name": "settings"}}
    needs = changed(needs, f"{spec}.containers.0.envFrom", [config, {"secretRef": {"name": "perhaps", "optional": True}}])
    missing = "Deployment 'web': its pods need {0} {1!r} of namespace 'shop', which this stack does not have; make it, or "
    missing += "list {0}/{1} in existing"
    absent = [("ConfigMap", "settings"), ("Secret", "own"), ("ServiceAccount", "web"), ("Secret", "pull")]
    found = pack.violations([needs])
    assert sorted(found) == sorted(("references", missing.format(*what)) for what in absent)
    existing = {"references": {"existing": [f"{kind}/{name}" for kind, name in absent if name != "own"]}}
    assert pack.violations([needs, secret(a="1")], existing) == []
    assert pack.violations([needs, secret(b="1", c="2")], existing) == [
        ("references", "Deployment 'web': its pods need key 'a' of Secret 'own', which has b, c; name one of these")
    ]


# a preview


def paths(value: Any, above: str = "") -> Iterator[str]:
    """Every place in a manifest."""
    if above:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        # a dot separates
        if "." not in str(key):
            yield from paths(item, f"{above}.{key}" if above else str(key))


FINE = (WEB, SERVICE, ingress(**{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}), client("https://web.shop.svc:443"))


@pytest.mark.parametrize("changing", range(len(FINE)), ids=[manifest["kind"] for manifest in FINE])
def test_what_is_unknown_anywhere_is_no_violation_and_what_is_null_no_crash(pack: Pack, changing: int) -> None:
    for path in paths(FINE[changing]):
        if path in ("kind", "apiVersion"):
            continue
        unknown = [changed(m, path, rpc.UNKNOWN) if number == changing else m for number, m in enumerate(FINE)]
        assert (path, pack.violations(unknown)) == (path, [])
        pack.violations([nulled(m, path) if number == changing else m for number, m in enumerate(FINE)])


def nulled(manifest: dict[str, Any], path: str) -> dict[str, Any]:
    """A copy with null there."""
    marked = changed(manifest, path, "null")
    *above, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place: Any = marked
    for key in above:
        place = place[key]
    place[last] = None
    return marked
