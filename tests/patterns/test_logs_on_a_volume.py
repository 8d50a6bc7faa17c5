"""Log files on a volume that the app mounts by itself, dated names, and records of several lines."""

import json
from typing import Any

import pulumi
import pytest

from components.core.app import App, LogFiles
from components.core.base import Base
from components.core.cluster import cluster
from components.core.errors import ArgumentError, CompositionError
from components.core.fold import compose, fold
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.testing import run
from tests.support.composing import container

DATA = {"name": "data", "nfs": {"server": "nfs.example.com", "path": "/"}}
ENDPOINT = "https://logs.example.com"


def app(*mounts: dict[str, Any], **fields: Any) -> App:
    volumes = [{"name": name, "emptyDir": {}} for name in dict.fromkeys(mount["name"] for mount in mounts)]
    return App(**{"name": "web", "image": "web:1", "volumes": volumes, "volume_mounts": mounts, **fields})


def tail(directory: str = "/var/log/web", **more: Any) -> LogTailSidecarArgs:
    return LogTailSidecarArgs(**{"name": "logs", "directory": directory, "files": ["web.log"], **more})


def shipper(**more: Any) -> LogShipperSidecarArgs:
    return LogShipperSidecarArgs(**{"name": "ship", "endpoint": ENDPOINT, "directory": "/var/log/web", "files": ["web.log"], **more})


def read(pod: Any) -> tuple[dict[str, Any], list[str]]:
    """How the sidecar mounts the volume, and which paths it reads."""
    its = container(pod, "logs")
    (mount,) = its["volumeMounts"]
    return mount, its["command"][4:]


MOUNTS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "there": ([{"name": "data", "mountPath": "/var/log/web"}], {"name": "data"}, "/logs/web.log"),
    "there, by a subPath": (
        [{"name": "data", "mountPath": "/var/log/web/", "subPath": "logs"}],
        {"name": "data", "subPath": "logs"},
        "/logs/web.log",
    ),
    "above": ([{"name": "data", "mountPath": "/var/log"}], {"name": "data"}, "/logs/web/web.log"),
    "above, by a subPath": (
        [{"name": "data", "mountPath": "/var", "subPath": "a/b"}],
        {"name": "data", "subPath": "a/b"},
        "/logs/log/web/web.log",
    ),
    "the nearest of several": (
        [{"name": "data", "mountPath": "/var"}, {"name": "near", "mountPath": "/var//log"}, {"name": "other", "mountPath": "/var/lib"}],
        {"name": "near"},
        "/logs/web/web.log",
    ),
}


@pytest.mark.parametrize(("mounts", "mount", "path"), MOUNTS.values(), ids=MOUNTS.keys())
def test_the_volume_that_is_there_is_read(mounts: list[dict[str, Any]], mount: dict[str, Any], path: str) -> None:
    given = app(*mounts)
    pod = compose(given, [tail()])
    assert read(pod) == ({**mount, "mountPath": "/logs", "readOnly": True}, [path])
    # nothing is added to the app
    assert container(pod, "web")["volumeMounts"] == mounts
    assert pod.spec["volumes"] == list(given.volumes)


@pytest.mark.parametrize("path", ["/var/log/web2", "/var/log/we", "/var/log/web/deeper", "/srv"])
def test_a_mount_elsewhere_is_not_meant(path: str) -> None:
    pod = compose(app({"name": "data", "mountPath": path}), [tail()])
    assert read(pod) == ({"name": "logs", "mountPath": "/logs", "readOnly": True}, ["/logs/web.log"])
    assert {"name": "logs", "mountPath": "/var/log/web"} in container(pod, "web")["volumeMounts"]
    assert {"name": "logs", "emptyDir": {"sizeLimit": "1Gi"}} in pod.spec["volumes"]


def test_a_writable_directory_of_the_app_is_such_a_volume():
    logs = LogFiles(directory="/var/log/web", files=["web.log"], env={"LOG_TO": "files"}, config_path="/etc/log.conf", config="x")
    pod = compose(app(empty_dirs={"/var/log/web": "1Gi"}, log_files=logs), [LogTailSidecarArgs()])
    assert read(pod)[0] == {"name": "scratch-var-log-web", "mountPath": "/logs", "readOnly": True}
    # the rest of what is known of the app's logs is used
    assert container(pod, "web")["env"] == [{"name": "LOG_TO", "value": "files"}]
    assert [m["mountPath"] for m in container(pod, "web")["volumeMounts"]] == ["/var/log/web", "/etc/log.conf"]


def test_a_destination_of_ones_own_finds_the_directory():
    pod = compose(app({"name": "data", "mountPath": "/var"}), [tail(command=["ship"], files=["web-*.log", "a.log"])])
    assert container(pod, "logs")["env"] == [
        {"name": "LOG_DIRECTORY", "value": "/logs/log/web"},
        {"name": "LOG_FILES", "value": "/logs/log/web/web-*.log /logs/log/web/a.log"},
    ]


