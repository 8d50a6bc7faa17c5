"""LogTailSidecar: what it adds, and what it refuses."""

from dataclasses import replace

import pytest

from components.core.app import App, LogFiles
from components.core.errors import ArgumentError, CompositionError
from components.core.pod_security import pod_security_level
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.presets.elasticsearch import elasticsearch
from tests.support.composing import composed, container

WEB = App(name="web", image="web:1")


def tailed(app=WEB, **args):
    return composed(app, lambda: LogTailSidecar("logs", LogTailSidecarArgs(**args)))


def app_env(pod):
    return {e["name"]: e["value"] for e in pod.spec["containers"][0].get("env", ())}


def test_of_elasticsearch_it_knows_where_the_logs_are():
    pod = tailed(elasticsearch())
    sidecar, app = container(pod, "logs"), container(pod, "elasticsearch")
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["command"][:2] == ["/bin/sh", "-c"]
    assert 'tail -n +1 -q -F "$@"' in sidecar["command"][2]
    assert sidecar["command"][4:] == ["/logs/docker-cluster_server.json"]
    assert sidecar["volumeMounts"] == [{"name": "logs", "mountPath": "/logs", "readOnly": True}]
    assert app_env(pod)["path.logs"] == "/var/log/elasticsearch"
    assert app["volumeMounts"][1:] == [
        {"name": "logs", "mountPath": "/var/log/elasticsearch"},
        {
            "name": "logs-config",
            "mountPath": "/usr/share/elasticsearch/config/log4j2.properties",
            "subPath": "log4j2.properties",
            "readOnly": True,
        },
    ]
    assert {"name": "logs", "emptyDir": {"sizeLimit": "1Gi"}} in pod.spec["volumes"]
    (config,) = pod.config_files
    assert config.name == "logs-config"
    assert config.files == {"log4j2.properties": elasticsearch().log_files.config}


