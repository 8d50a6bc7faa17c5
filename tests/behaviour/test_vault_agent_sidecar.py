"""VaultAgentSidecar's script with the real agent, run by BusyBox against a real server."""

import contextlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App, Port
from components.patterns.shared.vault import VaultSecret
from tests.support import vaults
from tests.support.programs import need
from tests.support.servers import free_ports, serving
from tests.support.vault_agents import PASSWORD, WAIT_SECONDS, boxed, calling_app, patched, running
from tests.support.vaults import Server, dev_server, free_port
from tests.support.waiting import within

VALUE = "correct horse"
USER = VaultSecret(path="my-secret", file="user", field="username")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


def put(server: Server, path: str = "secret/my-secret", **fields: str) -> None:
    server.vault("kv", "put", path, "-", stdin=json.dumps(fields))


def test_the_first_render_is_complete_private_and_links_as_the_kubelet_makes_them(tmp_path: Path, server: Server) -> None:
    put(server, username="ada", password=VALUE)
    group = VaultSecret(path="my-secret", file="all.json", format="json", mode="0440")
    with running(boxed(tmp_path, server, secrets=(PASSWORD, USER, group))) as agent:
        assert sorted(p.name for p in agent.secrets.iterdir() if not p.name.startswith("..")) == ["all.json", "password", "user"]
        assert (agent.read("password"), agent.read("user")) == (VALUE, "ada")
        assert json.loads(agent.read("all.json")) == {"username": "ada", "password": VALUE}
        within(5, agent.log, "a line")
        assert agent.log() == ["wrote /vault/secrets/password /vault/secrets/user /vault/secrets/all.json"]
        assert os.readlink(agent.secrets / "password") == "..data/password"
        modes = {path.name: path.stat().st_mode & 0o777 for path in (agent.secrets / "..data/").resolve().iterdir()}
        assert modes == {"password": 0o400, "user": 0o400, "all.json": 0o440}
        assert (agent.secrets / "..data").resolve().stat().st_mode & 0o777 == 0o750


