"""The nginx.conf of TlsAmbassador: a pure function of structure. Parses on nginx 1.19.5, 1.22 and current."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

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
_TLS = f"""\
ssl_certificate {CERTIFICATES}/tls.crt;
ssl_certificate_key {CERTIFICATES}/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
ssl_prefer_server_ciphers off;
{{sessions}}\
ssl_session_tickets off;
"""

_SESSIONS = "ssl_session_cache shared:{zone}:1m;\nssl_session_timeout 1d;\n"

# A resumed session is not verified again, so there are none: a certificate that has ended opens no connection.
# Depth: an authority that is trusted may have others below it.
_CLIENTS = """\
ssl_client_certificate {ca};
ssl_verify_client {verify};
ssl_verify_depth 3;
"""

# An attribute of a subject, as RFC 2253 writes it, that is no common name. \x5C is the backslash, which makes the character after it a
# part of the value, whatever that is; written as itself it would mean something to nginx already.
_OTHER = r"(?!CN=)[^=,+\x5C]+=(?:[^,+\x5C]|\x5C.)*"

# Every byte goes on at once, in both directions, and none to the disk: a bulk request may be large, and an answer may come bit by
# bit. The buffer bounds the head of an answer (Elasticsearch sends long warnings in it); nginx's own 4k would be a 502.
# The redirect is for apps that do not look at X-Forwarded-Proto.
_PROXY = """\
proxy_http_version 1.1;
proxy_request_buffering off;
proxy_buffering off;
proxy_buffer_size 32k;
proxy_buffers 4 32k;
proxy_max_temp_file_size 0;
client_body_timeout {timeout}s;
send_timeout {timeout}s;
proxy_connect_timeout 5s;
proxy_read_timeout {timeout}s;
proxy_send_timeout {timeout}s;
proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto https;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $upstream_connection;
proxy_redirect http://$http_host/ https://$http_host/;
"""

_HTTP = """\
server_tokens off;
client_body_temp_path /tmp/client_body;
proxy_temp_path /tmp/proxy;
fastcgi_temp_path /tmp/fastcgi;
uwsgi_temp_path /tmp/uwsgi;
scgi_temp_path /tmp/scgi;
client_max_body_size {max_body_size};
large_client_header_buffers 4 32k;
underscores_in_headers on;
keepalive_timeout 75s;
keepalive_requests 10000;
access_log {access_log};
"""

# nginx's own `combined`, with who it was and why not
_CLIENT_LOG = """\
log_format clients '$remote_addr - "$ssl_client_s_dn" [$time_local] "$request" $status $body_bytes_sent '
                   '"$http_referer" "$http_user_agent" "$ssl_client_verify"';
"""


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


def _indent(text: str, depth: int) -> str:
    return "".join("    " * depth + line + "\n" if line else "\n" for line in text.splitlines())


def _listens(listen: str, ipv6: bool, rest: str = "") -> str:
    lines = [f"listen {listen}{rest};"]
    if ipv6 and ":" not in listen:
        lines.append(f"listen [::]:{listen}{rest};")
    return "\n".join(lines) + "\n"


def _tls(nginx: Nginx, zone: str) -> str:
    if nginx.clients is None:
        return _TLS.format(sessions=_SESSIONS.format(zone=zone))
    verified = _CLIENTS.format(ca=nginx.clients.ca, verify="on" if nginx.clients.required else "optional")
    return _TLS.format(sessions="ssl_session_cache off;\n") + verified


def _identity(clients: Clients) -> str:
    """Who the client is, for the server behind, and whether it may go on."""
    text = """\
map $ssl_client_escaped_cert $client_certificate {
    default 'Cert="$ssl_client_escaped_cert"';
    '' '';
}
"""
    for name, value in IDENTITY.items():
        first, *rest = name.split("-")
        for separators in product("-_", repeat=len(rest)):
            # with underscores it is the same header to many servers; an empty value takes it away
            spelled = first + "".join(separator + part for separator, part in zip(separators, rest, strict=True))
            text += f"proxy_set_header {spelled} {value if spelled == name else repr('')};\n"
    if clients.names:
        # the whole subject, with exactly one common name: nothing that only contains one
        names = "|".join(re.escape(name) for name in clients.names)
        anonymous = "" if clients.required else '    "NONE " 1;\n'
        text += f"""\
