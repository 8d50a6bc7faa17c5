"""What composing makes of an app and its patterns."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from components.core.app import Port, Rebind, SecretKey
from components.core.base import COMPOSED
from components.core.cluster import version
from components.core.fold import compose
from components.core.identity import restricted
from components.core.images import mirrored
from components.core.patch import ConfigFiles, PodPatch, UndeclaredPort, sidecar
from components.core.pod import Pod
from components.core.view import BoundPort, PodView
from tests.support.composing import container as find
from tests.support.pods import RESOURCES, Adds, Proxy, container, web

PROBES = {
    "startup_probe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    "readiness_probe": {"httpGet": {"path": "/ready", "port": 8080}},
    "liveness_probe": {"exec": {"command": ["true"]}},
}


def names(pod: Pod, where: str) -> list[str]:
    return [c["name"] for c in pod.spec.get(where, ())]


def open_ports(pod: Pod) -> dict[str, list[int]]:
    every = (*pod.spec.get("initContainers", ()), *pod.spec["containers"])
    return {c["name"]: [p["containerPort"] for p in c.get("ports", ())] for c in every if "ports" in c}


# the fold


def test_without_an_ambassador_the_app_listens_where_it_says() -> None:
    pod = compose(web(args=("serve",), env={"HOST": "0.0.0.0"}, **PROBES))
    assert find(pod, "web") == {
        "name": "web",
        "image": "web:1",
        "command": ["web"],
        "args": ["serve"],
        "env": [{"name": "HOST", "value": "0.0.0.0"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "startupProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "livenessProbe": {"exec": {"command": ["true"]}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 15}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "runAsUser": 1000,
            "runAsGroup": 1000,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    assert pod.ports == (BoundPort(declaration=web().ports[0], number=8080),)


def test_an_ambassador_takes_the_port_and_the_app_is_told_to_move_to_loopback() -> None:
    pod = compose(web(args=("serve",), env={"HOST": "0.0.0.0", "LEVEL": "info"}, **PROBES), [Proxy("tls", scheme="https")])
    app, port = find(pod, "web"), pod.port("http")
    assert app["args"] == ["serve", "--port=8081"]
    assert app["env"] == [{"name": "HOST", "value": "127.0.0.1"}, {"name": "LEVEL", "value": "info"}]
    # where it was declared
    assert open_ports(pod) == {"web": [8080]}
    assert find(pod, "tls")["args"] == ["0.0.0.0:8080", "http://127.0.0.1:8081"]
    assert port
    assert (port.number, port.host, port.url) == (8081, "127.0.0.1", "http://127.0.0.1:8081")
    assert (port.outer_number, port.outer_scheme) == (8080, "https")


def test_probes_go_through_the_ambassador_to_the_app() -> None:
    app = find(compose(web(**PROBES), [Proxy("tls", scheme="https")]), "web")
    assert app["startupProbe"] == {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTPS"}, "periodSeconds": 1}
    assert app["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTPS"}}
    assert app["livenessProbe"] == {"exec": {"command": ["true"]}}
    plain = find(compose(web(**PROBES), [Proxy("cache")]), "web")
    assert plain["startupProbe"] == {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}


def test_probes_of_a_tcp_port_behind_tls_speak_tls() -> None:
    app = web(ports=(replace(web().ports[0], scheme="tcp"),), readiness_probe={"httpGet": {"path": "/", "port": "http"}})
    pod = compose(app, [Proxy("tls", scheme="tls")])
    assert find(pod, "web")["readinessProbe"]["httpGet"] == {"path": "/", "port": 8080, "scheme": "HTTPS"}


def test_an_ambassador_that_the_kubelet_cannot_pass_sends_the_probes_elsewhere() -> None:
    mutual = Proxy("mtls", scheme="https", options={"probe_number": 8443, "probe_scheme": "HTTP"})
    app = find(compose(web(**PROBES), [mutual]), "web")
    assert app["startupProbe"]["httpGet"] == {"path": "/", "port": 8443}
    # an inner one moves them only if it asks for it
    inner = find(compose(web(**PROBES), [mutual, Proxy("jwt")]), "web")
    assert inner["startupProbe"]["httpGet"] == {"path": "/", "port": 8443}
    asks = Proxy("jwt", options={"probe_number": 9443, "probe_scheme": "HTTPS"})
    assert find(compose(web(**PROBES), [mutual, asks]), "web")["startupProbe"]["httpGet"] == {"path": "/", "port": 9443, "scheme": "HTTPS"}


@pytest.mark.parametrize("given", ["HTTP", "HTTPS"])
def test_the_scheme_of_a_probe_is_what_is_spoken_where_it_is_sent_to(given: str) -> None:
    probed = {"readiness_probe": {"httpGet": {"path": "/", "port": "http", "scheme": given}}}

    def sent(*ambassadors: Proxy, **more: Any) -> dict[str, Any]:
        return dict(find(compose(web(**probed, **more), ambassadors), "web")["readinessProbe"]["httpGet"])

    tls = Proxy("tls", scheme="https")
    assert sent(tls) == {"path": "/", "port": 8080, "scheme": "HTTPS"}
    assert sent(Proxy("cache")) == {"path": "/", "port": 8080}
    assert sent(replace(tls, options={"probe_number": 8443, "probe_scheme": "HTTP"})) == {"path": "/", "port": 8443}
    # nobody in front: the app knows better than its port
    for scheme in ("http", "https", "tcp"):
        assert sent(ports=(replace(web().ports[0], scheme=scheme),)) == {"path": "/", "port": 8080, "scheme": given}


def test_without_a_scheme_a_probe_follows_the_port() -> None:
    app = web(ports=(replace(web().ports[0], scheme="https"),), readiness_probe={"httpGet": {"port": "http"}})
    assert find(compose(app), "web")["readinessProbe"] == {"httpGet": {"port": 8080, "scheme": "HTTPS"}}


def test_stacked_ambassadors_are_in_list_order_from_the_outside_and_all_ports_differ() -> None:
    pod = compose(web(**PROBES), [Proxy("tls", scheme="https"), Proxy("jwt"), Proxy("cache")])
    assert [find(pod, name)["args"] for name in ("tls", "jwt", "cache")] == [
        ["0.0.0.0:8080", "http://127.0.0.1:8081"],
        ["127.0.0.1:8081", "http://127.0.0.1:8082"],
        ["127.0.0.1:8082", "http://127.0.0.1:8083"],
    ]
    assert find(pod, "web")["args"] == ["--port=8083"]
    assert find(pod, "web")["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTPS"}}
    assert open_ports(pod) == {"web": [8080]}
    port = pod.port("http")
    assert port
    assert (port.outer_number, port.outer_scheme, port.number) == (8080, "https", 8083)


def test_ambassadors_of_two_ports_stay_out_of_each_others_way() -> None:
    ports = (*web().ports, Port(name="admin", number=8081, rebind=Rebind(args=("--admin={host}:{port}",))))
    pod = compose(web(ports=ports), [Proxy("a", scheme="https"), Proxy("b", port="admin", scheme="https")])
    assert find(pod, "web")["args"] == ["--port=8082", "--admin=127.0.0.1:8083"]
    assert open_ports(pod) == {"web": [8080, 8081]}
    assert pod.plaintext_ports == []


def test_a_number_that_an_inner_ambassador_listens_on_is_free_for_nobody() -> None:
    ports = (*web().ports, Port(name="admin", number=8079, rebind=Rebind(args=("--admin={host}:{port}",))))
    pod = compose(web(ports=ports), [Proxy("a"), Proxy("b"), Proxy("c", port="admin")])
    # 8080 and 8081 are those of a and b, 8082 is the app's
    assert find(pod, "web")["args"] == ["--port=8082", "--admin=127.0.0.1:8083"]


def test_the_highest_port_number_can_be_moved_too() -> None:
    pod = compose(web(ports=(replace(web().ports[0], number=65535),)), [Proxy("tls")])
    assert find(pod, "web")["args"] == ["--port=1024"]


def test_only_the_two_places_of_a_rebind_are_replaced() -> None:
    rebind = Rebind(args=('{"listen": "{host}:{port}", "other": "{{x}}"}',))
    pod = compose(web(ports=(Port(name="http", number=80, rebind=rebind),)), [Proxy("tls")])
    assert find(pod, "web")["args"] == ['{"listen": "127.0.0.1:81", "other": "{x}"}']


def test_an_app_that_listens_on_loopback_by_itself_need_not_be_told_so() -> None:
    rebind = Rebind(args=("--port={port}",), binds_loopback=True)
    pod = compose(web(ports=(Port(name="http", number=80, rebind=rebind),)), [Proxy("tls")])
    assert find(pod, "web")["args"] == ["--port=81"]


# a user's own pattern


class Banner:
    """A user's own sidecar: it finds the app wherever that is."""

    def patch(self, pod: PodView) -> PodPatch:
        port = pod.port("http")
        assert port
        return PodPatch(init_containers=(sidecar(container("banner", args=[f"--app={port.url}"])),))