def test_the_token_is_only_where_the_app_does_not_look(tmp_path: Path, server: Server) -> None:
    put(server, password=VALUE)
    with running(boxed(tmp_path, server)) as agent:
        token = (tmp_path / "home/.vault-token").read_bytes()
        assert token.startswith(b"hvs.")
        assert (tmp_path / "home/.vault-token").stat().st_mode & 0o777 == 0o600
        assert not [p for p in agent.secrets.rglob("*") if p.is_file() and token in p.read_bytes()]
        for pid in (agent.process.pid, agent.agent_pid()):
            proc = Path(f"/proc/{pid}")
            assert token not in (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes()
        assert token.decode() not in "".join(agent.log())


def test_a_changed_secret_follows_and_no_reader_ever_sees_half_of_it(tmp_path: Path, server: Server) -> None:
    def version(number: int) -> dict[str, str]:
        # large, so that it is not written at one go
        return {"username": f"{number}-" * 40000, "password": f"{number}+" * 40000}

    put(server, **version(0))
    with running(boxed(tmp_path, server, secrets=(PASSWORD, USER))) as agent:
        seen: list[set[str]] = []
        reads, stop = [0], threading.Event()

        def read() -> None:
            while not stop.is_set():
                # one set: the directory that the link names now
                here = agent.secrets / os.readlink(agent.secrets / "..data")
                try:
                    texts = [(here / "user").read_text(), (here / "password").read_text()]
                except FileNotFoundError:
                    # gone on the way, as a whole; not what an app does
                    continue
                found = {text.replace("-", " ").replace("+", " ") for text in texts}
                # and as an app reads: through the links, which must always lead somewhere
                assert len(agent.read("password")) == 80000
                reads[0] += 1
                if not seen or seen[-1] != found:
                    seen.append(found)

        with ThreadPoolExecutor() as pool:
            reader = pool.submit(read)
            try:
                for number in (1, 2, 3):
                    put(server, **version(number))
                    agent.follows(version(number)["password"])
                    within(5, lambda: seen and seen[-1] == {f"{number} " * 40000})  # noqa: B023
            finally:
                stop.set()
            reader.result()
        assert seen == [{f"{number} " * 40000} for number in range(4)]
        assert reads[0] > 100
        # the sets of before are gone
        within(5, lambda: len([p for p in agent.secrets.iterdir() if p.name.startswith("..set-")]) == 1, "one set left")
        assert agent.log()[1:] == ["the files have changed"] * 3


def test_the_app_is_called_after_a_change_and_not_at_the_start(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    number = free_ports(1)
    app = App(name="app", image="app:1", ports=(Port(name="http", number=number),))
    box = boxed(tmp_path, server, app, reload_path="/-/reload")
    with serving(calling_app(number, tmp_path / "secrets/password", 500)) as web, running(box) as agent:
        time.sleep(3)
        assert web.calls == []
        put(server, password="two")
        agent.says("the files have changed; the app was notified")
        # the first answer was an error
        assert web.calls == [("POST /-/reload", "two")] * 2
        failures = [line for line in agent.log() if "could not be notified" in line]
        assert failures == [
            "the files have changed, but the app could not be notified: wget exited with status 1 "
            "(wget: server returned error: HTTP/1.0 500 Internal Server Error); retrying"
        ]


def test_a_command_is_run_after_a_change(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    with running(boxed(tmp_path, server, reload_command=("touch", str(tmp_path / "reload")))) as agent:
        assert not (tmp_path / "reload").exists()
        put(server, password="two")
        agent.says("the files have changed; the app was notified")
        assert (tmp_path / "reload").exists()


def test_a_token_is_renewed_and_when_it_can_be_no_longer_the_agent_logs_in_again(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    server.vault(
        *("write", "auth/jwt/role/short", "role_type=jwt", "bound_audiences=vault", "user_claim=sub", "token_policies=app"),
        *("token_ttl=4s", "token_explicit_max_ttl=15s"),
    )
    with running(boxed(tmp_path, server, role="short")) as agent:
        token = tmp_path / "home/.vault-token"
        first, known = agent.accessor(server), token.read_text()
        time.sleep(6)
        # alive beyond its TTL
        assert agent.accessor(server) == first
        within(WAIT_SECONDS, lambda: token.read_text() not in ("", known), "a new token")
        put(server, password="two")
        agent.follows("two")


class Door:
    """The way to the server, which can be closed."""

    def __init__(self, server: Server) -> None:
        self._target = int(server.url.rpartition(":")[2])
        self.number = free_port()
        self.connections: list[socket.socket] = []
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}"

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.number))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self.connections += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_a_vault_that_goes_away_later_costs_neither_files_nor_container_and_is_found_again(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    door = Door(server)
    with running(boxed(tmp_path, server, address=door.url)) as agent:
        door.close()
        agent.says(f"Vault at {door.url} stopped answering while reading secret/data/my-secret; see its log; the files are unchanged")
        put(server, password="two")
        time.sleep(3)
        assert agent.read() == "one"
        assert agent.process.poll() is None
        # told once, however often it is tried
        assert len(agent.log()) == 2
        door.open()
        agent.follows("two")
        door.close()


def test_after_an_outage_that_outlives_the_token_the_agent_logs_in_again(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    server.vault(
        *("write", "auth/jwt/role/brief", "role_type=jwt", "bound_audiences=vault", "user_claim=sub", "token_policies=app", "token_ttl=3s")
    )
    door = Door(server)
    with running(boxed(tmp_path, server, address=door.url, role="brief")) as agent:
        door.close()
        put(server, password="two")
        time.sleep(8)
        door.open()
        agent.follows("two")
        door.close()


def test_a_container_that_is_started_again_while_vault_is_away_keeps_the_files(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    door = Door(server)
    box = boxed(tmp_path, server, address=door.url, timeout_seconds=3)
    with running(box):
        pass
    (tmp_path / "secrets/..set-half").mkdir()
    door.close()
    with running(box) as agent:
        time.sleep(6)
        assert agent.process.poll() is None
        assert agent.read() == "one"
        assert not (tmp_path / "secrets/..set-half").exists()
        expected = (
            f"Vault at {door.url} does not accept the login of role 'app' at auth/jwt: "
            f"dial tcp 127.0.0.1:{door.number}: connect: connection refused"
        )
        agent.says(f"{expected}; the files are unchanged")
        put(server, password="two")
        door.open()
        agent.follows("two")
        door.close()


def test_an_agent_that_crashes_is_started_again_in_its_container(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    with running(boxed(tmp_path, server)) as agent:
        os.kill(agent.agent_pid(), signal.SIGKILL)
        agent.says("the agent exited; restarting it; the files are unchanged")
        assert agent.read() == "one"
        put(server, password="two")
        agent.follows("two")


def test_a_secret_that_no_longer_fits_is_told_and_the_files_stay_until_it_does(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    with running(boxed(tmp_path, server)) as agent:
        put(server, other="two")
        agent.says(
            f"Vault at {server.url} has no field password in secret/data/my-secret; check field and kv_version; the files are unchanged"
        )
        assert agent.read() == "one"
        put(server, password="three")
        agent.follows("three")


def test_stopped_it_revokes_its_token_and_ends_well(tmp_path: Path, server: Server) -> None:
    put(server, password=VALUE)
    before = server.tokens()
    with running(boxed(tmp_path, server)) as agent:
        assert server.tokens() == before + 1
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(timeout=20) == 0
        assert server.tokens() == before
        assert [p for p in (tmp_path / "home").rglob("*") if p.is_file() and p.name != "told"] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"role": "wrong"},
            "Vault at {url} rejected the login of role 'wrong' at auth/jwt with 400: role \"wrong\" could not be found; "
            "check that the role exists, and allows this pod's service account, namespace and audience",
        ),
        (
            {"secrets": (VaultSecret(path="nowhere", file="a", field="a"),)},
            "Vault at {url} has no secret at secret/data/nowhere; check mount, path and kv_version",
        ),
        (
            {"secrets": (VaultSecret(path="a", mount="other", file="a", field="a"),)},
            "Vault at {url} does not let role 'app' at auth/jwt read other/data/a: permission denied; "
            "give its policy the read capability on that path",
        ),
        (
            {"secrets": (VaultSecret(path="my-secret", file="a", field="absent"),)},
            "Vault at {url} has no field absent in secret/data/my-secret; check field and kv_version",
        ),
    ],
)
def test_at_the_start_what_waiting_cannot_mend_is_one_line(tmp_path: Path, server: Server, given: dict[str, Any], message: str) -> None:
    put(server, password=VALUE)
    before = server.tokens()
    agent = boxed(tmp_path, server, timeout_seconds=200, **given)
    run = agent.run()
    assert (run.code, run.out, run.err) == (1, "", message.format(url=server.url) + "\n")
    assert server.tokens() == before
    assert not (tmp_path / "secrets/..data").exists()


def test_at_the_start_a_vault_that_is_not_there_is_one_line_within_the_bound(tmp_path: Path, server: Server) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    run = boxed(tmp_path, server, address=address, timeout_seconds=2).run()
    reason = f"dial tcp {address.removeprefix('http://')}: connect: connection refused"
    assert run.err == f"Vault at {address} cannot be reached: {reason}; check address, DNS and network policies (tried for 2 s)\n"
    assert (run.code, run.out) == (1, "")


def test_with_classic_the_init_container_renders_and_ends_and_the_sidecar_goes_on(tmp_path: Path, server: Server) -> None:
    put(server, password="one")
    patch = patched(classic=True, **server.arguments())
    _, sidecar = patch.init_containers
    box = vaults.box(tmp_path, patch, need("vault"), identity=server.identity)
    before = server.tokens()
    run = box.run()
    assert (run.code, run.out, run.err) == (0, "wrote /vault/secrets/password\n", "")
    assert server.tokens() == before
    box.environment |= {v["name"]: v["value"] for v in sidecar["env"]}
    with running(box) as agent:
        assert agent.read() == "one"
        put(server, password="two")
        agent.follows("two")
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(timeout=20) == 0
        # the app may still need what hangs on it
        assert server.tokens() == before + 1


def test_a_secret_of_kv_version_1_follows_by_its_own_ttl(tmp_path: Path, server: Server) -> None:
    put(server, "old/a", ttl="3s", password="one")
    with running(boxed(tmp_path, server, secrets=(VaultSecret(mount="old", kv_version=1, path="a", file="a", field="password"),))) as agent:
        put(server, "old/a", ttl="3s", password="two")
        agent.follows("two", "a")


def test_lines_of_the_log_quote_no_secret(tmp_path: Path, server: Server) -> None:
    put(server, password=VALUE)
    secret = VaultSecret(path="my-secret", file="a", template="{{ .password | parseInt }}")
    run = boxed(tmp_path, server, secrets=(secret,)).run()
    assert run.code == 1
    assert not re.search(VALUE.split(maxsplit=1)[0], run.out + run.err)
    assert run.err == (
        f"the files could not be rendered from Vault at {server.url}; "
        "check the templates (the reason is not shown here, because it may quote a secret)\n"
    )
