"""JwtAmbassador: what it adds, how it stands in a chain, and what it refuses."""

import base64
import re
from dataclasses import replace
from typing import get_args

import pulumi
import pytest

from components.core.app import App, Port, Rebind, SecretKey
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose
from components.core.pod_security import pod_security_level
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.shared.oauth2_proxy import Algorithm
from components.patterns.shared.session_store import SessionStore
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit
from components.testing import UNKNOWN, run
from tests.support.composing import composed, container
from tests.support.pods import PEM

HTTP = Port(name="http", number=8080, rebind=Rebind(args=("--listen={host}:{port}",)))
WEB = App(name="web", image="web:1", command=("web",), ports=(HTTP,))
COOKIE = SecretKey(name="cookie", key="secret")
LOGIN = {"client_secret": SecretKey(name="oidc", key="secret"), "redirect_url": "https://web.example.com/oauth2/callback"}


def given(**changes):
    return JwtAmbassadorArgs(**{"issuer": "https://issuer.example.com", "audience": "web", "cookie_secret": COOKIE, **changes})


def jwt(**changes):
    return JwtAmbassador("jwt", given(**changes))


def tls():
    return TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", secret_name="tls"))


def protected(app=WEB, options=None, **changes):
    return composed(app, lambda: jwt(**changes), **(options or {}))


def flags(pod):
    """The validator's arguments: name to values."""
    found = {}
    for argument in container(pod, "jwt-proxy-validator")["args"]:
        name, _, value = argument.removeprefix("--").partition("=")
        found.setdefault(name, []).append(value)
    return found


def config(pod):
    """The proxy's nginx.conf."""
    return next(c.files["nginx.conf"] for c in pod.config_files if c.name == "jwt-proxy-config")


def listens(pod):
    """Where the proxy listens for clients."""
    return re.findall(r"listen ([^;]+);", config(pod))


def upstreams(pod):
    """Where it passes requests on to, by name."""
    return dict(re.findall(r"upstream (\S+) \{\s+server ([^;]+);", config(pod)))


def public_routes(pod):
    """Regular expressions of what needs no token."""
    return re.findall(r'"~\^(.*)\(\?:\\\?\.\*\)\?\$" 1;', config(pod))


def test_it_listens_where_the_app_did_and_the_app_moves_to_loopback():
    pod = protected()
    # a declaration stays where it was
    assert container(pod, "web")["ports"] == [{"name": "http", "containerPort": 8080}]
    assert "ports" not in container(pod, "jwt-proxy")
    assert container(pod, "web")["args"] == ["--listen=127.0.0.1:8081"]
    assert listens(pod) == ["8080"]
    assert upstreams(pod) == {"http": "127.0.0.1:8081", "validator": "127.0.0.1:4180"}
    assert pod.port("http").outer_scheme == "http"


def test_the_validator_listens_on_loopback_alone_and_has_no_way_to_the_app():
    found = flags(protected())
    assert found["http-address"] == ["127.0.0.1:4180"]
    assert found["upstream"] == ["static://503"]
    assert not {"skip-auth-route", "metrics-address"} & set(found)
    assert "ports" not in container(protected(), "jwt-proxy-validator")


def test_the_validator_moves_out_of_the_way_of_another_port():
    app = App(name="web", image="web:1", command=("web",), ports=(HTTP, Port(name="other", number=4180)))
    assert flags(protected(app))["http-address"] == ["127.0.0.1:4181"]


def test_in_front_of_an_app_that_cannot_move_it_listens_where_the_traffic_is_redirected_to():
    app = App(name="web", image="web:1", ports=(Port(name="http", number=8080),))
    pod = composed(app, lambda: TrafficRedirectInit("redirect"), jwt)
    assert listens(pod) == ["15000"]
    assert "ports" not in container(pod, "jwt-proxy")
    # the number that the kernel redirects to is open as well
    assert pod.plaintext_ports == [8080, 15000]
    assert container(pod, "web")["ports"] == [{"name": "http", "containerPort": 8080}]


def test_without_a_token_nobody_is_sent_to_a_login():
    found = flags(protected())
    assert found["force-json-errors"] == found["skip-jwt-bearer-tokens"] == ["true"]
    assert found["oidc-issuer-url"] == ["https://issuer.example.com"]
    assert found["client-id"] == ["web"]
    assert "redirect-url" not in found


