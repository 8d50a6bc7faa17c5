"""ConfigReloadSidecar: what it adds, and what it refuses."""

import pulumi
import pytest

from components import testing
from components.core.app import App, Port, Rebind
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from tests.support.composing import composed, container

HTTP = Port(name="http", number=8080, rebind=Rebind(args=("--listen={host}:{port}",)))
WEB = App(name="web", image="web:1", command=("web",), ports=(HTTP, Port(name="db", number=5432, scheme="tcp")), uid=1234, gid=2345)
GIVEN = {"config_map": "web-config", "mount_path": "/etc/web", "reload_path": "/-/reload"}


def reloading(app=WEB, *others, **args):
    mode = {key: args.pop(key) for key in ("sidecars", "kubernetes_version") if key in args}
    return composed(app, lambda: ConfigReloadSidecar("reload", ConfigReloadSidecarArgs(**args)), *others, **mode)


@pytest.mark.parametrize("mode", [{}, {"sidecars": "classic", "kubernetes_version": "1.28"}])
def test_a_config_map_is_a_directory_in_both_containers_and_the_pod_stays_restricted(mode):
    pod = reloading(**GIVEN, **mode)
    sidecar, app = container(pod, "config-reload"), container(pod, "web")
    assert pod_security_level(pod.spec) == "restricted"
    assert (sidecar["securityContext"]["runAsUser"], sidecar["securityContext"]["runAsGroup"]) == (1234, 2345)
    assert sidecar["image"] == "busybox:1.37"
    assert sidecar["volumeMounts"] == [
        {"name": "live-config", "mountPath": "/watched", "readOnly": True},
        {"name": "config-reload-state", "mountPath": "/state"},
    ]
    assert app["volumeMounts"] == [{"name": "live-config", "mountPath": "/etc/web", "readOnly": True}]
    assert pod.spec["volumes"] == [
        {"name": "config-reload-state", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "live-config", "configMap": {"name": "web-config"}},
    ]
    # the object keeps its name, so nothing of it is in what would roll the pods
    assert pod.config_files == ()
    assert ("restartPolicy" in sidecar) == (not mode)
    assert sidecar["startupProbe"]["exec"]["command"] == ["/bin/sh", "-c", "test -s /state/told"]
    assert "readinessProbe" not in sidecar


def test_a_secret_is_readable_for_the_pods_group():
    pod = reloading(secret="web-tls", mount_path="/certs", reload_path="/-/reload", volume_name="certs", container_name="certs-reload")
    assert {"name": "certs", "secret": {"secretName": "web-tls", "defaultMode": 0o440}} in pod.spec["volumes"]
    assert pod.spec["containers"][0]["volumeMounts"] == [{"name": "certs", "mountPath": "/certs", "readOnly": True}]


def test_a_volume_of_the_app_is_only_watched():
    app = App(
        name="web",
        image="web:1",
        ports=(HTTP,),
        volumes=({"name": "both", "projected": {"sources": [{"configMap": {"name": "a"}}, {"secret": {"name": "b"}}]}},),
        volume_mounts=({"name": "both", "mountPath": "/etc/web"},),
    )
    pod = reloading(app, volume="both", reload_path="/-/reload")
    assert container(pod, "config-reload")["volumeMounts"][0] == {"name": "both", "mountPath": "/watched", "readOnly": True}
    assert pod.spec["containers"][0]["volumeMounts"] == [{"name": "both", "mountPath": "/etc/web"}]


def test_the_call_goes_to_the_app_itself_past_every_ambassador():
    tls = TlsAmbassadorArgs(service_name="web", secret_name="tls", health_port=8090)
    pod = reloading(WEB, lambda: TlsAmbassador("tls", tls), **GIVEN)
    command = container(pod, "config-reload")["command"]
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[3:] == ["config-reload", "wget", "-q", "-O", "/dev/null", "--post-data=", "http://127.0.0.1:8081/-/reload"]


def test_a_get_has_no_content():
    assert container(reloading(**GIVEN, reload_method="GET"), "config-reload")["command"][4:] == [
        *("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/-/reload"),
    ]


def test_a_command_and_its_mounts_come_as_they_are():
    app = App(name="web", image="web:1", empty_dirs={"/run/web": "1Mi"})
    pod = reloading(
        app,
        secret="web-config",
        mount_path="/etc/web",
        reload_command=("touch", "/run/web/reload"),
        volume_mounts=({"name": "scratch-run-web", "mountPath": "/run/web"},),
        debounce_seconds=30,
        reload_timeout_seconds=60,
        image="mirror/busybox:1",
    )
    sidecar = container(pod, "config-reload")
    assert sidecar["image"] == "mirror/busybox:1"
    assert sidecar["command"][3:] == ["config-reload", "touch", "/run/web/reload"]
    assert sidecar["volumeMounts"][-1] == {"name": "scratch-run-web", "mountPath": "/run/web"}
    assert sidecar["env"] == [
        {"name": "TOLD", "value": "/state/told"},
        {"name": "WATCHED", "value": "/watched"},
        {"name": "DEBOUNCE_SECONDS", "value": "30"},
        {"name": "RELOAD_TIMEOUT_SECONDS", "value": "60"},
    ]


