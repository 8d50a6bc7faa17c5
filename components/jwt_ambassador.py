"""JwtAmbassador: only requests with a valid token reach the app; the validator is oauth2-proxy."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls

from . import checks
from .app import App, Port, SecretKey
from .patch import ConfigFiles, Listen, PodPatch, restricted, sidecar

_DIRECTORY = "/etc/oauth2-proxy"
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%@:+-]*)*")
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_ROUTE = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*?)(?P<below>(?<=/)\*)?")
# what nobody can forge with the public key; HS256 and its kind would take a shared secret
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that can be asked for."""

# one path segment: neither '..', however often it is encoded, nor anything that servers read in different ways
_SEGMENT = "[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
# oauth2-proxy asks for a client secret even where nobody logs in
_UNUSED = "unused"


@dataclass(frozen=True, kw_only=True)
class JwtAmbassadorArgs:
    """Arguments of JwtAmbassador."""

    issuer: pulumi.Input[str]
    """The token's `iss`, https://..., exactly as the issuer writes it. Its keys are found through /.well-known/openid-configuration."""
    audience: pulumi.Input[str]
    """The token's `aud`; the client id of a login."""
    extra_audiences: tuple[str, ...] = ()
    """Further ones that are accepted. Default: none."""
    allowed_groups: tuple[str, ...] = ()
    """Values of the claim `groups_claim`, of which a token must have one. Default: none, every valid token will do."""
    groups_claim: str = "groups"
    """The claim that is compared, a list or a text: groups, roles, sub ... Default: groups."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    """Signatures that are accepted, if the issuer says that it makes them. Default: RS256, ES256."""
    jwks_url: pulumi.Input[str] | None = None
    """URL of the issuer's keys, in place of discovery: the pod then starts without the issuer. Default: None."""
    ca: pulumi.Input[str] | None = None
    """Certificate of the authority that signed the issuer's, PEM; no secret. Default: None, the authorities that the image trusts."""
    allow_plaintext: bool = False
    """Whether the issuer may be a http:// address other than loopback: who can change its answers makes tokens. Default: False."""
    port: str = "http"
    """Name of the port it stands in front of. Default: http."""
    app_port: int | None = None
    """Port number the app moves to. Default: None, the next free one."""
    open_routes: tuple[str, ...] = ()
    """What needs no token: method and exact path, e.g. `GET /metrics`; a `*` at the end stands for everything below, of letters, digits
    and ._~@+-, e.g. `OPTIONS /*`. The paths that the app's own probes GET are open in any case. Default: none."""
    prefix: str = "/oauth2"
    """Path below which oauth2-proxy answers itself (login, userinfo, ping); the app is not reached there, nor is its /robots.txt.
    Default: /oauth2."""
    client_secret: SecretKey | None = None
    """The client's secret at the issuer: browsers without a session are sent there to log in. Default: None, nobody logs in, and what
    has no token gets 401."""
    redirect_url: pulumi.Input[str] | None = None
    """For a login: where the issuer sends browsers back to, https://HOST/oauth2/callback. Default: None."""
    scope: str | None = None
    """For a login: what is asked for. Default: None, openid email profile, and groups with allowed_groups."""
    session_hours: int = 8
    """For a login: hours until the next one. Default: 8."""
    cookie_secret: SecretKey | None = None
    """Secret of 32 bytes, in base64, that sessions are encrypted with. Default: None, one is made and kept in the stack's state."""
    namespace: pulumi.Input[str] = "default"
    """Namespace of the Secret that is made. Default: default."""
    timeout_seconds: int = 3600
    """How long the app may take until its answer begins; the answer itself may take for ever. Default: 3600."""
    keep_connections: bool = False
    """Whether connections to the app are kept for 90 seconds; where the app closes its own sooner, a request may meet a dead one and get
    502. Default: False, each request has its own."""
    health_port: int = 8082
    """Plain HTTP port on which oauth2-proxy answers the kubelet, with metrics of its own; the next free one if it is taken by the fold.
    Default: 8082."""
    access_log: bool = True
    """Whether requests are logged to stdout. Default: True."""
    image: pulumi.Input[str] = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine"
    """oauth2-proxy 7.15 or later; classic sidecars before Kubernetes 1.30 need the flavour with a `sleep`.
    Default: quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine."""
    container_name: str = "oauth2-proxy"
    """Also the beginning of its volume's name. Default: oauth2-proxy."""
    uid: int | None = 65532
    """User id of oauth2-proxy; None leaves it to the cluster. Default: 65532, as in the image."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    )
    """Requests and limits. Default: 50m, 32Mi to 128Mi."""

    def url_problems(self, what: str, url: str) -> list[str]:
        """What is wrong with an address of the issuer."""
        found = _URL.fullmatch(url)
        if not found:
            return [f"{what} {url!r} is not allowed: https://host, with a port and a path at most"]
        if found["scheme"] == "http" and found["host"] not in _LOOPBACK and not self.allow_plaintext:
            return [f"{what} {url!r} is not encrypted, so that its keys can be forged; use https://, or set allow_plaintext=True"]
        return []

    def redirect_problems(self, url: str) -> list[str]:
        """What is wrong with a redirect URL."""
        found = _URL.fullmatch(url)
        if not found or found["scheme"] != "https" or not url.endswith(f"{self.prefix}/callback"):
            return [f"redirect_url {url!r} is not allowed: https://HOST{self.prefix}/callback"]
        return []

    def problems(self) -> list[str]:
        """What is wrong with the arguments; a URL that is an Output is looked at when it is known."""
        found = self.url_problems("issuer", self.issuer) if isinstance(self.issuer, str) else []
        found += self.url_problems("jwks_url", self.jwks_url) if isinstance(self.jwks_url, str) else []
        if self.audience == "":
            found.append("audience is empty; every token has one")
        for algorithm in self.algorithms:
            found += checks.one_of("algorithms:", algorithm, ALGORITHMS)
        if not self.algorithms:
            found.append("algorithms is empty; name at least one, e.g. ('RS256',)")
        for what, names in (("extra_audiences", self.extra_audiences), ("allowed_groups", self.allowed_groups)):
            found += [f"{what}: an empty one is not allowed" for name in names if name == ""]
        if not re.fullmatch("[A-Za-z0-9_.:/-]+", self.groups_claim):
            found.append(f"groups_claim {self.groups_claim!r} is not allowed: letters, digits and _.:/-")
        found += checks.port_name("port", self.port) + checks.path("prefix", self.prefix)
        if self.prefix.endswith("/"):
            found.append(f"prefix {self.prefix!r} is not allowed: without '/' at the end, and not empty")
        for route in self.open_routes:
            found += _route_problems(route)
        found += self._login_problems()
        if self.cookie_secret is not None and self.cookie_secret.key == "":
            found.append("cookie_secret.key is empty; name the key in the Secret's data")
        if self.app_port is not None:
            found += checks.port("app_port", self.app_port)
        if self.uid == 0:
            found.append("uid 0 is root: give oauth2-proxy another user id")
        found += checks.port("health_port", self.health_port) + checks.at_least("timeout_seconds", self.timeout_seconds, 1)
        found += checks.at_least("session_hours", self.session_hours, 1) + checks.label("container_name", self.container_name)
        return found + checks.resources("resources", self.resources)

    def _login_problems(self) -> list[str]:
        if self.client_secret is None:
            names = ("redirect_url", "scope")
            return [f"{n} is set, but nobody can log in; set client_secret= too" for n in names if getattr(self, n) is not None]
        found = []
        if self.redirect_url is None:
            found.append(f"redirect_url is missing: where the issuer sends browsers back to, https://HOST{self.prefix}/callback")
        elif isinstance(self.redirect_url, str):
            found += self.redirect_problems(self.redirect_url)
        if self.jwks_url is not None:
            found.append("jwks_url is set, but a login needs the issuer's other addresses as well; leave it out")
        return found


def _route_problems(route: str) -> list[str]:
    found = _ROUTE.fullmatch(route)
    if not found or "%" in route or checks.path("path", found["path"]):
        return [f"open_routes: {route!r} is not allowed: a method and a path of letters, digits and ._@+=,/-, e.g. 'GET /healthz'"]
    return []


def _regular_expression(route: str) -> str:
    """A route as oauth2-proxy wants it; it compares the path that is left after one decoding."""
    found = _ROUTE.fullmatch(route)
    assert found
    path = re.escape(found["path"])
    if found["below"]:
        path += f"({_SEGMENT}(/{_SEGMENT})*/?)?"
    return f"{found['method']}=^{path}$"


def _listed(value: pulumi.Input[str]) -> pulumi.Input[str]:
    """One entry of a flag that takes several, separated by commas."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if re.search('[,"\n]', value) else value
    known: pulumi.Output[str] = pulumi.Output.from_input(value)
    return known.apply(_listed)


