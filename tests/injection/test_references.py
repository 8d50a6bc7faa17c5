"""What else names a port that speaks TLS now: reported with its place, and nothing besides."""

from copy import deepcopy
from typing import Any

import pytest

from components import CompositionError, Injection, MetricsAdapterArgs, Port, Rebind, Target, TlsAmbassadorArgs, inject
from components.injection.references import references

LABELS = {"app": "web"}
TRUST = "which speaks TLS now; have it speak TLS, and trust the certificate"


def web(*, env: list[Any] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    app = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], "env": env or []}
    template = {"metadata": {"labels": LABELS, "annotations": annotations or {}}, "spec": {"containers": [app], **spec}}
    return made("Deployment", {"selector": {"matchLabels": LABELS}, "template": template})


def made(kind: str, spec: Any = None, name: str = "web", namespace: str | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **({"spec": spec} if spec else {}), **more}


def service(**port: Any) -> dict[str, Any]:
    return made("Service", {"selector": LABELS, "ports": [{"name": "web", "port": 80, "targetPort": "http", **port}]})


def found(*others: dict[str, Any], workload: dict[str, Any] | None = None, patterns: Any = (), **rebind: Any) -> list[str]:
    """The lines about a web server that TLS was put in front of, with its Service and others."""
    moves = Rebind(env={"HOST": "{host}"} if not rebind else rebind["env"])
    target = Target(name="web", kind="Deployment", namespace="prod", uid=1000, ports=[Port(name="http", number=8080, rebind=moves)])
    injection = Injection("tls", target, [TlsAmbassadorArgs(secret_name="web-tls"), *patterns])
    before = [workload or web(), *([] if any(o["kind"] == "Service" for o in others) else [service()]), *others]
    kept = deepcopy(before)
    inject(before, [injection])
    lines = references(before, [injection])
    assert before == kept
    return lines


def backend(**port: Any) -> dict[str, Any]:
    return {"service": {"name": "web", "port": port}}


def test_nothing_is_said_where_nothing_names_it() -> None:
    unrelated = made("ConfigMap", name="other", data={"a": "http://web.example.com http://web:8081 https://web http://other:80 web:x"})
    policy = made("NetworkPolicy", {"podSelector": {}, "ingress": [{"ports": [{"port": 8080}]}]})
    assert found(unrelated, policy) == []


@pytest.mark.parametrize("port", [{"number": 80}, {"name": "web"}])
def test_an_ingress_by_number_or_name(port: dict[str, Any]) -> None:
    spec = {
        "defaultBackend": backend(**port),
        "rules": [{"http": {"paths": [{"backend": backend(number=81)}, {"backend": backend(**port)}]}}],
    }
    way_out = "tell its controller, ingress-nginx by annotation nginx.ingress.kubernetes.io/backend-protocol: HTTPS"
    reason = f"sends plain HTTP to port 80 of Service 'web', which speaks TLS now; {way_out}"
    assert found(made("Ingress", spec)) == [f"Ingress 'web': {where} {reason}" for where in ("defaultBackend", "rules[0].http.paths[1]")]
    told = made("Ingress", spec)
    told["metadata"]["annotations"] = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    assert found(told) == []
    assert found(made("Ingress", spec, namespace="elsewhere")) == []


def test_monitors_that_scrape_over_plain_http() -> None:
    of_service = {"selector": {"matchLabels": LABELS}, "endpoints": [{"port": "web"}, {"port": "web", "scheme": "https"}, {"port": "x"}]}
    of_pod = {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "podMetricsEndpoints": [{"portNumber": 8080}]}
    ending = "over plain HTTP, but it speaks TLS now; set scheme: https, and tlsConfig to trust the certificate"
    assert found(made("ServiceMonitor", of_service), made("PodMonitor", of_pod)) == [
        f"ServiceMonitor 'web': endpoints[0] scrapes port 80 of Service 'web' {ending}",
        f"PodMonitor 'web': podMetricsEndpoints[0] scrapes port 'http' {ending}",
    ]
    others = {"selector": {"matchLabels": {"app": "other"}}, "endpoints": [{"port": "web"}]}
    elsewhere = {**of_service, "namespaceSelector": {"matchNames": ["elsewhere"]}}
    assert found(made("ServiceMonitor", others), made("ServiceMonitor", elsewhere)) == []


def test_scraping_by_annotation() -> None:
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    assert found(workload=web(annotations=annotations)) == [
        "Deployment 'web': its pod template is annotated prometheus.io/port: 8080, which speaks TLS now; set prometheus.io/scheme: https"
    ]
    assert found(workload=web(annotations={**annotations, "prometheus.io/scheme": "https"})) == []


def test_a_network_policy_that_admits_nobody_to_a_port_of_the_patterns() -> None:
    metrics = MetricsAdapterArgs(exporter="nginx")
    policy = made("NetworkPolicy", {"podSelector": {"matchLabels": LABELS}, "ingress": [{"ports": [{"port": 8080}]}]})
    line = (
        "NetworkPolicy 'web': admits nobody to port 9114 (http-prometheus) of MetricsAdapter; add a rule to spec.ingress for whoever "
        "connects to it"
    )
    assert found(policy, patterns=[metrics]) == [line]
    for ports in ([{"port": 9000, "endPort": 9200}], [{"port": "http-prometheus"}], [{}], None):
        more = made("NetworkPolicy", {"podSelector": {}, "ingress": [{"ports": ports}]}, name="more")
        assert found(policy, more, patterns=[metrics]) == []
    only_out = made("NetworkPolicy", {"podSelector": {}, "policyTypes": ["Egress"]})
    assert found(only_out, patterns=[metrics]) == []


