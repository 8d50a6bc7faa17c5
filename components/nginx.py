"""The nginx.conf of TlsAmbassador: a pure function of structure. Parses on nginx 1.19.5, 1.22 and current."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import product

import jinja2

CERTIFICATES = "/certs"
"""Where the kubernetes.io/tls Secret is mounted."""

DIRECTORY = "/etc/nginx-proxy"
"""Where the nginx.conf is mounted."""

CLIENTS = "/clients"
"""Where the Secret with the authorities of the clients is mounted, if there is one; otherwise they are beside the nginx.conf."""

CLIENT_CA = "client-ca.pem"
"""Name of the file with the authorities of the clients."""

IDENTITY = {
    "X-Client-Verify": "$ssl_client_verify",
    "X-Client-Subject": "$ssl_client_s_dn",
    "X-Forwarded-Client-Cert": "$client_certificate",
}
"""Headers that tell the server behind who the client is, and their values; nobody else's come through."""

DRAINING = "/tmp/draining"
"""While this file exists every answer closes its connection, so that clients move to another pod by themselves."""

RELOADING = "/tmp/reloading"
"""The same while nginx takes changed certificates; a file of its own, so that the end of this is not the end of that."""

# -e, because until nginx has read its configuration it logs to where the image was built to, which may not be writable
_NGINX = f"nginx -e stderr -c {DIRECTORY}/nginx.conf"

# Mozilla intermediate, guidelines 5.7, without its DHE suites, which need a dhparam file
_CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)

# An attribute of a subject, as RFC 2253 writes it, that is no common name. \x5C is the backslash, which makes the character after it a
# part of the value, whatever that is; written as itself it would mean something to nginx already.
_OTHER = r"(?!CN=)[^=,+\x5C]+=(?:[^,+\x5C]|\x5C.)*"


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Whose certificates are asked for."""

    required: bool
    """Whether clients without one are refused."""
    ca: str
    """Path of the file that they are verified with."""
    names: Sequence[str]
    """Common names that are let through; all, if there are none."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port that nginx takes over."""

    name: str
    """Port name."""
    listen: str
    """Address and number, as in nginx's listen directive."""
    upstream: str
    """host:port of the process behind it."""
    http: bool
    """Whether it is proxied as HTTP, or as a plain TCP stream."""
    probe_port: int | None = None
    """Plain HTTP port for the kubelet, which has no certificate."""
    probe_uris: Sequence[str] = ()
    """All that is proxied from there, by GET."""


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """What varies in the configuration."""

    listeners: Sequence[Listener]
    clients: Clients | None
    health_port: int
    workers: int
    max_body_size: str
    timeout_seconds: int
    upstream_idle_seconds: int
    ipv6: bool
    access_log: bool
    reload: bool


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["escaped"] = re.escape
    return environment.get_template("nginx.conf.j2")


def _spellings(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every header with its value, and with none in the spellings that many servers take for the same header."""
    for name, value in headers.items():
        first, *rest = name.split("-")
        for separators in product("-_", repeat=len(rest)):
            spelled = first + "".join(separator + part for separator, part in zip(separators, rest, strict=True))
            yield spelled, value if spelled == name else ""


def command(*, reload: Sequence[str] = ()) -> list[str]:
    """The container's command; with directories in `reload` where Secrets are mounted, nginx takes their changes without a restart."""
    # /tmp outlives the container: without rm, one restarted by its liveness probe would go on draining
    if not reload:
        return ["/bin/sh", "-c", f"rm -f {DRAINING}; exec {_NGINX}"]
    # The kubelet swaps the link `..data` when it has written the files of a changed Secret. The worker that is replaced then hangs up
    # on the clients, also on those that are just sending a request: so before that they are made to open a connection for each, and
    # are still while it can have one that it accepted at the last moment.
    links = "; ".join(f"readlink {directory}/..data" for directory in reload)
    script = f"""\
rm -f {DRAINING} {RELOADING}
known=$({links})
( while sleep 1; do
  now=$({links})
  [ "$now" != "$known" ] || continue
  known=$now
  if {_NGINX} -t -q; then
    touch {RELOADING}; sleep 3
    {_NGINX} -s reload && echo "the certificates have changed; nginx has taken them"
    sleep 2; rm -f {RELOADING}
  else
    echo "the changed certificates are refused; nginx goes on with those of before" >&2
  fi
done ) &
exec {_NGINX}"""
    return ["/bin/sh", "-c", script]


def render(nginx: Nginx) -> str:
    """The whole nginx.conf."""

    def listens(address: str | int) -> list[str]:
        return [str(address), f"[::]:{address}"] if nginx.ipv6 and ":" not in str(address) else [str(address)]

    return _template().render(
        {field.name: getattr(nginx, field.name) for field in fields(nginx)},
        certificates=CERTIFICATES,
        ciphers=_CIPHERS,
        draining=(DRAINING, RELOADING) if nginx.reload else (DRAINING,),
        http=[listener for listener in nginx.listeners if listener.http],
        identity=list(_spellings(IDENTITY)),
        listens=listens,
        other=_OTHER,
        probed=[listener for listener in nginx.listeners if listener.probe_uris],
        stream=[listener for listener in nginx.listeners if not listener.http],
    )
