"""TlsAmbassador with revocation lists: what it adds, what it follows, and what it refuses."""

import pytest

from components.core.app import ConfigMapKey, SecretKey
from components.core.errors import ArgumentError
from components.core.pod_security import pod_security_level
from components.declared import stack_file
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from tests.support.composing import PEM, composed, container
from tests.support.pods import web, web_stack

LIST = ConfigMapKey(name="revoked", key="crl.pem")
PARTNERS = SecretKey(name="partners", key="crl")


def revoking(**arguments):
    given = {"service_name": "web", "client_auth": "required", "client_ca_pems": (PEM,), **arguments}
    return composed(web(), lambda: TlsAmbassador("tls", TlsAmbassadorArgs(**given)))


def config(pod):
    return pod.config_files[0].files["nginx.conf"]


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"client_crl_config_map": LIST}, {"configMap": {"name": "revoked", "items": [{"key": "crl.pem", "path": "client-crl.pem"}]}}),
        (
            {"client_crl_secret": PARTNERS},
            {"secret": {"secretName": "partners", "items": [{"key": "crl", "path": "client-crl.pem"}], "defaultMode": 0o440}},
        ),
    ],
    ids=["ConfigMap", "Secret"],
)
def test_the_list_is_a_volume_of_its_own(given, source):
    pod = revoking(**given)
    assert {"name": "nginx-proxy-revoked", **source} in pod.spec["volumes"]
    mounts = container(pod, "nginx-proxy")["volumeMounts"]
    assert {"name": "nginx-proxy-revoked", "mountPath": "/revoked", "readOnly": True} in mounts
    assert config(pod).count("ssl_crl /revoked/client-crl.pem;") == 1
    assert pod_security_level(pod.spec) == "restricted"


def test_without_one_nothing_is_looked_up():
    assert "ssl_crl" not in config(revoking())


def test_it_is_followed_by_reload_with_a_certificate_that_is_made_here_too():
    words = container(revoking(client_crl_config_map=LIST, reload=True), "nginx-proxy")["command"]
    assert words[3:] == ["nginx", "/certs", "/revoked"]
    both = revoking(client_ca_pems=(), client_ca_secret=PARTNERS, client_crl_secret=PARTNERS, reload=True)
    assert container(both, "nginx-proxy")["command"][3:] == ["nginx", "/certs", "/clients", "/revoked"]
    assert container(revoking(client_crl_config_map=LIST, reload=False), "nginx-proxy")["command"][3:] == ["nginx"]


def test_a_stack_file_names_it_too():
    given = web_stack({"kind": "TlsAmbassador", "client_auth": "required", "client_crl_config_map": {"name": "revoked", "key": "crl.pem"}})
    (args,) = stack_file.parse(given, "stack").patterns
    assert args.client_crl_config_map == LIST


UNASKED = "is set, but no client is asked for a certificate; set client_auth='required'"


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            {"client_auth": None, "client_ca_pems": (), "client_crl_config_map": LIST, "client_crl_secret": PARTNERS},
            [f"client_crl_config_map {UNASKED}", f"client_crl_secret {UNASKED}"],
        ),
        (
            {"client_crl_config_map": LIST, "client_crl_secret": PARTNERS},
            ["client_crl_config_map and client_crl_secret are both set; the revoked certificates come from one of them"],
        ),
        (
            {"client_crl_config_map": PARTNERS},
            ["client_crl_config_map must be a ConfigMapKey, but is a SecretKey"],
        ),
        (
            {"client_crl_config_map": ConfigMapKey(name="A", key="../crl")},
            [
                "client_crl_config_map.name 'A' is not allowed: a-z, 0-9, '-' and '.', 253 characters at most",
                "client_crl_config_map.key '../crl' is not allowed: a key of letters, digits and '.', '_' and '-'",
            ],
        ),
    ],
    ids=["nobody is asked", "two sources", "another type", "names"],
)
def test_what_cannot_be_is_refused(given, lines):
    with pytest.raises(ArgumentError) as refused:
        revoking(**given)
    assert str(refused.value) == f"TlsAmbassador 'tls': {len(lines)} problem{'s' * (len(lines) > 1)}" + "".join(f"\n  - {x}" for x in lines)
