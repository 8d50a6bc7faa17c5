"""JwtAmbassador: only requests with a valid token reach the app. nginx carries them; oauth2-proxy says which tokens are valid."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls

from ..core import checks, rules
from ..core.app import SecretKey
from ..core.environment import environment
from ..core.errors import refuse
from ..core.identity import restricted
from ..core.patch import ConfigFiles, PodPatch, UndeclaredPort, sidecar
from ..core.plug import describe
from ..core.quantities import sized
from ..core.rules import HighPort, Image, Label, Path, Pem, PortName, PortNumber, Positive, Resources, SomeText, Text, Uid
from ..core.view import LOOPBACK, BoundPort, PodView
from .shared import nginx
from .shared.ambassador import AmbassadorArgs
from .shared.proxies import health_probe

_DIRECTORY = "/etc/oauth2-proxy"
_ROUTE = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*?)(?P<below>(?<=/)\*)?")
# what nobody can forge with the public key; HS256 and its kind would take a shared secret
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Claim = Annotated[str, checks.shaped("[A-Za-z0-9_.:/-]+", "letters, digits and _.:/-")]

# one path segment: neither '..', however often it is encoded, nor anything that servers read in different ways
_SEGMENT = "[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
# oauth2-proxy asks for a client secret even where nobody logs in
_UNUSED = "unused"
_COOKIE_KEY = "cookie-secret"


def _route_problems(what: str, route: str) -> list[str]:
    found = _ROUTE.fullmatch(route)
    if not found or "%" in route or checks.path("path", found["path"]):
        return [f"{what} {route!r} is not allowed: a method and a path of letters, digits and ._@+=,/-, e.g. 'GET /healthz'"]
    return []


Route = Annotated[str, _route_problems]


@dataclass(frozen=True, kw_only=True)
class JwtAmbassadorArgs(AmbassadorArgs):
    """Arguments of JwtAmbassador, besides those of AmbassadorArgs."""

    issuer: pulumi.Input[Text]
    """The token's `iss`, https://..., exactly as the issuer writes it. Its keys are found through /.well-known/openid-configuration."""
    audience: pulumi.Input[SomeText]
    """The token's `aud`; the client id of a login."""
    extra_audiences: Sequence[SomeText] = ()
    """Further audiences that are accepted. Default: none."""
    allowed_groups: Sequence[SomeText] = ()
    """Values of the claim `groups_claim`, of which a token must have one. Default: none, every valid token will do."""
    groups_claim: Claim = "groups"
    """The claim that is compared, a list or a text: groups, roles, sub ... Default: groups."""
    algorithms: Sequence[Algorithm] = ("RS256", "ES256")
    """Signatures that are accepted, if the issuer offers them. Default: RS256, ES256."""
    jwks_url: pulumi.Input[Text] | None = None
    """URL of the issuer's keys, in place of discovery: the pod then starts without the issuer. Default: None."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the issuer's, PEM; no secret. Default: None, the authorities that the image trusts."""
    allow_plaintext: bool = False
    """Whether the issuer may be a http:// address other than loopback: anyone who can tamper with its responses can forge tokens.
    Default: False."""
    target_port: PortName = "http"
    """Name of the port it stands in front of. Default: http."""
    public_routes: Sequence[Route] = ()
    """Routes that need no token: method and exact path, e.g. `GET /metrics`; a `*` at the end stands for everything below, of letters,
    digits and ._~@+-, e.g. `OPTIONS /*`. The paths that the app's own probes GET are public in any case. Default: none."""
    prefix: Path = "/oauth2"
    """Path below which oauth2-proxy answers itself (login, userinfo, ping); the app is not reached there, nor is its /robots.txt.
    Default: /oauth2."""
    client_secret: SecretKey | None = None
    """The client's secret at the issuer: browsers without a session are sent there to log in. Default: None, nobody logs in, and what
    has no token gets 401."""
    redirect_url: pulumi.Input[Text] | None = None
    """For a login: where the issuer sends browsers back to, https://HOST/oauth2/callback. Default: None."""
    scope: Text | None = None
    """For a login: what is asked for. Default: None, openid email profile, and groups with allowed_groups."""
    session_hours: Positive = 8
    """For a login: hours until the next one. Default: 8."""
    cookie_secret: SecretKey | None = None
    """Secret of 32 bytes, in base64, that sessions are encrypted with. Default: None, one is made and kept in the stack's state."""
    namespace: pulumi.Input[Label] | None = None
    """Namespace of the Secret that is made. Default: None, the workload's; of a component of one's own, default."""
    health_port: PortNumber = 8082
    """Plain HTTP port on which nginx answers the kubelet: /healthz for itself, /validator for oauth2-proxy; the fold takes the next free
    one if it is taken. Default: 8082."""
    validator_port: HighPort = 4180
    """Port number on 127.0.0.1 on which nginx asks oauth2-proxy; the fold takes the next free one if it is taken. Default: 4180."""
    validator_image: pulumi.Input[Image] = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine"
    """oauth2-proxy 7.15 or later; classic sidecars before Kubernetes 1.30 need the flavour with a `sleep`.
    Default: quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine."""
    container_name: Label = "jwt-proxy"
    """Name of nginx's container, and the beginning of its volumes' names; oauth2-proxy's has `-validator` added. Default: jwt-proxy."""
    validator_uid: Uid | None = 65532
    """User id of oauth2-proxy; None leaves it to the cluster. Default: 65532, as in the image."""
    validator_resources: Resources = sized("50m", "32Mi", "128Mi")
    """Requests and limits of oauth2-proxy. Default: 50m, 32Mi to 128Mi."""

    def plan(self) -> "_Ambassador":
        """The ambassador; the Secret of its sessions is created later, unless it exists."""
        return _Planned(self) if self.cookie_secret is None else _Ambassador(self, self.cookie_secret)

    def url_problems(self, what: str, url: str) -> list[str]:
        """What is wrong with an address of the issuer."""
        return checks.url(what, url, plaintext=self.allow_plaintext, risk="its keys can be forged")

    def redirect_problems(self, url: str) -> list[str]:
        """What is wrong with a redirect URL."""
        if checks.url("", url, plaintext=False, risk="") or url.startswith("http:") or not url.endswith(f"{self.prefix}/callback"):
            return [f"redirect_url {url!r} is not allowed: https://HOST{self.prefix}/callback"]
        return []

    def problems(self) -> list[str]:
        """What is wrong between the fields; a URL that is an Output is looked at when it is known."""
        found = self.url_problems("issuer", self.issuer) if isinstance(self.issuer, str) else []
        found += self.url_problems("jwks_url", self.jwks_url) if isinstance(self.jwks_url, str) else []
        if not self.algorithms:
            found.append("algorithms is empty; name at least one, e.g. ['RS256']")
        if self.prefix.endswith("/"):
            found.append(f"prefix {self.prefix!r} is not allowed: without '/' at the end, and not empty")
        return found + self._login_problems()

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
        name, port = args.target_port, pod.port(args.target_port)
        if port is None:
            problem = f"there is no port {name!r} to stand in front of; set target_port= (known: {pod.known_ports()})"
            return pod, PodPatch(problems=(problem,))
        if port.scheme != "http":
            return pod, PodPatch(problems=(f"port {name!r} speaks {port.scheme}, and tokens are in HTTP requests; set target_port=",))
        probed = list(dict.fromkeys(str(path).partition("?")[0] for path in pod.probed(port).values()))
        problems = [
            f"the app's probe of {path!r} cannot be let through without a token; probe a path of letters, digits and ._@+=,/-, or use exec"
            for path in probed
            if _route_problems("", f"GET {path}")
        ]
        if problems:
            return pod, PodPatch(problems=tuple(problems))
        routes = [*args.public_routes, *(f"GET {path}" for path in probed)]
        pod = pod.move(name, to=args.inner_port)
        moved = pod.port(name)
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
            args,
            nginx.Nginx(
                listeners=[listener],
                outer_scheme=port.scheme if outermost else None,
                validator=nginx.Validator(
                    upstream=f"{LOOPBACK}:{validator}",
                    prefix=args.prefix,
                    public_routes=[_regular_expression(route) for route in dict.fromkeys(routes)],
                ),
                health_port=health,
            ),
            pod=pod,
            ports=[port] if outermost else [],
        )
        own = () if outermost else (UndeclaredPort(number=port.number),)
        # after nginx: the kubelet reaches it through nginx
        return proxy + PodPatch(undeclared_ports=own) + self._validator(validator, health)

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
            "volumeMounts": [] if args.ca_pem is None else [{"name": config, "mountPath": _DIRECTORY, "readOnly": True}],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            config_files=() if args.ca_pem is None else (ConfigFiles(name=config, files={"ca.crt": args.ca_pem}),),
            undeclared_ports=(UndeclaredPort(number=number, argument="validator_port"),),
        )

    def _credentials(self) -> list[dict[str, Any]]:
        sources = {"OAUTH2_PROXY_COOKIE_SECRET": self.cookie_secret}
        if self.args.client_secret is not None:
            sources["OAUTH2_PROXY_CLIENT_SECRET"] = self.args.client_secret
        return environment({}, sources)

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
        if args.ca_pem is not None:
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
        refuse(f"JwtAmbassador {name!r}", rules.misplaced(JwtAmbassadorArgs, args) or rules.problems(args))
        args = replace(args, name=name)
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
