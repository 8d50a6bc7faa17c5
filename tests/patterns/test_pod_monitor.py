"""PodMonitors: they find the pods, verify the certificate that is really in front of the port, and get through; or are refused."""

import base64
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components import (
    App,
    CertificateAuthority,
    ClientCertificateArgs,
    CompositionError,
    Injection,
    MetricsAdapterArgs,
    Monitor,
    Port,
    Rebind,
    Target,
    TlsAmbassadorArgs,
    Workload,
    WorkloadArgs,
    extend,
    inject,
)
from components.offline import injected
from components.testing import Recording, run
from tests.support.carriers import Carriers
from tests.support.composing import PEM

APP = App(name="web", image="web:1", ports=[Port(name="http", number=8080)])
METRICS = MetricsAdapterArgs(exporter="redis", scrape="pod_monitor", pod_monitor_labels={"release": "prometheus"})
BEHIND = TlsAmbassadorArgs(target_ports=["http-prometheus"])
EXISTING = TlsAmbassadorArgs(target_ports=["http-prometheus"], secret_name="tls")
SELECTOR = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web"}
PORT = "MetricsAdapter: port 'http-prometheus'"


def shop(*patterns: Any, app: App = APP, **fields: Any) -> Recording:
    return run(lambda: Workload("web", WorkloadArgs(app=app, patterns=patterns, namespace="shop", **fields)))


def endpoint(recording: Recording) -> dict[str, Any]:
    (found,) = recording.one("PodMonitor").inputs["spec"]["podMetricsEndpoints"]
    return dict(found)


def changed(args: Any, **fields: Any) -> Any:
    return type(args)(**{**vars(args), **fields})


def test_it_finds_the_pods_by_their_labels_in_their_namespace() -> None:
    recording = shop(METRICS, labels={"team": "search"})
    monitor = recording.one("PodMonitor", "web-http-prometheus")
    assert monitor.type == "kubernetes:monitoring.coreos.com/v1:PodMonitor"
    assert monitor.parent == recording.one("Workload").urn
    metadata = monitor.inputs["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("web-http-prometheus", "shop")
    assert metadata["labels"].items() >= {"release": "prometheus", "team": "search"}.items()
    assert monitor.inputs["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert recording.one("Deployment").inputs["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert endpoint(recording) == {"port": "http-prometheus", "path": "/metrics", "interval": "30s", "scrapeTimeout": "30s"}
    assert not [r for r in recording.all("ConfigMap") if r.name.endswith("-ca")]


def test_it_verifies_the_certificate_in_front_of_the_port() -> None:
    recording = shop(BEHIND, METRICS)
    ca = recording.one("ConfigMap", "web-http-prometheus-ca")
    assert ca.inputs["metadata"]["namespace"] == "shop"
    assert ca.inputs["data"] == {"ca.crt": recording.one("SelfSignedCert").outputs["certPem"]}
    assert endpoint(recording)["scheme"] == "https"
    assert endpoint(recording)["tlsConfig"] == {
        "ca": {"configMap": {"name": ca.inputs["metadata"]["name"], "key": "ca.crt"}},
        "serverName": "web",
    }
    assert "web" in recording.one("SelfSignedCert").inputs["dnsNames"]


def test_of_two_certificates_it_is_that_of_the_port() -> None:
    other = TlsAmbassadorArgs(
        name="other", secret_name="other", ca_pem=PEM, dns_names=["web", "web.shop", "web.shop.svc"], container_name="o"
    )
    app = App(name="web", image="web:1", ports=[Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))])
    recording = shop(other, BEHIND, METRICS, app=app)
    assert recording.one("ConfigMap", "web-http-prometheus-ca").inputs["data"]["ca.crt"] != PEM


def test_one_that_somebody_else_keeps_is_verified_by_what_is_known_of_it() -> None:
    names = ["*.shop.svc", "web.shop.svc", "web.shop", "web"]
    recording = shop(changed(EXISTING, ca_pem=PEM, dns_names=names), METRICS)
    assert recording.one("ConfigMap", "web-http-prometheus-ca").inputs["data"] == {"ca.crt": PEM}
    assert endpoint(recording)["tlsConfig"]["serverName"] == "web.shop.svc"


def test_it_presents_a_certificate_where_it_takes_one() -> None:
    def program() -> None:
        authority = CertificateAuthority("ca")
        own = authority.issue_client("prometheus", ClientCertificateArgs(common_name="prometheus", namespace="shop"))
        patterns = [changed(BEHIND, client_auth="required"), changed(METRICS, client_certificate_secret=own.secret_name)]
        Workload("web", WorkloadArgs(app=APP, patterns=patterns, namespace="shop", authority=authority))

    recording = run(program)
    secret = recording.one("Secret", "prometheus-certificate").outputs["metadata"]["name"]
    config = endpoint(recording)["tlsConfig"]
    assert config["cert"] == {"secret": {"name": secret, "key": "tls.crt"}}
    assert config["keySecret"] == {"name": secret, "key": "tls.key"}
    assert {"tls.crt", "tls.key"} <= set(recording.one("Secret", "prometheus-certificate").inputs["stringData"])


def test_whoever_knows_better_says_it() -> None:
    config = {"insecureSkipVerify": True}
    recording = shop(EXISTING, changed(METRICS, tls_config=config))
    assert endpoint(recording)["tlsConfig"] == config
    assert not [r for r in recording.all("ConfigMap") if r.name.endswith("-ca")]