@dataclass(frozen=True)
class Meter:
    """A user's own adapter: it serves a port, which ambassadors may take over."""

    name: str = "meter"
    ports: tuple[Port, ...] = (Port(name="metrics", number=9114),)

    def patch(self, pod: PodView) -> PodPatch:
        own = pod.port("metrics")
        assert own
        declared = [{"name": own.name, "containerPort": own.declaration.number}]
        listens = (UndeclaredPort(number=own.number),) if own.frontend else ()
        meter = container("meter", args=[f"--listen={own.host}:{own.number}"], ports=declared)
        return PodPatch(init_containers=(sidecar(meter),), undeclared_ports=listens)


class Relay:
    """A user's own ambassador that also adds something which depends on where everything finally is."""

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        return pod.move("http", scheme="https"), PodPatch(init_containers=(sidecar(container("relay")),))

    def patch(self, pod: PodView) -> PodPatch:
        port = pod.port("http")
        assert port
        return PodPatch(annotations=(("example.com/app", port.url),))


def test_a_users_own_pattern_is_a_plain_class_with_patch_or_wrap_or_both() -> None:
    pod = compose(web(), [Relay(), Banner()])
    assert names(pod, "initContainers") == ["relay", "banner"]
    assert find(pod, "banner")["args"] == ["--app=http://127.0.0.1:8081"]
    assert pod.annotations["example.com/app"] == "http://127.0.0.1:8081"
    assert open_ports(pod) == {"web": [8080]}


