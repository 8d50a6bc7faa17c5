"""Mutual TLS of an ambassador that runs nginx: whose certificates it asks clients for, and where the files for that come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi

from ...core import checks
from ...core.app import ConfigMapKey, SecretKey
from ...core.patch import Wire
from ...core.rules import Pem
from . import nginx
from .connections import ConnectionsArgs

ClientName = Annotated[
    str,
    checks.shaped(
        "[A-Za-z0-9]([A-Za-z0-9 ._@:/-]{0,62}[A-Za-z0-9])?", "a common name of letters, digits, spaces and ._@:/-, 64 characters at most"
    ),
]


@dataclass(frozen=True, kw_only=True)
class MutualTlsArgs(ConnectionsArgs):
    """Whose certificates clients must have, besides the arguments of ConnectionsArgs."""

    client_auth: Literal["required", "optional"] | None = None
    """Mutual TLS. `required`: only a client with a certificate gets through; `optional`: one without gets through too. A client with an
    invalid certificate never does. The app reads who the client is in X-Client-Verify (SUCCESS or NONE), X-Client-Subject (RFC 2253) and
    X-Forwarded-Client-Cert (Cert="URL-encoded PEM"), unless the port is carried as tcp. Keys are RSA, P-256 or P-384; a client with one on
    P-521 must speak TLS 1.3. Default: None, no client certificates."""
    client_ca_pems: Sequence[pulumi.Input[Pem]] = ()
    """Certificates of the authorities of the clients; the old one and the new one while the one replaces the other. Default: none, the
    trust bundle of `authority`."""
    client_ca_secret: SecretKey | None = None
    """An existing Secret that has them instead; read when nginx starts, unless `reload` is set. Default: None."""
    client_crl_config_map: ConfigMapKey | None = None
    """Certificates that are revoked: an existing ConfigMap with the revocation lists (CRL) of the authorities, one after the other, in PEM.
    It takes one of every authority of a chain, that of the root included: a client below an authority without one is rejected. So is
    every client of an authority whose list has expired (nextUpdate): publish the next one in time. Read when nginx starts, unless
    `reload` is set. Whoever may change it decides who gets through: nginx also trusts certificates that it finds there. Default: None,
    nothing is revoked."""
    client_crl_secret: SecretKey | None = None
    """The same, from a Secret. Default: None."""
    client_names: Sequence[ClientName] = ()
    """Common names of the clients that get through; of the subject alone, and only if it has no second one. Not for ports carried as
    tcp. Default: none, every client of the authorities."""

    def client_problems(self, *, authority: bool) -> list[str]:
        """What is wrong between these fields. `authority`: whether there is one whose clients they are by default."""
        if self.client_auth is None:
            names = ("client_ca_pems", "client_ca_secret", "client_crl_config_map", "client_crl_secret", "client_names")
            given = [name for name in names if getattr(self, name)]
            return [f"{name} is set, but no client is asked for a certificate; set client_auth='required'" for name in given]
        found = []
        if self.plain_too:
            found.append("plain_too and client_auth are both set, but who speaks plain text has no certificate; leave one of the two out")
        if not (self.client_ca_pems or self.client_ca_secret or authority):
            found.append("client_auth is set, but no authority of the clients; set client_ca_pems=, client_ca_secret= or authority=")
        if self.client_ca_secret is not None and self.client_ca_pems:
            found.append("client_ca_pems and client_ca_secret are both set; the authorities of the clients come from one of them")
        if self.client_crl_config_map is not None and self.client_crl_secret is not None:
            found.append("client_crl_config_map and client_crl_secret are both set; the revoked certificates come from one of them")
        return found

    def clients(self) -> nginx.Clients | None:
        """What nginx knows of the clients; None if it asks for no certificates."""
        if self.client_auth is None:
            return None
        return nginx.Clients(
            required=self.client_auth == "required",
            ca=f"{nginx.CLIENTS if self.client_ca_secret else nginx.DIRECTORY}/{nginx.CLIENT_CA}",
            crl=f"{nginx.REVOKED}/{nginx.CLIENT_CRL}" if self.client_crl_config_map or self.client_crl_secret else None,
            names=tuple(self.client_names),
        )

    def client_mounts(self) -> Mapping[str, tuple[str, Wire | str]]:
        """What is mounted for it: the end of the volume's name -> where, and the volume's source."""
        found: dict[str, tuple[str, Wire | str]] = {}
        if self.client_ca_secret:
            found["clients"] = (nginx.CLIENTS, _one_file(self.client_ca_secret, nginx.CLIENT_CA))
        crl = self.client_crl_config_map or self.client_crl_secret
        if crl:
            found["revoked"] = (nginx.REVOKED, _one_file(crl, nginx.CLIENT_CRL))
        return found


def _one_file(key: SecretKey | ConfigMapKey, name: str) -> Wire:
    """The source of a volume with that key as the only file."""
    items = [{"key": key.key, "path": name}]
    if isinstance(key, SecretKey):
        return {"secret": {"secretName": key.name, "items": items}}
    return {"configMap": {"name": key.name, "items": items}}
