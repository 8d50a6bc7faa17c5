"""EgressTlsTunnel as it is rendered, run by the real haproxy, between redis-cli and real Redis servers behind TLS."""

import http.client
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.certificates import CertificateAuthority, ClientCertificateArgs, ServerCertificateArgs
from components.core.app import App, SecretKey
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from components.testing import run
from tests.support.composing import composed, container
from tests.support.names import NameServer, naming
from tests.support.programs import need
from tests.support.sandbox import sandbox
from tests.support.servers import LOOPBACK, free_ports
from tests.support.waiting import within

HOST = "redis.prod.svc.cluster.local"
APP = App(name="web", image="web")


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """An authority, a server's certificate for HOST, one for another name, and a client's."""

    ca: str
    server: Mapping[str, str]
    other: Mapping[str, str]
    client: Mapping[str, str]


def issued() -> Certificates:
    """Certificates of a new authority."""

    def program() -> None:
        authority = CertificateAuthority("ca")
        authority.issue("server", ServerCertificateArgs(service_name="redis", namespace="prod"))
        authority.issue("other", ServerCertificateArgs(service_name="other", namespace="prod"))
        authority.issue_client("client", ClientCertificateArgs(common_name="web"))

    recording = run(program)
    data = {name: recording.one("Secret", f"{name}-certificate").inputs["stringData"] for name in ("server", "other", "client")}
    return Certificates(ca=data["server"]["ca.crt"], **data)


OURS, FOREIGN = issued(), issued()


@contextmanager
def redis(directory: Path, number: int, certificate: Mapping[str, str], *, address: str = LOOPBACK, clients: str = "no") -> Iterator[None]:
    """A Redis that speaks TLS only and has its address under `who`."""
    home = directory / f"redis-{address}-{number}"
    home.mkdir()
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (home / name).write_text(certificate[name])
    files = ("--tls-cert-file", "tls.crt", "--tls-key-file", "tls.key", "--tls-ca-cert-file", "ca.crt", "--tls-auth-clients", clients)
    plain = ("--bind", address, "--port", "0", "--tls-port", str(number), "--save", "", "--unixsocket", "redis.sock")
    with (home / "log").open("w") as log:
        process = subprocess.Popen([need("redis-server"), *plain, *files], cwd=home, stdout=log, stderr=log)
    try:
        command = (need("redis-cli"), "-s", str(home / "redis.sock"), "set", "who", address)
        within(10, lambda: subprocess.run(command, capture_output=True, text=True, check=False).stdout == "OK\n")
        yield
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """The running container, and what it put into the app's environment."""

    env: Mapping[str, str]
    health_port: int
    process: subprocess.Popen[bytes]
    directory: Path
    names: NameServer

    def redis(self, *command: str, env: str = "REDIS_URL") -> str:
        """What redis-cli, in the app's place, is told."""
        done = subprocess.run([need("redis-cli"), "-u", self.env[env], *command], capture_output=True, text=True, check=False, timeout=20)
        return (done.stdout + done.stderr).strip()

    def log(self) -> str:
        return (self.directory / "stdout").read_text()


@contextmanager
def tunnel(
    directory: Path,
    *targets: EgressTarget,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    trusted: str = FOREIGN.ca,
    **arguments: Any,
) -> Iterator[Tunnel]:
    """The container, as soon as its startup probe is answered. `secrets`: those that exist, by name."""
    first = free_ports(2)
    args = {"nameservers": (f"{LOOPBACK}:{first}",), "resolve_seconds": 1, "health_port": first + 1, **arguments}
    pod = composed(APP, lambda: EgressTlsTunnel("egress", EgressTlsTunnelArgs(targets=targets, **args)))
    sidecar = container(pod, "tls-tunnel")
    mounts = {m["name"]: m["mountPath"] for m in sidecar["volumeMounts"]}
    files = {f"{mounts[c.name]}/{name}": str(content) for c in pod.config_files for name, content in c.files.items()}
    for volume in pod.spec["volumes"]:
        secret = (secrets or {})[volume["secret"]["secretName"]]
        files |= {f"{mounts[volume['name']]}/{item['path']}": secret[item["key"]] for item in volume["secret"]["items"]}
    # what an image trusts by itself
    files["/etc/ssl/certs/ca.crt"] = trusted
    programs = {"haproxy": Path(need("haproxy")).read_bytes()}
    with naming(first, {HOST: LOOPBACK}) as names, sandbox(directory, sidecar["command"], files=files, programs=programs) as process:
        env = {e["name"]: e["value"] for e in container(pod, "web")["env"]}
        running = Tunnel(env=env, health_port=first + 1, process=process, directory=directory, names=names)

        def healthy() -> bool:
            assert process.poll() is None, (directory / "stderr").read_text()
            probe = sidecar["startupProbe"]["httpGet"]
            try:
                with closing(http.client.HTTPConnection(LOOPBACK, probe["port"], timeout=5)) as client:
                    client.request("GET", probe["path"])
                    return client.getresponse().status == 200
            except OSError:
                return False

        within(15, healthy)
        yield running


