"""VaultInit's script, run for real by busybox: with a vault that fails as told, with the vault CLI against a stand-in and a dev server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components import testing
from components.core.app import App
from components.core.patch import PodPatch
from components.core.view import view
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_init import VaultInit, VaultInitArgs
from tests.support import vaults
from tests.support.programs import need
from tests.support.vaults import IDENTITY, Box, Server, dev_server, free_port

TOKEN = "hvs.CAESIJ-the-token"
VALUE = "correct horse"
PASSWORD = VaultSecret(path="my-secret", file="password", field="password")
USER = VaultSecret(path="my-secret", file="user", field="username")
NOT_SHOWN = "(the reason is not shown here, because it may quote a secret)"


def box(directory: Path, program: str, shell: str = "busybox", identity: str = IDENTITY, **given: Any) -> Box:
    """The container of VaultInit for these arguments; `program` is what it finds as `vault`."""
    args = VaultInitArgs(**{"role": "app", "secrets": (PASSWORD,), "timeout_seconds": 20, **given})
    made: list[PodPatch] = []
    testing.run(lambda: made.append(VaultInit("vault", args).patch(view(App(name="app", image="app:1")))))
    return vaults.box(directory, made[0], program, shell, identity)


# --- a vault that fails as told ---------------------------------------------------------------------------------------------------------

FAKE = """#!{python}
import base64, json, os, pathlib, re, sys, time
here = pathlib.Path("fake")
plan = json.loads((here / "plan.json").read_text())
with (here / "calls").open("a") as calls:
    command_line = pathlib.Path("/proc/self/cmdline").read_bytes().decode()
    calls.write(json.dumps({{"argv": sys.argv[1:], "cmdline": command_line, "env": dict(os.environ)}}) + "\\n")
verb = sys.argv[1]
if verb == "write":
    if plan["logins"]:
        sys.stderr.write(plan["logins"].pop(0))
        (here / "plan.json").write_text(json.dumps(plan))
        sys.exit(2)
    sys.stdout.write("{token}")
elif verb == "agent":
    assert pathlib.Path("home/.vault-token").read_text() == "{token}"
    left = plan["renders"]
    for template in json.loads(pathlib.Path("config/agent.json").read_text())["template"]:
        path = pathlib.Path(template["destination"])
        path.parent.mkdir(exist_ok=True)
        lines = re.findall('(0[0-7]+ [^ ]+ ){{{{ executeTemplate', template["contents"])[:left]
        path.write_text("".join(line + base64.b64encode(b"{value}").decode() + "\\n" for line in lines))
        left -= len(lines)
    time.sleep(plan["seconds"])
    print(plan["agent_says"])
    sys.exit(plan["agent_code"])
elif verb == "token":
    sys.exit(plan["revoke_code"])
