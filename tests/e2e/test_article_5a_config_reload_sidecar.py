"""Article, section 5a: the app is told when its mounted ConfigMap has changed."""

from typing import Any

import pytest

from components.core.app import App, Port
from components.patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy
from .light import ready, statuses

# reads its file when it starts and when it is told to, and at no other time
_SERVER = """
import http.server, signal, sys
read = lambda: open("/etc/web/greeting", "rb").read()
greeting = read()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(greeting)
    def do_POST(self):
        global greeting
        greeting = read()
        self.send_response(204)
        self.end_headers()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
PYTHON = App(
    name="web",
    image="python:3.12-alpine",
    command=("python3", "-c", _SERVER),
    ports=(Port(name="http", number=8080),),
    readiness_probe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    pre_stop_seconds=0,
    stop_seconds=2,
)

_NGINX_CONF = """
daemon off;
pid /tmp/pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server {{ listen 8080; location / {{ return 200 "{greeting}"; }} }}
}}
"""
# an app without an endpoint for it: a file in a directory that both containers have
_NGINX = """
nginx -e stderr -c /etc/web/nginx.conf & nginx=$!
trap 'kill $nginx; exit 0' TERM
while :; do
  if [ -e /tmp/reload ]; then rm /tmp/reload; nginx -e stderr -c /etc/web/nginx.conf -s reload; fi
  sleep 1
done
"""
NGINX = App(
    name="web",
    image="nginx:1.28-alpine",
    command=("/bin/sh", "-c", _NGINX),
    ports=PYTHON.ports,
    readiness_probe=PYTHON.readiness_probe,
    uid=101,
    gid=101,
    empty_dirs={"/tmp": "8Mi"},
    pre_stop_seconds=0,
    stop_seconds=2,
)


def config_map(namespace: Namespace, **data: str) -> None:
    """The ConfigMap has these files now."""
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config"}, "data": data})


def deployed(namespace: Namespace, app: App, **arguments: Any) -> str:
    def program() -> None:
        args = {"config_map": "web-config", "mount_path": "/etc/web", "debounce_seconds": 1, **arguments}
        reload = ConfigReloadSidecar("reload", ConfigReloadSidecarArgs(**args))
        Workload("web", WorkloadArgs(app=app, patterns=[reload], namespace=namespace.name))

    deploy(namespace, program)
    return namespace.pod("web")


def told(namespace: Namespace, pod: str) -> int:
    return namespace.logs(pod, "config-reload").count("the files have changed; the app was notified\n")


def undisturbed(namespace: Namespace, pod: str) -> bool:
    """The pod of before, ready, none of its containers started again."""
    (now,) = namespace.pods("web")
    assert now["metadata"]["name"] == pod
    assert ready(now)
    assert {name: c["restartCount"] for name, c in statuses(now).items()} == {"config-reload": 0, "web": 0}
    return True


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_an_app_that_is_called_takes_a_changed_config_map_in_the_same_pod(namespace: Namespace) -> None:
    config_map(namespace, greeting="one")
    pod = deployed(namespace, PYTHON, reload_path="/-/reload")
    client = Client(namespace)
    assert client.curl("http://web:8080/").out == "one"
    assert namespace.logs(pod, "config-reload") == ""
    for number, greeting in enumerate(("two", "three"), 1):
        config_map(namespace, greeting=greeting)
        eventually(lambda: client.curl("http://web:8080/").out == greeting, f"the greeting {greeting}", timeout=60)  # noqa: B023
        assert told(namespace, pod) == number
    assert undisturbed(namespace, pod)


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_an_nginx_that_watches_a_file_takes_a_changed_config_map_in_the_same_pod(namespace: Namespace) -> None:
    config_map(namespace, **{"nginx.conf": _NGINX_CONF.format(greeting="one")})
    mount = {"name": "scratch-tmp", "mountPath": "/tmp"}
    pod = deployed(namespace, NGINX, reload_command=("touch", "/tmp/reload"), volume_mounts=(mount,))
    client = Client(namespace)
    assert client.curl("http://web:8080/").out == "one"
    config_map(namespace, **{"nginx.conf": _NGINX_CONF.format(greeting="two")})
    eventually(lambda: client.curl("http://web:8080/").out == "two", "the new configuration", timeout=60)
    assert told(namespace, pod) == 1
    assert undisturbed(namespace, pod)