def test_a_pattern_that_only_adds_sees_the_app_as_it_finally_is_wherever_it_stands_in_the_list() -> None:
    first, last = compose(web(), [Banner(), Relay()]), compose(web(), [Relay(), Banner()])
    assert find(first, "banner") == find(last, "banner")
    assert names(first, "initContainers") == ["banner", "relay"]


def test_ambassadors_carry_the_ports_of_other_patterns_wherever_those_stand_in_the_list() -> None:
    for patterns in ([Proxy("tls", port="metrics", scheme="https"), Meter()], [Meter(), Proxy("tls", port="metrics", scheme="https")]):
        pod = compose(web(), patterns)
        assert find(pod, "meter")["args"] == ["--listen=127.0.0.1:9115"]
        assert open_ports(pod) == {"meter": [9114], "web": [8080]}
        port = pod.port("metrics")
        assert port
        assert (port.outer_number, port.outer_scheme, port.owner) == (9114, "https", "Meter 'meter'")
        assert pod.plaintext_ports == [8080]
    assert open_ports(compose(web(), [Meter()])) == {"meter": [9114], "web": [8080]}


def test_open_ports_without_tls_are_plaintext_and_so_are_those_that_nobody_named() -> None:
    odd = Adds("odd", PodPatch(containers=(container("odd", ports=[{"containerPort": 70}]),)))
    ports = (*web().ports, Port(name="db", number=90, scheme="tcp"), Port(name="secure", number=443, scheme="https"))
    assert compose(web(ports=ports), [odd]).plaintext_ports == [70, 90, 8080]


# the start order, native and classic


START = PodPatch(
    init_containers=(container("one"), sidecar(container("two", startupProbe={"httpGet": {"port": 1}})), container("three")),
    containers=(container("beside"),),
)


def test_init_containers_start_in_list_order_and_native_sidecars_are_among_them() -> None:
    pod = compose(web(), [Adds("a", START), Proxy("proxy"), Adds("b", PodPatch(init_containers=(container("last"),)))])
    assert names(pod, "initContainers") == ["one", "two", "three", "proxy", "last"]
    assert names(pod, "containers") == ["web", "beside"]
    assert [c["name"] for c in pod.spec["initContainers"] if c.get("restartPolicy") == "Always"] == ["two", "proxy"]


