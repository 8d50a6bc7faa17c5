"""oauth2-proxy as the validator of tokens beside an nginx: its arguments, and its container."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi

from ...core import checks
from ...core.app import SecretKey
from ...core.environment import environment, literal
from ...core.identity import restricted
from ...core.patch import ConfigFiles, Connection, PodPatch, UndeclaredPort, sidecar
from ...core.plug import describe
from ...core.quantities import sized
from ...core.rules import HighPort, Image, Path, Pem, Positive, Resources, SomeText, Text, Uid
from ...core.view import LOOPBACK
from . import nginx
from .ambassador import AmbassadorArgs
from .proxies import health_probe
from .session_store import SessionStore

_DIRECTORY = "/etc/oauth2-proxy"
_CA, _REDIS_CA = "ca.crt", "redis-ca.crt"
# what nobody can forge with the public key; HS256 and its kind would take a shared secret
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Claim = Annotated[str, checks.shaped("[A-Za-z0-9_.:/-]+", "letters, digits and _.:/-")]
# oauth2-proxy asks for a client secret even where nobody logs in
_UNUSED = "unused"


@dataclass(frozen=True, kw_only=True)
class ValidatorArgs(AmbassadorArgs):
    """Which tokens are valid, and how browsers log in, besides the arguments of AmbassadorArgs."""

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
    session_store: SessionStore | None = None
    """For a login: a Redis that keeps the sessions. Default: None, they are in the browser's cookie, encrypted; such a session cannot be
    ended before its time, except by another `cookie_secret`, which ends all of them."""
    validator_port: HighPort = 4180
    """Port number on 127.0.0.1 on which nginx asks oauth2-proxy; the fold takes the next free one if it is taken. Default: 4180."""
    validator_image: pulumi.Input[Image] = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine"
    """oauth2-proxy 7.15 or later; classic sidecars before Kubernetes 1.30 need the flavour with a `sleep`.
    Default: quay.io/oauth2-proxy/oauth2-proxy:v7.15.6-alpine."""
    validator_uid: Uid | None = 65532
    """User id of oauth2-proxy; None leaves it to the cluster. Default: 65532, as in the image."""
    validator_resources: Resources = sized("50m", "32Mi", "128Mi")
    """Requests and limits of oauth2-proxy. Default: 50m, 32Mi to 128Mi."""

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
        found = super().problems()
        found += self.url_problems("issuer", self.issuer) if isinstance(self.issuer, str) else []
        found += self.url_problems("jwks_url", self.jwks_url) if isinstance(self.jwks_url, str) else []
        if not self.algorithms:
            found.append("algorithms is empty; name at least one, e.g. ['RS256']")
        if self.prefix.endswith("/"):
            found.append(f"prefix {self.prefix!r} is not allowed: without '/' at the end, and not empty")
        return found + self._login_problems()

    def _login_problems(self) -> list[str]:
        if self.client_secret is None:
            names = ("redirect_url", "scope", "session_store")
            return [f"{n} is set, but nobody can log in; set client_secret= too" for n in names if getattr(self, n) is not None]
        found = []
        if self.redirect_url is None:
            found.append(f"redirect_url is missing: where the issuer sends browsers back to, https://HOST{self.prefix}/callback")
        elif isinstance(self.redirect_url, str):
            found += self.redirect_problems(self.redirect_url)
        if self.jwks_url is not None:
            found.append("jwks_url is set, but a login needs the issuer's other addresses as well; leave it out")
        return found

    def validator(self, number: int, health: int, cookie_secret: SecretKey) -> PodPatch:
        """oauth2-proxy, which listens on that port of 127.0.0.1; the kubelet reaches it through nginx's health port."""
        name = f"{self.container_name}-validator"
        config = f"{name}-config"
        secrets, files = {"OAUTH2_PROXY_COOKIE_SECRET": cookie_secret}, {}
        if self.client_secret is not None:
            secrets["OAUTH2_PROXY_CLIENT_SECRET"] = self.client_secret
        if self.ca_pem is not None:
            files[_CA] = self.ca_pem
        if self.session_store is not None:
            secrets |= self.session_store.secrets()
            if self.session_store.ca_pem is not None:
                files[_REDIS_CA] = self.session_store.ca_pem
        container = {
            "name": name,
            "image": self.validator_image,
            "args": self._arguments(number),
            "env": environment({}, secrets),
            "resources": self.validator_resources,
            # answered once it has found the issuer's keys
            **health_probe(health, nginx.VALIDATOR_HEALTH_PATH),
            "securityContext": restricted(self.validator_uid, self.validator_uid),
            "volumeMounts": [{"name": config, "mountPath": _DIRECTORY, "readOnly": True}] if files else [],
        }
        return PodPatch(
            init_containers=(sidecar(container),),
            config_files=(ConfigFiles(name=config, files=files),) if files else (),
            undeclared_ports=(UndeclaredPort(number=number, argument="validator_port"),),
            connects=tuple(Connection(address=address) for address in self._servers()),
        )

    def _servers(self) -> Iterator[pulumi.Input[str]]:
        """What it connects to; where an issuer found by its name has its keys, it says itself."""
        yield self.issuer if self.jwks_url is None else self.jwks_url
        if self.session_store is not None:
            yield self.session_store.url

    def _arguments(self, number: int) -> list[pulumi.Input[str]]:
        where = describe(self)
        flags: list[tuple[str, pulumi.Input[str]]] = [
            ("provider", "oidc"),
            ("oidc-issuer-url", checks.when_known(where, self.issuer, lambda url: self.url_problems("issuer", url))),
            ("client-id", self.audience),
            *(("oidc-extra-audience", _listed(audience)) for audience in self.extra_audiences),
            *(("oidc-enabled-signing-alg", algorithm) for algorithm in self.algorithms),
            ("oidc-groups-claim", self.groups_claim),
            *(("allowed-group", _listed(group)) for group in self.allowed_groups),
            # whose tokens these are, the issuer decides
            ("email-domain", "*"),
            ("skip-jwt-bearer-tokens", "true"),
            ("http-address", f"{LOOPBACK}:{number}"),
            # it only answers nginx; whatever it would let through itself goes nowhere
            ("upstream", "static://503"),
            ("set-xauthrequest", "true"),
            ("pass-access-token", "true"),
            ("proxy-prefix", self.prefix),
            ("ping-path", f"{self.prefix}/ping"),
            ("ready-path", f"{self.prefix}/ready"),
            ("request-logging", "false"),
        ]
        if self.jwks_url is not None:
            flags += [
                ("skip-oidc-discovery", "true"),
                ("oidc-jwks-url", checks.when_known(where, self.jwks_url, lambda url: self.url_problems("jwks_url", url))),
            ]
        if self.ca_pem is not None:
            flags.append(("provider-ca-file", f"{_DIRECTORY}/{_CA}"))
        texts = [(name, literal(value)) for name, value in [*flags, *self._login()]]
        return [pulumi.Output.concat(f"--{n}=", v) if isinstance(v, pulumi.Output) else f"--{n}={v}" for n, v in texts]

    def _login(self) -> Iterator[tuple[str, pulumi.Input[str]]]:
        if self.client_secret is None or self.redirect_url is None:
            yield "client-secret", _UNUSED
            # 401 in place of a login page
            yield "force-json-errors", "true"
            # the userinfo endpoint could only repeat what a token says
            yield "skip-claims-from-profile-url", "true"
            return
        # a client with an invalid token is no browser
        yield "bearer-token-login-fallback", "false"
        yield "redirect-url", checks.when_known(describe(self), self.redirect_url, self.redirect_problems)
        yield "skip-provider-button", "true"
        yield "code-challenge-method", "S256"
        yield "insecure-oidc-skip-nonce", "false"
        yield "cookie-expire", f"{self.session_hours}h"
        if self.scope is not None:
            yield "scope", self.scope
        if self.session_store is not None:
            yield from self.session_store.flags(describe(self), f"{_DIRECTORY}/{_REDIS_CA}")


def _listed(value: pulumi.Input[str]) -> pulumi.Input[str]:
    """One entry of a flag that takes several, separated by commas."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if re.search('[,"\n]', value) else value
    known: pulumi.Output[str] = pulumi.Output.from_input(value)
    return known.apply(_listed)