"""

REFUSED = 'Error writing data to auth/kubernetes/login: Put "https://vault/v1/x": dial tcp 10.0.0.1:443: connect: connection refused\n'


def answer(code: int, *errors: str) -> str:
    """What the CLI prints when Vault answers with an error."""
    lines = "".join(f"* {error}\n" for error in errors)
    return f"Error writing data to auth/x/login: Error making API request.\n\nURL: PUT https://vault/v1/x\nCode: {code}. Errors:\n\n{lines}"


@dataclass
class Fake:
    """A box whose vault fails as told."""

    box: Box

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.box.directory / "fake/calls").read_text().splitlines()]

    def verbs(self) -> list[str]:
        return [call["argv"][0] for call in self.calls()]


def fake(
    directory: Path,
    *logins: str,
    renders: int = 9,
    agent_code: int = 0,
    agent_says: str = "",
    revoke_code: int = 0,
    seconds: float = 0,
    **given: Any,
) -> Fake:
    (directory / "fake").mkdir()
    program = directory / "fake/vault"
    program.write_text(FAKE.format(python=sys.executable, token=TOKEN, value=VALUE))
    program.chmod(0o755)
    plan = {
        "logins": logins,
        "renders": renders,
        "agent_code": agent_code,
        "agent_says": agent_says,
        "revoke_code": revoke_code,
        "seconds": seconds,
    }
    (directory / "fake/plan.json").write_text(json.dumps(plan))
    return Fake(box(directory, str(program), **{"address": "https://vault", **given}))


def test_one_login_one_agent_run_and_one_revocation(tmp_path: Path) -> None:
    vault = fake(tmp_path, secrets=(PASSWORD, USER))
    run = vault.box.run()
    assert (run.code, run.out, run.err) == (0, "wrote /vault/secrets/password /vault/secrets/user\n", "")
    assert vault.verbs() == ["write", "agent", "token"]
    assert vault.calls()[2]["argv"] == ["token", "revoke", "-self"]
    assert vault.box.files() == {"password": VALUE, "user": VALUE}
    assert vault.box.left_behind() == []


def test_files_and_their_directory_are_for_their_owner_alone(tmp_path: Path) -> None:
    vault = fake(tmp_path)
    assert vault.box.run().code == 0
    directory = tmp_path / "secrets/files"
    assert (directory.stat().st_mode & 0o777, (directory / "password").stat().st_mode & 0o777) == (0o700, 0o400)


def test_no_token_secret_or_identity_is_in_a_command_line_an_environment_or_the_output(tmp_path: Path) -> None:
    vault = fake(tmp_path)
    run = vault.box.run()
    seen = json.dumps(vault.calls()) + run.out + run.err
    assert run.code == 0
    assert "role=app" in seen
    assert [word for word in (TOKEN, VALUE, IDENTITY) if word in seen] == []


def test_a_vault_that_comes_up_late_is_waited_for(tmp_path: Path) -> None:
    vault = fake(tmp_path, REFUSED, answer(503, "Vault is sealed"), answer(429, "rate limit"))
    run = vault.box.run()
    assert (run.code, run.err) == (0, "")
    assert vault.verbs() == ["write"] * 4 + ["agent", "token"]
    assert run.seconds > 0.5 + 1 + 2  # half of each pause at least


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            REFUSED,
            "Vault at https://vault cannot be reached: dial tcp 10.0.0.1:443: connect: connection refused; "
            "check address, DNS and network policies (tried for 3 s)\n",
        ),
        (answer(503, "Vault is sealed"), "Vault at https://vault is sealed; unseal it (tried for 3 s)\n"),
        (
            answer(500, "internal error"),
            "Vault at https://vault answered the login with 500: internal error; see its log (tried for 3 s)\n",
        ),
    ],
)
def test_retries_end_with_the_deadline_and_one_line(tmp_path: Path, said: str, message: str) -> None:
    vault = fake(tmp_path, *[said] * 50, timeout_seconds=3)
    run = vault.box.run()
    assert (run.code, run.out, run.err) == (1, "", message)
    assert 2 <= len(vault.verbs()) <= 4
    assert set(vault.verbs()) == {"write"}
    assert vault.box.left_behind() == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            answer(400, 'invalid role name "app"'),
            "Vault at https://vault rejected the login of role 'app' at auth/kubernetes with 400: invalid role name \"app\"; "
            "check that the role exists, and allows this pod's service account, namespace and audience\n",
        ),
        (
            answer(403, "permission denied"),
            "Vault at https://vault rejected the login of role 'app' at auth/kubernetes with 403: permission denied; "
            "check that the role exists, and allows this pod's service account, namespace and audience\n",
        ),
        (
            answer(400, f"cannot parse {IDENTITY} of {TOKEN}"),
            "Vault at https://vault rejected the login of role 'app' at auth/kubernetes with 400: cannot parse *** of ***; "
            "check that the role exists, and allows this pod's service account, namespace and audience\n",
        ),
        (
            'Error writing data to x: Put "https://vault/v1/x": tls: failed to verify certificate: x509: unknown authority\n',
            "Vault at https://vault could not be verified: tls: failed to verify certificate: x509: unknown authority; "
            "set address, ca_pem (or ca_secret, ca_config_map) and tls_server_name to fit its certificate\n",
        ),
        (
            "Error initializing client: failed to read environment: bad CA\n",
            "the vault program failed: failed to read environment: bad CA; check the arguments of VaultInit 'vault' and its image\n",
        ),
    ],
)
def test_what_waiting_cannot_mend_fails_at_once(tmp_path: Path, said: str, message: str) -> None:
    vault = fake(tmp_path, said)
    run = vault.box.run()
    assert (run.code, run.out, run.err) == (1, "", message)
    assert vault.verbs() == ["write"]


def test_half_a_set_is_never_seen_and_the_token_is_revoked_even_so(tmp_path: Path) -> None:
    vault = fake(tmp_path, secrets=(PASSWORD, USER), renders=1, agent_code=1, agent_says=f"[ERROR] parsing {VALUE}")
    run = vault.box.run()
    assert (run.code, run.out) == (1, "")
    assert run.err == f"the files could not be rendered from Vault at https://vault; check the templates {NOT_SHOWN}\n"
    assert vault.verbs() == ["write", "agent", "token"]
    assert not (tmp_path / "secrets/files").exists()
    assert vault.box.left_behind() == []


def test_an_agent_that_ends_well_without_every_file_is_a_failure(tmp_path: Path) -> None:
    vault = fake(tmp_path, secrets=(PASSWORD, USER), renders=1)
    run = vault.box.run()
    assert run.code == 1
    assert run.err == "Vault at https://vault stopped answering while reading a secret; see its log, or raise timeout_seconds\n"
    assert not (tmp_path / "secrets/files").exists()


def test_a_failed_second_run_leaves_the_first_set_as_it_was(tmp_path: Path) -> None:
    vault = fake(tmp_path)
    assert vault.box.run().code == 0
    plan = tmp_path / "fake/plan.json"
    plan.write_text(json.dumps({**json.loads(plan.read_text()), "agent_code": 1}))
    assert vault.box.run().code == 1
    assert vault.box.files() == {"password": VALUE}


def test_a_second_run_replaces_the_whole_set(tmp_path: Path) -> None:
    vault = fake(tmp_path)
    (tmp_path / "secrets/files").mkdir(mode=0o700)
    (tmp_path / "secrets/files/old").write_text("old")
    (tmp_path / "secrets/new").mkdir()
    assert vault.box.run().code == 0
    assert vault.box.files() == {"password": VALUE}


def test_a_token_that_cannot_be_revoked_is_told_and_no_failure(tmp_path: Path) -> None:
    vault = fake(tmp_path, revoke_code=2)
    run = vault.box.run()
    assert (run.code, run.out) == (0, "wrote /vault/secrets/password\n")
    assert run.err == "the token of role 'app' at auth/kubernetes could not be revoked; it expires with its TTL\n"
    assert vault.box.left_behind() == []


def test_a_container_that_is_stopped_revokes_its_token(tmp_path: Path) -> None:
    vault = fake(tmp_path, seconds=1)
    process = vault.box.start()
    deadline = time.monotonic() + 10
    while not (tmp_path / "fake/calls").exists() or "agent" not in vault.verbs():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 143
    assert vault.verbs() == ["write", "agent", "token"]
    assert vault.box.left_behind() == []


# --- the vault CLI against a stand-in for the server ------------------------------------------------------------------------------------


@dataclass
class StandIn:
    """Counts what it is asked; answers the first logins and every read as told."""

    url: str = ""
    logins: list[tuple[int, list[str]]] = field(default_factory=list)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    delay: float = 0
    requests: list[str] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, Any]:
        self.requests.append(f"{'READ' if method == 'GET' else 'WRITE'} {path}")
        if path == "auth/kubernetes/login":
            self.given.append(body)
            if self.logins:
                code, errors = self.logins.pop(0)
                return code, {"errors": errors}
            auth = {"client_token": TOKEN, "policies": ["app"], "lease_duration": 300, "renewable": False}
            return 200, {"auth": auth}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        if path == "auth/token/lookup-self":
            return 200, {"data": {"id": TOKEN, "ttl": 300, "renewable": False, "policies": ["app"], "type": "service"}}
        if path == "auth/token/revoke-self":
            return 204, None
        if path.startswith("sys/internal/ui/mounts/"):
            mount = path.split("/")[4]
            return 200, {"data": {"path": f"{mount}/", "type": "kv", "options": {"version": "2" if mount == "secret" else "1"}}}
        time.sleep(self.delay)
        if path in self.status:
            return self.status[path], {"errors": ["permission denied" if self.status[path] == 403 else "internal error"]}
        if path not in self.secrets:
            return 404, {"errors": []}
        data = self.secrets[path]
        return 200, {"data": {"data": data, "metadata": {"version": 1, "deletion_time": ""}} if path.startswith("secret/") else data}

    def count(self, request: str) -> int:
        return self.requests.count(request)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            path = self.path.removeprefix("/v1/").partition("?")[0]
            code, content = state.reply(self.command, path, self.headers.get("X-Vault-Token"), body or {})
            payload = b"" if content is None else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_PUT = do_POST = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def test_vault_is_asked_for_one_login_one_read_of_each_secret_and_one_revocation(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.secrets = {"secret/data/my-secret": {"username": "demo", "password": VALUE}, "old/a": {"b": "c"}}
    old = VaultSecret(mount="old", kv_version=1, path="a", file="old", field="b")
    run = box(tmp_path, need("vault"), address=stand_in.url, secrets=(PASSWORD, USER, old)).run()
    assert (run.code, run.out, run.err) == (0, "wrote /vault/secrets/password /vault/secrets/user /vault/secrets/old\n", "")
    assert stand_in.given == [{"role": "app", "jwt": IDENTITY}]
    assert stand_in.count("WRITE auth/token/revoke-self") == 1
    assert stand_in.requests[-1] == "WRITE auth/token/revoke-self"
    assert (stand_in.count("READ secret/data/my-secret"), stand_in.count("READ old/a")) == (1, 1)


def test_a_sealed_vault_is_waited_for_with_one_request_a_try(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.secrets = {"secret/data/my-secret": {"password": VALUE}}
    stand_in.logins = [(503, ["Vault is sealed"]), (500, ["internal error"])]
    container = box(tmp_path, need("vault"), address=stand_in.url)
    run = container.run()
    assert (run.code, run.err) == (0, "")
    assert stand_in.count("WRITE auth/kubernetes/login") == 3
    assert container.files() == {"password": VALUE}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"logins": [(400, [f"bad {IDENTITY}"])]},
            "rejected the login of role 'app' at auth/kubernetes with 400: bad ***; "
            "check that the role exists, and allows this pod's service account, namespace and audience",
        ),
        ({"secrets": {}}, "has no secret at secret/data/my-secret; check mount, path and kv_version"),
        (
            {"status": {"secret/data/my-secret": 403}},
            "does not let role 'app' at auth/kubernetes read secret/data/my-secret: permission denied; "
            "give its policy the read capability on that path",
        ),
        (
            {"status": {"secret/data/my-secret": 500}, "timeout": 6},
            "stopped answering while reading secret/data/my-secret; see its log, or raise timeout_seconds",
        ),
        ({"delay": 200, "timeout": 3}, "stopped answering while reading a secret; see its log, or raise timeout_seconds"),
        (
            {"secrets": {"secret/data/my-secret": {"other": "x"}}},
            "has no field password in secret/data/my-secret; check field and kv_version",
        ),
    ],
)
def test_a_failure_is_one_line_that_names_what_failed(tmp_path: Path, stand_in: StandIn, change: dict[str, Any], message: str) -> None:
    stand_in.secrets = {"secret/data/my-secret": {"password": VALUE}}
    timeout = change.pop("timeout", 20)
    for name, value in change.items():
        setattr(stand_in, name, value)
    container = box(tmp_path, need("vault"), address=stand_in.url, timeout_seconds=timeout)
    run = container.run()
    assert (run.code, run.out, run.err) == (1, "", f"Vault at {stand_in.url} {message}\n")
    assert stand_in.count("WRITE auth/kubernetes/login") == 1
    assert stand_in.count("WRITE auth/token/revoke-self") == ("logins" not in change)
    assert not (tmp_path / "secrets/files").exists()
    assert container.left_behind() == []


def test_a_vault_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    run = box(tmp_path, need("vault"), address=address, timeout_seconds=2).run()
    reason = f"dial tcp {address.removeprefix('http://')}: connect: connection refused"
    assert run.err == f"Vault at {address} cannot be reached: {reason}; check address, DNS and network policies (tried for 2 s)\n"
    assert run.code == 1


def test_a_vault_without_tls_behind_an_https_address_fails_at_once(tmp_path: Path, stand_in: StandIn) -> None:
    address = stand_in.url.replace("http:", "https:")
    run = box(tmp_path, need("vault"), address=address, timeout_seconds=200).run()
    assert run.err.startswith(f"Vault at {address} could not be verified: ")
    assert run.err.count("\n") == 1


# --- the vault CLI against a real server ------------------------------------------------------------------------------------------------


def against(server: Server, directory: Path, shell: str = "busybox", **given: Any) -> Box:
    return box(directory, need("vault"), shell, server.identity, **server.arguments(**given))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.mark.parametrize("shell", ["busybox", "sh"])
def test_a_real_vault_gives_every_kind_of_file(tmp_path: Path, server: Server, shell: str) -> None:
    hard = 'it\'s <&> $(id) "q" \\ `x`\nline 2'
    server.vault(
        "kv", "put", "secret/my-secret", "-", stdin=json.dumps({"username": "demo", "password": hard, "api-key": "k", "n": 12345678901234})
    )
    server.vault("kv", "put", "secret/shell", "-", stdin=json.dumps({"A": hard, "N": 7, "T": True, "O": {"a": "o'x"}}))
    server.vault("kv", "put", "old/team/a", "b=two words")
    before = server.tokens()
    container = against(
        server,
        tmp_path,
        shell=shell,
        secrets=(
            PASSWORD,
            VaultSecret(path="my-secret", file="key", field="api-key"),
            VaultSecret(path="my-secret", file="n", field="n"),
            VaultSecret(path="my-secret", file="all.json", format="json"),
            VaultSecret(path="shell", file="app.env", format="env"),
            VaultSecret(path="team/a", mount="old", kv_version=1, file="old.json", format="json"),
            VaultSecret(path="my-secret", file="url", template="db://{{ .username }}@db\n", mode="0440"),
        ),
    )
    run = container.run()
    assert (run.code, run.err) == (0, "")
    files = container.files()
    environment = files.pop("app.env")
    assert files == {
        "password": hard,
        "key": "k",
        "n": "12345678901234",
        "all.json": json.dumps({"api-key": "k", "n": 12345678901234, "password": hard, "username": "demo"}, separators=(",", ":")) + "\n",
        "old.json": '{"b":"two words"}\n',
        "url": "db://demo@db\n",
    }
    sourced = subprocess.run(["sh", "-c", f'{environment}printf "%s|" "$A" "$N" "$T" "$O"'], capture_output=True, text=True, check=True)
    assert sourced.stdout == f"{hard}|7|true|" + '{"a":"o\'x"}|'
    assert {
        path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "secrets/files").iterdir() if path.name in ("password", "url")
    } == {
        "password": 0o400,
        "url": 0o440,
    }
    assert (tmp_path / "secrets/files").stat().st_mode & 0o777 == 0o750
    assert server.tokens() == before
    assert container.left_behind() == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"role": "wrong"},
            "Vault at {url} rejected the login of role 'wrong' at auth/jwt with 400: role \"wrong\" could not be found; "
            "check that the role exists, and allows this pod's service account, namespace and audience",
        ),
        (
            {"auth_mount": "nowhere"},
            "Vault at {url} rejected the login of role 'app' at auth/nowhere with 403: permission denied; "
            "check that the role exists, and allows this pod's service account, namespace and audience",
        ),
        (
            {"secrets": (VaultSecret(path="deleted", file="a", field="a"),)},
            "Vault at {url} has no secret at secret/data/deleted; check mount, path and kv_version",
        ),
        (
            {"secrets": (VaultSecret(path="a", mount="other", file="a", field="a"),)},
            "Vault at {url} does not let role 'app' at auth/jwt read other/data/a: permission denied; "
            "give its policy the read capability on that path",
        ),
        (
            {"secrets": (VaultSecret(path="a", file="a", field="absent"),)},
            "Vault at {url} has no field absent in secret/data/a; check field and kv_version",
        ),
        (
            {"secrets": (VaultSecret(path="a", file="a", field="b-c", kv_version=1),)},
            "Vault at {url} has no field b-c in secret/a; check field and kv_version",
        ),
        (
            {"secrets": (VaultSecret(path="a", file="a", template="{{ .absent }}"),)},
            "Vault at {url} has no field absent, which a template needs; check the template and kv_version",
        ),
        (
            {"secrets": (VaultSecret(path="a", file="a", format="env"),)},
            "field b-c is not a valid name of a shell variable; use format='json', or field= for each",
        ),
        (
            {"secrets": (VaultSecret(path="a", file="a", template='{{ index . "b-c" | parseInt }}'),)},
            f"the files could not be rendered from Vault at {{url}}; check the templates {NOT_SHOWN}",
        ),
    ],
)
def test_a_real_vault_that_refuses_is_one_line_without_a_secret(
    tmp_path: Path, server: Server, given: dict[str, Any], message: str
) -> None:
    server.vault("kv", "put", "secret/a", f"b-c={VALUE}")
    server.vault("kv", "put", "secret/deleted", "a=b")
    server.vault("kv", "delete", "secret/deleted")
    before = server.tokens()
    container = against(server, tmp_path, **{"secrets": (USER,), **given})
    run = container.run()
    assert (run.code, run.out, run.err) == (1, "", message.format(url=server.url) + "\n")
    assert VALUE not in run.err
    assert server.tokens() == before
    assert not (tmp_path / "secrets/files").exists()
    assert container.left_behind() == []


def test_a_token_without_the_default_policy_is_told(tmp_path: Path, server: Server) -> None:
    server.vault(
        "write",
        "auth/jwt/role/bare",
        "role_type=jwt",
        "bound_audiences=vault",
        "user_claim=sub",
        "token_policies=app",
        "token_no_default_policy=true",
    )
    run = against(server, tmp_path, role="bare").run()
    assert run.code == 1
    assert (
        run.err
        == f"Vault at {server.url} does not let the token of role 'bare' at auth/jwt look itself up; give it Vault's default policy\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")
def test_it_works_as_an_ordinary_user(tmp_path: Path, server: Server) -> None:
    server.vault("kv", "put", "secret/my-secret", f"password={VALUE}")
    container = against(server, tmp_path)
    # the program may be in a directory that only root can enter
    (tmp_path / "programs/vault").unlink()
    try:
        os.link(need("vault"), tmp_path / "programs/vault")
    except OSError:
        shutil.copy(need("vault"), tmp_path / "programs/vault")
    setpriv = shutil.which("setpriv") or need("setpriv")
    for path in (tmp_path / "home", tmp_path / "secrets"):
        os.chown(path, 0, 1000)
        path.chmod(0o2777)  # as the kubelet makes an emptyDir
    container.command = [setpriv, "--reuid=1234", "--regid=1000", "--clear-groups", *container.command]
    for parent in tmp_path.parents:
        if parent.is_relative_to(tempfile.gettempdir()) and str(parent) != tempfile.gettempdir():
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    run = container.run()
    assert (run.code, run.err) == (0, "")
    written = (tmp_path / "secrets/files/password").stat()
    assert (written.st_uid, written.st_gid, written.st_mode & 0o777) == (1234, 1000, 0o400)