def test_classic_sidecars_are_ordinary_containers_before_the_app_that_wait_as_long_as_it_does() -> None:
    pod = compose(web(), [Adds("a", START), Proxy("proxy")], sidecars="classic", kubernetes_version="1.28")
    assert names(pod, "initContainers") == ["one", "three"]
    assert names(pod, "containers") == ["two", "proxy", "web", "beside"]
    assert not any("restartPolicy" in c for c in (*pod.spec["initContainers"], *pod.spec["containers"]))
    assert [c["lifecycle"] for c in pod.spec["containers"][:3]] == [{"preStop": {"exec": {"command": ["sleep", "15"]}}}] * 3
    assert "lifecycle" not in find(pod, "beside")
    assert pod.annotations == {"kubectl.kubernetes.io/default-container": "web"}


def test_a_classic_sidecar_keeps_a_handler_of_its_own() -> None:
    own = {"preStop": {"sleep": {"seconds": 3}}}
    patch = PodPatch(init_containers=(sidecar(container("tool", lifecycle=own)),))
    assert find(compose(web(), [Adds("a", patch)], sidecars="classic"), "tool")["lifecycle"] == own


def test_without_init_containers_there_is_no_empty_list() -> None:
    assert "initContainers" not in compose(web()).spec


@pytest.mark.parametrize(("text", "expected"), [("1.30", (1, 30)), ("v1.30.2", (1, 30)), ("v1.9.3-gke.1500", (1, 9)), ("2.0", (2, 0))])
def test_a_kubernetes_version_may_be_written_as_the_cluster_says_it(text: str, expected: tuple[int, int]) -> None:
    assert version(text) == expected


