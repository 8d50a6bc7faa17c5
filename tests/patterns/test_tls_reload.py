"""TlsAmbassador with `reload`: what it adds, and only then."""

import pytest

from components.core.app import SecretKey
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.patterns.shared.vault_certificate import VaultCertificate
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.vault_agent_sidecar import VaultAgentSidecarArgs
from tests.support.composing import composed, container
from tests.support.pods import web

PARTNERS = SecretKey(name="partners", key="ca.crt")


def pod(**arguments):
    given = {"service_name": "web", "secret_name": "web-tls", **arguments}
    return composed(web(), lambda: TlsAmbassador("tls", TlsAmbassadorArgs(**given)))


def command(**arguments):
    shell, option, *words = container(pod(**arguments), "nginx-proxy")["command"]
    assert (shell, option) == ("/bin/sh", "-c")
    return words


def config(**arguments):
    return pod(**arguments).config_files[0].files["nginx.conf"]


def test_without_it_no_directory_is_watched():
    assert command(reload=False, client_auth="required", client_ca_secret=PARTNERS)[1:] == ["nginx"]
    assert "reloading" not in config(reload=False)


def test_what_somebody_else_keeps_is_followed_unless_that_is_switched_off():
    assert command()[1:] == ["nginx", "/certs"]
    assert command(secret_name=None)[1:] == ["nginx"]
    authority = {"secret_name": None, "client_auth": "required", "client_ca_secret": PARTNERS}
    assert command(**authority)[1:] == ["nginx", "/certs", "/clients"]


CSI = {"csi": {"driver": "csi.cert-manager.io", "readOnly": True, "volumeAttributes": {"csi.cert-manager.io/issuer-name": "ca"}}}
SIGNED = {"signerName": "example.com/signer", "keyType": "ECDSAP256", "keyPath": "tls.key", "certificateChainPath": "tls.crt"}


@pytest.mark.parametrize("source", [CSI, {"projected": {"sources": [{"podCertificate": SIGNED}]}}], ids=["csi", "podCertificate"])
def test_a_volume_of_somebody_else_holds_the_certificate(source):
    made = pod(secret_name=None, service_name=None, certificate_volume=source)
    assert {"name": "nginx-proxy-certificate", **source} in made.spec["volumes"]
    assert command(secret_name=None, service_name=None, certificate_volume=source)[1:] == ["nginx", "/certs"]
    assert made.certificates[0].secret_name == ""


def test_a_volume_of_another_pattern_holds_it():
    vault = VaultAgentSidecarArgs(
        address="https://vault:8200", role="web", certificates=[VaultCertificate(role="web", common_name="web", mode="0440")]
    )
    made = compose(web(), [vault, TlsAmbassadorArgs(certificate_volume="vault")])
    mounts = {m["mountPath"]: m["name"] for m in container(made, "nginx-proxy")["volumeMounts"]}
    assert mounts["/certs"] == "vault"
    assert [v["name"] for v in made.spec["volumes"]].count("vault") == 1


def test_a_volume_that_nobody_has_is_rejected():
    with pytest.raises(CompositionError) as error:
        compose(web(), [TlsAmbassadorArgs(certificate_volume="secrets")])
    assert error.value.problems == (
        "volume 'secrets', mounted by TlsAmbassador in container 'nginx-proxy', is not defined; add it to volumes (defined: "
        "nginx-proxy-config, nginx-proxy-tmp)",
    )


def test_an_empty_volume_source_is_rejected():
    with pytest.raises(ArgumentError) as error:
        pod(secret_name=None, certificate_volume={})
    assert error.value.problems == ("certificate_volume is empty; it must be a volume's name or its source, e.g. {'csi': {...}}",)


def test_a_certificate_comes_from_one_place():
    with pytest.raises(ArgumentError) as error:
        pod(certificate_volume="secrets")
    assert error.value.problems == ("secret_name and certificate_volume are both set; the certificate comes from one of them",)


def test_the_secret_of_the_certificate_is_watched_and_that_of_the_clients_authorities():
    assert command(reload=True)[1:] == ["nginx", "/certs"]
    assert command(reload=True, client_auth="required", client_ca_secret=PARTNERS)[1:] == ["nginx", "/certs", "/clients"]


def test_nginx_stays_the_container_s_first_process():
    assert command(reload=True)[0].splitlines()[-1].startswith("exec nginx ")


def test_a_request_that_is_under_way_is_not_cut_off_before_its_time():
    assert "worker_shutdown_timeout 60s;" in config(reload=True, timeout_seconds=60)


def test_nothing_but_the_script_the_check_and_that_time_is_other():
    with_it, without = pod(reload=True), pod(reload=False)
    check = "            if (-f /tmp/reloading) {\n                return 418;\n            }\n"
    shutdown = "worker_shutdown_timeout 3600s;"
    assert config(reload=True).replace(check, "").replace(shutdown, "worker_shutdown_timeout 55s;") == config(reload=False)
    container(with_it, "nginx-proxy")["command"] = container(without, "nginx-proxy")["command"]
    assert with_it.spec == without.spec
