"""Candidate: a program that takes TLS off, in front of the same server."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from components.core.app import Port, Rebind
from tests.support.nginx_proxy import HTTP, TCP, programs, rendered
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.servers import free_ports

GRPC = Port(name="grpc", number=80, scheme="grpc", rebind=Rebind(args=("{host}:{port}",)))

CORE, OTHERS = 0, 1
"""The core that the proxies run on, and that of the client and the server."""

ARTICLE = """\
daemon off;
pid article.pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    server {
        listen 127.0.0.1:$listen ssl;
        ssl_certificate $directory/tls.crt;
        ssl_certificate_key $directory/tls.key;
        client_max_body_size 0;
        location / { proxy_pass http://127.0.0.1:$server; }
    }
}
"""
# what nginx takes by itself: the ambassador's buffers and kept connections, without its headers, its limits and its log
BARE = """\
daemon off;
pid bare.pid;
error_log stderr;
events { worker_connections $connections; }
http {
    access_log off;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection '';
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_buffer_size 64k;
    proxy_buffers 4 64k;
    grpc_buffer_size 32k;
    keepalive_requests 1000000;
    upstream server {
        server 127.0.0.1:$server;
        keepalive 512;
    }
    server {
        listen 127.0.0.1:$listen ssl http2;
        ssl_certificate $directory/tls.crt;
        ssl_certificate_key $directory/tls.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:1m;
        ssl_session_tickets off;
        location / { proxy_pass http://server; }
    }
}
"""
BARE_GRPC = BARE.replace("proxy_pass http:", "grpc_pass grpc:")
HITCH = """\
frontend = "[127.0.0.1]:$listen"
backend = "[127.0.0.1]:$server"
pem-file = "$directory/tls.pem"
workers = 1
alpn-protos = "http/1.1"
"""
HAPROXY_HTTP = """\
global
    nbthread 1
    maxconn $connections
    # it wants two files for each connection; idle ones of HTTP need one
    no strict-limits
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:$listen ssl crt $directory/tls.pem alpn h2,http/1.1
    default_backend server
backend server
    server server 127.0.0.1:$server
"""
HAPROXY_GRPC = HAPROXY_HTTP.replace("127.0.0.1:$server", "127.0.0.1:$server proto h2")
HAPROXY_TCP = HAPROXY_HTTP.replace("mode http", "mode tcp").replace("alpn h2,http/1.1", "alpn http/1.1")
STUNNEL = """\
foreground = yes
pid =
[tls]
accept = 127.0.0.1:$listen
connect = 127.0.0.1:$server
cert = $directory/tls.pem
"""
CADDY = """\
{
    admin off
    auto_https off
    persist_config off
}
https://127.0.0.1:$listen {
    tls $directory/tls.crt $directory/tls.key
    reverse_proxy 127.0.0.1:$server
}
"""
CADDY_GRPC = CADDY.replace("reverse_proxy 127.0.0.1", "reverse_proxy h2c://127.0.0.1")
GHOSTUNNEL = (
    "--listen=127.0.0.1:$listen",
    "--target=127.0.0.1:$server",
    "--cert=$directory/tls.crt",
    "--key=$directory/tls.key",
    "--disable-authentication",
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One that can be started."""

    name: str
    """What the tables call it."""
    carries: str
    """http or grpc if it looks into requests, tcp if it passes bytes on."""
    listen: int
    """The port where it speaks TLS."""
    server: int
    """The port where it expects the server."""
    start: Callable[[Path], Any]
    """Starts it in a directory that has the certificate; a context manager of its process id."""
    http2: bool = False
    """Whether it offers HTTP/2 to clients of a server of HTTP/1.1."""


