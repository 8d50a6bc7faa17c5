"""TlsAmbassador with `reload`: what it adds, and only then."""

from components.core.app import SecretKey
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
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
    assert command(client_auth="required", client_ca_secret=PARTNERS)[1:] == ["nginx"]
    assert "reloading" not in config()


def test_the_secret_of_the_certificate_is_watched_and_that_of_the_clients_authorities():
    assert command(reload=True)[1:] == ["nginx", "/certs"]
    assert command(reload=True, client_auth="required", client_ca_secret=PARTNERS)[1:] == ["nginx", "/certs", "/clients"]


def test_nginx_stays_the_container_s_first_process():
    assert command(reload=True)[0].splitlines()[-1].startswith("exec nginx ")


def test_a_request_that_is_under_way_is_not_cut_off_before_its_time():
    assert "worker_shutdown_timeout 60s;" in config(reload=True, timeout_seconds=60)


def test_nothing_but_the_script_the_check_and_that_time_is_other():
    with_it, without = pod(reload=True), pod()
    check = "            if (-f /tmp/reloading) {\n                return 418;\n            }\n"
    shutdown = "worker_shutdown_timeout 3600s;"
    assert config(reload=True).replace(check, "").replace(shutdown, "worker_shutdown_timeout 55s;") == config()
    container(with_it, "nginx-proxy")["command"] = container(without, "nginx-proxy")["command"]
    assert with_it.spec == without.spec
