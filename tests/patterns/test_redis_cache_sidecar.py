"""RedisCacheSidecar: what it adds, and what it refuses."""

import pytest

from components.core.app import App, Port
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level
from components.patterns.redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1")


def cached(app=WEB, options=None, **args):
    return composed(app, lambda: RedisCacheSidecar("cache", RedisCacheSidecarArgs(**args)), **(options or {}))


def app_env(pod):
    return {e["name"]: e["value"] for e in container(pod, "web").get("env", ())}


def resources(limit):
    return {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": limit}}


def test_it_is_a_cache_in_memory_on_loopback():
    pod = cached()
    sidecar = container(pod, "redis-cache")
    assert sidecar["restartPolicy"] == "Always"
    user = sidecar["command"].index("--user")
    command = dict(zip(sidecar["command"][1:user:2], sidecar["command"][2:user:2], strict=True))
    assert command == {
        "--maxmemory": "67108864",
        "--maxmemory-policy": "allkeys-lru",
        "--save": "",
        "--appendonly": "no",
        "--protected-mode": "yes",
        "--port": "6379",
        "--bind": "127.0.0.1",
    }
    assert app_env(pod) == {"REDIS_URL": "redis://127.0.0.1:6379"}
    assert "ports" not in sidecar
    assert pod.spec["volumes"] == []
    for probe in ("startupProbe", "livenessProbe"):
        assert sidecar[probe]["exec"]["command"] == ["redis-cli", "-h", "127.0.0.1", "-p", "6379", "ping"]


def test_a_socket_takes_the_place_of_the_port():
    pod = cached(socket_directory="/run/cache/", env={"CACHE": "redis+socket://{socket}?db=1", "URL": "{url}"}, volume_name="cache")
    sidecar = container(pod, "redis-cache")
    places = sidecar["command"][: sidecar["command"].index("--user")]
    assert places[-6:] == ["--port", "0", "--unixsocket", "/run/cache/redis.sock", "--unixsocketperm", "700"]
    assert app_env(pod) == {"CACHE": "redis+socket:///run/cache/redis.sock?db=1", "URL": "unix:///run/cache/redis.sock"}
    assert sidecar["volumeMounts"] == container(pod, "web")["volumeMounts"] == [{"name": "cache", "mountPath": "/run/cache/"}]
    assert pod.spec["volumes"] == [{"name": "cache", "emptyDir": {"sizeLimit": "1Mi"}}]
    assert sidecar["startupProbe"]["exec"]["command"] == ["redis-cli", "-s", "/run/cache/redis.sock", "ping"]


def test_it_runs_as_the_apps_user_and_stays_restricted():
    pod = cached(App(name="web", image="web:1", uid=4711, gid=4712))
    context = container(pod, "redis-cache")["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (4711, 4712)
    assert pod_security_level(pod.spec) == "restricted"


def test_it_is_a_classic_sidecar_too():
    pod = cached(options={"sidecars": "classic", "kubernetes_version": "1.28"})
    names = [c["name"] for c in pod.spec["containers"]]
    assert names == ["redis-cache", "web"]
    assert "restartPolicy" not in container(pod, "redis-cache")
    assert pod_security_level(pod.spec) == "restricted"


def test_the_memory_limit_has_room_for_a_full_cache():
    cached(maxmemory="100Mi", resources=resources("146Mi"))
    with pytest.raises(ArgumentError) as error:
        cached(maxmemory="100Mi", resources=resources("145Mi"))
    assert str(error.value) == (
        "RedisCacheSidecar 'cache': 1 problem"
        "\n  - resources.limits.memory 145Mi is too little for maxmemory 100Mi: a full cache would be killed; "
        "set it to 146Mi or more, or maxmemory= to less"
    )


POLICIES = "allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl, noeviction"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"maxmemory": "64mb"}, "maxmemory '64mb' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        ({"maxmemory": "1Mi"}, "maxmemory 1Mi is too little for Redis itself; use 4Mi or more"),
        ({"maxmemory_policy": "lru"}, f"maxmemory_policy 'lru' is not allowed: one of {POLICIES}"),
        ({"port": 0}, "port 0 is not allowed: a whole number from 1024 to 65535"),
        ({"port": 637}, "port 637 is not allowed: a whole number from 1024 to 65535"),
        (
            {"socket_directory": "run; reboot"},
            "socket_directory 'run; reboot' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
        (
            {"env": {"URL": "{socket}"}},
            "env['URL'] has an unknown placeholder {socket}; known: url, host, port; write {{socket}} for the text itself",
        ),
        (
            {"env": {"URL": "{host}"}, "socket_directory": "/s"},
            "env['URL'] has an unknown placeholder {host}; known: url, socket; write {{host}} for the text itself",
        ),
        ({"env": {"URL": 1}}, "env['URL'] must be a text, but is the number 1; put it in quotes"),
        ({"env": {"a=b": "{url}"}}, "env key 'a=b' is not allowed: letters, digits, '.', '_' and '-', not starting with a digit"),
        ({"container_name": "Cache"}, "container_name 'Cache' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"volume_name": "Cache"}, "volume_name 'Cache' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        RedisCacheSidecar("cache", RedisCacheSidecarArgs(**args))
    assert str(error.value) == f"RedisCacheSidecar 'cache': 1 problem\n  - {line}"


def test_a_port_and_an_env_that_are_taken_are_conflicts():
    app = App(name="web", image="web:1", ports=(Port(name="redis", number=6379, scheme="tcp"),), env={"REDIS_URL": "redis://elsewhere"})
    with pytest.raises(CompositionError) as error:
        cached(app)
    assert str(error.value) == (
        "workload 'web': 2 conflicts"
        "\n  - env 'REDIS_URL' of RedisCacheSidecar 'cache' in container 'web' is already set by the app; remove one of them"
        "\n  - port 6379 of RedisCacheSidecar 'cache' is already taken by the app; set port="
    )