def target(number: int, **changes: Any) -> EgressTarget:
    local = free_ports(1)
    given = {
        "name": "redis",
        "host": HOST,
        "port": number,
        "local_port": local,
        "env": {"REDIS_URL": "redis://{host}:{port}/0"},
        "ca_pem": OURS.ca,
    }
    return EgressTarget(**{**given, **changes})


def test_an_app_that_speaks_no_tls_uses_a_redis_that_speaks_nothing_else(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")
        assert haproxy.redis("set", "greeting", "x" * 100_000) == "OK"
        assert haproxy.redis("get", "greeting") == "x" * 100_000
        plain = subprocess.run([need("redis-cli"), "-p", str(number), "ping"], capture_output=True, text=True, check=False)
        assert "PONG" not in plain.stdout


def test_several_targets_each_have_their_port(tmp_path: Path) -> None:
    number = free_ports(1)
    one = target(number, name="one", env={"ONE": "redis://{host}:{port}"})
    two = target(number, name="two", host="127.0.0.2", server_name=HOST, env={"TWO": "redis://{host}:{port}"})
    with ExitStack() as stack:
        stack.enter_context(redis(tmp_path, number, OURS.server))
        stack.enter_context(redis(tmp_path, number, OURS.server, address="127.0.0.2"))
        haproxy = stack.enter_context(tunnel(tmp_path, one, two))
        within(5, lambda: haproxy.redis("get", "who", env="ONE") == LOOPBACK)
        assert haproxy.redis("get", "who", env="TWO") == "127.0.0.2"


@pytest.mark.parametrize(
    ("certificate", "changes"),
    [
        (OURS.other, {}),
        (OURS.server, {"server_name": "elsewhere.example.com"}),
        (FOREIGN.server, {}),
        (OURS.server, {"ca_pem": FOREIGN.ca}),
        # the authorities that the image trusts, of which ours is none
        (OURS.server, {"ca_pem": None}),
    ],
    ids=["wrong name", "wrong server_name", "wrong authority", "wrong ca", "no ca"],
)
def test_a_server_that_cannot_be_verified_gets_no_byte(tmp_path: Path, certificate: Mapping[str, str], changes: dict[str, Any]) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, certificate), tunnel(tmp_path, target(number, **changes)) as haproxy:
        within(10, lambda: "PONG" not in haproxy.redis("ping") and "certificate verify failed" in haproxy.log())
        assert f"redis at {LOOPBACK}:{number}: " in haproxy.log()
        assert "PONG" not in haproxy.redis("ping")


def test_the_authorities_of_the_image_are_trusted_where_no_other_is_given(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number, ca_pem=None), trusted=OURS.ca) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")