map "$ssl_client_verify $ssl_client_s_dn" $client_allowed {{
    default 0;
{anonymous}\
    "~^SUCCESS (?:{_OTHER}[,+])*CN=(?:{names})(?:[,+]{_OTHER})*$" 1;
}}
"""
    return text


def _probes(nginx: Nginx) -> str:
    """Ports for the kubelet alone: nobody gets round the certificate there with another path, a body, or an upgrade to h2c."""
    probed = [listener for listener in nginx.listeners if listener.probe_uris]
    keys = [f"{listener.probe_port} GET {re.escape(uri)} " for listener in probed for uri in dict.fromkeys(listener.probe_uris)]
    entries = "".join(f'    "~^{key}$" 1;\n' for key in keys)
    text = f"""\
map "$server_port $request_method $request_uri $http_upgrade$http_content_length$http_transfer_encoding" $probe {{
    default 0;
{entries}\
}}
"""
    for listener in probed:
        text += f"""\
server {{
{_indent(_listens(str(listener.probe_port), nginx.ipv6), 1)}\
    access_log off;
    location / {{
        if ($probe = 0) {{
            return 404;
        }}
        proxy_pass http://{listener.upstream};
    }}
}}
"""
    return text


def _http_server(nginx: Nginx, listener: Listener) -> str:
    files = (DRAINING, RELOADING) if nginx.reload else (DRAINING,)
    draining = "".join(f"        if (-f {file}) {{\n            return 418;\n        }}\n" for file in files)
    check = "    if ($client_allowed = 0) {\n        return 403;\n    }\n" if nginx.clients and nginx.clients.names else ""
    # proxy_pass without a URI passes the request's own on untouched, %2F and all
    return f"""\
upstream {listener.name} {{
    server {listener.upstream};
    keepalive 32;
    # shorter than the idle timeout of any server worth the name (Node: 5 s), so that a kept connection is never a dead one
    keepalive_timeout {nginx.upstream_idle_seconds}s;
}}
server {{
{_indent(_listens(listener.listen, nginx.ipv6, " ssl"), 1)}\
{check}\
    error_page 418 = @draining;
    location / {{
{draining}\
        proxy_pass http://{listener.name};
    }}
    location @draining {{
        keepalive_timeout 0;
        proxy_pass http://{listener.name};
    }}
}}
"""


def _stream_server(nginx: Nginx, listener: Listener) -> str:
    return f"""\
server {{
{_indent(_listens(listener.listen, nginx.ipv6, " ssl"), 1)}\
    proxy_pass {listener.upstream};
    proxy_connect_timeout 5s;
    proxy_timeout {nginx.timeout_seconds}s;
}}
"""


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
    """The whole nginx.conf, for an unprivileged user and a read-only root filesystem with a writable /tmp."""
    http = [listener for listener in nginx.listeners if listener.http]
    stream = [listener for listener in nginx.listeners if not listener.http]
    health = f"""\
server {{
{_indent(_listens(str(nginx.health_port), nginx.ipv6), 1)}\
    access_log off;
    location = /healthz {{
        return 200 "ok\\n";
    }}
    location / {{
        return 404;
    }}
}}
"""
    probed = any(listener.probe_uris for listener in nginx.listeners)
    log = "off"
    if nginx.access_log:
        log = "/dev/stdout clients" if nginx.clients else "/dev/stdout"
    blocks = [
        _CLIENT_LOG if nginx.clients else "",
        _HTTP.format(max_body_size=nginx.max_body_size, access_log=log),
        # keeps the connection to the upstream, and lets WebSockets through
        "map $http_upgrade $upstream_connection {\n    default upgrade;\n    '' '';\n}\n",
        _tls(nginx, "tls") if http else "",
        _PROXY.format(timeout=nginx.timeout_seconds) if http or probed else "",
        _identity(nginx.clients) if nginx.clients and (http or probed) else "",
        *(_http_server(nginx, listener) for listener in http),
        _probes(nginx) if probed else "",
        health,
    ]
    # a worker that only makes room for another one finishes what it has begun
    text = f"""\
daemon off;
# one for each CPU of the container's limit: `auto` counts the node's
worker_processes {nginx.workers};
# two for each request under way: container runtimes hand out a soft limit of 1024
worker_rlimit_nofile 8192;
worker_shutdown_timeout {nginx.timeout_seconds if nginx.reload else 30}s;
pid /tmp/nginx.pid;
error_log stderr warn;
events {{
    worker_connections 4096;
}}
http {{
{"".join(_indent(block, 1) for block in blocks)}}}
"""
    if stream:
        entry = "log_format tcp '$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time';\n"
        log = f"{entry}access_log /dev/stdout tcp;\n" if nginx.access_log else "access_log off;\n"
        servers = "".join(_indent(_stream_server(nginx, listener), 1) for listener in stream)
        text += f"stream {{\n{_indent(log + _tls(nginx, 'tls-stream'), 1)}{servers}}}\n"
    return text
