"""TlsAmbassador as it is rendered, run by the real nginx, as the kubelet would run it; for the tests of what it does."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi

from components.certificates import SelfSignedCertificate, ServerCertificateArgs
from components.core.app import App, Port, Rebind
from components.core.fold import compose
from components.core.pod import Pod
from components.core.view import BoundPort
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from tests.support.http2 import Http2
from tests.support.programs import need
from tests.support.sandbox import in_container, sandbox
from tests.support.servers import HttpServer, free_ports, serving
from tests.support.waiting import within

HTTP = Port(name="http", number=80, rebind=Rebind(args=("{host}:{port}",)))
TCP = Port(name="redis", number=80, scheme="tcp", rebind=Rebind(args=("{host}:{port}",)))


@dataclass(kw_only=True)
class Rendered:
    """What the component adds to a pod: the container, and the files mounted into it."""

    pod: Pod
    container: dict[str, Any]
    files: dict[str, str]

    def port(self, name: str = "http") -> BoundPort:
        found = self.pod.port(name)
        assert found
        return found

    def configuration(self, directory: Path) -> Path:
        """The nginx.conf, and what it includes, as files in the directory."""
        for path, content in self.files.items():
            if path.startswith("/etc/nginx-proxy/"):
                (directory / Path(path).name).write_text(content.replace("/etc/nginx-proxy/", f"{directory}/"))
        return directory / "nginx.conf"

    @property
    def health_port(self) -> int:
        return int(self.container["livenessProbe"]["httpGet"]["port"])


def rendered(*ports: Port, probes: Mapping[str, Any] | None = None, ip_families: Sequence[str] = ("IPv4",), **arguments: Any) -> Rendered:
    """The component in front of an app with these ports, whose numbers are replaced by free ones, and these probes."""
    first = free_ports(10 * len(ports) + 10)
    free = [replace(port, number=first + 10 * index) for index, port in enumerate(ports)]
    args = {"target_ports": tuple(port.name for port in ports), "health_port": first + 10 * len(ports), **arguments}
    pods: list[Pod] = []
    configs: dict[str, str] = {}

    def program() -> None:
        app = App(name="web", image="web", command=("web",), ports=tuple(free), **{"pre_stop_seconds": 0, **(probes or {})})
        pods.append(compose(app, [TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", **args))], ip_families=ip_families))
        pulumi.Output.all(**pods[0].config_files[0].files).apply(configs.update)

    recording = run(program)
    secret = certificate() if "secret_name" in arguments else recording.one("Secret").inputs["stringData"]
    container = next(c for c in pods[0].spec["initContainers"] if c["name"] == "nginx-proxy")
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    files = {f"{mounts['nginx-proxy-certificate']}/{name}": content for name, content in secret.items()}
    files |= {f"{mounts[pods[0].config_files[0].name]}/{name}": content for name, content in configs.items()}
    return Rendered(pod=pods[0], container=container, files=files)


def certificate(service_name: str = "web") -> dict[str, str]:
    """The files of a Secret with a new certificate of the Service."""
    made = run(lambda: SelfSignedCertificate("made", ServerCertificateArgs(service_name=service_name))).one("Secret")
    return dict(made.inputs["stringData"])


@dataclass(kw_only=True)
class Proxy:
    """The running container."""

    ambassador: Rendered
    directory: Path
    process: subprocess.Popen[bytes]
    http2: bool = False
    """Whether its own client speaks HTTP/2."""

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        # beside them, the loop that waits for a change and the nginx that answers the kubelet
        return [int(pid) for pid in children if b"worker process" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    @property
    def peak_memory(self) -> int:
        """The most that the first worker ever used, in bytes."""
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{self.workers[0]}/status").read_text())
        assert found
        return int(found.group(1)) * 1024

    def pre_stop(self) -> None:
        """What the kubelet does first when the pod is to stop."""
        self.inside(*self.ambassador.container["lifecycle"]["preStop"]["exec"]["command"])
        # nginx looks for the file that says so once a second
        time.sleep(1.2)

    def inside(self, *command: str) -> None:
        """Runs a command in the container."""
        subprocess.run(in_container(self.process, command), check=True)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ambassador.files["/certs/ca.crt"])

    def log(self, wanted: str) -> str:
        """Its stdout, as soon as `wanted` is in it."""
        return str(within(5, lambda: text if wanted in (text := (self.directory / "stdout").read_text()) else None))

    def client(self, name: str = "http") -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.ambassador.port(name).outer_number, context=self.trust(), timeout=20)

    def socket(self, name: str = "http", context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.ambassador.port(name).outer_number), timeout=20)
        return (context or self.trust()).wrap_socket(plain, server_hostname="localhost")

    def get(self, path: str = "/", method: str = "GET", **request: Any) -> tuple[Any, bytes]:
        if self.http2:
            return self._get2(path, method, **request)
        with closing(self.client()) as client:
            client.request(method, path, **request)
            answer = client.getresponse()
            return answer, answer.read()

    def _get2(self, path: str, method: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> tuple[Any, bytes]:
        """The same over HTTP/2, where names are in small letters, and the host is no header."""
        number = self.ambassador.port().outer_number
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        host = sent.pop("host", f"127.0.0.1:{number}")
        with closing(Http2(number, self.trust())) as client:
            answer = client.ask(path, list(sent.items()), method, body=body, host=host)
        told = http.client.HTTPMessage()
        for name, value in answer.headers:
            told[name] = value
        return SimpleNamespace(status=answer.status, headers=told), answer.body

    def seen(self, path: str = "/", method: str = "GET", **request: Any) -> dict[str, Any]:
        """What of a request reaches the server."""
        answer, body = self.get(path, method, **request)
        assert answer.status == 200, body
        return dict(json.loads(body))

    def health(self, path: str = "/healthz") -> tuple[int, bytes]:
        return self.plain(self.ambassador.health_port, path)

    def plain(self, number: int, path: str, method: str = "GET", **request: Any) -> tuple[int, bytes]:
        """An answer to plain HTTP."""
        with closing(http.client.HTTPConnection("127.0.0.1", number, timeout=5)) as client:
            client.request(method, path, **request)
            answer = client.getresponse()
            return answer.status, answer.read()


def programs() -> dict[str, bytes]:
    """nginx, with the stream module that images have built in and Debian loads."""
    nginx = need("nginx")
    built = subprocess.run([nginx, "-V"], check=True, capture_output=True, text=True).stderr
    # Debian's list of modules names a directory that is not there
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    load = f"-g 'load_module {module};'" if "--with-stream=dynamic" in built and module.exists() else ""
    return {"nginx.real": Path(nginx).read_bytes(), "nginx": f'#!/bin/sh\nexec nginx.real {load} "$@"\n'.encode()}


@contextmanager
def proxy(directory: Path, ambassador: Rendered, volumes: Mapping[str, Path] | None = None) -> Iterator[Proxy]:
    """The container, started and found healthy; `volumes` as in `sandbox`."""
    variables = [f"{variable['name']}={variable['value']}" for variable in ambassador.container.get("env", ())]
    with sandbox(
        directory, ["env", *variables, *ambassador.container["command"]], files=ambassador.files, programs=programs(), volumes=volumes
    ) as process:
        running = Proxy(ambassador=ambassador, directory=directory, process=process)

        def started() -> bool:
            assert process.poll() is None, (directory / "stderr").read_text()
            try:
                return running.health()[0] == 200
            except OSError:
                return False

        within(10, started)
        yield running


@contextmanager
def in_front_of_http(directory: Path, *, idle_seconds: float | None = None, **arguments: Any) -> Iterator[tuple[Proxy, HttpServer]]:
    ambassador = rendered(HTTP, **arguments)
    with serving(HttpServer(ambassador.port().number, idle_seconds=idle_seconds)) as server, proxy(directory, ambassador) as running:
        yield running, server
