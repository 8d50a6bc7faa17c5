"""TlsAmbassador with client certificates: what it adds, where the kubelet gets through, and what it refuses."""

from dataclasses import replace

import pulumi
import pytest

from components.certificates import CertificateAuthority, CertificateAuthorityArgs, ClientCertificateArgs
from components.core.app import Port, SecretKey
from components.core.errors import ArgumentError, CompositionError, SecretLeakError
from components.core.patch import PodPatch, UndeclaredPort
from components.core.pod_security import pod_security_level
from components.declared import stack, stack_file
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.composing import PEM, composed, container
from tests.support.pods import HTTP, Adds, Proxy, web, web_stack

PROBES = {
    "startup_probe": {"httpGet": {"path": "/ready", "port": "http"}},
    "readiness_probe": {"httpGet": {"path": "/ready", "port": 8080}},
    "liveness_probe": {"httpGet": {"port": "http"}},
}
WEB = web(**PROBES)
REDIS = Port(name="redis", number=6379, scheme="tcp", rebind=HTTP.rebind)


def tls(**arguments):
    given = {"service_name": "web", "client_auth": "required", "client_ca_pems": (PEM,), **arguments}
    return TlsAmbassador("tls", TlsAmbassadorArgs(**given))


def mutual(app=WEB, *others, options=None, **arguments):
    return composed(app, lambda: tls(**arguments), *others, **options or {})


def where(pod, name="web"):
    """Where the kubelet asks for what."""
    probes = [container(pod, name).get(f"{kind}Probe", {}).get("httpGet") for kind in ("startup", "readiness", "liveness")]
    return [(get.get("scheme", "HTTP"), get["port"], get.get("path", "/")) for get in probes if get]


def config(pod):
    return pod.config_files[0].files["nginx.conf"]


# what it adds