def test_before_1_30_the_app_waits_with_a_command_because_there_is_no_sleep_action() -> None:
    old, new = compose(web(), kubernetes_version="1.29"), compose(web(), kubernetes_version="v1.30.1")
    assert find(old, "web")["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "15"]}}}
    assert find(new, "web")["lifecycle"] == {"preStop": {"sleep": {"seconds": 15}}}
    assert old.spec["terminationGracePeriodSeconds"] == new.spec["terminationGracePeriodSeconds"] == 55


# shutdown


@pytest.mark.parametrize(
    ("app", "handler", "seconds"),
    [
        ({}, {"sleep": {"seconds": 5}}, 15 + 30 + 10),
        ({"pre_stop_seconds": 0, "stop_seconds": 7}, None, 0 + 7 + 10),
        ({"pre_stop_seconds": 0}, {"sleep": {"seconds": 60}}, 60 + 30 + 10),
        ({}, {"exec": {"command": ["sleep", "40"]}}, 40 + 30 + 10),
        ({}, {"exec": {"command": ["/bin/drain", "40"]}}, 15 + 30 + 10),
    ],
)
def test_the_grace_period_has_room_for_the_longest_wait_and_the_apps_own_end(app: dict[str, Any], handler: Any, seconds: int) -> None:
    fields = {} if handler is None else {"lifecycle": {"preStop": handler}}
    pod = compose(web(**app), [Adds("a", PodPatch(init_containers=(sidecar(container("tool", **fields)),)))])
    assert pod.spec["terminationGracePeriodSeconds"] == seconds


def test_an_app_that_need_not_wait_has_no_handler() -> None:
    assert "lifecycle" not in find(compose(web(pre_stop_seconds=0)), "web")


# the pod around the app


def test_the_pod_has_safe_defaults() -> None:
    assert compose(web()).spec == {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "terminationGracePeriodSeconds": 55,
        "containers": [find(compose(web()), "web")],
        "volumes": [],
    }


def test_a_cluster_that_chooses_the_user_chooses_the_group_too() -> None:
    pod = compose(web(uid=None))
    assert "fsGroup" not in pod.spec["securityContext"]
    assert find(pod, "web")["securityContext"] == restricted(None)


def test_a_field_that_is_composed_cannot_be_given() -> None:
    everything = PodPatch(init_containers=(container("init"),), service_account=("reader",))
    assert set(compose(web(), [Adds("a", everything)]).spec) <= set(COMPOSED)


def test_patterns_add_to_the_app_and_to_the_pod() -> None:
    patch = PodPatch(
        app_env=({"name": "A", "value": "1"},),
        app_mounts=({"name": "config", "mountPath": "/config"}, {"name": "data", "mountPath": "/data"}),
        volumes=({"name": "data", "emptyDir": {}},),
        config_files=(ConfigFiles(name="config", files={"a": "b"}),),
        annotations=(("example.com/a", "1"),),
        labels=(("example.com/b", "2"),),
        sysctls=(("net.ipv4.tcp_keepalive_time", "60"),),
        service_account=("reader",),
    )
    pod = compose(web(env={"FIRST": "0"}), [Adds("a", patch)])
    assert find(pod, "web")["env"] == [{"name": "FIRST", "value": "0"}, {"name": "A", "value": "1"}]
    assert find(pod, "web")["volumeMounts"] == list(patch.app_mounts)
    assert pod.spec["securityContext"]["sysctls"] == [{"name": "net.ipv4.tcp_keepalive_time", "value": "60"}]
    assert pod.spec["serviceAccountName"] == "reader"
    assert pod.annotations == {"kubectl.kubernetes.io/default-container": "web", "example.com/a": "1"}
    assert pod.labels == {"example.com/b": "2"}
    assert pod.config_files == patch.config_files
    assert pod.spec["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert pod.pod_spec({"config": "config-1234"})["volumes"] == [
        {"name": "data", "emptyDir": {}},
        {"name": "config", "configMap": {"name": "config-1234"}},
    ]


def test_the_apps_arguments_become_its_container() -> None:
    app = web(
        command=("serve",),
        secret_env={"PASSWORD": SecretKey(name="web-login", key="password")},
        resources=RESOURCES,
        read_only_root=False,
        empty_dirs={"/tmp": "64Mi", "/var/Cache": "1Gi"},
        volumes=({"name": "data", "persistentVolumeClaim": {"claimName": "data"}},),
        volume_mounts=({"name": "data", "mountPath": "/data"},),
        container={"workingDir": "/data", "imagePullPolicy": "Always"},
    )
    pod = compose(app)
    container_ = find(pod, "web")
    assert container_["command"] == ["serve"]
    assert container_["env"] == [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-login", "key": "password"}}}]
    assert container_["resources"] == RESOURCES
    assert container_["securityContext"]["readOnlyRootFilesystem"] is False
    assert (container_["workingDir"], container_["imagePullPolicy"]) == ("/data", "Always")
    assert container_["volumeMounts"] == [
        {"name": "scratch-tmp", "mountPath": "/tmp"},
        {"name": "scratch-var-cache", "mountPath": "/var/Cache"},
        {"name": "data", "mountPath": "/data"},
    ]
    assert pod.spec["volumes"] == [
        {"name": "scratch-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "scratch-var-cache", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    ]


def test_every_container_is_restricted_unless_it_says_otherwise() -> None:
    own = {"runAsUser": 7}
    patch = PodPatch(init_containers=(container("a"),), containers=(container("b", securityContext=own),))
    pod = compose(web(), [Adds("x", patch)])
    assert find(pod, "a")["securityContext"] == restricted(None)
    assert find(pod, "b")["securityContext"] == own
    assert {c["terminationMessagePolicy"] for c in (*pod.spec["initContainers"], *pod.spec["containers"])} == {"FallbackToLogsOnError"}


def test_further_fields_of_the_pod_are_passed_on() -> None:
    fields = {"nodeSelector": {"disk_type": "fast"}, "tolerations": [{"key": "spot", "operator": "Exists"}]}
    spec = compose(web(), fields=fields).spec
    assert {key: spec[key] for key in fields} == fields


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx:1.28", "mirror.example.com/x/library/nginx:1.28"),
        ("library/nginx@sha256:" + "0" * 64, "mirror.example.com/x/library/nginx@sha256:" + "0" * 64),
        ("quay.io/org/tool:1", "mirror.example.com/x/org/tool:1"),
        ("localhost/tool", "mirror.example.com/x/tool"),
        ("registry:5000/org/tool:1", "mirror.example.com/x/org/tool:1"),
    ],
)
def test_another_registry_takes_the_place_of_an_images_own(image: str, expected: str) -> None:
    assert mirrored(image, "mirror.example.com/x") == expected
    pod = compose(
        web(image=image), [Adds("a", PodPatch(containers=({**container("b"), "image": image},)))], image_registry="mirror.example.com/x"
    )
    assert [c["image"] for c in pod.spec["containers"]] == [expected, expected]
