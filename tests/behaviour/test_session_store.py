"""Sessions of browser logins in a real Redis behind TLS, by the real nginx and oauth2-proxy."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.certificates import CertificateAuthority, ServerCertificateArgs
from components.core.app import SecretKey
from components.patterns.shared.session_store import SessionStore
from components.testing import run
from tests.support.issuer import Issuer, issuing
from tests.support.jwt_proxy import LOGIN, cookies, logged_in, protected, started
from tests.support.programs import need
from tests.support.servers import free_ports

# a Redis on 127.0.0.1 would be one of the pod's own
HOST = "127.0.0.2"
PASSWORD = "pa$$word, $(x) and 'quotes'"
SECRETS = {"client-secret": "s3cret", "cookie": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "redis": PASSWORD, "wrong": "other"}
SHARED = {**LOGIN, "cookie_secret": SecretKey(name="oidc", key="cookie")}


def certificates() -> Mapping[str, str]:
    def program() -> None:
        CertificateAuthority("ca").issue("server", ServerCertificateArgs(service_name="redis", ip_addresses=(HOST,)))

    data: Mapping[str, str] = run(program).one("Secret").inputs["stringData"]
    return data


OURS, FOREIGN = certificates(), certificates()


class Redis:
    """A server with a password, which speaks TLS alone, and what it holds."""

    def __init__(self, directory: Path, number: int) -> None:
        self.home, self.number = directory, number
        for name, content in OURS.items():
            (directory / name).write_text(content)

    @contextmanager
    def running(self) -> Iterator[None]:
        flags = ("--bind", HOST, "--port", "0", "--tls-port", str(self.number), "--save", "", "--unixsocket", "redis.sock")
        files = ("--tls-cert-file", "tls.crt", "--tls-key-file", "tls.key", "--tls-ca-cert-file", "ca.crt", "--tls-auth-clients", "no")
        with open(self.home / "log", "ab") as log:
            command = [need("redis-server"), *flags, *files, "--requirepass", PASSWORD]
            process = subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log)
        try:
            subprocess.run([*self._cli(), "ping"], check=True, capture_output=True)
            yield
        finally:
            process.kill()
            process.wait()
            (self.home / "redis.sock").unlink()

    def _cli(self) -> list[str]:
        wait = 'for _ in $(seq 100); do [ -S "$0" ] && break; sleep 0.05; done; exec "$@"'
        socket = str(self.home / "redis.sock")
        return ["sh", "-c", wait, socket, need("redis-cli"), "-s", socket, "-a", PASSWORD, "--no-auth-warning"]

    def told(self, *command: str) -> str:
        done = subprocess.run([*self._cli(), *command], capture_output=True, text=True, check=True, errors="replace")
        return done.stdout.strip()

    def keys(self) -> list[str]:
        return [key for key in self.told("keys", "*").splitlines() if key]

    def store(self, **changes: Any) -> SessionStore:
        password = SecretKey(name="oidc", key="redis")
        return SessionStore(**{"url": f"rediss://{HOST}:{self.number}/0", "password": password, "ca_pem": OURS["ca.crt"], **changes})


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"), free_ports(1))
    with server.running():
        yield server


def test_a_session_is_kept_in_the_redis_and_its_cookie_is_short(tmp_path: Path, redis: Redis) -> None:
    groups = [f"group-{number:04}" for number in range(500)]
    with protected(tmp_path, secrets=SECRETS, session_store=redis.store(), **SHARED) as proxy:
        browser = cookies(logged_in(proxy, groups=groups))
        assert len(browser["Cookie"]) < 300
        assert proxy.seen("/", headers=browser)["x-forwarded-groups"] == [",".join(groups)]
        # whoever reads the Redis reads no session
        (key,) = redis.keys()
        value = redis.told("get", key)
        assert "ada" not in value
        assert "eyJ" not in value
        assert 0 < int(redis.told("ttl", key)) <= 8 * 3600
        # a program with a token is no browser
        assert proxy.status("/", token=proxy.issuer.token()) == 200


def test_every_replica_knows_the_session_until_somebody_logs_out_and_then_none(tmp_path: Path, redis: Redis) -> None:
    with (
        issuing(free_ports(1)) as server,
        started(tmp_path / "one", server.issuer, secrets=SECRETS, session_store=redis.store(), **SHARED) as one,
        started(tmp_path / "two", server.issuer, secrets=SECRETS, session_store=redis.store(), **SHARED) as two,
    ):
        browser = cookies(logged_in(one))
        assert [proxy.status("/", headers=browser) for proxy in (one, two)] == [200, 200]
        assert two.status("/oauth2/sign_out", headers=browser) == 302
        # a copy of the cookie
        assert [proxy.status("/", headers=browser) for proxy in (one, two)] == [302, 302]


def test_without_a_store_a_copy_of_the_cookie_outlives_the_logout(tmp_path: Path) -> None:
    with protected(tmp_path, secrets=SECRETS, **SHARED) as proxy:
        browser = cookies(logged_in(proxy))
        assert proxy.status("/oauth2/sign_out", headers=browser) == 302
        assert proxy.status("/", headers=browser) == 200


def test_while_the_redis_does_not_answer_no_session_gets_through_and_tokens_do(tmp_path: Path) -> None:
    server = Redis(tmp_path, free_ports(1))
    with ExitStack() as stack:
        with server.running():
            proxy = stack.enter_context(protected(tmp_path / "jwt", secrets=SECRETS, session_store=server.store(), **SHARED))
            browser = cookies(logged_in(proxy))
            assert proxy.status("/", headers=browser) == 200
        assert proxy.status("/", headers=browser) == 302
        assert proxy.status("/", token=proxy.issuer.token()) == 200
        with server.running():
            # it was in memory alone
            assert proxy.status("/", headers=browser) == 302
            assert proxy.status("/", headers=cookies(logged_in(proxy))) == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": SecretKey(name="oidc", key="wrong")}, "WRONGPASS"),
        ({"password": None}, "NOAUTH"),
        ({"ca_pem": FOREIGN["ca.crt"]}, "certificate signed by unknown authority"),
        ({"ca_pem": None}, "certificate signed by unknown authority"),
        ({"username": "nobody"}, "WRONGPASS"),
        ({"url": f"redis://{HOST}:{{number}}", "ca_pem": None, "allow_plaintext": True}, "unable to set a redis initialization key"),
    ],
    ids=["wrong password", "no password", "foreign authority", "no authority", "unknown user", "no TLS"],
)
def test_with_a_redis_that_it_cannot_use_it_does_not_start_and_says_why(
    tmp_path: Path, redis: Redis, changes: dict[str, Any], said: str
) -> None:
    changes = {name: value.format(number=redis.number) if name == "url" else value for name, value in changes.items()}
    with (
        pytest.raises(AssertionError, match=said),
        protected(tmp_path, secrets=SECRETS, session_store=redis.store(**changes), **SHARED),
    ):
        pytest.fail("it has started")


def test_a_user_of_the_access_control_list_is_enough(tmp_path: Path, redis: Redis) -> None:
    rights = ("~_oauth2_proxy*", "resetchannels", "-@all", "+get", "+set", "+del", "+ping", "+hello")
    assert redis.told("acl", "setuser", "sessions", "on", f">{PASSWORD}", *rights) == "OK"
    with protected(tmp_path, secrets=SECRETS, session_store=redis.store(username="sessions"), **SHARED) as proxy:
        assert proxy.status("/", headers=cookies(logged_in(proxy))) == 200


def test_without_its_redis_it_does_not_start(tmp_path: Path) -> None:
    store = SessionStore(url=f"rediss://{HOST}:{free_ports(1)}")
    with (
        pytest.raises(AssertionError, match="connection refused"),
        started(tmp_path, Issuer("http://127.0.0.1:1"), secrets=SECRETS, session_store=store, **SHARED),
    ):
        pytest.fail("it has started")