class JwtAmbassador(pulumi.ComponentResource):
    """oauth2-proxy in front of the app, which moves to 127.0.0.1: requests without a valid token (a JWT that the issuer signed) get 401,
    those of none of the allowed groups 403. A token that says that its email is not verified is none.

    The app is told who asks in X-Forwarded-User, -Email, -Groups, -Preferred-Username and -Access-Token; what clients send under
    these names is taken away. List TlsAmbassador before it: without TLS, whoever reads the network has the tokens.
    A key that the issuer no longer publishes is forgotten as soon as a token with a new one comes.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: JwtAmbassadorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = args
        self._where = f"JwtAmbassador {name!r}"
        checks.refuse(self._where, args.problems())
        super().__init__("pod-patterns:index:JwtAmbassador", name, {}, opts)
        self._cookie_secret = args.cookie_secret or self._made_secret(name)
        self.register_outputs({})

    def _made_secret(self, name: str) -> SecretKey:
        """Needed without logins too: a session cookie would be accepted, and whoever knows the secret can make one."""
        child = pulumi.ResourceOptions(parent=self)
        # pulumi-tls has what is random here; its key is kept in the state, and secret
        key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=child)

        def derived(pem: str) -> str:
            return base64.urlsafe_b64encode(hashlib.sha256(pem.encode()).digest()).decode()

        secret = kubernetes.core.v1.Secret(
            f"{name}-cookie",
            metadata={"namespace": self.args.namespace},
            string_data={"cookie-secret": pulumi.Output.secret(key.private_key_pem_pkcs8.apply(derived))},
            immutable=True,
            opts=child,
        )
        return SecretKey(name=secret.metadata.name, key="cookie-secret")

    def wrap(self, app: App) -> tuple[App, PodPatch]:
        """Takes over the port and moves the app inwards."""
        args = self.args
        port = app.port(args.port)
        if port is None:
            known = ", ".join(p.name for p in app.ports) or "none"
            return app, PodPatch(problems=(f"there is no port {args.port!r} to stand in front of; set port= (known: {known})",))
        if port.scheme != "http":
            return app, PodPatch(problems=(f"port {args.port!r} speaks {port.scheme}, and tokens are in HTTP requests; set port=",))
        probed = list(dict.fromkeys(str(path).partition("?")[0] for path in app.probed(port).values()))
        problems = [
            f"the app's probe of {path!r} cannot be let through without a token; probe a path of letters, digits and ._@+=,/-, or use exec"
            for path in probed
            if _route_problems(f"GET {path}")
        ]
        if problems:
            return app, PodPatch(problems=tuple(problems))
        routes = [*args.open_routes, *(f"GET {path}" for path in probed)]
        app = app.move(args.port, to=args.app_port)
        moved = app.port(args.port)
        assert moved
        health = app.free_port(args.health_port)
        return app.reserve(health), self._patch(port, moved, health, routes)

    def _patch(self, port: Port, moved: Port, health: int, routes: list[str]) -> PodPatch:
        args, name = self.args, self.args.container_name
        # what an ambassador in front reaches on loopback nobody declares
        outermost = port.front is None
        probe = {"httpGet": {"path": "/metrics", "port": health}}
        config = f"{name}-config"
        container = {
            "name": name,
            "image": args.image,
            "args": self._arguments(port, moved, health, routes),
            "env": self._credentials(),
            "ports": [{"name": port.name, "containerPort": port.number}] if outermost and port.redirect is None else [],
            "resources": args.resources,
            # it answers itself, once it has found the issuer's keys
            "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
            "livenessProbe": {**probe, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
            "securityContext": restricted(args.uid, args.uid),
            "volumeMounts": [] if args.ca is None else [{"name": config, "mountPath": _DIRECTORY, "readOnly": True}],
        }
        own = () if outermost else (Listen(number=port.number),)
        return PodPatch(
            init_containers=(sidecar(container),),
            config_files=() if args.ca is None else (ConfigFiles(name=config, files={"ca.crt": args.ca}),),
            listens=(*own, Listen(number=health, argument="health_port")),
        )

    def _credentials(self) -> list[dict[str, Any]]:
        sources = {"OAUTH2_PROXY_COOKIE_SECRET": self._cookie_secret}
        if self.args.client_secret is not None:
            sources["OAUTH2_PROXY_CLIENT_SECRET"] = self.args.client_secret
        return [{"name": env, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}} for env, ref in sources.items()]

    def _arguments(self, port: Port, moved: Port, health: int, routes: list[str]) -> list[pulumi.Input[str]]:
        args, where = self.args, self._where
        flags: list[tuple[str, pulumi.Input[str]]] = [
            ("provider", "oidc"),
            ("oidc-issuer-url", checks.when_known(where, args.issuer, lambda url: args.url_problems("issuer", url))),
            ("client-id", args.audience),
            *(("oidc-extra-audience", _listed(audience)) for audience in args.extra_audiences),
            *(("oidc-enabled-signing-alg", algorithm) for algorithm in args.algorithms),
            ("oidc-groups-claim", args.groups_claim),
            *(("allowed-group", _listed(group)) for group in args.allowed_groups),
            # whose tokens these are, the issuer decides
            ("email-domain", "*"),
            ("skip-jwt-bearer-tokens", "true"),
            ("http-address", f"{port.host}:{port.listen}"),
            ("upstream", f"{moved.url}/"),
            ("upstream-timeout", f"{args.timeout_seconds}s"),
            ("disable-keep-alives", "false" if args.keep_connections else "true"),
            # every byte goes on at once
            ("flush-interval", "-1s"),
            *(("skip-auth-route", _listed(_regular_expression(route))) for route in dict.fromkeys(routes)),
            # what the proxy sets itself it takes away from what clients send
            ("pass-user-headers", "true"),
            ("pass-access-token", "true"),
            ("proxy-prefix", args.prefix),
            ("ping-path", f"{args.prefix}/ping"),
            ("ready-path", f"{args.prefix}/ready"),
            ("metrics-address", f":{health}"),
            ("request-logging", "true" if args.access_log else "false"),
        ]
        if args.jwks_url is not None:
            flags += [
                ("skip-oidc-discovery", "true"),
                ("oidc-jwks-url", checks.when_known(where, args.jwks_url, lambda url: args.url_problems("jwks_url", url))),
            ]
        if args.ca is not None:
            flags.append(("provider-ca-file", f"{_DIRECTORY}/ca.crt"))
        return [pulumi.Output.concat(f"--{n}=", v) if isinstance(v, pulumi.Output) else f"--{n}={v}" for n, v in [*flags, *self._login()]]

    def _login(self) -> Iterator[tuple[str, pulumi.Input[str]]]:
        args = self.args
        if args.client_secret is None or args.redirect_url is None:
            yield "client-secret", _UNUSED
            # 401 in place of a login page
            yield "force-json-errors", "true"
            # the userinfo endpoint could only repeat what a token says
            yield "skip-claims-from-profile-url", "true"
            return
        # a client with an invalid token is no browser
        yield "bearer-token-login-fallback", "false"
        yield "redirect-url", checks.when_known(self._where, args.redirect_url, args.redirect_problems)
        yield "skip-provider-button", "true"
        yield "code-challenge-method", "S256"
        yield "insecure-oidc-skip-nonce", "false"
        yield "cookie-expire", f"{args.session_hours}h"
        if args.scope is not None:
            yield "scope", args.scope
