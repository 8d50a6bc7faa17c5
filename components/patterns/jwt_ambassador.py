"""JwtAmbassador: only requests with a valid token reach the app. nginx carries them; oauth2-proxy says which tokens are valid."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls

from ..core import checks
from ..core.app import SecretKey
from ..core.errors import refuse
from ..core.identity import restricted
from ..core.patch import ConfigFiles, Listen, PodPatch, sidecar
from ..core.plug import PatternArgs, describe
from ..core.view import LOOPBACK, BoundPort, PodView
from .shared import nginx
from .shared.proxies import health_probe, workers

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
_COOKIE_KEY = "cookie-secret"


@dataclass(frozen=True, kw_only=True)
class JwtAmbassadorArgs(PatternArgs):
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
    namespace: pulumi.Input[str] | None = None
    """Namespace of the Secret that is made. Default: None, the workload's; of a component of one's own, default."""
    timeout_seconds: int = 3600
    """Longest silence of the app or the client before the proxy gives up. Default: 3600."""
    upstream_idle_seconds: int = 4
    """How long an unused connection to the app is kept; less than the app's own idle timeout. 0: each request has a connection of its own.
    Default: 4."""
    health_port: int = 8082
    """Plain HTTP port on which nginx answers the kubelet: /healthz for itself, /validator for oauth2-proxy; the next free one if it is
    taken by the fold. Default: 8082."""
    validator_port: int = 4180
    """Port number on 127.0.0.1 on which nginx asks oauth2-proxy; the next free one if it is taken by the fold. Default: 4180."""
    access_log: bool = True
    """Whether requests are logged to stdout, with the user of the token. Default: True."""
    ipv6: bool = False
    """Whether to listen on IPv6 addresses too; fails on nodes without IPv6. Default: False."""
    image: pulumi.Input[str] = "nginx:1.28-alpine"
    """nginx 1.19.5 or later. Default: nginx:1.28-alpine."""
    validator_image: pulumi.Input[str] = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine"
    """oauth2-proxy 7.15 or later; classic sidecars before Kubernetes 1.30 need the flavour with a `sleep`.
    Default: quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine."""
    container_name: str = "jwt-proxy"
    """Name of nginx's container, and the beginning of its volumes' names; oauth2-proxy's has `-validator` added. Default: jwt-proxy."""
    uid: int | None = 101
    """User id of nginx; None leaves it to the cluster. Default: 101, as in the image."""
    validator_uid: int | None = 65532
    """User id of oauth2-proxy; None leaves it to the cluster. Default: 65532, as in the image."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    )
    """Requests and limits of nginx, which runs one worker for each CPU of the limit, one without. Default: 50m, 32Mi to 128Mi."""
    validator_resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    )
    """Requests and limits of oauth2-proxy. Default: 50m, 32Mi to 128Mi."""

    def plan(self) -> "_Ambassador":
        """The ambassador; the Secret of its sessions is created later, unless it exists."""
        return _Planned(self) if self.cookie_secret is None else _Ambassador(self, self.cookie_secret)

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
        for name, program in (("uid", "nginx"), ("validator_uid", "oauth2-proxy")):
            if getattr(self, name) == 0:
                found.append(f"{name} 0 is root: give {program} another user id")
        found += checks.port("health_port", self.health_port) + checks.port("validator_port", self.validator_port)
        found += checks.at_least("timeout_seconds", self.timeout_seconds, 1)
        found += checks.at_least("upstream_idle_seconds", self.upstream_idle_seconds, 0)
        found += checks.at_least("session_hours", self.session_hours, 1) + checks.label("container_name", self.container_name)
        found += checks.resources("resources", self.resources)
        return found + checks.resources("validator_resources", self.validator_resources)

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
    """A route as nginx.conf compares it with the method and the path as they were sent, nothing decoded."""
    found = _ROUTE.fullmatch(route)
    assert found
    path = re.escape(found["path"])
    if found["below"]:
        path += f"(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?"
    return f"{found['method']} {path}"


def _listed(value: pulumi.Input[str]) -> pulumi.Input[str]:
    """One entry of a flag that takes several, separated by commas."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if re.search('[,"\n]', value) else value
    known: pulumi.Output[str] = pulumi.Output.from_input(value)
    return known.apply(_listed)


