"""Article, section 5c: a Redis beside the app, as a cache."""

from typing import Any

import pulumi
import pytest

from components.core.app import App
from components.patterns.redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace
from .deploy import deploy

IMAGE = "redis:7.4-alpine"
APP = App(
    name="app",
    image=IMAGE,
    command=("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"),
    uid=1234,
    gid=1234,
    pre_stop_seconds=0,
    stop_seconds=2,
)


def deployed(namespace: Namespace, **arguments: Any) -> str:
    """The pod of an app with a cache."""

    def program() -> None:
        cache = RedisCacheSidecar("cache", RedisCacheSidecarArgs(**arguments))
        workload = Workload("app", WorkloadArgs(app=APP, patterns=[cache], namespace=namespace.name))
        pulumi.export("level", workload.pod_security_level)

    assert deploy(namespace, program).outputs["level"] == "restricted"
    return namespace.pod("app")


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_the_app_has_a_cache_of_its_own_that_stays_below_its_limit(namespace: Namespace) -> None:
    pod = deployed(namespace, maxmemory="8Mi", resources={"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}})

    def app(script: str) -> str:
        done = namespace.exec(pod, "app", "sh", "-c", script)
        assert done.code == 0, done.text
        return done.out.strip()

    assert app('redis-cli -u "$REDIS_URL" set greeting hello') == "OK"
    assert app('redis-cli -u "$REDIS_URL" get greeting') == "hello"
    # five times what it may hold
    value = "v=$(head -c 10000 /dev/zero | tr '\\0' x)"
    written = app(f'{value}; for i in $(seq 4000); do echo "SET key:$i $v"; done | redis-cli -u "$REDIS_URL" --pipe')
    assert "errors: 0, replies: 4000" in written
    assert 100 < int(app('redis-cli -u "$REDIS_URL" dbsize')) < 1000
    (found,) = namespace.pods("app")
    statuses = (*found["status"]["initContainerStatuses"], *found["status"]["containerStatuses"])
    assert {s["name"]: s["restartCount"] for s in statuses} == {"redis-cache": 0, "app": 0}
    # from outside
    other = namespace.exec(pod, "app", "sh", "-c", f"redis-cli -h {found['status']['podIP']} ping")
    assert "Connection refused" in other.text


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_by_a_socket_only_the_app_gets_in(namespace: Namespace) -> None:
    pod = deployed(namespace, socket_directory="/run/cache", env={"CACHE_SOCKET": "{socket}"})
    done = namespace.exec(pod, "app", "sh", "-c", 'redis-cli -s "$CACHE_SOCKET" ping; stat -c "%a %u" "$CACHE_SOCKET"; redis-cli ping')
    assert done.out.startswith("PONG\n700 1234\n"), done.text
    assert "Connection refused" in done.text
