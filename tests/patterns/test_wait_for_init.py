"""WaitForInit: what it adds, and what it refuses."""

import pulumi
import pytest

from components import testing
from components.core.app import App
from components.core.errors import ArgumentError
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1", uid=1234, gid=2345)
ALL = {"tcp": ("db:5432", "[fd00::1]:6379"), "http": ("https://search:9200/_cluster/health?local=true",), "dns": ("db-0.db.prod.svc",)}


@pytest.mark.parametrize("mode", [{}, {"sidecars": "classic", "kubernetes_version": "1.28"}])
def test_it_is_one_restricted_init_container_that_runs_to_its_end(mode):
    pod = composed(WEB, lambda: WaitForInit("wait", WaitForInitArgs(**ALL, timeout_seconds=30, interval_seconds=5)), **mode)
    (init,) = pod.spec["initContainers"]
    assert (init["name"], init["image"]) == ("wait-for", "curlimages/curl:8.12.1")
    assert "restartPolicy" not in init
    assert init["command"][4:] == [
        "tcp db:5432",
        "tcp [fd00::1]:6379",
        "http https://search:9200/_cluster/health?local=true",
        "dns db-0.db.prod.svc",
    ]
    assert init["env"] == [{"name": "TIMEOUT_SECONDS", "value": "30"}, {"name": "INTERVAL_SECONDS", "value": "5"}]
    assert (init["securityContext"]["runAsUser"], init["securityContext"]["runAsGroup"]) == (1234, 2345)
    assert pod_security_level(pod.spec) == "restricted"


@pytest.mark.parametrize("args", [{"tcp": ("db:1",)}, {"http": ("http://web/",)}, {"dns": ("db",)}])
def test_without_https_the_image_is_the_smaller_one(args):
    assert container(composed(WEB, lambda: WaitForInit("wait", WaitForInitArgs(**args))), "wait-for")["image"] == "busybox:1.37"


def test_two_of_them_take_a_container_name_each():
    pod = composed(
        WEB,
        lambda: WaitForInit("one", WaitForInitArgs(tcp=("db:5432",))),
        lambda: WaitForInit("two", WaitForInitArgs(tcp=("cache:6379",), container_name="wait-for-cache", image="mirror/busybox:1")),
    )
    assert [c["name"] for c in pod.spec["initContainers"]] == ["wait-for", "wait-for-cache"]
    assert container(pod, "wait-for-cache")["image"] == "mirror/busybox:1"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({}, "nothing to wait for; set tcp=, http= or dns="),
        ({"tcp": ("db",)}, "tcp[0] 'db' is not allowed: host:port"),
        ({"tcp": ("db:65536",)}, "tcp[0] 'db:65536' is not allowed: host:port"),
        ({"tcp": ("-e:1",)}, "tcp[0] '-e:1' is not allowed: host:port"),
        ({"tcp": ("db:5432; reboot",)}, "tcp[0] 'db:5432; reboot' is not allowed: host:port"),
        ({"tcp": (5432,)}, "tcp[0] must be a text, but is the number 5432; put it in quotes"),
        ({"http": ("db:80",)}, "http[0] 'db:80' is not allowed: http://host:port/path or https://, without user"),
        ({"http": ("http://me:pw@db/",)}, "http[0] 'http://me:pw@db/' is not allowed: http://host:port/path or https://, without user"),
        ({"http": ("http://db/ x",)}, "http[0] 'http://db/ x' is not allowed: http://host:port/path or https://, without user"),
        ({"dns": ("*.db",)}, "dns[0] '*.db' is not allowed: a name in the DNS"),
        ({"dns": ("-c",)}, "dns[0] '-c' is not allowed: a name in the DNS"),
        ({"dns": ("db",), "timeout_seconds": 0}, "timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"dns": ("db",), "interval_seconds": 0}, "interval_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"dns": ("db",), "container_name": "A"}, "container_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"dns": ("db",), "resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        WaitForInit("wait", WaitForInitArgs(**args))
    assert str(error.value) == f"WaitForInit 'wait': 1 problem\n  - {line}"


def known_later(target):
    args = WaitForInitArgs(tcp=(pulumi.Output.from_input(target),))
    pulumi.export("command", WaitForInit("wait", args).patch(view(WEB)).init_containers[0]["command"])


def test_a_target_that_is_known_later_reaches_the_container():
    assert testing.run(lambda: known_later("later:5432")).exports["command"][-1] == "tcp later:5432"


def test_a_target_that_is_known_later_is_checked_then():
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: known_later("later"))
    assert str(error.value) == "WaitForInit 'wait': 1 problem\n  - tcp 'later' is not allowed: host:port"