@pytest.mark.parametrize("options", [{}, {"sidecars": "classic", "kubernetes_version": "1.28"}], ids=["native", "classic"])
def test_probes_move_to_a_plain_port_of_their_own_and_nothing_else_does(options):
    pod = mutual(options=options)
    port = pod.port("http")
    # 8081 is the app's, 8083 nginx's own
    assert (port.outer_number, port.outer_scheme, port.number) == (8080, "https", 8081)
    assert where(pod) == [("HTTP", 8082, "/ready"), ("HTTP", 8082, "/ready"), ("HTTP", 8082, "/")]
    nginx = container(pod, "nginx-proxy")
    assert nginx["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 8083}
    assert "ports" not in nginx
    assert pod.plaintext_ports == []
    assert pod_security_level(pod.spec) == "restricted"
    assert ("restartPolicy" in nginx) == (not options)


def test_the_authorities_of_the_clients_are_a_file_beside_the_configuration():
    pod = mutual()
    (files,) = pod.config_files
    assert set(files.files) == {"nginx.conf", "headers.conf", "health.conf", "client-ca.pem"}
    assert "ssl_client_certificate /etc/nginx-proxy/client-ca.pem;" in config(pod)
    assert len(pod.spec["volumes"]) == len(composed(WEB, lambda: tls(client_auth=None, client_ca_pems=())).spec["volumes"])


def test_without_probes_there_is_no_port_for_them():
    pod = mutual(web())
    front = pod.port("http").frontend
    assert (front.probe_number, front.probe_scheme) == (8080, "HTTPS")
    assert "$probe" not in config(pod)


def test_where_certificates_are_optional_the_kubelet_needs_none():
    assert where(mutual(client_auth="optional"))[0] == ("HTTPS", 8080, "/ready")


def test_a_secret_with_the_authorities_is_mounted_as_it_is():
    pod = mutual(client_ca_pems=(), client_ca_secret=SecretKey(name="partners", key="ca.crt"))
    secret = {"secretName": "partners", "items": [{"key": "ca.crt", "path": "client-ca.pem"}], "defaultMode": 0o440}
    assert {"name": "nginx-proxy-clients", "secret": secret} in pod.spec["volumes"]
    mounts = container(pod, "nginx-proxy")["volumeMounts"]
    assert {"name": "nginx-proxy-clients", "mountPath": "/clients", "readOnly": True} in mounts
    assert "ssl_client_certificate /clients/client-ca.pem;" in config(pod)
    assert set(pod.config_files[0].files) == {"nginx.conf", "headers.conf", "health.conf"}


def trusted(program):
    """The authorities in the ConfigMap of what the program deploys."""
    return run(program).one("ConfigMap").inputs["data"]["client-ca.pem"]


def test_by_default_the_clients_are_those_of_the_authority_and_of_the_ones_before_it():
    made = []

    def program():
        # as a stack file may have it, without a line break at its end
        authority = CertificateAuthority("ca", CertificateAuthorityArgs(previous_ca_pems=(PEM.strip(), PEM)))
        authority.ca_pem.apply(made.append)
        Workload("web", WorkloadArgs(app=WEB, patterns=[tls(client_ca_pems=(), authority=authority)]))

    assert trusted(program) == made[0] + PEM + PEM


def test_clients_of_other_authorities_are_named_in_its_place():
    def program():
        authority = CertificateAuthority("ca")
        pems = (pulumi.Output.from_input(PEM), PEM.strip())
        Workload("web", WorkloadArgs(app=WEB, patterns=[tls(client_ca_pems=pems, authority=authority)]))

    assert trusted(program) == PEM + PEM


def test_another_authority_is_one_rolling_update():
    def deployed(pem):
        recording = run(lambda: Workload("web", WorkloadArgs(app=WEB, patterns=[tls(secret_name="web-tls", client_ca_pems=(pem,))])))
        return recording.one("ConfigMap"), recording.one("Deployment").inputs["spec"]["template"]["spec"]["volumes"]

    (one, volumes), (other, others) = deployed(PEM), deployed(PEM.replace("MIIB", "MIIC"))
    assert one.inputs["immutable"] is True
    assert "name" not in one.inputs["metadata"]
    assert one.inputs["data"] != other.inputs["data"]
    name = "nginx-proxy-config"
    assert [v for v in volumes if v["name"] != name] == [v for v in others if v["name"] != name]


def test_a_client_s_certificate_is_a_secret_and_an_output():
    def program():
        client = CertificateAuthority("ca").issue_client("billing", ClientCertificateArgs(common_name="billing", namespace="shop"))
        pulumi.export("name", client.secret_name)
        pulumi.export("pem", client.certificate_pem)
        pulumi.export("key", client.private_key_pem)

    recording = run(program)
    secret = recording.one("Secret")
    assert recording.exports["name"] == secret.outputs["metadata"]["name"]
    assert secret.inputs["stringData"]["tls.crt"] == recording.exports["pem"]
    assert secret.inputs["stringData"]["tls.key"] == recording.exports["key"]
    assert recording.secret_exports == {"key"}


def test_a_stack_file_asks_for_it_by_the_same_names():
    given = web_stack({"kind": "TlsAmbassador", "client_auth": "required", "client_names": ["billing"]})
    recording = run(lambda: stack.build(stack_file.parse(given, "stack")))
    data = recording.one("ConfigMap").inputs["data"]
    assert data["client-ca.pem"] == recording.one("SelfSignedCert").outputs["certPem"]
    assert "CN=(?:billing)" in data["nginx.conf"]


# other patterns


def test_an_exporter_behind_it_is_probed_apart_from_the_app_though_the_path_is_the_same():
    ports = ("http", "http-prometheus")
    pod = mutual(WEB, lambda: MetricsAdapter("metrics", MetricsAdapterArgs(exporter="nginx")), target_ports=ports)
    apps, exporters = where(pod)[-1], where(pod, "prometheus-exporter")[0]
    assert (apps, exporters) == (("HTTP", 8082, "/"), ("HTTP", 8083, "/"))
    assert "proxy_pass http://127.0.0.1:9115;" in config(pod)
    assert '"~^8083 GET / $" 1;' in config(pod)


def test_an_exporter_that_nobody_probes_takes_no_port():
    pod = mutual(WEB, lambda: MetricsAdapter("metrics", MetricsAdapterArgs(exporter="redis")), target_ports=("http", "http-prometheus"))
    assert where(pod, "prometheus-exporter") == []
    assert container(pod, "nginx-proxy")["livenessProbe"]["httpGet"]["port"] == 8083


def test_behind_it_an_inner_ambassador_sees_the_probes_unless_it_takes_them_itself():
    through = mutual(WEB, lambda: Proxy("jwt"))
    # 8081 is the inner ambassador's, 8084 the app's
    assert container(through, "jwt")["args"] == ["127.0.0.1:8081", "http://127.0.0.1:8084"]
    assert "proxy_pass http://127.0.0.1:8081;" in config(through)
    assert {probe[:2] for probe in where(through)} == {("HTTP", 8082)}
    own = mutual(WEB, lambda: Proxy("jwt", options={"probe_number": 4180, "probe_scheme": "HTTP"}))
    assert {probe[:2] for probe in where(own)} == {("HTTP", 4180)}


# what it refuses


UNASKED = "is set, but no client is asked for a certificate; set client_auth='required'"
NAME = "a common name of letters, digits, spaces and ._@:/-, 64 characters at most"
REFUSED = {
    "mode": ({"client_auth": "on"}, ["client_auth 'on' is not allowed: one of required, optional"]),
    "nobody to trust": (
        {"client_ca_pems": ()},
        ["client_auth is set, but no authority of the clients; set client_ca_pems=, client_ca_secret= or authority="],
    ),
    "two sources": (
        {"client_ca_secret": SecretKey(name="a", key="ca.crt")},
        ["client_ca_pems and client_ca_secret are both set; the authorities of the clients come from one of them"],
    ),
    "not asked": (
        {"client_auth": None, "client_names": ("x",), "client_ca_secret": SecretKey(name="a", key="ca.crt")},
        [f"client_ca_pems {UNASKED}", f"client_ca_secret {UNASKED}", f"client_names {UNASKED}"],
    ),
    "a name that is none": (
        {"client_names": (7,)},
        ["client_names[0] must be a text, but is the number 7; put it in quotes"],
    ),
    "no certificate": (
        {"client_ca_pems": (PEM, "/ca.crt")},
        ["client_ca_pems[1] is not allowed: certificates in PEM, and nothing else"],
    ),
    "a key": (
        {"client_ca_pems": (PEM + "-----BEGIN EC PRIVATE KEY-----",)},
        ["client_ca_pems[0] is not allowed: certificates in PEM, and nothing else"],
    ),
    "secret": (
        {"client_ca_pems": (), "client_ca_secret": SecretKey(name="A", key="../ca")},
        [
            "client_ca_secret.name 'A' is not allowed: a-z, 0-9, '-' and '.', 253 characters at most",
            "client_ca_secret.key '../ca' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ],
    ),
}


@pytest.mark.parametrize(("arguments", "lines"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused(arguments, lines):
    with pytest.raises(ArgumentError) as refused:
        mutual(**arguments)
    assert str(refused.value) == f"TlsAmbassador 'tls': {len(lines)} problem{'s' * (len(lines) > 1)}" + "".join(f"\n  - {x}" for x in lines)


@pytest.mark.parametrize(
    "name", ["", "a|b", "a)", ".*", 'a"b', "a\\", "$a", "a;", "a{", "a\n", "-a", "a ", "a,O=b", "x" * 65, "ü"], ids=repr
)
def test_no_client_name_breaks_out_of_the_configuration(name):
    with pytest.raises(ArgumentError) as refused:
        mutual(client_names=(name,))
    assert str(refused.value) == f"TlsAmbassador 'tls': 1 problem\n  - client_names[0] {name!r} is not allowed: {NAME}"


@pytest.mark.parametrize(
    "path", ["", "ready", '/a"b', "/a b", "/a;b", "/$host", "/a{}", "/a\\b", "/a#b", "/a?b?c", "/a\n", "/a'b", "http://x/"], ids=repr
)
def test_no_probe_path_breaks_out_of_the_configuration(path):
    rule = "is not allowed behind client_auth: letters, digits and ._~@:+,=/%-, and after one '?' also &*"
    with pytest.raises(CompositionError) as refused:
        mutual(web(readiness_probe={"httpGet": {"path": path, "port": "http"}}))
    assert str(refused.value) == f"workload 'web': 1 conflict\n  - TlsAmbassador 'tls': readinessProbe of the app: path {path!r} {rule}"
    with pytest.raises(CompositionError) as refused:
        mutual(web(ports=(replace(HTTP, probe_paths=(path,)),)))
    assert str(refused.value) == f"workload 'web': 1 conflict\n  - TlsAmbassador 'tls': probe_paths of port 'http': path {path!r} {rule}"


def test_a_probe_path_that_is_known_later_is_refused():
    with pytest.raises(CompositionError, match=r"livenessProbe of the app: path <.*Output.*> is not allowed behind client_auth"):
        composed(web(liveness_probe={"httpGet": {"path": pulumi.Output.from_input("/x"), "port": "http"}}), tls)


@pytest.mark.parametrize("app", [web(ports=(REDIS,)), web()], ids=["tcp", "http carried as tcp"])
def test_names_are_refused_where_they_are_not_checked(app):
    name = app.ports[0].name
    with pytest.raises(CompositionError) as refused:
        mutual(app, target_ports=(name,), mode="tcp", client_names=("billing",))
    assert str(refused.value) == (
        f"workload 'web': 1 conflict\n  - TlsAmbassador 'tls': port {name!r} is carried as tcp, where client_names are not checked; "
        "use a TlsAmbassador of its own for it, with an authority that only those clients have"
    )


def test_a_tcp_probe_asks_nginx_whether_the_app_listens():
    pod = mutual(web(ports=(REDIS,), readiness_probe={"tcpSocket": {"port": "redis"}}), target_ports=("redis",))
    assert pod.spec["containers"][0]["readinessProbe"] == {"httpGet": {"port": 8081, "path": "/listening/redis"}}
    assert pod.health_ports == {8081: ("/healthz", "/listening/redis")}


def test_a_secret_authority_does_not_end_in_a_config_map():
    with pytest.raises(SecretLeakError):
        run(lambda: Workload("web", WorkloadArgs(app=WEB, patterns=[tls(client_ca_pems=(pulumi.Output.secret(PEM),))])))


def test_a_port_for_probes_that_is_taken_is_refused_with_the_argument_that_moves_it():
    def taken():
        return Adds("a", PodPatch(undeclared_ports=(UndeclaredPort(number=8082),)))

    with pytest.raises(CompositionError) as refused:
        composed(WEB, taken, tls)
    assert str(refused.value) == (
        "workload 'web': 1 conflict\n  - port 8082 of TlsAmbassador 'tls' is already taken by Adds 'a'; set health_port="
    )
    assert where(composed(WEB, taken, lambda: tls(health_port=9000)))[0][1] == 9001