def test_two_may_read_one_volume():
    pod = compose(app({"name": "data", "mountPath": "/var/log"}), [tail(), shipper()])
    assert read(pod)[0] == {"name": "data", "mountPath": "/logs", "readOnly": True}
    assert {"name": "data", "mountPath": "/logs", "readOnly": True} in container(pod, "log-shipper")["volumeMounts"]
    assert json.loads(pod.config_files[0].files["config.yaml"])["receivers"]["file_log"]["include"][0] == "/logs/web/web.log"


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        (
            {"readOnly": True},
            "the app mounts volume 'data' at '/var/log' read-only, so that it cannot log to /var/log/web; set directory=",
        ),
        (
            {"subPathExpr": "web"},
            "the app mounts volume 'data' at '/var/log' with a subPathExpr, which is not known to the sidecar; use subPath",
        ),
    ],
)
@pytest.mark.parametrize("args", [tail(), shipper()])
def test_a_volume_that_cannot_be_read_so_is_refused(args: Any, mount: dict[str, Any], line: str) -> None:
    with pytest.raises(CompositionError) as error:
        compose(app({"name": "data", "mountPath": "/var/log", **mount}), [args])
    kind = type(args).__name__.removesuffix("Args")
    assert error.value.problems == (f"{kind} {args.name!r}: {line}",)


def test_so_it_is_in_somebody_elses_pod():
    theirs = {"name": "web", "image": "web:1", "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "web"}]}
    base = Base(spec={"containers": [theirs], "volumes": [DATA]}, app_container="web")
    target, _ = cluster("1.30", "native")
    pod = fold(base, App(name="web", image="web:1"), [tail("/data/logs")], where="pod 'theirs'", cluster=target)
    assert read(pod) == ({"name": "data", "mountPath": "/logs", "subPath": "web", "readOnly": True}, ["/logs/logs/web.log"])
    assert pod.spec["volumes"] == [DATA]
    assert container(pod, "web")["volumeMounts"] == theirs["volumeMounts"]


def test_wildcards_take_another_script():
    by_name = container(compose(app(), [tail()]), "logs")["command"]
    by_glob = container(compose(app(), [tail(files=["web.log", "web-????.log"])]), "logs")["command"]
    assert "tail -n +1" in by_name[2]
    assert "wildcards" in by_glob[2]
    assert by_glob[3:] == ["log-tail", "/logs/web.log", "/logs/web-????.log"]


GLOB = "letters, digits, ._@%+=- and the wildcards * and ?"


@pytest.mark.parametrize("file", ["../*", ".hidden*", "a b*", "$(id)", "[a-z].log", "a/b", ""])
def test_a_wildcard_does_not_leave_the_directory(file: str) -> None:
    with pytest.raises(ArgumentError) as error:
        LogTailSidecar("logs", tail(files=[file]))
    assert error.value.problems == (f"files[0] {file!r} is not allowed: {GLOB}",)


def config(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compose(app(), [shipper(**more)]).config_files[0].files["config.yaml"])["receivers"]["file_log"]
    return found


def test_a_record_may_have_several_lines():
    assert "multiline" not in config()
    # a dollar is the collector's own sign
    assert config(line_start_pattern=r"\d{4}$|x")["multiline"] == {"line_start_pattern": r"^(?:\d{4}$$|x)"}


@pytest.mark.parametrize("pattern", [r"\d{4}-\d{2}", r"^\[", r"\pL+", r"\p{Greek}", r"a\\1", r"[[:digit:]]", "(?i)error", "(?P<a>b)"])
def test_expressions_of_re2_are_accepted(pattern: str) -> None:
    config(line_start_pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?=\d)", "is not allowed: '(?=' is not known to RE2, the collector's regular expressions"),
        (r"a(?<!\d)", "is not allowed: '(?<!' is not known to RE2, the collector's regular expressions"),
        (r"(a)\1", r"is not allowed: '\\1' is not known to RE2, the collector's regular expressions"),
        ("(a", "is not a regular expression: missing ), unterminated subpattern at position 0"),
    ],
)
def test_others_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as error:
        run(lambda: LogShipperSidecar("ship", shipper(line_start_pattern=pattern)))
    assert error.value.problems == (f"line_start_pattern {pattern!r} {reason}",)


def test_dated_names_are_for_the_shipper_too():
    assert config(files=["web-*.log"])["include"] == ["/logs/web-*.log", "/logs/web-*.log.*", "/logs/web-*.log-*", "/logs/web-*[-_.]*.log"]
    assert config(files=["web-*.log"], rotated=[])["include"] == ["/logs/web-*.log"]


def test_an_endpoint_that_is_known_later_changes_nothing_of_that():
    texts: list[str] = []

    def program() -> None:
        late: Any = pulumi.Output.from_input(ENDPOINT)
        content: Any = compose(app(), [shipper(endpoint=late, line_start_pattern="x")]).config_files[0].files["config.yaml"]
        content.apply(texts.append)

    run(program)
    assert json.loads(texts[0])["receivers"]["file_log"]["multiline"] == {"line_start_pattern": "^(?:x)"}