def test_behind_tls_it_listens_on_loopback_and_probes_pass_both():
    app = App(
        name="web", image="web:1", command=("web",), ports=(HTTP,), readiness_probe={"httpGet": {"path": "/ready?full=1", "port": "http"}}
    )
    pod = composed(app, tls, jwt, lambda: MetricsAdapter("metrics", MetricsAdapterArgs(exporter="nginx")))
    assert listens(pod) == ["127.0.0.1:8081"]
    assert upstreams(pod)["http"] == "127.0.0.1:8083"
    assert "ports" not in container(pod, "jwt-proxy")
    assert container(pod, "web")["args"] == ["--listen=127.0.0.1:8083"]
    assert container(pod, "web")["readinessProbe"]["httpGet"] == {"path": "/ready?full=1", "port": 8080, "scheme": "HTTPS"}
    assert public_routes(pod) == ["GET /ready"]
    # the exporter is past both
    assert "--nginx.scrape-uri=http://127.0.0.1:8083/stub_status" in container(pod, "prometheus-exporter")["args"]
    assert (pod.port("http").outer_number, pod.port("http").outer_scheme) == (8080, "https")


def test_both_containers_are_probed_through_nginx():
    pod = protected()
    assert container(pod, "jwt-proxy")["startupProbe"]["httpGet"] == {"path": "/healthz", "port": 8082}
    assert container(pod, "jwt-proxy-validator")["livenessProbe"]["httpGet"] == {"path": "/validator", "port": 8082}
    assert pod.health_ports == {8082: ("/healthz", "/validator")}
    # in this order, because the kubelet starts the second when the first one's startup probe is answered
    assert [c["name"] for c in pod.spec["initContainers"]] == ["jwt-proxy", "jwt-proxy-validator"]


def test_only_probes_of_its_own_port_are_let_through():
    probes = {
        "startup_probe": {"httpGet": {"port": 8080}},
        "readiness_probe": {"httpGet": {"path": "/ready", "port": "admin"}},
        "liveness_probe": {"exec": {"command": ["true"]}},
    }
    app = App(name="web", image="web:1", command=("web",), ports=(HTTP, Port(name="admin", number=9000)), **probes)
    assert public_routes(protected(app)) == ["GET /"]


def test_the_paths_that_a_port_is_probed_at_are_open_too():
    app = App(name="web", image="web:1", command=("web",), ports=(replace(HTTP, probe_paths=("/healthz?full=1",)),))
    assert public_routes(protected(app)) == ["GET /healthz"]


def test_public_routes_are_anchored_and_quoted():
    routes = ("GET /a.b", "POST /hooks,v1", "OPTIONS /*", "GET /static/*")
    segment = "[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
    assert public_routes(protected(public_routes=routes)) == [
        r"GET /a\.b",
        "POST /hooks,v1",
        f"OPTIONS /(?:{segment}(?:/{segment})*/?)?",
        f"GET /static/(?:{segment}(?:/{segment})*/?)?",
    ]


def test_what_is_named_is_closed_and_the_rest_of_what_all_servers_read_alike_open():
    segment = r"\.?[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*(?<!\.)"
    (route,) = public_routes(protected(protected_routes=("/a.b", "/admin/*", "/a.b")))
    assert route == rf"[A-Z]+ (?!(?i:/a\.b(?:\.[^/?]*)?/?(?:\?|$)|/admin(?:[./?]|$)))/(?:{segment}(?:/{segment})*/?)?"


def test_groups_and_audiences_with_commas_are_quoted():
    found = flags(protected(allowed_groups=("ops", 'cn="a",ou=b'), extra_audiences=("a,b",), groups_claim="roles"))
    assert found["allowed-group"] == ["ops", '"cn=""a"",ou=b"']
    assert found["oidc-extra-audience"] == ['"a,b"']
    assert found["oidc-groups-claim"] == ["roles"]


def test_a_login_is_given_its_secrets_by_the_environment():
    pod = protected(**LOGIN, scope="openid email")
    found = flags(pod)
    assert found["redirect-url"] == ["https://web.example.com/oauth2/callback"]
    assert found["scope"] == ["openid email"]
    assert found["bearer-token-login-fallback"] == found["insecure-oidc-skip-nonce"] == ["false"]
    assert "client-secret" not in found
    assert "force-json-errors" not in found
    assert container(pod, "jwt-proxy-validator")["env"] == [
        {"name": "OAUTH2_PROXY_COOKIE_SECRET", "valueFrom": {"secretKeyRef": {"name": "cookie", "key": "secret"}}},
        {"name": "OAUTH2_PROXY_CLIENT_SECRET", "valueFrom": {"secretKeyRef": {"name": "oidc", "key": "secret"}}},
    ]


