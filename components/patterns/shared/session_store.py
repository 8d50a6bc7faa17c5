"""A Redis that keeps the sessions of browsers that have logged in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from ...core import checks
from ...core.app import SecretKey
from ...core.rules import Pem, SomeText, Text

_URL = re.compile(r"(?P<scheme>rediss?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[0-9]{1,3})?")
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


@dataclass(frozen=True, kw_only=True)
class SessionStore:
    """A Redis in which oauth2-proxy keeps sessions, in place of the browser's cookie, which then holds the key of one of them alone: it is
    short however large the tokens are, and after /oauth2/sign_out a copy of it is worth nothing. All replicas use the same Redis, and no
    pod starts without it. What it keeps is encrypted with what is in the cookie."""

    url: pulumi.Input[Text]
    """`rediss://HOST:6379`, with the number of a database at the end at most, e.g. `/0`."""
    password: SecretKey | None = None
    """The password, from a Secret. Default: None, the Redis asks for none."""
    username: SomeText | None = None
    """User of its access control list, who needs GET, SET, DEL, PING and HELLO for keys `_oauth2_proxy*`. Default: None, default."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the Redis's, PEM; no secret. Default: None, the authorities that the image trusts."""
    allow_plaintext: bool = False
    """Whether it may be a redis:// address: whoever reads the network has the password. Default: False."""

    def url_problems(self, url: str) -> list[str]:
        """What is wrong with the address."""
        found = _URL.fullmatch(url)
        if not found:
            # without the value, which may hold a password
            return ["url is not allowed: rediss://HOST, with a port and the number of a database at most; a password comes from password="]
        if found["host"] in _LOOPBACK:
            return [
                f"url names {found['host']}, a Redis of each pod's own (RedisCacheSidecar): its sessions would end with the pod, and no "
                "other replica would know them; name one that all pods reach, or leave session_store out: a cookie outlives pods"
            ]
        if found["scheme"] == "redis" and self.ca_pem is not None:
            return [f"url {url!r} is not encrypted, but ca_pem is set; use rediss://, or leave ca_pem out"]
        if found["scheme"] == "redis" and not self.allow_plaintext:
            return [f"url {url!r} is not encrypted, so that its password can be read; use rediss://, or set allow_plaintext=True"]
        return []

    def problems(self) -> list[str]:
        """What is wrong between the fields; a URL that is an Output is looked at when it is known."""
        found = self.url_problems(self.url) if isinstance(self.url, str) else []
        if self.username is not None and self.password is None:
            found.append("username is set, but no password; set password= too")
        return found

    def flags(self, where: str, ca_path: str) -> Iterator[tuple[str, pulumi.Input[str]]]:
        """oauth2-proxy's flags. where: the place that an error names."""
        yield "session-store-type", "redis"
        yield (
            "redis-connection-url",
            checks.when_known(where, self.url, lambda url: [f"session_store: {line}" for line in self.url_problems(url)]),
        )
        if self.username is not None:
            yield "redis-username", self.username
        if self.ca_pem is not None:
            yield "redis-ca-path", ca_path

    def secrets(self) -> dict[str, SecretKey]:
        """oauth2-proxy's environment from Secrets."""
        return {} if self.password is None else {"OAUTH2_PROXY_REDIS_PASSWORD": self.password}