def test_the_name_may_be_known_later():
    def program():
        args = ConfigReloadSidecarArgs(**{**GIVEN, "config_map": pulumi.Output.from_input("later")})
        patch = ConfigReloadSidecar("reload", args).patch(view(WEB))
        pulumi.export("name", patch.volumes[1]["configMap"]["name"])

    assert testing.run(program).exports["name"] == "later"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"reload_path": None}, "set reload_path or reload_command: how the app is notified"),
        ({"reload_command": ("touch", "/a")}, "reload_path and reload_command are both set; the app is notified in one way"),
        ({"reload_path": "-/reload"}, "reload_path '-/reload' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        ({"reload_method": "PUT"}, "reload_method 'PUT' is not allowed: one of POST, GET"),
        ({"reload_timeout_seconds": 0}, "reload_timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"debounce_seconds": -1}, "debounce_seconds -1 is not allowed: a whole number, 0 or more"),
        ({"secret": "web-tls"}, "set exactly one of config_map, secret and volume"),
        ({"config_map": None}, "set exactly one of config_map, secret and volume"),
        (
            {"config_map": "Web"},
            "config_map 'Web' is not allowed: a-z, 0-9, '-' and '.', 253 characters at most",
        ),
        ({"mount_path": None}, "mount_path is missing: where the app finds the files"),
        ({"mount_path": "etc"}, "mount_path 'etc' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        (
            {"config_map": None, "volume": "conf"},
            "mount_path is set, but the app mounts its own volume= by itself; leave it out",
        ),
        ({"container_name": "a_b"}, "container_name 'a_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"volume_name": "A"}, "volume_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        ConfigReloadSidecar("reload", ConfigReloadSidecarArgs(**{**GIVEN, **args}))
    assert str(error.value) == f"ConfigReloadSidecar 'reload': 1 problem\n  - {line}"


OWN = {"reload_path": "/-/reload", "volume": "conf"}
CONF = {"name": "conf", "configMap": {"name": "web-config"}}


@pytest.mark.parametrize(
    ("fields", "args", "line"),
    [
        (
            {},
            {**GIVEN, "reload_target_port": "admin"},
            "the app has no port 'admin' to call; set reload_target_port= (known: http, db), or use reload_command=",
        ),
        (
            {},
            {**GIVEN, "reload_target_port": "db"},
            "port 'db' speaks tcp, and the call is plain HTTP; set reload_target_port=, or use reload_command=",
        ),
        ({}, OWN, "the app has no volume 'conf'; set volume= to one of App.volumes (known: none)"),
        (
            {"volumes": ({"name": "conf", "emptyDir": {}},)},
            OWN,
            "volume 'conf' of the app is not a configMap, secret or projected volume, so nothing renews its files",
        ),
        ({"volumes": (CONF,)}, OWN, "the app does not mount volume 'conf'; add it to App.volume_mounts"),
        (
            {"volumes": (CONF,), "volume_mounts": ({"name": "conf", "mountPath": "/etc/a.conf", "subPath": "a.conf"},)},
            OWN,
            "the app mounts volume 'conf' at '/etc/a.conf' with a subPath, which never follows a change; mount the directory instead",
        ),
        # the same object by another volume
        (
            {"volumes": (CONF,), "volume_mounts": ({"name": "conf", "mountPath": "/etc/a.conf", "subPathExpr": "a.conf"},)},
            GIVEN,
            "the app mounts volume 'conf' at '/etc/a.conf' with a subPath, which never follows a change; mount the directory instead",
        ),
        (
            {
                "volumes": ({"name": "conf", "secret": {"secretName": "web-tls"}},),
                "volume_mounts": ({"name": "conf", "mountPath": "/a", "subPath": "a"},),
            },
            {"secret": "web-tls", "mount_path": "/certs", "reload_path": "/"},
            "the app mounts volume 'conf' at '/a' with a subPath, which never follows a change; mount the directory instead",
        ),
        # the pattern's own volume
        (
            {"volume_mounts": ({"name": "live-config", "mountPath": "/a", "subPath": "a"},)},
            GIVEN,
            "the app mounts volume 'live-config' at '/a' with a subPath, which never follows a change; mount the directory instead",
        ),
    ],
)
def test_what_does_not_fit_the_app_is_a_conflict(fields, args, line):
    app = App(**{"name": "web", "image": "web:1", "ports": WEB.ports, **fields})
    with pytest.raises(CompositionError) as error:
        reloading(app, **args)
    assert str(error.value) == f"workload 'web': 1 conflict\n  - ConfigReloadSidecar 'reload': {line}"


def test_an_object_of_another_name_may_be_mounted_as_the_user_likes():
    app = App(
        name="web",
        image="web:1",
        ports=(HTTP,),
        volumes=({"name": "other", "configMap": {"name": "other"}},),
        volume_mounts=({"name": "other", "mountPath": "/a", "subPath": "a"},),
    )
    assert container(reloading(app, **GIVEN), "web")["volumeMounts"][0]["subPath"] == "a"


def test_two_of_them_in_one_pod_take_names_of_their_own():
    one = ConfigReloadSidecarArgs(**GIVEN)
    two = ConfigReloadSidecarArgs(
        secret="web-tls", mount_path="/certs", reload_path="/-/reload", volume_name="certs", container_name="certs-reload"
    )
    pod = composed(WEB, lambda: ConfigReloadSidecar("one", one), lambda: ConfigReloadSidecar("two", two))
    assert [c["name"] for c in pod.spec["initContainers"]] == ["config-reload", "certs-reload"]
