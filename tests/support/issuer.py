"""An issuer of tokens: a signing key, and the documents by which a validator finds it. `served` has them at an address."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.servers import LOOPBACK, serving

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Any) -> str:
    return _encoded(json.dumps(value).encode())


class Issuer:
    """Signs tokens with RS256 and publishes its key; `rotate` makes another, and the old one is forgotten."""

    def __init__(self, url: str, audience: str = "app") -> None:
        self.url, self.audience = url, audience
        self.rotations = 0
        self._key = rsa.generate_private_key(65537, 2048)

    def rotate(self) -> None:
        """Signs with a new key from now on."""
        self.rotations += 1
        self._key = rsa.generate_private_key(65537, 2048)

    @property
    def kid(self) -> str:
        """Name of the present key."""
        return f"key-{self.rotations}"

    def public_pem(self) -> bytes:
        """The public key, which everybody may know."""
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def documents(self) -> Mapping[str, Any]:
        """What it publishes, by path."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _encoded(numbers.n.to_bytes(256, "big")),
            "e": _encoded(numbers.e.to_bytes(3, "big")),
        }
        discovery = {
            "issuer": self.url,
            "jwks_uri": self.url + KEYS,
            "authorization_endpoint": self.url + "/login",
            "token_endpoint": self.url + "/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return {DISCOVERY: discovery, KEYS: {"keys": [key]}}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; a change to None leaves one out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": self.audience, "sub": "ada", "iat": now, "exp": now + 300, "email": "ada@example.com"}
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A token that is signed as `header` says; default: RS256 with the present key."""
        said = {"alg": "RS256", "typ": "JWT", "kid": self.kid, **(header or {})}
        text = f"{_json(said)}.{_json(self.claims(**changes))}"
        return f"{text}.{_encoded(self._signature(said['alg'], text.encode()))}"

    def _signature(self, algorithm: str, text: bytes) -> bytes:
        if algorithm == "none":
            return b""
        if algorithm == "HS256":
            # the attack: the public key, taken for a shared secret
            return hmac.new(self.public_pem(), text, hashlib.sha256).digest()
        assert algorithm == "RS256"
        return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())


class IssuerServer(ThreadingHTTPServer):
    """The documents at http://127.0.0.1:PORT, and the paths that were asked for."""

    def __init__(self, number: int) -> None:
        self.issuer = Issuer(f"http://{LOOPBACK}:{number}")
        self.asked: list[str] = []
        super().__init__((LOOPBACK, number), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: IssuerServer

    def _answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(404 if document is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self._answer(self.server.issuer.documents().get(self.path))

    def do_POST(self) -> None:
        """The token endpoint: a code stands for a token with that nonce, or with the claims in it."""
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        code = asked["code"][0]
        token = self.server.issuer.token(**(json.loads(code) if code.startswith("{") else {"nonce": code}))
        self._answer({"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": 300})

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def issuing(number: int) -> Iterator[IssuerServer]:
    """An issuer at work on that port."""
    with serving(IssuerServer(number)) as server:
        yield server