@contextmanager
def process(command: Sequence[str], directory: Path, *, core: int = CORE, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """A program on one core, killed in the end."""
    with open(directory / "output", "ab") as output:
        started = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=directory,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield started.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def other(
    name: str,
    carries: str,
    text: str,
    *command: str,
    http2: bool = False,
    env: Mapping[str, str] | None = None,
    connections: int = 4000,
) -> Candidate:
    """A program with a configuration file, for so many connections where it wants to know."""
    listen = free_ports(2)
    server = listen + 1

    @contextmanager
    def start(directory: Path) -> Iterator[int]:
        words = {"config": str(directory / "config"), "directory": str(directory), "listen": str(listen), "server": str(server)}
        words["connections"] = str(connections)
        (directory / "config").write_text(Template(text).substitute(words))
        with process([need(command[0]), *(Template(word).substitute(words) for word in command[1:])], directory, env=env) as pid:
            yield pid

    return Candidate(name=name, carries=carries, listen=listen, server=server, start=start, http2=http2)


def ours(name: str, port: Port, **arguments: Any) -> Candidate:
    """The ambassador as it is rendered, in a container's sandbox."""
    made = rendered(port, secret_name="tls", **arguments)

    @contextmanager
    def start(directory: Path) -> Iterator[int]:
        files = {**made.files, **{f"/certs/{file}": (directory / file).read_text() for file in ("tls.crt", "tls.key")}}
        variables = [f"{variable['name']}={variable['value']}" for variable in made.container.get("env", ())]
        command = ["taskset", "-c", str(CORE), "env", *variables, *made.container["command"]]
        with sandbox(directory, command, files=files, programs=programs()) as running:
            yield running.pid

    there = made.port(port.name)
    return Candidate(name=name, carries=port.scheme, listen=there.outer_number, server=there.number, start=start, http2=port is HTTP)


def candidates(connections: int = 4000, http: Mapping[str, Any] | None = None, tcp: Mapping[str, Any] | None = None) -> list[Candidate]:
    """All of them, with room for so many connections where they want to know; the ambassador also without its access log, which the others
    do not write. `http` and `tcp` are arguments of the ambassador; default: its defaults."""
    while True:
        # free ports are found by chance
        made = _candidates(connections, http or {}, tcp or {})
        numbers = [number for candidate in made for number in (candidate.listen, candidate.server)]
        if len({*numbers}) == len(numbers):
            return made


def _candidates(connections: int, http: Mapping[str, Any], tcp: Mapping[str, Any]) -> list[Candidate]:
    one_core = {"GOMAXPROCS": "1"}
    nginx = ("nginx", "-e", "stderr", "-p", "$directory", "-c", "$config")
    return [
        ours("TlsAmbassador http", HTTP, **http),
        ours("TlsAmbassador http, no access log", HTTP, **http, access_log=False),
        other("the article's nginx", "http", ARTICLE, *nginx),
        other("bare nginx http", "http", BARE, *nginx, http2=True, connections=connections),
        other("haproxy http", "http", HAPROXY_HTTP, "haproxy", "-db", "-f", "$config", http2=True, connections=connections),
        other("caddy", "http", CADDY, "caddy", "run", "--adapter=caddyfile", "--config=$config", http2=True, env=one_core),
        ours("TlsAmbassador tcp", TCP, **tcp),
        other("hitch", "tcp", HITCH, "hitch", "--config=$config", "--user=nobody"),
        other("haproxy tcp", "tcp", HAPROXY_TCP, "haproxy", "-db", "-f", "$config", connections=connections),
        other("stunnel", "tcp", STUNNEL, "stunnel4", "$config"),
        other("ghostunnel", "tcp", "", "ghostunnel", "server", *GHOSTUNNEL, env=one_core),
        ours("TlsAmbassador grpc", GRPC),
        other("bare nginx grpc", "grpc", BARE_GRPC, *nginx),
        other("haproxy grpc", "grpc", HAPROXY_GRPC, "haproxy", "-db", "-f", "$config"),
        other("caddy grpc", "grpc", CADDY_GRPC, "caddy", "run", "--adapter=caddyfile", "--config=$config", env=one_core),
    ]


def answers(port: int, seconds: float = 15) -> bool:
    """Whether something listens there, soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False
