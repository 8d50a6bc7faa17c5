"""RedisCacheSidecar as it is rendered: the real redis-server, with redis-cli in the app's place."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App
from components.core.quantities import amount
from components.patterns.redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from tests.support.composing import composed, container
from tests.support.programs import need
from tests.support.sandbox import in_container, sandbox
from tests.support.servers import LOOPBACK, free_ports


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The running container, and what it put into the app's environment."""

    env: Mapping[str, str]
    reach: tuple[str, ...]
    process: subprocess.Popen[bytes]
    limit: float

    def redis(self, *command: str, stdin: str | None = None) -> str:
        """What redis-cli answers."""
        done = subprocess.run([need("redis-cli"), *self.reach, *command], input=stdin, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()

    @property
    def peak_memory(self) -> int:
        """The most that it ever used, in bytes."""
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024


@contextmanager
def cache(directory: Path, **arguments: Any) -> Iterator[Cache]:
    """The container, as soon as its startup probe succeeds."""
    number = free_ports(1)
    args = RedisCacheSidecarArgs(**{"port": number, **arguments})
    pod = composed(App(name="web", image="web"), lambda: RedisCacheSidecar("cache", args))
    sidecar = container(pod, "redis-cache")
    programs = {name: Path(need(name)).read_bytes() for name in ("redis-server", "redis-cli")}
    with sandbox(directory, sidecar["command"], files={}, programs=programs) as process:
        root = f"/proc/{process.pid}/root"
        reach = ("-p", str(number)) if args.socket is None else ("-s", root + args.socket)
        env = {e["name"]: e["value"] for e in container(pod, "web")["env"]}
        running = Cache(env=env, reach=reach, process=process, limit=amount(sidecar["resources"]["limits"]["memory"]))
        probe = in_container(process, sidecar["startupProbe"]["exec"]["command"])
        end = time.monotonic() + 15
        while subprocess.run(probe, check=False, capture_output=True).returncode:
            assert process.poll() is None, (directory / "stdout").read_text()
            assert time.monotonic() < end, "the startup probe never succeeded"
            time.sleep(0.05)
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    with cache(tmp_path_factory.mktemp("cache")) as running:
        yield running


def fill(server: Cache, count: int) -> None:
    """Writes that many values of 10 kB."""
    commands = "".join(f"SET key:{number} {'x' * 10_000}\n" for number in range(count))
    assert "errors: 0" in server.redis("--pipe", stdin=commands)


def test_the_app_finds_the_cache_by_its_url(tmp_path: Path) -> None:
    with cache(tmp_path) as server:
        done = subprocess.run([need("redis-cli"), "-u", server.env["REDIS_URL"], "ping"], capture_output=True, text=True, check=True)
        assert done.stdout == "PONG\n"
        assert server.redis("set", "a", "b") == "OK"
        assert server.redis("get", "a") == "b"


def test_a_full_cache_forgets_what_was_not_used_and_stays_below_the_memory_limit(tmp_path: Path) -> None:
    with cache(tmp_path) as server:
        fill(server, 500)
        used, unused = ([f"key:{number}" for number in numbers] for numbers in (range(50), range(50, 500)))
        for _ in range(20):
            # used again and again
            server.redis("touch", *used)
            fill_more = "".join(f"SET more:{number} {'x' * 10_000}\n" for number in range(600))
            assert "errors: 0" in server.redis("--pipe", stdin=fill_more.replace("more:", f"more{time.monotonic_ns()}:"))
        stats = server.redis("info", "stats")
        evicted = re.search(r"evicted_keys:(\d+)", stats)
        assert evicted
        assert int(evicted[1]) > 1000
        # Redis compares samples, and ages in whole seconds: seen were 40 to 50 of 50, and 7 to 36 of 450. With a policy that does not look
        # at the use, both would keep the same share: a third at most
        assert int(server.redis("exists", *used)) > 25
        assert int(server.redis("exists", *unused)) < 150
        memory = re.search(r"used_memory:(\d+)", server.redis("info", "memory"))
        assert memory
        assert int(memory[1]) <= 64 * 2**20 * 1.01
        assert server.peak_memory < server.limit


def test_the_policy_decides_what_happens_when_it_is_full(tmp_path: Path) -> None:
    with cache(tmp_path, maxmemory="4Mi", maxmemory_policy="noeviction") as server:
        commands = "".join(f"SET key:{number} {'x' * 10_000}\n" for number in range(600))
        assert "OOM command not allowed when used memory > 'maxmemory'" in server.redis(stdin=commands)
        assert server.redis("get", "key:0") == "x" * 10_000


def test_nothing_is_kept_and_nothing_is_written(tmp_path: Path) -> None:
    with cache(tmp_path) as server:
        assert "aof_enabled:0" in server.redis("info", "persistence")
        fill(server, 300)
        # the root filesystem is read-only, and /tmp is empty
        assert not list(Path(f"/proc/{server.process.pid}/root/tmp").iterdir())
        assert "rdb_bgsave_in_progress:0" in server.redis("info", "persistence")
        # with a time to save at, it would do so now
        server.process.terminate()
        server.process.wait(timeout=5)
        assert "Saving the final RDB snapshot" not in (tmp_path / "stdout").read_text()


def test_nobody_outside_the_pod_reaches_it(tmp_path: Path) -> None:
    with cache(tmp_path) as server:
        number = int(server.env["REDIS_URL"].rpartition(":")[2])
        for host, reached in ((LOOPBACK, True), ("127.0.0.2", False)):
            with socket.socket() as probe:
                assert (probe.connect_ex((host, number)) == 0) == reached


def test_by_a_socket_it_has_no_port_and_no_other_user_gets_in(tmp_path: Path) -> None:
    with cache(tmp_path, socket_directory="/tmp") as server:
        assert server.env["REDIS_URL"] == "unix:///tmp/redis.sock"
        assert server.redis("ping") == "PONG"
        assert Path(f"/proc/{server.process.pid}/root/tmp/redis.sock").stat().st_mode & 0o777 == 0o700
        assert "tcp_port:0" in server.redis("info", "server")


@pytest.mark.parametrize("places", [{}, {"socket_directory": "/tmp"}], ids=["port", "socket"])
def test_told_to_stop_it_ends_at_once(tmp_path: Path, places: dict[str, str]) -> None:
    with cache(tmp_path, **places) as server:
        server.process.terminate()
        assert server.process.wait(timeout=5) == 0


# commands that change the server, its other clients or its rights, or that reach out of it
FORBIDDEN = """
config set maxmemory 0
config set bind 0.0.0.0
config set requirepass x
config set dir /tmp
config get maxmemory
config rewrite
config resetstat
acl setuser default +@all
acl setuser me on nopass ~* +@all
acl deluser default
acl load
acl list
acl log
replicaof 127.0.0.1 1
slaveof no one
failover
shutdown nosave
flushall
swapdb 0 1
migrate 127.0.0.1 1 key 0 1
restore key 0 x
module list
monitor
save
bgsave
bgrewriteaof
sync
psync ? -1
replconf capa eof
client list
client kill id 1
client pause 1000
client no-evict on
slowlog get
latency latest
role
cluster reset
"""
# their arguments would do something; Redis 7 refuses them wherever they come from, earlier than it looks at rights
PROTECTED = ("debug sleep 0", "debug jmap", "module load /tmp/x.so", "module unload x")


@pytest.mark.parametrize("command", FORBIDDEN.strip().splitlines())
def test_what_administers_the_server_is_refused(command: str, shared: Cache) -> None:
    # redis-cli has words of its own before the answers to SYNC and PSYNC
    assert re.search(r"^(SYNC with master failed: -)?NOPERM ", shared.redis(*command.split()), re.MULTILINE)
    # nor from a script, or in a transaction
    words = ", ".join(f"'{word}'" for word in command.split())
    assert "OK" not in shared.redis("eval", f"return redis.pcall({words})", "0")
    assert "QUEUED" not in shared.redis(stdin=f"multi\n{command}\nexec\n")


@pytest.mark.parametrize("command", PROTECTED)
def test_so_is_what_redis_itself_protects(command: str, shared: Cache) -> None:
    assert re.match(r"NOPERM |ERR (DEBUG|MODULE) command not allowed", shared.redis(*command.split()))


# what clients of redis-py, Lettuce, go-redis, ioredis, Django, Rails, Laravel and Symfony say to a cache
USED = """
hello 3 = server
hello 3 setname me = server
auth default anything = OK
select 1 = OK
ping = PONG
echo a = a
client setname me = OK
client id = [0-9]+
client info = id=
client tracking on = OK
command count = [0-9]+
command info get = get
info server = # Server
info memory = # Memory
set key value ex 10 nx = (OK)?$
get key = .*
mset a 1 b 2 = OK
incr counter = [0-9]+
hset hash field value = [01]
lpush list a = [0-9]+
zadd sorted 1 a = [01]
expire key 60 = [01]
scan 0 count 100 = [0-9]+
keys * = .*
sort list alpha = a
unlink key = [01]
object encoding list = .*
memory usage list = [0-9]+
publish channel a = 0
script load return(1) = [0-9a-f]{40}
eval return(1) 0 = 1
dbsize = [0-9]+
wait 0 0 = 0
flushdb = OK
flushdb async = OK
"""


@pytest.mark.parametrize("line", USED.strip().splitlines())
def test_what_an_ordinary_client_says_is_answered(line: str, shared: Cache) -> None:
    command, answer = line.rsplit(" = ", 1)
    assert re.match(answer, shared.redis(*command.split()))


def test_a_newer_command_about_a_connection_is_not_refused(shared: Cache) -> None:
    """CLIENT SETINFO of Redis 7.2, which libraries send at once: before, it is unknown (6.2: refused), and they go on."""
    assert re.match("OK|ERR unknown subcommand|NOPERM", shared.redis("client", "setinfo", "lib-name", "x"))


def test_transactions_and_subscriptions_work(shared: Cache) -> None:
    assert shared.redis(stdin="watch a\nmulti\nset a 1\nget a\nexec\n").splitlines() == ["OK", "OK", "QUEUED", "QUEUED", "OK", "1"]
    subscribed = subprocess.Popen([need("redis-cli"), *shared.reach, "subscribe", "news"], stdout=subprocess.PIPE, text=True)
    assert subscribed.stdout
    try:
        assert [subscribed.stdout.readline() for _ in range(3)] == ["subscribe\n", "news\n", "1\n"]
        assert shared.redis("publish", "news", "hello") == "1"
        assert [subscribed.stdout.readline() for _ in range(3)] == ["message\n", "news\n", "hello\n"]
    finally:
        subscribed.kill()
        subscribed.wait()


def test_after_all_that_it_is_as_it_was(shared: Cache) -> None:
    assert "maxmemory:67108864" in shared.redis("info", "memory")
    assert "role:master" in shared.redis("info", "replication")
    assert shared.process.poll() is None
