"""Article, section 7b: the init container that fetches a large file."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from components.core.app import SecretKey
from components.core.patch import restricted
from components.patterns.fetch_init import FetchInit, FetchInitArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import idle

KEY_ID, KEY = "AKIDEXAMPLE", "the-secret-access-key"
SIZE = 20 * 2**20
APP = idle(uid=1234, gid=1234)


@pytest.fixture(scope="module")
def s3(module_namespace: Namespace) -> Namespace:
    """A namespace with an S3 server at s3:7070, which has s3://models/v1/model.bin, and a Secret with its key."""
    labels = {"app": "s3"}
    server: dict[str, Any] = {
        "name": "s3",
        "image": "versity/versitygw:v1.0.14",
        "args": ["--port", ":7070", "posix", "--nometa", "/data"],
        "env": [{"name": "ROOT_ACCESS_KEY", "value": KEY_ID}, {"name": "ROOT_SECRET_KEY", "value": KEY}],
        "readinessProbe": {"tcpSocket": {"port": 7070}, "periodSeconds": 1},
        "securityContext": restricted(1000, 1000),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    module_namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s3"},
            "stringData": {"id": KEY_ID, "key": KEY, "wrong": "another-key"},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s3"},
            "spec": {"selector": labels, "ports": [{"port": 7070, "targetPort": 7070}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "s3", "labels": labels},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": {"fsGroup": 1000},
                "containers": [server],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        },
    )
    module_namespace.wait("pod/s3", "condition=Ready")
    make = f"mkdir -p /data/models/v1 && head -c {SIZE} /dev/zero >/data/models/v1/model.bin"
    done = module_namespace.exec("s3", "s3", "sh", "-c", make)
    assert done.code == 0, done.text
    return module_namespace


def fetching(namespace: Namespace, name: str, **given: Any) -> None:
    """In a program: the app, with a pod that fetches the model."""
    args: dict[str, Any] = {
        "source": "s3://models/v1/model.bin",
        "sha256": hashlib.sha256(bytes(SIZE)).hexdigest(),
        "endpoint": "http://s3:7070",
        "allow_plaintext": True,
        "access_key_id": SecretKey(name="s3", key="id"),
        "secret_access_key": SecretKey(name="s3", key="key"),
        "size_limit": "32Mi",
    }
    fetch = FetchInit(f"{name}-fetch", FetchInitArgs(**{**args, **given}))
    Workload(name, WorkloadArgs(app=replace(APP, name=name), patterns=[fetch], namespace=namespace.name))


def test_the_app_starts_with_the_file_which_it_can_only_read(s3: Namespace) -> None:
    deploy(s3, lambda: fetching(s3, "good"))
    pod = s3.pod("good")
    done = s3.exec(pod, "good", "sh", "-c", "wc -c </fetched/model.bin; stat -c %u /fetched/model.bin; touch /fetched/x")
    assert done.out.split() == [str(SIZE), "1234"]
    assert "Read-only file system" in done.err
    assert s3.logs(pod, "fetch") == "model.bin: fetched s3://models/v1/model.bin\n"
    assert KEY not in s3.kubectl("get", "pod", pod, "-o", "json")


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        (
            "corrupted",
            {"sha256": "0" * 64},
            f"s3://models/v1/model.bin has the wrong content: its sha256 is {hashlib.sha256(bytes(SIZE)).hexdigest()}, not {'0' * 64}",
        ),
        ("oversized", {"size_limit": "10Mi"}, f"s3://models/v1/model.bin has {SIZE} bytes, but size_limit is 10485760; raise size_limit"),
        (
            "forbidden",
            {"secret_access_key": SecretKey(name="s3", key="wrong")},
            "s3://models/v1/model.bin cannot be read: curl: (22) The requested URL returned error: 403; "
            "check the credentials, their rights, and the region",
        ),
    ],
)
def test_an_object_that_is_refused_stops_the_pod_with_one_line(s3: Namespace, name: str, given: dict[str, Any], line: str) -> None:
    deploy(s3, lambda: fetching(s3, name, **given), wait=False)

    def message() -> str:
        (status,) = s3.get("pod", s3.pod(name))["status"]["initContainerStatuses"]
        ended = status["state"].get("terminated") or status["lastState"].get("terminated") or {}
        return str(ended.get("message", ""))

    assert eventually(message, "the container failed") == f"{line}\n"