def test_a_store_of_sessions_has_its_password_from_the_environment_and_its_authority_from_a_file():
    store = SessionStore(url="rediss://redis.prod:6380/1", username="web", password=SecretKey(name="redis", key="password"), ca_pem=PEM)
    pod = protected(**LOGIN, session_store=store)
    found = {name: values for name, values in flags(pod).items() if "redis" in name or "session" in name}
    assert found == {
        "session-store-type": ["redis"],
        "redis-connection-url": ["rediss://redis.prod:6380/1"],
        "redis-username": ["web"],
        "redis-ca-path": ["/etc/oauth2-proxy/redis-ca.crt"],
    }
    assert container(pod, "jwt-proxy-validator")["env"][2] == {
        "name": "OAUTH2_PROXY_REDIS_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}},
    }
    assert [(c.name, dict(c.files)) for c in pod.config_files[1:]] == [("jwt-proxy-validator-config", {"redis-ca.crt": PEM})]


def test_a_store_of_sessions_that_is_known_late_is_looked_at_then():
    def program():
        store = SessionStore(url=pulumi.Output.from_input("rediss://:pa55@redis"))
        pod = compose(WEB, [jwt(**LOGIN, session_store=store)])
        pulumi.export("args", container(pod, "jwt-proxy-validator")["args"])

    with pytest.raises(ArgumentError) as error:
        run(program)
    assert error.value.problems == (f"session_store: {REDIS_URL}",)


def test_a_cookie_secret_is_made_and_stays_secret():
    recording = run(lambda: JwtAmbassador("jwt", given(cookie_secret=None, namespace="web")))
    secret = recording.one("Secret")
    assert secret.name == "jwt-cookie"
    assert secret.inputs["metadata"]["namespace"] == "web"
    assert secret.inputs["immutable"] is True
    assert len(base64.urlsafe_b64decode(secret.inputs["stringData"]["cookie-secret"])) == 32
    assert any("stringData" in path for path in secret.secrets)
    assert secret.parent == recording.one("pod-patterns:index:JwtAmbassador").urn
    another = run(lambda: JwtAmbassador("jwt", given(cookie_secret=None))).one("Secret")
    assert another.inputs["stringData"] != secret.inputs["stringData"]


def test_in_a_preview_the_cookie_secret_is_unknown_and_secret():
    secret = run(lambda: JwtAmbassador("jwt", given(cookie_secret=None)), preview=True).one("Secret")
    assert secret.inputs["stringData"] in (UNKNOWN, {"cookie-secret": UNKNOWN})


def test_an_issuer_that_is_known_late_is_looked_at_then():
    def program():
        pod = compose(WEB, [jwt(issuer=pulumi.Output.from_input("http://issuer"))])
        pulumi.export("args", container(pod, "jwt-proxy-validator")["args"])

    with pytest.raises(ArgumentError) as error:
        run(program)
    assert error.value.problems == (
        "issuer 'http://issuer' is not encrypted, so that its keys can be forged; use https://, or set allow_plaintext=True",
    )


def test_an_authority_of_the_issuer_is_mounted():
    pod = protected(ca_pem=PEM)
    assert [(c.name, dict(c.files)) for c in pod.config_files[1:]] == [("jwt-proxy-validator-config", {"ca.crt": PEM})]
    assert flags(pod)["provider-ca-file"] == ["/etc/oauth2-proxy/ca.crt"]
    assert container(pod, "jwt-proxy-validator")["volumeMounts"] == [
        {"name": "jwt-proxy-validator-config", "mountPath": "/etc/oauth2-proxy", "readOnly": True}
    ]


def test_it_is_restricted_native_and_classic():
    pod = protected()
    assert {c["restartPolicy"] for c in pod.spec["initContainers"]} == {"Always"}
    assert pod_security_level(pod.spec) == "restricted"
    classic = protected(options={"sidecars": "classic", "kubernetes_version": "1.28"})
    assert [c["name"] for c in classic.spec["containers"]] == ["jwt-proxy", "jwt-proxy-validator", "web"]
    assert pod_security_level(classic.spec) == "restricted"


