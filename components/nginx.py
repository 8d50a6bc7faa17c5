"""The nginx.conf of TlsAmbassador: a pure function of structure. Parses on nginx 1.19.5, 1.22 and current."""

from collections.abc import Sequence
from dataclasses import dataclass

CERTIFICATES = "/certs"
"""Where the kubernetes.io/tls Secret is mounted."""

DIRECTORY = "/etc/nginx-proxy"
"""Where the nginx.conf is mounted."""

DRAINING = "/tmp/draining"
"""While this file exists every answer closes its connection, so that clients move to another pod by themselves."""

# -e, because until nginx has read its configuration it logs to where the image was built to, which may not be writable.
# /tmp outlives the container: without rm, one restarted by its liveness probe would go on draining
COMMAND = ("/bin/sh", "-c", f"rm -f {DRAINING}; exec nginx -e stderr -c {DIRECTORY}/nginx.conf")
"""The container's command."""

# Mozilla intermediate, guidelines 5.7, without its DHE suites, which need a dhparam file
_TLS = f"""\
ssl_certificate {CERTIFICATES}/tls.crt;
ssl_certificate_key {CERTIFICATES}/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
ssl_prefer_server_ciphers off;
ssl_session_cache shared:tls:1m;
ssl_session_timeout 1d;
ssl_session_tickets off;
"""

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


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """What varies in the configuration."""

    listeners: Sequence[Listener]
    health_port: int
    workers: int
    max_body_size: str
    timeout_seconds: int
    upstream_idle_seconds: int
    ipv6: bool
    access_log: bool


def _indent(text: str, depth: int) -> str:
    return "".join("    " * depth + line + "\n" if line else "\n" for line in text.splitlines())


def _listens(listen: str, ipv6: bool, rest: str = "") -> str:
    lines = [f"listen {listen}{rest};"]
    if ipv6 and ":" not in listen:
        lines.append(f"listen [::]:{listen}{rest};")
    return "\n".join(lines) + "\n"


def _http_server(nginx: Nginx, listener: Listener) -> str:
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
    error_page 418 = @draining;
    location / {{
        if (-f {DRAINING}) {{
            return 418;
        }}
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
    log = "/dev/stdout" if nginx.access_log else "off"
    blocks = [
        _HTTP.format(max_body_size=nginx.max_body_size, access_log=log),
        # keeps the connection to the upstream, and lets WebSockets through
        "map $http_upgrade $upstream_connection {\n    default upgrade;\n    '' '';\n}\n",
        _TLS if http else "",
        _PROXY.format(timeout=nginx.timeout_seconds) if http else "",
        *(_http_server(nginx, listener) for listener in http),
        health,
    ]
    text = f"""\
daemon off;
# one for each CPU of the container's limit: `auto` counts the node's
worker_processes {nginx.workers};
worker_shutdown_timeout 30s;
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
        text += f"stream {{\n{_indent(log + _TLS.replace('shared:tls:', 'shared:tls-stream:'), 1)}{servers}}}\n"
    return text