class _Ambassador:
    """What it does to a pod, whether the Secret of its sessions exists already or not."""

    kind = "JwtAmbassador"

    def __init__(self, args: JwtAmbassadorArgs, cookie_secret: SecretKey) -> None:
        self.args = args
        self.name = args.name
        self.cookie_secret = cookie_secret
        self._where = describe(args)

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        """Takes over the port and moves the app inwards."""
        args = self.args
        port = pod.port(args.port)
        if port is None:
            return pod, PodPatch(problems=(f"there is no port {args.port!r} to stand in front of; set port= (known: {pod.known_ports()})",))
        if port.scheme != "http":
            return pod, PodPatch(problems=(f"port {args.port!r} speaks {port.scheme}, and tokens are in HTTP requests; set port=",))
        probed = list(dict.fromkeys(str(path).partition("?")[0] for path in pod.probed(port).values()))
        problems = [
            f"the app's probe of {path!r} cannot be let through without a token; probe a path of letters, digits and ._@+=,/-, or use exec"
            for path in probed
            if _route_problems(f"GET {path}")
        ]
        if problems:
            return pod, PodPatch(problems=tuple(problems))
        routes = [*args.open_routes, *(f"GET {path}" for path in probed)]
        pod = pod.move(args.port, to=args.app_port)
        moved = pod.port(args.port)
        assert moved
        health = pod.free_port(args.health_port)
        pod = pod.reserve(health)
        validator = pod.free_port(args.validator_port)
        return pod.reserve(validator), self._patch(pod, port, moved, health, validator, routes)

    def _patch(self, pod: PodView, port: BoundPort, moved: BoundPort, health: int, validator: int, routes: list[str]) -> PodPatch:
        args = self.args
        outermost = port.frontend is None
        listen = str(port.listen) if outermost else f"{port.host}:{port.number}"
        listener = nginx.Listener(name=port.name, listen=listen, upstream=f"{LOOPBACK}:{moved.number}", http=True)
        proxy = nginx.proxy(
            args.container_name,
            nginx.Nginx(
                listeners=[listener],
                outer_scheme=port.scheme if outermost else None,
                validator=nginx.Validator(
                    upstream=f"{LOOPBACK}:{validator}",
                    prefix=args.prefix,
                    open_routes=[_regular_expression(route) for route in dict.fromkeys(routes)],
                ),
                health_port=health,
                workers=workers(args.resources),
                max_body_size="0",
                timeout_seconds=args.timeout_seconds,
                upstream_idle_seconds=args.upstream_idle_seconds,
                ipv6=args.ipv6,
                access_log=args.access_log,
                reload=False,
            ),
            image=args.image,
            uid=args.uid,
            resources=args.resources,
            pod=pod,
            ports=[port] if outermost else [],
        )
        own = () if outermost else (Listen(number=port.number),)
        # after nginx: the kubelet reaches it through nginx
        return proxy + PodPatch(listens=own) + self._validator(validator, health)

    def _validator(self, number: int, health: int) -> PodPatch:
        args, name = self.args, f"{self.args.container_name}-validator"
        config = f"{name}-config"
        container = {
            "name": name,
            "image": args.validator_image,
            "args": self._arguments(number),
            "env": self._credentials(),
            "resources": args.validator_resources,
            # answered once it has found the issuer's keys
            **health_probe(health, nginx.VALIDATOR_HEALTH_PATH),
            "securityContext": restricted(args.validator_uid, args.validator_uid),
            "volumeMounts": [] if args.ca is None else [{"name": config, "mountPath": _DIRECTORY, "readOnly": True}],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            config_files=() if args.ca is None else (ConfigFiles(name=config, files={"ca.crt": args.ca}),),
            listens=(Listen(number=number, argument="validator_port"),),
        )

    def _credentials(self) -> list[dict[str, Any]]:
        sources = {"OAUTH2_PROXY_COOKIE_SECRET": self.cookie_secret}
        if self.args.client_secret is not None:
            sources["OAUTH2_PROXY_CLIENT_SECRET"] = self.args.client_secret
        return [{"name": env, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}} for env, ref in sources.items()]

    def _arguments(self, number: int) -> list[pulumi.Input[str]]:
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
            ("http-address", f"{LOOPBACK}:{number}"),
            # it only answers nginx; whatever it would let through itself goes nowhere
            ("upstream", "static://503"),
            ("set-xauthrequest", "true"),
            ("pass-access-token", "true"),
            ("proxy-prefix", args.prefix),
            ("ping-path", f"{args.prefix}/ping"),
            ("ready-path", f"{args.prefix}/ready"),
            ("request-logging", "false"),
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


class _Planned(_Ambassador):
    """The ambassador before its Secret exists."""

    def __init__(self, args: JwtAmbassadorArgs) -> None:
        super().__init__(args, SecretKey(name="planned", key=_COOKIE_KEY))

    def create(self, name: str, opts: pulumi.ResourceOptions) -> "JwtAmbassador":
        """The component with the Secret."""
        return JwtAmbassador(name, self.args, opts)


class JwtAmbassador(_Ambassador, pulumi.ComponentResource):
    """nginx in front of the app, which moves to 127.0.0.1; it asks an oauth2-proxy on 127.0.0.1 about every request (auth_request).
    Requests without a valid token (a JWT that the issuer signed) get 401, those of none of the allowed groups 403. Tokens with
    `email_verified: false` are rejected. While oauth2-proxy does not answer, requests get 500.

    The app is told who asks in X-Forwarded-User, -Email, -Groups, -Preferred-Username and -Access-Token; what clients send under
    these names, or X-Auth-Request-*, is taken away. Only upgrades to WebSocket go through.
    List TlsAmbassador before it: without TLS, whoever reads the network has the tokens.
    A key that the issuer no longer publishes is forgotten as soon as a token with a new one comes.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: JwtAmbassadorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = replace(args, name=name)
        refuse(f"JwtAmbassador {name!r}", args.problems())
        pulumi.ComponentResource.__init__(self, "pod-patterns:index:JwtAmbassador", name, {}, opts)
        _Ambassador.__init__(self, args, args.cookie_secret or self._made_secret(name, args))
        self.register_outputs({})

    @property
    def namespace(self) -> pulumi.Input[str] | None:
        """Namespace of what it makes; None if that is nothing."""
        made = "default" if self.args.namespace is None else self.args.namespace
        return None if self.args.cookie_secret is not None else made

    def _made_secret(self, name: str, args: JwtAmbassadorArgs) -> SecretKey:
        """Needed without logins too: a session cookie would be accepted, and whoever knows the secret can make one."""
        child = pulumi.ResourceOptions(parent=self)
        # pulumi-tls has what is random here; its key is kept in the state, and secret
        key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=child)

        def derived(pem: str) -> str:
            return base64.urlsafe_b64encode(hashlib.sha256(pem.encode()).digest()).decode()

        secret = kubernetes.core.v1.Secret(
            f"{name}-cookie",
            metadata={"namespace": "default" if args.namespace is None else args.namespace},
            string_data={_COOKIE_KEY: pulumi.Output.secret(key.private_key_pem_pkcs8.apply(derived))},
            immutable=True,
            opts=child,
        )
        return SecretKey(name=secret.metadata.name, key=_COOKIE_KEY)