def test_a_server_without_tls_gets_no_byte(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as plain, tunnel(tmp_path, target(plain.getsockname()[1])) as haproxy:
        time.sleep(1)  # until the name is known
        with socket.create_connection((LOOPBACK, int(haproxy.env["REDIS_URL"].split(":")[2].split("/")[0])), timeout=10) as client:
            client.sendall(b"PING secret\r\n")
            connection, _ = plain.accept()
            # it would try again
            plain.close()
            with connection:
                connection.settimeout(10)
                first = connection.recv(4096)
                # a TLS ClientHello
                assert first[:2] == b"\x16\x03"
                connection.sendall(b"+PONG\r\n")
                with suppress(ConnectionResetError):
                    first += connection.recv(4096)
                assert b"secret" not in first
            assert client.recv(4096) == b""


def test_a_client_certificate_is_shown_to_a_server_that_asks_for_one(tmp_path: Path) -> None:
    number = free_ports(1)
    shown = target(number, name="shown", client_certificate_secret="web-tls", env={"SHOWN": "redis://{host}:{port}"})
    without = target(number, name="without", env={"WITHOUT": "redis://{host}:{port}"})
    from_secret = target(
        number, name="secret", ca_pem=None, ca_secret=SecretKey(name="ca", key="ca.crt"), client_certificate_secret="web-tls"
    )
    with (
        redis(tmp_path, number, OURS.server, clients="yes"),
        tunnel(tmp_path, shown, without, from_secret, secrets={"web-tls": OURS.client, "ca": {"ca.crt": OURS.ca}}) as haproxy,
    ):
        within(5, lambda: haproxy.redis("ping", env="SHOWN") == "PONG")
        assert haproxy.redis("ping", env="REDIS_URL") == "PONG"
        assert "PONG" not in haproxy.redis("ping", env="WITHOUT")


def test_a_target_that_moves_is_followed(tmp_path: Path) -> None:
    number = free_ports(1)
    with ExitStack() as stack:
        stack.enter_context(redis(tmp_path, number, OURS.server))
        stack.enter_context(redis(tmp_path, number, OURS.server, address="127.0.0.2"))
        haproxy = stack.enter_context(tunnel(tmp_path, target(number)))
        within(5, lambda: haproxy.redis("get", "who") == LOOPBACK)
        haproxy.names.addresses[HOST] = "127.0.0.2"
        within(10, lambda: haproxy.redis("get", "who") == "127.0.0.2")


def test_while_nobody_answers_for_names_the_last_address_is_used(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")
        haproxy.names.server_close()
        # several lookups that fail
        time.sleep(6)
        assert haproxy.redis("ping") == "PONG"


def test_a_name_that_is_not_there_yet_is_found_later(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        del haproxy.names.addresses[HOST]
        haproxy.names.addresses[HOST] = LOOPBACK
        within(15, lambda: haproxy.redis("ping") == "PONG")


def test_nobody_outside_the_pod_reaches_a_tunnel(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        local = int(haproxy.env["REDIS_URL"].split(":")[2].split("/")[0])
        for host, port, open_to_it in (("127.0.0.2", local, False), (LOOPBACK, local, True), ("127.0.0.2", haproxy.health_port, True)):
            with socket.socket() as probe:
                assert (probe.connect_ex((host, port)) == 0) == open_to_it, (host, port)


def test_a_connection_is_logged_when_asked(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number), access_log=True) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")
        within(5, lambda: "bytes sent, 7 received in" in haproxy.log())


def test_without_access_log_what_works_is_not_logged(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")
        assert "received" not in haproxy.log()


def test_told_to_stop_it_ends_with_the_last_connection(tmp_path: Path) -> None:
    number = free_ports(1)
    with redis(tmp_path, number, OURS.server), tunnel(tmp_path, target(number)) as haproxy:
        within(5, lambda: haproxy.redis("ping") == "PONG")
        local = int(haproxy.env["REDIS_URL"].split(":")[2].split("/")[0])
        with socket.create_connection((LOOPBACK, local), timeout=10) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(64) == b"+PONG\r\n"
            # the stop signal of the image
            haproxy.process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            assert haproxy.process.poll() is None
            client.sendall(b"PING\r\n")
            assert client.recv(64) == b"+PONG\r\n"
        assert haproxy.process.wait(timeout=10) == 0


def resident(process: int) -> int:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) * 1024


def filled(connection: socket.socket) -> None:
    connection.setblocking(False)
    with suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
        while True:
            connection.send(b"x" * 16_000)


@contextmanager
def sulking(directory: Path, number: int) -> Iterator[list[ssl.SSLSocket]]:
    """A server that says as much as it can, and reads nothing; its connections."""
    pem = directory / "server.pem"
    pem.write_text(OURS.server["tls.crt"] + OURS.server["tls.key"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server((LOOPBACK, number), backlog=512) as server, ExitStack() as stack:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(stack.enter_context(closing(context.wrap_socket(server.accept()[0], server_side=True))))
                    filled(accepted[-1])

        accepted: list[ssl.SSLSocket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield accepted
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_connection_takes_no_more_memory_than_composition_computes(tmp_path: Path) -> None:
    number, connections = free_ports(1), 200
    with sulking(tmp_path, number) as accepted, ExitStack() as stack:
        haproxy = stack.enter_context(tunnel(tmp_path, target(number)))
        url = haproxy.env["REDIS_URL"]
        port = int(url.rpartition(":")[2].partition("/")[0])
        before = resident(haproxy.process.pid)
        clients: list[socket.socket] = []
        for _ in range(connections):
            clients.append(stack.enter_context(closing(socket.create_connection((LOOPBACK, port)))))
            within(5, lambda: len(accepted) == len(clients))
        # once more, when the handshake has made room
        for _ in range(5):
            for client in clients:
                filled(client)
            time.sleep(1)
        taken = resident(haproxy.process.pid) - before
    assert before <= 20 * 2**20
    # each holds what it could not pass on
    assert 32 * 1024 * connections <= taken <= 104 * 1024 * connections