@pytest.mark.parametrize(
    "text", ["http://web", "http://me:secret@web:80/x", "web:80", "http://web.prod.svc", "web.prod.svc.cluster.local:80"]
)
def test_an_address_in_the_environment_and_the_configuration_of_others(text: str) -> None:
    written = text.replace("me:secret@", "").removesuffix("/x")
    pod = {"containers": [{"name": "main", "env": [{"name": "API", "value": text}]}]}
    others = [
        made("Pod", pod, name="client"),
        made("ConfigMap", name="client", data={"app.ini": f"[api]\nurl = {text}\n"}),
        made("Secret", name="client", stringData={"url": f"{text}"}),
    ]
    places = ["Pod 'client': spec.containers[main].env[API].value", "ConfigMap 'client': data[app.ini]", "Secret 'client': stringData.url"]
    assert found(*others) == [f"{place} names {written}, port 80 of Service 'web', {TRUST}" for place in places]


def test_a_short_name_is_of_its_own_namespace() -> None:
    data = {"here": "http://web:80", "there": "http://web.prod:80"}
    assert found(made("ConfigMap", name="far", namespace="far", data=data)) == [
        f"ConfigMap 'far': data.there names http://web.prod:80, port 80 of Service 'web', {TRUST}"
    ]


def test_a_variable_that_holds_the_host_alone() -> None:
    env = [{"name": "WEB_HOST", "value": "web"}, {"name": "COMPONENT", "value": "web"}]
    assert found(made("Pod", {"containers": [{"name": "main", "env": env}]}, name="client")) == [
        f"Pod 'client': spec.containers[main].env[WEB_HOST].value names web, port 80 of Service 'web', {TRUST}"
    ]


def test_a_service_that_says_what_is_spoken() -> None:
    assert found(service(appProtocol="http")) == [
        "Service 'web': appProtocol http of port 80 is not what is spoken there now; set it to https"
    ]
    assert found(service(appProtocol="https")) == []


def scaler(**spec: Any) -> dict[str, Any]:
    return made("HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, **spec})


def test_a_scaler_by_the_utilisation_of_the_whole_pod() -> None:
    share = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}}
    line = (
        "HorizontalPodAutoscaler 'web': scales by the {} utilisation of the pod, in which nginx-proxy count now; use a ContainerResource "
        "metric of container 'web', or look at the percentage again"
    )
    assert found(scaler(metrics=[share], targetCPUUtilizationPercentage=50)) == [line.format("memory"), line.format("cpu")]
    absolute = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}}
    assert found(scaler(metrics=[absolute])) == []


def test_its_own_configuration_on_loopback() -> None:
    script = made("ConfigMap", name="own", data={"check.sh": "curl http://localhost:8080/ && curl http://127.0.0.1:9000"})
    workload = web(volumes=[{"name": "own", "configMap": {"name": "own"}}])
    assert found(script, workload=workload, env={"HOST": "{host}", "PORT": "{port}"}) == [
        "ConfigMap 'own': data[check.sh] names http://localhost:8080, where the ambassador of port 'http' answers with https now; if it is "
        "asked, use a rebind without {port}, so that the app keeps its number there"
    ]
    # the app keeps its number on loopback
    assert found(script, workload=workload) == []


PEERS = "of the workload itself, and speaks TLS now: its replicas could not reach each other"
WAY_OUT = "write https:// there, or leave port 'http' out of the ambassador"


@pytest.mark.parametrize("url", ["http://web:80", "http://web-{0...3}.web.prod.svc", "ws://$(NAME).web.prod.svc.cluster.local:80"])
def test_replicas_that_call_each_other_in_plain_text_are_refused(url: str) -> None:
    configured = made("ConfigMap", name="own", data={"peers": url})
    variable = {"name": "FROM_CONFIG", "valueFrom": {"configMapKeyRef": {"name": "own", "key": "peers"}}}
    with pytest.raises(CompositionError) as error:
        found(configured, workload=web(env=[{"name": "PEERS", "value": f"{url}/data"}, variable]))
    assert str(error.value) == (
        "injection 'tls' into Deployment 'web': 2 conflicts\n"
        f"  - Deployment 'web': containers[web].env[PEERS].value names {url}, which is port 80 of Service 'web' {PEERS}; {WAY_OUT}\n"
        f"  - ConfigMap 'own': data.peers names {url}, which is port 80 of Service 'web' {PEERS}; {WAY_OUT}"
    )


def test_its_own_service_over_tls_or_another_port_is_no_conflict_and_a_bare_address_is_told() -> None:
    env = [{"name": "A", "value": "https://web:80"}, {"name": "B", "value": "http://web:9300"}, {"name": "C", "value": "web:80"}]
    assert found(workload=web(env=env)) == [
        "Deployment 'web': containers[web].env[C].value names web:80, port 80 of Service 'web' of the workload itself, which speaks TLS "
        "now; whoever calls it has to speak TLS"
    ]


def test_the_conflicts_of_all_injections_come_at_once() -> None:
    injections = [Injection(n, Target(name="web", kind="Deployment"), [TlsAmbassadorArgs(secret_name="s", target_ports=[n])]) for n in "ab"]
    with pytest.raises(CompositionError) as error:
        inject([web()], injections)
    assert error.value.where == "injections"
    assert [line for line in error.value.problems if "no port" in line] == [
        f"injection {name!r} into Deployment 'web': TlsAmbassador: there is no port {name!r} to stand in front of; set target_ports= "
        "(known: http)"
        for name in "ab"
    ]
