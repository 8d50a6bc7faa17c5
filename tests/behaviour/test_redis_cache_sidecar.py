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
from tests.support.sandbox import sandbox
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
        # as the kubelet would run it, inside the container
        inside = ("nsenter", "--target", str(process.pid), "--user", "--mount", "--root", "--preserve-credentials")
        probe = [*inside, f"/programs/{sidecar['startupProbe']['exec']['command'][0]}", *sidecar["startupProbe"]["exec"]["command"][1:]]
        end = time.monotonic() + 15
        while subprocess.run(probe, check=False, capture_output=True).returncode:
            assert process.poll() is None, (directory / "stdout").read_text()
            assert time.monotonic() < end, "the startup probe never succeeded"
            time.sleep(0.05)
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
        assert server.redis("config", "get", "save").split("\n") == ["save"]
        assert server.redis("config", "get", "appendonly").split() == ["appendonly", "no"]
        fill(server, 300)
        # the root filesystem is read-only, and /tmp is empty
        assert not list(Path(f"/proc/{server.process.pid}/root/tmp").iterdir())
        assert "rdb_bgsave_in_progress:0" in server.redis("info", "persistence")


def test_nobody_outside_the_pod_reaches_it(tmp_path: Path) -> None:
    with cache(tmp_path) as server:
        number = int(server.env["REDIS_URL"].rpartition(":")[2])
        for host, reached in ((LOOPBACK, True), ("127.0.0.2", False)):
            with socket.socket() as probe:
                assert (probe.connect_ex((host, number)) == 0) == reached
        assert server.redis("config", "get", "protected-mode").split() == ["protected-mode", "yes"]


def test_by_a_socket_it_has_no_port_and_no_other_user_gets_in(tmp_path: Path) -> None:
    with cache(tmp_path, socket_directory="/tmp") as server:
        assert server.env["REDIS_URL"] == "unix:///tmp/redis.sock"
        assert server.redis("ping") == "PONG"
        assert Path(f"/proc/{server.process.pid}/root/tmp/redis.sock").stat().st_mode & 0o777 == 0o700
        assert server.redis("config", "get", "port").split() == ["port", "0"]


@pytest.mark.parametrize("places", [{}, {"socket_directory": "/tmp"}], ids=["port", "socket"])
def test_told_to_stop_it_ends_at_once(tmp_path: Path, places: dict[str, str]) -> None:
    with cache(tmp_path, **places) as server:
        server.process.terminate()
        assert server.process.wait(timeout=5) == 0
