"""JwtAmbassador: only requests with a valid token reach the app. nginx carries them; oauth2-proxy says which tokens are valid."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import pulumi
import pulumi_tls as tls

from ..core import checks, rules
from ..core.app import SecretKey
from ..core.errors import refuse
from ..core.patch import PodPatch, UndeclaredPort
from ..core.rules import Label, PortName, PortNumber
from ..core.view import LOOPBACK, BoundPort, PodView
from ..kubernetes_object import KubernetesObject
from .shared import nginx, nginx_container
from .shared.listener import Listener
from .shared.oauth2_proxy import ValidatorArgs

_ROUTE = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*?)(?P<below>(?<=/)\*)?")

_PROTECTED = re.compile(r"(?P<path>/|(/\.?[A-Za-z0-9_~@+=,-][A-Za-z0-9._~@+=,-]*)+/?)(?P<below>(?<=/)\*)?")

# one path segment: neither '..', however often it is encoded, nor anything that servers read in different ways
_SEGMENT = "[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
# the same where everything is open but what is named; some servers drop a dot at the end, or take a plus for a space
_OPEN_SEGMENT = r"\.?[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*(?<!\.)"
# nginx reads a parameter of less than 4,096 bytes
_LONGEST_PARAMETER = 3500
_COOKIE_KEY = "cookie-secret"


@checks.outlined("[A-Z]+ /[^% ]*")
def _route_problems(what: str, route: str) -> list[str]:
    found = _ROUTE.fullmatch(route)
    if not found or "%" in route or checks.path("path", found["path"]):
        return [f"{what} {route!r} is not allowed: a method and a path of letters, digits and ._@+=,/-, e.g. 'GET /healthz'"]
    return []


@checks.outlined("/[^% ]*")
def _protected_problems(what: str, route: str) -> list[str]:
    if _PROTECTED.fullmatch(route):
        return []
    return [f"{what} {route!r} is not allowed: a path without a method, of letters, digits and ._~@+=,/-, e.g. '/admin' or '/admin/*'"]


Route = Annotated[str, _route_problems]
ProtectedRoute = Annotated[str, _protected_problems]


@dataclass(frozen=True, kw_only=True)
class JwtAmbassadorArgs(ValidatorArgs):
    """Arguments of JwtAmbassador, besides those of ValidatorArgs and AmbassadorArgs."""

    namespace: pulumi.Input[Label] | None = None
    """Namespace of the Secret that is made. Default: None, the workload's; of a component made by hand, default."""
    target_port: PortName = "http"
    """Name of the port it stands in front of. Default: http."""
    public_routes: Sequence[Route] = ()
    """Routes that need no token: method and exact path, e.g. `GET /metrics`; a `*` at the end stands for everything below, of letters,
    digits and ._~@+-, e.g. `OPTIONS /*`. The paths that the app's own probes GET are public in any case. Default: none."""
    protected_routes: Sequence[ProtectedRoute] = ()
    """The only routes that need a token, in place of `public_routes`: paths for every method, e.g. `/account`; with `/*` at the end it and
    everything below, e.g. `/admin/*`. Large and small letters, a `/` or `.json` at the end, and the query do not matter. A path with
    anything but letters, digits and ._~@-/ in it, with an escape (`%61`), an empty segment or `..` needs a token as well, since servers
    read these in different ways. Whether the app has another name for a route (`/index.php/admin`, `/?page=admin`), nobody here knows:
    name it too. On the other routes the app is not told who asks, whatever token comes. Default: none, every route but the public ones
    needs a token."""
    cookie_secret: SecretKey | None = None
    """Secret of 32 bytes, in base64, that sessions are encrypted with. Default: None, one is made and kept in the stack's state."""
    health_port: PortNumber = 8082
    """Plain HTTP port on which nginx answers the kubelet: /healthz for itself, /validator for oauth2-proxy; the fold takes the next free
    one if it is taken. Default: 8082."""
    container_name: Label = "jwt-proxy"
    """Name of nginx's container, and the beginning of its volumes' names; oauth2-proxy's has `-validator` added. Default: jwt-proxy."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = super().problems()
        if self.public_routes and self.protected_routes:
            found.append("public_routes and protected_routes are both set; name either the routes that are open or those that are not")
        length = len(_everything_but([route for route in self.protected_routes if not _protected_problems("", route)]))
        if length > _LONGEST_PARAMETER:
            found.append(
                f"protected_routes are too long for nginx: {length} characters as a regular expression, {_LONGEST_PARAMETER} at most; "
                "name what they have in common ('/admin/*'), or use public_routes="
            )
        return found

    def open_routes(self) -> list[str]:
        """Regular expressions of what needs no token, as nginx.conf compares them with the method and the path as they were sent, nothing
        decoded."""
        if self.protected_routes:
            return [_everything_but(self.protected_routes)]
        return [_regular_expression(route) for route in dict.fromkeys(self.public_routes)]

    def plan(self) -> "_Ambassador":
        """The ambassador; the Secret of its sessions is created later, unless it exists."""
        return _Planned(self) if self.cookie_secret is None else _Ambassador(self, self.cookie_secret)


def _regular_expression(route: str) -> str:
    found = _ROUTE.fullmatch(route)
    assert found
    path = re.escape(found["path"])
    if found["below"]:
        path += f"(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?"
    return f"{found['method']} {path}"


def _everything_but(protected: Sequence[str]) -> str:
    """Every path that all servers read alike, and that is none of these, however an app may compare them."""
    closed = []
    for route in dict.fromkeys(protected):
        found = _PROTECTED.fullmatch(route)
        assert found
        path = re.escape(found["path"].rstrip("/"))
        closed.append(f"{path}(?:[./?]|$)" if found["below"] else rf"{path}(?:\.[^/?]*)?/?(?:\?|$)")
    return f"[A-Z]+ (?!(?i:{'|'.join(closed)}))/(?:{_OPEN_SEGMENT}(?:/{_OPEN_SEGMENT})*/?)?"


class _Ambassador:
    """What it does to a pod, whether the Secret of its sessions exists already or not."""

    kind = "JwtAmbassador"

    def __init__(self, args: JwtAmbassadorArgs, cookie_secret: SecretKey) -> None:
        self.args = args
        self.name = args.name
        self.cookie_secret = cookie_secret

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        """Takes over the port and moves the app inwards."""
        args = self.args
        name, port = args.target_port, pod.port(args.target_port)
        if port is None:
            problem = f"there is no port {name!r} to stand in front of; set target_port= (known: {pod.known_ports()})"
            return pod, PodPatch(problems=(problem,))
        if port.scheme == "grpc":
            problem = (
                f"port {name!r} speaks grpc, and JwtAmbassador passes requests on in HTTP/1.1; let the app check the tokens of its "
                "calls, or set target_port="
            )
            return pod, PodPatch(problems=(problem,))
        if port.scheme != "http":
            return pod, PodPatch(problems=(f"port {name!r} speaks {port.scheme}, and tokens are in HTTP requests; set target_port=",))
        probed = list(dict.fromkeys(str(path).partition("?")[0] for path in pod.probed(port).values()))
        problems = [
            f"the app's probe of {path!r} cannot be let through without a token; probe a path of letters, digits and ._@+=,/-, or use exec"
            for path in probed
            if _route_problems("", f"GET {path}")
        ] + args.inner_port_problems(pod, port)
        if problems:
            return pod, PodPatch(problems=tuple(problems))
        routes = [*args.open_routes(), *(_regular_expression(f"GET {path}") for path in probed)]
        is_connected, pod = pod.is_connected(port), pod.move(name, to=args.inner_port)
        moved = pod.port(name)
        assert moved
        health = pod.free_port(args.health_port)
        pod = pod.reserve(health)
        validator = pod.free_port(args.validator_port)
        listener = self._listener(port, moved, is_connected=is_connected)
        patch = self._patch(pod, port, listener, health, validator, routes)
        return nginx.checking(pod.reserve(validator), [listener], health), patch

    @staticmethod
    def _listener(port: BoundPort, moved: BoundPort, *, is_connected: bool) -> Listener:
        outermost = port.frontend is None
        return Listener(
            name=port.name,
            listen=str(port.listen) if outermost else f"{port.host}:{port.number}",
            own_addresses=outermost and port.keeps_number,
            upstream=f"{LOOPBACK}:{moved.number}",
            http=True,
            checked=port.process_number(moved.number) if is_connected else None,
        )

    def _patch(self, pod: PodView, port: BoundPort, listener: Listener, health: int, validator: int, routes: list[str]) -> PodPatch:
        args = self.args
        outermost = port.frontend is None
        proxy = nginx_container.proxy(
            args,
            nginx.Nginx(
                listeners=[listener],
                outer_scheme=port.scheme if outermost else None,
                validator=nginx.Validator(
                    upstream=f"{LOOPBACK}:{validator}",
                    prefix=args.prefix,
                    public_routes=list(dict.fromkeys(routes)),
                ),
                health_port=health,
            ),
            pod=pod,
            ports=[port] if outermost else [],
        )
        own = () if outermost else (UndeclaredPort(number=port.number),)
        # after nginx: the kubelet reaches it through nginx
        return proxy + PodPatch(undeclared_ports=own) + args.validator(validator, health, self.cookie_secret)


class _Planned(_Ambassador):
    """The ambassador before its Secret exists."""

    def __init__(self, args: JwtAmbassadorArgs) -> None:
        super().__init__(args, SecretKey(name="planned", key=_COOKIE_KEY))

    def create(self, name: str, opts: pulumi.ResourceOptions) -> "JwtAmbassador":
        """The component with the Secret."""
        return JwtAmbassador(name, self.args, opts)


class JwtAmbassador(_Ambassador, pulumi.ComponentResource):
    """nginx in front of the app, which moves to 127.0.0.1; it asks an oauth2-proxy on 127.0.0.1 about every request (auth_request).
    Requests without a valid token (a JWT that the issuer signed) get 401; those whose token has none of the allowed
    groups get 403. Tokens with
    `email_verified: false` are rejected. While oauth2-proxy does not answer, requests get 500.

    That holds for every route but `public_routes`, or for `protected_routes` alone.

    The app reads who asks in X-Forwarded-User, -Email, -Groups, -Preferred-Username and -Access-Token; what clients send under
    these names, or X-Auth-Request-*, is removed. Only upgrades to WebSocket go through.
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

        secret = KubernetesObject(
            f"{name}-cookie",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"namespace": "default" if args.namespace is None else args.namespace},
                "stringData": {_COOKIE_KEY: key.private_key_pem_pkcs8.apply(derived)},
                "immutable": True,
            },
            child,
        )
        return SecretKey(name=secret.object_name, key=_COOKIE_KEY)