def test_it_reads_as_the_apps_user_and_stays_restricted():
    pod = tailed(elasticsearch(uid=4711, gid=4712))
    context = container(pod, "logs")["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (4711, 4712)
    assert pod_security_level(pod.spec) == "restricted"


def test_it_has_no_probe_that_could_unready_the_pod():
    assert not [key for key in container(tailed(elasticsearch()), "logs") if key.endswith("Probe")]


def test_any_app_can_be_given_with_several_files():
    pod = tailed(
        directory="/var/log/web",
        files=("access.log", "error.log"),
        env={"LOG_TO": "files"},
        volume_name="web-logs",
        size_limit="64Mi",
        sidecar_mount_path="/in/",
        container_name="reader",
    )
    sidecar = container(pod, "reader")
    assert sidecar["command"][4:] == ["/in/access.log", "/in/error.log"]
    assert app_env(pod) == {"LOG_TO": "files"}
    assert pod.spec["containers"][0]["volumeMounts"] == [{"name": "web-logs", "mountPath": "/var/log/web"}]
    assert pod.spec["volumes"] == [{"name": "web-logs", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert pod.config_files == ()


def test_a_directory_of_ones_own_takes_nothing_from_the_apps():
    pod = tailed(elasticsearch(), directory="/elsewhere", files=("a.log",))
    assert "path.logs" not in app_env(pod)
    assert pod.config_files == ()


def test_files_and_configuration_can_be_replaced_on_their_own():
    pod = tailed(elasticsearch(), files=("docker-cluster_deprecation.json",), logging_config="status = warn\n")
    assert container(pod, "logs")["command"][4:] == ["/logs/docker-cluster_deprecation.json"]
    assert pod.config_files[0].files == {"log4j2.properties": "status = warn\n"}


def test_the_destination_is_another_image_and_command():
    pod = tailed(elasticsearch(), image="fluent/fluent-bit:4.1", command=("/fluent-bit/bin/fluent-bit",), args=("-q",))
    sidecar = container(pod, "logs")
    assert sidecar["image"] == "fluent/fluent-bit:4.1"
    assert sidecar["command"] == ["/fluent-bit/bin/fluent-bit"]
    assert sidecar["args"] == ["-q"]
    assert sidecar["env"] == [
        {"name": "LOG_DIRECTORY", "value": "/logs"},
        {"name": "LOG_FILES", "value": "/logs/docker-cluster_server.json"},
    ]


def test_an_empty_command_is_the_images_own_entrypoint():
    sidecar = container(tailed(elasticsearch(), image="shipper:1", command=()), "logs")
    assert "command" not in sidecar
    assert "args" not in sidecar


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            {"directory": "/var/log/$(id)", "files": ("a.log",)},
            "directory '/var/log/$(id)' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
        ({"directory": "/var/../etc", "files": ("a.log",)}, "directory '/var/../etc' is not allowed: it must not contain '..'"),
        (
            {"files": ("../../etc/passwd",)},
            "files[0] '../../etc/passwd' is not allowed: letters, digits, ._@%+=- and the wildcards * and ?",
        ),
        (
            {"files": ("a.log; reboot",)},
            "files[0] 'a.log; reboot' is not allowed: letters, digits, ._@%+=- and the wildcards * and ?",
        ),
        (
            {"sidecar_mount_path": "logs"},
            "sidecar_mount_path 'logs' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
        ({"directory": "/var/log/web"}, "files is empty; name at least one file in directory="),
        ({"size_limit": "1 GB"}, "size_limit '1 GB' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        (
            {"args": ("-q",)},
            "args is set, but the tail takes none; set command= too, or command=[] for the image's own entrypoint",
        ),
        ({"env": {"a=b": "c"}}, "env key 'a=b' is not allowed: letters, digits, '.', '_' and '-', not starting with a digit"),
        ({"volume_name": "Logs"}, "volume_name 'Logs' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        LogTailSidecar("logs", LogTailSidecarArgs(**args))
    assert str(error.value) == f"LogTailSidecar 'logs': 1 problem\n  - {line}"


@pytest.mark.parametrize(
    ("app", "args", "line"),
    [
        (WEB, {}, "it is not known where the app logs; set directory= and files=, or App.log_files"),
        (
            WEB,
            {"directory": "/l", "files": ("a",), "logging_config": "x"},
            "logging_config is set, but not where the app reads it; set logging_config_path=",
        ),
        (
            WEB,
            {"directory": "/l", "files": ("a",), "logging_config_path": "/etc/log.conf"},
            "logging_config_path is set, but there is no configuration to put there; set logging_config=",
        ),
    ],
)
def test_what_does_not_fit_the_app_is_a_conflict(app, args, line):
    with pytest.raises(CompositionError) as error:
        tailed(app, **args)
    assert str(error.value) == f"workload 'web': 1 conflict\n  - LogTailSidecar 'logs': {line}"


@pytest.mark.parametrize(
    ("log_files", "line"),
    [
        (
            LogFiles(directory="/l", files=("a b",)),
            "files[0] 'a b' is not allowed: letters, digits, ._@%+=- and the wildcards * and ?",
        ),
        (
            LogFiles(directory="l; reboot", files=("a",)),
            "directory 'l; reboot' is not allowed: an absolute path of letters, digits and ._@%+=,/-",
        ),
    ],
)
def test_log_files_of_the_app_do_not_break_out_of_the_script(log_files, line):
    with pytest.raises(CompositionError) as error:
        tailed(replace(WEB, log_files=log_files))
    assert str(error.value) == f"workload 'web': 1 conflict\n  - app.log_files.{line}"


def test_a_volume_that_is_there_already_is_a_conflict():
    with pytest.raises(CompositionError) as error:
        composed(
            elasticsearch(),
            lambda: LogTailSidecar("logs"),
            lambda: LogTailSidecar("more", LogTailSidecarArgs(directory="/more", files=("a",), container_name="more")),
        )
    assert str(error.value) == (
        "workload 'elasticsearch': 1 conflict"
        "\n  - volume 'logs' of LogTailSidecar 'more' is already defined by LogTailSidecar 'logs'; set volume_name="
    )