def test_an_app_that_serves_metrics_itself_has_one_too() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="stats", number=9102, metrics=True, monitor=Monitor(path="/stats"))])
    assert endpoint(shop(app=app))["path"] == "/stats"


@pytest.mark.parametrize(
    ("patterns", "problem"),
    [
        (
            [changed(EXISTING, dns_names=["web", "web.shop", "web.shop.svc"]), METRICS],
            f"{PORT} has a certificate that somebody else keeps, and who signed it is not known; set ca_pem= of "
            "TlsAmbassador, or tls_config=",
        ),
        (
            [changed(EXISTING, ca_pem=PEM), METRICS],
            f"{PORT} has a certificate that somebody else keeps, and its names are not known; set dns_names= of "
            "TlsAmbassador, or tls_config=",
        ),
        (
            [changed(BEHIND, client_auth="required", client_ca_pems=[PEM]), METRICS],
            f"{PORT} lets only clients with a certificate through (client_auth); set client_certificate_secret= to a Secret with "
            "Prometheus', e.g. authority.issue_client(...).secret_name",
        ),
        (
            [changed(METRICS, tls_config={"serverName": "web"})],
            f"tls_config is set, but {PORT} is not behind TLS; leave it out, or add the port to target_ports= of TlsAmbassador",
        ),
        (
            [changed(METRICS, client_certificate_secret="own")],
            f"client_certificate_secret is set, but {PORT} is not behind TLS; leave it out, or add the port to target_ports= of "
            "TlsAmbassador",
        ),
        (
            [BEHIND, changed(METRICS, tls_config={"serverName": "web"}, client_certificate_secret="own")],
            f"{PORT} has tls_config and client_certificate_secret both; name the Secret in tls_config as well",
        ),
    ],
)
def test_what_cannot_verify_or_get_through_is_rejected(patterns: list[Any], problem: str) -> None:
    with pytest.raises(CompositionError) as error:
        shop(*patterns)
    assert str(error.value) == f"workload 'web': 1 conflict\n  - {problem}"


def test_a_port_with_tls_of_its_own_is_not_known() -> None:
    app = App(name="web", image="web:1", ports=[Port(name="stats", number=9102, scheme="https", monitor=Monitor())])
    with pytest.raises(CompositionError) as error:
        shop(app=app)
    assert error.value.problems == ("the app: port 'stats' speaks TLS with a certificate that is not known here; set tls_config=",)


# in somebody else's pod


def theirs(**fields: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}
    template = {"metadata": {"labels": {"app": "web", "version": "7"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **fields}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


TLS = changed(EXISTING, ca_pem=PEM, dns_names=["web.shop.svc"])


def injection() -> Injection:
    return Injection("ours", Target(name="web", namespace="shop"), [TLS, METRICS])


def test_inject_adds_what_finds_their_pods() -> None:
    deployment, ca, monitor = inject([theirs()], [injection()])
    assert deployment["kind"] == "Deployment"
    assert ca == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "ours-http-prometheus-ca", "namespace": "shop"},
        "data": {"ca.crt": PEM},
    }
    assert monitor["metadata"] == {"name": "ours-http-prometheus", "namespace": "shop", "labels": {"release": "prometheus"}}
    assert monitor["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert monitor["spec"]["podMetricsEndpoints"][0]["tlsConfig"] == {
        "ca": {"configMap": {"name": "ours-http-prometheus-ca", "key": "ca.crt"}},
        "serverName": "web.shop.svc",
    }


def test_once_more_adds_nothing() -> None:
    made = inject([theirs()], [injection()])
    ours = injection()
    assert inject(inject([theirs()], [ours]), [ours]) == inject(made, [injection()]) == made


def test_offline_it_verifies_the_certificate_that_is_made() -> None:
    def program() -> list[Injection]:
        return [Injection("ours", Target(name="web", namespace="shop"), [BEHIND, METRICS])]

    made = injected([theirs()], program)
    assert [m["kind"] for m in made] == ["Deployment", "Secret", "ConfigMap", "PodMonitor"]
    _, secret, ca, _ = made
    assert ca["data"]["ca.crt"] == base64.b64decode(secret["data"]["ca.crt"]).decode()
    assert injected(made, program) == made


def test_a_workload_without_a_selector_has_the_labels_of_its_pods() -> None:
    *_, monitor = inject([theirs(selector=None)], [injection()])
    assert monitor["spec"]["selector"] == {"matchLabels": {"app": "web", "version": "7"}}


def test_pods_without_labels_cannot_be_found() -> None:
    bare = theirs(selector=None)
    del bare["spec"]["template"]["metadata"]
    with pytest.raises(CompositionError) as error:
        inject([bare], [injection()])
    assert error.value.problems == ("its pods have no labels by which a PodMonitor could find them; set scrape= to another",)


def extended() -> None:
    kubernetes.apps.v1.Deployment("web", **extend(theirs(), [TLS, METRICS], name="ours"))


def of_a_chart() -> pulumi.Output[str]:
    found = injection()
    carrier = kubernetes.helm.v4.Chart("c", chart="./chart", opts=pulumi.ResourceOptions(transforms=[found.transform]))
    return found.expect(carrier)


@pytest.mark.parametrize("program", [extended, of_a_chart])
def test_in_a_program_it_is_made(program: Any) -> None:
    recording = run(program, mocks=Carriers({"c": [theirs()]}))
    assert recording.one("PodMonitor").inputs["spec"] == inject([theirs()], [injection()])[-1]["spec"]
    assert recording.one("ConfigMap").inputs["data"] == {"ca.crt": PEM}