REDIS_URL = "url is not allowed: rediss://HOST, with a port and the number of a database at most; a password comes from password="
LOCAL = (
    ", a Redis of each pod's own (RedisCacheSidecar): its sessions would end with the pod, and no other replica would know them; name one "
    "that all pods reach, or leave session_store out: a cookie outlives pods"
)
URL = "https://host, with a port and a path at most"
LONG = tuple(f"/route-{number:03}/{'x' * 47}/*" for number in range(60))
PROTECTED = "a path without a method, of letters, digits and ._~@+=,/-, e.g. '/admin' or '/admin/*'"
ROUTE = "a method and a path of letters, digits and ._@+=,/-, e.g. 'GET /healthz'"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"issuer": "http://issuer"},
            "issuer 'http://issuer' is not encrypted, so that its keys can be forged; use https://, or set allow_plaintext=True",
        ),
        ({"issuer": "https://user:pw@issuer"}, f"issuer 'https://user:pw@issuer' is not allowed: {URL}"),
        ({"issuer": "https://issuer/?a=b"}, f"issuer 'https://issuer/?a=b' is not allowed: {URL}"),
        (
            {"jwks_url": "http://issuer/keys"},
            "jwks_url 'http://issuer/keys' is not encrypted, so that its keys can be forged; use https://, or set allow_plaintext=True",
        ),
        ({"audience": ""}, "audience '' is not allowed: text, not empty, without NUL and lone surrogates"),
        ({"extra_audiences": ("",)}, "extra_audiences[0] '' is not allowed: text, not empty, without NUL and lone surrogates"),
        ({"allowed_groups": ("",)}, "allowed_groups[0] '' is not allowed: text, not empty, without NUL and lone surrogates"),
        ({"algorithms": ("HS256",)}, f"algorithms[0] 'HS256' is not allowed: one of {', '.join(get_args(Algorithm))}"),
        ({"algorithms": ("none",)}, f"algorithms[0] 'none' is not allowed: one of {', '.join(get_args(Algorithm))}"),
        ({"algorithms": ()}, "algorithms is empty; name at least one, e.g. ['RS256']"),
        ({"groups_claim": "a b"}, "groups_claim 'a b' is not allowed: letters, digits and _.:/-"),
        ({"public_routes": ("/healthz",)}, f"public_routes[0] '/healthz' is not allowed: {ROUTE}"),
        ({"public_routes": ("GET /.*",)}, f"public_routes[0] 'GET /.*' is not allowed: {ROUTE}"),
        ({"public_routes": ("GET /a|/",)}, f"public_routes[0] 'GET /a|/' is not allowed: {ROUTE}"),
        ({"public_routes": ("GET /a!=b",)}, f"public_routes[0] 'GET /a!=b' is not allowed: {ROUTE}"),
        ({"public_routes": ("GET /a/../b",)}, f"public_routes[0] 'GET /a/../b' is not allowed: {ROUTE}"),
        ({"public_routes": ("GET /a%2Fb",)}, f"public_routes[0] 'GET /a%2Fb' is not allowed: {ROUTE}"),
        *(
            ({"protected_routes": ("/a", path)}, f"protected_routes[1] {path!r} is not allowed: {PROTECTED}")
            for path in (
                "admin",
                "GET /admin",
                "/admin*",
                "/*/a",
                "/a//b",
                "/a/./b",
                "/a/../b",
                "/a%2Fb",
                "/a?b",
                "/a|/",
                "/a;b",
                '/a"',
                "",
            )
        ),
        (
            {"protected_routes": ("/admin",), "public_routes": ("GET /x",)},
            "public_routes and protected_routes are both set; name either the routes that are open or those that are not",
        ),
        (
            {"protected_routes": LONG},
            "protected_routes are too long for nginx: 4373 characters as a regular expression, 3500 at most; name what they have in "
            "common ('/admin/*'), or use public_routes=",
        ),
        ({"prefix": "/"}, "prefix '/' is not allowed: without '/' at the end, and not empty"),
        ({"prefix": "oauth2"}, "prefix 'oauth2' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        ({"redirect_url": "https://a/oauth2/callback"}, "redirect_url is set, but nobody can log in; set client_secret= too"),
        ({"scope": "openid"}, "scope is set, but nobody can log in; set client_secret= too"),
        (
            {"session_store": SessionStore(url="rediss://redis")},
            "session_store is set, but nobody can log in; set client_secret= too",
        ),
        *(
            ({**LOGIN, "session_store": SessionStore(url=url)}, f"session_store: {REDIS_URL}")
            for url in (
                "redis",
                "unix:///redis.sock",
                "rediss://:pa55@redis",
                "rediss://redis/a",
                "rediss://redis?db=1",
                "rediss://a,b",
                "",
            )
        ),
        *(
            ({**LOGIN, "session_store": SessionStore(url=f"redis://{host}:6379")}, f"session_store: url names {host}{LOCAL}")
            for host in ("127.0.0.1", "localhost", "[::1]")
        ),
        (
            {**LOGIN, "session_store": SessionStore(url="redis://redis")},
            "session_store: url 'redis://redis' is not encrypted, so that its password can be read; use rediss://, or set "
            "allow_plaintext=True",
        ),
        (
            {**LOGIN, "session_store": SessionStore(url="redis://redis", allow_plaintext=True, ca_pem=PEM)},
            "session_store: url 'redis://redis' is not encrypted, but ca_pem is set; use rediss://, or leave ca_pem out",
        ),
        (
            {**LOGIN, "session_store": SessionStore(url="rediss://redis", username="web")},
            "session_store: username is set, but no password; set password= too",
        ),
        (
            {"client_secret": COOKIE},
            "redirect_url is missing: where the issuer sends browsers back to, https://HOST/oauth2/callback",
        ),
        (
            {**LOGIN, "redirect_url": "http://a/oauth2/callback"},
            "redirect_url 'http://a/oauth2/callback' is not allowed: https://HOST/oauth2/callback",
        ),
        (
            {**LOGIN, "prefix": "/auth"},
            "redirect_url 'https://web.example.com/oauth2/callback' is not allowed: https://HOST/auth/callback",
        ),
        (
            {**LOGIN, "jwks_url": "https://issuer/keys"},
            "jwks_url is set, but a login needs the issuer's other addresses as well; leave it out",
        ),
        (
            {"cookie_secret": SecretKey(name="a", key="")},
            "cookie_secret.key '' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ),
        ({"target_port": "HTTP"}, "target_port 'HTTP' is not allowed: a-z, 0-9 and single '-', one letter at least, 15 characters at most"),
        ({"inner_port": 0}, "inner_port 0 is not allowed: a whole number from 1 to 65535"),
        ({"health_port": 0}, "health_port 0 is not allowed: a whole number from 1 to 65535"),
        ({"timeout_seconds": 0}, "timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"session_hours": 0}, "session_hours 0 is not allowed: a whole number, 1 or more"),
        ({"upstream_idle_seconds": -1}, "upstream_idle_seconds -1 is not allowed: a whole number, 0 or more"),
        ({"validator_port": 0}, "validator_port 0 is not allowed: a whole number from 1024 to 65535"),
        ({"uid": 0}, "uid 0 is root: use another user id"),
        ({"validator_uid": 0}, "validator_uid 0 is root: use another user id"),
        ({"container_name": "a b"}, "container_name 'a b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(changes, line):
    with pytest.raises(ArgumentError) as error:
        jwt(**changes)
    assert str(error.value) == f"JwtAmbassador 'jwt': 1 problem\n  - {line}"


@pytest.mark.parametrize(
    ("app", "changes", "line"),
    [
        (WEB, {"target_port": "api"}, "there is no port 'api' to stand in front of; set target_port= (known: http)"),
        (
            App(name="web", image="web:1", ports=(Port(name="http", number=8080, scheme="tcp"),)),
            {},
            "port 'http' speaks tcp, and tokens are in HTTP requests; set target_port=",
        ),
        (
            App(name="web", image="web:1", command=("web",), ports=(HTTP,), liveness_probe={"httpGet": {"path": "/a b", "port": 8080}}),
            {},
            "the app's probe of '/a b' cannot be let through without a token; probe a path of letters, digits and ._@+=,/-, or use exec",
        ),
    ],
)
def test_what_does_not_fit_the_app_is_a_conflict(app, changes, line):
    with pytest.raises(CompositionError) as error:
        protected(app, **changes)
    assert str(error.value) == f"workload 'web': 1 conflict\n  - JwtAmbassador 'jwt': {line}"


def test_tls_cannot_be_behind_it():
    with pytest.raises(CompositionError) as error:
        composed(WEB, jwt, tls)
    assert str(error.value) == (
        "workload 'web': 1 conflict"
        "\n  - TlsAmbassador 'tls': port 'http' has an ambassador in front of it already; list TlsAmbassador first, and each port once"
    )
