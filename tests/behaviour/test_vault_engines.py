"""Vault's engines that give something new each time: certificates of PKI and credentials of a database, with the real Vault, PostgreSQL and
OpenSSL."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from components import testing
from components.core.app import App, Port
from components.core.patch import PodPatch
from components.core.view import view
from components.patterns.shared.vault_certificate import VaultCertificate
from components.patterns.shared.vault_secret import VaultSecret
from components.patterns.vault_init import VaultInit, VaultInitArgs
from tests.support import vaults
from tests.support.postgres import Postgres, postgres
from tests.support.programs import missing, need
from tests.support.servers import LOOPBACK, free_ports, serving
from tests.support.vault_agents import Agent, boxed, calling_app, patched, running
from tests.support.vaults import Box, Server, dev_server
from tests.support.waiting import within

WEB = VaultCertificate(mount="pki_int", role="web", common_name="web.example.com")
BRIEF = VaultCertificate(mount="pki_int", role="brief", common_name="web.example.com")
BRIEF_SECONDS = 15
CERTIFICATES = "wrote /vault/secrets/tls.crt /vault/secrets/tls.key /vault/secrets/ca.crt\n"


def issuing(server: Server) -> None:
    """A root, an intermediate authority below it, and the roles."""

    def data(*arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(server.vault("write", "-format=json", *arguments))["data"]
        return found

    for mount in ("pki", "pki_int"):
        server.vault("secrets", "enable", f"-path={mount}", "-max-lease-ttl=87600h", "pki")
    root = data("pki/root/generate/internal", "common_name=Root", "ttl=87600h")["certificate"]
    request = data("pki_int/intermediate/generate/internal", "common_name=Intermediate")["csr"]
    signed = data("pki/root/sign-intermediate", f"csr={request}", "ttl=8760h")["certificate"]
    server.vault("write", "pki_int/intermediate/set-signed", f"certificate={signed}\n{root}")
    for role, options in (("web", ["max_ttl=72h"]), ("brief", [f"max_ttl={BRIEF_SECONDS}s"]), ("leased", ["generate_lease=true"])):
        server.vault("write", f"pki_int/roles/{role}", "allowed_domains=example.com", "allow_subdomains=true", "key_type=ec", *options)
    # Vault lists nothing only as an error
    data("pki_int/issue/web", "common_name=first.example.com")
    allowed(server, "pki", 'path "pki_int/issue/*" { capabilities = ["update"] }')


def allowed(server: Server, role: str, policy: str) -> None:
    """A role for the pod, with that policy."""
    server.vault("policy", "write", role, "-", stdin=policy)
    server.vault("write", f"auth/jwt/role/{role}", "role_type=jwt", "bound_audiences=vault", "user_claim=sub", f"token_policies={role}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        issuing(server)
        yield server


def once(directory: Path, server: Server, **given: Any) -> Box:
    """The container of VaultInit."""
    made: list[PodPatch] = []
    args = VaultInitArgs(timeout_seconds=20, **server.arguments(**given))
    testing.run(lambda: made.append(VaultInit("vault", args).patch(view(App(name="app", image="app:1")))))
    return vaults.box(directory, made[0], need("vault"), identity=server.identity)


def issued(server: Server) -> int:
    """How many certificates there are."""
    return len(json.loads(server.vault("list", "-format=json", "pki_int/certs")))


def openssl(*arguments: str) -> str:
    done = subprocess.run([need("openssl"), *arguments], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


# certificates


def test_a_certificate_fits_its_key_and_its_authorities_and_is_what_was_asked_for(tmp_path: Path, server: Server) -> None:
    asked = {"alt_names": ("a.example.com",), "ip_sans": ("10.0.0.1", "::1"), "ttl_hours": 2, "mode": "0440"}
    certificate = VaultCertificate(mount="pki_int", role="web", common_name="web.example.com", **asked)
    before = issued(server)
    box = once(tmp_path, server, role="pki", certificates=(certificate,))
    run = box.run()
    assert (run.code, run.out, run.err) == (0, CERTIFICATES, "")
    # one certificate, not one for each file
    assert issued(server) == before + 1
    files = tmp_path / "secrets/files"
    crt, key, ca = (str(files / name) for name in certificate.files)
    openssl("verify", "-purpose", "sslserver", "-verify_hostname", "a.example.com", "-CAfile", ca, crt)
    # a client that knows the root alone needs the intermediate from the server
    (tmp_path / "root").write_text("-----BEGIN" + Path(ca).read_text().rpartition("-----BEGIN")[2])
    openssl("verify", "-CAfile", str(tmp_path / "root"), "-untrusted", crt, crt)
    assert openssl("x509", "-noout", "-pubkey", "-in", crt) == openssl("pkey", "-pubout", "-in", key)
    assert Path(key).read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    leaf = x509.load_pem_x509_certificate(Path(crt).read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == ["a.example.com", "web.example.com"]
    assert sorted(map(str, names.get_values_for_type(x509.IPAddress))) == ["10.0.0.1", "::1"]
    assert abs(leaf.not_valid_after_utc - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    assert {path.stat().st_mode & 0o777 for path in files.iterdir()} == {0o440}
    assert files.stat().st_mode & 0o777 == 0o750
    # the end of VaultInit's token is not the certificate's
    serial = ":".join(f"{byte:02x}" for byte in leaf.serial_number.to_bytes((leaf.serial_number.bit_length() + 7) // 8, "big"))
    assert json.loads(server.vault("read", "-format=json", f"pki_int/cert/{serial}"))["data"]["revocation_time"] == 0
    assert box.left_behind() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"common_name": "web.example.org"},
            "Vault at {url} rejected the write of pki_int/issue/web: common name web.example.org not allowed by this role; "
            "check mount, role or path, and what the role allows",
        ),
        (
            {"role": "nobody"},
            "Vault at {url} rejected the write of pki_int/issue/nobody: unknown role: nobody; "
            "check mount, role or path, and what the role allows",
        ),
        (
            {"mount": "pki"},
            "Vault at {url} does not let role 'pki' at auth/jwt write pki/issue/web: permission denied; "
            "give its policy the update capability on that path",
        ),
        (
            {"role": "leased"},
            "Vault at {url} leases what it gives at pki_int/issue/leased, and the lease ends with the token of VaultInit 'vault', "
            "before the app starts; use VaultAgentSidecar, or set generate_lease=false on the role",
        ),
    ],
)
def test_a_certificate_that_cannot_be_had_is_one_line(tmp_path: Path, server: Server, change: dict[str, str], message: str) -> None:
    asked = {"mount": "pki_int", "role": "web", "common_name": "web.example.com", **change}
    before = server.tokens()
    box = once(tmp_path, server, role="pki", certificates=(VaultCertificate(**asked),))
    run = box.run()
    assert (run.code, run.out, run.err) == (1, "", message.format(url=server.url) + "\n")
    assert server.tokens() == before
    assert not (tmp_path / "secrets/files").exists()
    assert box.left_behind() == []


@pytest.mark.parametrize("pattern", ["init", "agent"])
def test_files_that_find_no_room_are_one_line(tmp_path: Path, server: Server, pattern: str) -> None:
    make = once if pattern == "init" else boxed
    box = make(tmp_path, server, role="pki", secrets=(), certificates=(WEB,))
    unshare = (need("unshare"), "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, need("true")], check=False, capture_output=True).returncode:
        missing("this machine lets nobody make a user namespace (in a container: run it privileged)")
    # room for one file
    mount = f"{need('mount')} -t tmpfs -o size=4k small secrets"
    box.command = [*unshare, need("sh"), "-c", f'{mount} && exec "$@"', "sh", *box.command]
    run = box.run()
    assert (run.code, run.out, run.err) == (1, "", "the files could not be written; raise size_limit\n")


@contextmanager
def watching(look: Callable[[], None]) -> Iterator[None]:
    """Looks all the time, and once more at the end; what it finds wrong is raised then."""
    stop = threading.Event()

    def watch() -> None:
        last = False
        while not last:
            last = stop.wait(0.005)
            look()

    with ThreadPoolExecutor() as pool:
        watcher = pool.submit(watch)
        try:
            yield
        finally:
            stop.set()
        watcher.result()


def one_set(agent: Agent, *names: str) -> list[str]:
    """Files as an app reads them that resolves the link once; it may be replaced meanwhile."""
    while True:
        here = agent.secrets / os.readlink(agent.secrets / "..data")
        try:
            return [(here / name).read_text() for name in names]
        except FileNotFoundError:
            continue


def test_a_certificate_is_replaced_before_it_ends_and_fits_its_key_at_every_moment(tmp_path: Path, server: Server) -> None:
    number = free_ports(1)
    app = App(name="app", image="app:1", ports=(Port(name="http", number=number),))
    before = issued(server)
    box = boxed(tmp_path, server, app, role="pki", secrets=(), certificates=(BRIEF,), reload_path="/-/reload")
    serials: list[int] = []

    def look() -> None:
        crt, key, ca = (text.encode() for text in one_set(agent, *BRIEF.files))
        leaf, authority = x509.load_pem_x509_certificate(crt), x509.load_pem_x509_certificate(ca)
        assert leaf.public_key() == load_pem_private_key(key, None).public_key()
        leaf.verify_directly_issued_by(authority)
        assert leaf.not_valid_after_utc > datetime.now(UTC)
        if serials[-1:] != [leaf.serial_number]:
            serials.append(leaf.serial_number)

    with serving(calling_app(number, tmp_path / "secrets/tls.crt")) as web, running(box) as agent:
        with watching(look):
            within(3 * BRIEF_SECONDS, lambda: len(web.calls) == 2, f"two notifications; log: {agent.log()}")
        told = [x509.load_pem_x509_certificate(text.encode()).serial_number for _, text in web.calls]
        assert told == serials[1:]
        assert issued(server) == before + len(serials)
        assert agent.log() == [CERTIFICATES.strip(), *["the files have changed; the app was notified"] * 2]


def test_a_certificate_with_a_lease_lives_until_the_pod_stops(tmp_path: Path, server: Server) -> None:
    leased = VaultCertificate(mount="pki_int", role="leased", common_name="web.example.com")
    with running(boxed(tmp_path, server, role="pki", secrets=(), certificates=(leased,))) as agent:
        serial = x509.load_pem_x509_certificate(agent.read("tls.crt").encode()).serial_number

        def revoked() -> bool:
            listed = x509.load_pem_x509_crl(server.vault("read", "-field=certificate", "pki_int/cert/crl").encode())
            return listed.get_revoked_certificate_by_serial_number(serial) is not None

        time.sleep(2)
        assert not revoked()
        agent.process.send_signal(signal.SIGTERM)
        agent.process.wait(timeout=20)
        within(10, revoked, "the certificate is revoked with the token")


# credentials of a database

CREDENTIALS = tuple(
    VaultSecret(mount="database", kv_version=None, path="creds/app", file=name, **how)
    for name, how in (("user", {"field": "username"}), ("password", {"field": "password"}), ("db.env", {"format": "env"}))
)
MOUNTS = ("database", "pg")
DYNAMIC = "select count(*) from pg_roles where rolname like 'v-%'"


@dataclass
class Database:
    """PostgreSQL, whose users Vault makes."""

    postgres: Postgres
    server: Server

    def works(self, user: str, password: str) -> bool:
        environment = {**os.environ, "PGUSER": user, "PGPASSWORD": password}
        command = [str(self.postgres.psql), "-h", LOOPBACK, "-p", str(self.postgres.port), "-d", "postgres", "-Xc", "select 1"]
        return subprocess.run(command, env=environment, check=False, capture_output=True, timeout=30).returncode == 0

    def users(self) -> int:
        """How many users there are that Vault made."""
        return int(self.postgres.ask(DYNAMIC))

    def role(self, *ttls: str, mount: str = "database") -> None:
        create = "create role \"{{name}}\" login password '{{password}}' valid until '{{expiration}}'"
        self.server.vault("write", f"{mount}/roles/app", "db_name=pg", f"creation_statements={create}", *ttls)


@pytest.fixture(scope="module")
def connected(server: Server) -> Iterator[Database]:
    with postgres() as program:
        connection = (
            *("plugin_name=postgresql-database-plugin", "allowed_roles=*", "username=postgres"),
            f"connection_url=postgresql://{{{{username}}}}:{{{{password}}}}@{LOOPBACK}:{program.port}/postgres?sslmode=disable",
            f"password={program.environment['PGPASSWORD']}",
        )
        for mount in MOUNTS:
            server.vault("secrets", "enable", f"-path={mount}", "database")
            server.vault("write", f"{mount}/config/pg", *connection)
        allowed(server, "database", 'path "database/*" { capabilities = ["read"] } path "pg/*" { capabilities = ["read"] }')
        made = Database(program, server)
        made.role("default_ttl=1h", mount="pg")
        yield made
        # ends Vault's connections, for which the database would wait
        for mount in MOUNTS:
            server.vault("secrets", "disable", mount)


@pytest.fixture
def database(connected: Database) -> Iterator[Database]:
    """With no user of an earlier test, whose container may have been killed."""
    yield connected
    for mount in MOUNTS:
        connected.server.vault("lease", "revoke", "-sync", "-prefix", f"{mount}/creds")
    assert connected.users() == 0


def test_user_name_and_password_are_of_one_read_work_and_end_with_the_pod(tmp_path: Path, server: Server, database: Database) -> None:
    database.role("default_ttl=1h", "max_ttl=2h")
    with running(boxed(tmp_path, server, role="database", secrets=CREDENTIALS)) as agent:
        user, password = agent.read("user"), agent.read("password")
        assert database.works(user, password)
        assert database.users() == 1
        sourced = subprocess.run(
            ["sh", "-c", f'{agent.read("db.env")}printf "%s %s" "$username" "$password"'], check=True, capture_output=True, text=True
        )
        assert sourced.stdout == f"{user} {password}"
        agent.process.send_signal(signal.SIGTERM)
        agent.process.wait(timeout=20)
        within(10, lambda: not database.works(user, password), "the credentials have ended with the token")


def test_credentials_are_renewed_and_replaced_before_they_end_and_the_app_is_told_in_time(
    tmp_path: Path, server: Server, database: Database
) -> None:
    # Vault's client renews at 2/3 of the TTL, and gives up within a random fifth of it before the end: at 30 s that was sometimes at once
    database.role("default_ttl=20s", "max_ttl=45s")
    number = free_ports(1)
    app = App(name="app", image="app:1", ports=(Port(name="http", number=number),))
    box = boxed(tmp_path, server, app, role="database", secrets=CREDENTIALS, reload_path="/-/reload")
    passwords: dict[str, set[str]] = {}

    def look() -> None:
        user, password, environment = one_set(agent, "user", "password", "db.env")
        assert f"username='{user}'\n" in environment
        assert f"password='{password}'\n" in environment
        passwords.setdefault(user, set()).add(password)

    with serving(calling_app(number, tmp_path / "secrets/password")) as web, running(box) as agent:
        old = agent.read("user"), agent.read("password")
        started = time.monotonic()
        with watching(look):
            within(60, lambda: web.calls, f"a notification; log: {agent.log()}")
            # beyond its first TTL, and not at its end: both work while the app changes over
            assert time.monotonic() - started > 20
            new = agent.read("user"), agent.read("password")
            assert web.calls == [("POST /-/reload", new[1])]
            assert (database.works(*old), database.works(*new)) == (True, True)
            within(30, lambda: not database.works(*old), "the old credentials have ended")
            assert database.works(*new)
        assert passwords == {old[0]: {old[1]}, new[0]: {new[1]}}


def test_credentials_that_are_revoked_in_vault_are_replaced(tmp_path: Path, server: Server, database: Database) -> None:
    database.role("default_ttl=6s", "max_ttl=1h")
    with running(boxed(tmp_path, server, role="database", secrets=CREDENTIALS)) as agent:
        old = agent.read("user")
        server.vault("lease", "revoke", "-prefix", "database/creds/app")
        within(20, lambda: agent.read("user") != old, f"other credentials; log: {agent.log()}")
        assert database.works(agent.read("user"), agent.read("password"))


def test_with_classic_the_first_credentials_work_until_the_sidecar_has_the_next(tmp_path: Path, server: Server, database: Database) -> None:
    database.role("default_ttl=1h", "max_ttl=2h")
    patch = patched(classic=True, **server.arguments(role="database", secrets=CREDENTIALS))
    _, sidecar = patch.init_containers
    box = vaults.box(tmp_path, patch, need("vault"), identity=server.identity)
    run = box.run()
    assert (run.code, run.err) == (0, "")
    first = [(tmp_path / "secrets" / name).read_text() for name in ("user", "password")]
    assert database.works(*first)
    box.environment |= {v["name"]: v["value"] for v in sidecar["env"]}
    with running(box) as agent:
        within(20, lambda: agent.read("user") != first[0], f"credentials of its own; log: {agent.log()}")
        assert database.works(agent.read("user"), agent.read("password"))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            # at composition it looks like KV
            {"mount": "pg", "kv_version": 1, "path": "creds/app"},
            "Vault at {url} leases what it gives at pg/creds/app, and the lease ends with the token of VaultInit 'vault', "
            "before the app starts; use VaultAgentSidecar",
        ),
        (
            {"mount": "database", "kv_version": None, "path": "static-creds/nobody"},
            "Vault at {url} rejected the read of database/static-creds/nobody: unknown role: nobody; "
            "check mount, role or path, and what the role allows",
        ),
    ],
)
def test_credentials_that_cannot_be_had_are_one_line(
    tmp_path: Path, server: Server, database: Database, where: dict[str, Any], message: str
) -> None:
    secret = VaultSecret(**where, file="user", field="username")
    run = once(tmp_path, server, role="database", secrets=(secret,)).run()
    assert (run.code, run.out, run.err) == (1, "", message.format(url=server.url) + "\n")
    within(10, lambda: database.users() == 0, "no user is left")


def test_credentials_that_vault_rotates_are_read_once_or_followed(tmp_path: Path, server: Server, database: Database) -> None:
    database.postgres.ask("create role static login password 'first'")
    server.vault("write", "database/static-roles/static", "db_name=pg", "username=static", "rotation_period=10s")
    secret = VaultSecret(mount="database", kv_version=None, path="static-creds/static", file="password", field="password")
    (tmp_path / "once").mkdir()
    run = once(tmp_path / "once", server, role="database", secrets=(secret,)).run()
    assert (run.code, run.err) == (0, "")
    assert database.works("static", (tmp_path / "once/secrets/files/password").read_text())
    (tmp_path / "followed").mkdir()
    with running(boxed(tmp_path / "followed", server, role="database", secrets=(secret,))) as agent:
        old = agent.read()
        within(30, lambda: agent.read() != old, f"another password; log: {agent.log()}")
        assert database.works("static", agent.read())
