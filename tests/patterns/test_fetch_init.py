"""FetchInit: what it adds, and what it refuses."""

import pulumi
import pytest

from components import testing
from components.core import rules
from components.core.app import App, SecretKey
from components.core.errors import ArgumentError
from components.core.pod_security import pod_security_level
from components.core.view import view
from components.patterns.fetch_init import FetchInit, FetchInitArgs
from tests.support.composing import composed, container
from tests.support.pods import PEM

WEB = App(name="web", image="web:1", uid=1234, gid=2345)
SUM = "0123456789abcdef" * 4
KEY = SecretKey(name="s3", key="key")
SOURCE_RULE = "s3://bucket/key, gs://bucket/object or https://host/path"
UNENCRYPTED = "is not encrypted, so that the network reads the object; use https://, or set allow_plaintext=True"


def arguments(**given):
    return FetchInitArgs(**{"source": "s3://models/v1/model.tar.gz", "sha256": SUM, **given})


def made(**given):
    return FetchInit("fetch", arguments(**given))


def variables(init):
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in init["env"]}


@pytest.mark.parametrize("mode", [{}, {"sidecars": "classic", "kubernetes_version": "1.28"}])
def test_the_app_sees_read_only_what_one_restricted_container_fetches(mode):
    pod = composed(WEB, made, **mode)
    (fetch,) = pod.spec["initContainers"]
    assert (fetch["name"], fetch["image"], fetch["workingDir"]) == ("fetch", "curlimages/curl:8.12.1", "/fetch/volume")
    assert fetch["volumeMounts"] == [{"name": "fetched", "mountPath": "/fetch/volume"}]
    assert container(pod, "web")["volumeMounts"] == [{"name": "fetched", "mountPath": "/fetched", "readOnly": True}]
    # 16 MiB more than what may be fetched
    assert pod.spec["volumes"] == [{"name": "fetched", "emptyDir": {"sizeLimit": "1090519040"}}]
    assert (fetch["securityContext"]["runAsUser"], fetch["securityContext"]["runAsGroup"]) == (1234, 2345)
    assert pod_security_level(pod.spec) == "restricted"


def test_every_argument_arrives_where_it_belongs():
    pod = composed(
        WEB,
        lambda: made(
            path="model",
            unpack="tar.gz",
            mount_path="/models",
            size_limit="2Mi",
            persistent_volume_claim="models",
            volume_name="models",
            region="eu-central-1",
            endpoint="https://minio:9000/",
            access_key_id=SecretKey(name="s3", key="id"),
            secret_access_key=KEY,
            session_token=SecretKey(name="s3", key="token"),
            service_account="reader",
            ca_pem=PEM,
            timeout_seconds=60,
            image="mirror/curl:8",
            container_name="models",
        ),
    )
    fetch = container(pod, "models")
    assert fetch["image"] == "mirror/curl:8"
    assert variables(fetch) == {
        "SOURCE": "s3://models/v1/model.tar.gz",
        "SHA256": SUM,
        "NAME": "model",
        "UNPACK": "tar.gz",
        "LIMIT": "2097152",
        "TIMEOUT_SECONDS": "60",
        "SHARED": "1",
        "ENDPOINT": "https://minio:9000",
        "REGION": "eu-central-1",
        "IDENTITY": "",
        "PROTOCOLS": "https",
        "CA_FILE": "/fetch/config/ca.crt",
        "ACCESS_KEY_ID": {"secretKeyRef": {"name": "s3", "key": "id"}},
        "SECRET_ACCESS_KEY": {"secretKeyRef": {"name": "s3", "key": "key"}},
        "SESSION_TOKEN": {"secretKeyRef": {"name": "s3", "key": "token"}},
    }
    assert pod.spec["volumes"] == [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}]
    assert [(c.name, dict(c.files)) for c in pod.config_files] == [("models-config", {"ca.crt": PEM})]
    assert pod.spec["serviceAccountName"] == "reader"
    assert container(pod, "web")["volumeMounts"] == [{"name": "models", "mountPath": "/models", "readOnly": True}]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "model.tar.gz"),
        ({"unpack": "tar.gz"}, "model"),
        ({"source": "https://host/a/b.zip?version=2", "unpack": "zip"}, "b"),
        ({"source": "gs://bucket/a.bin"}, "a.bin"),
    ],
)
def test_the_name_is_the_last_part_of_the_source(given, name):
    assert arguments(**given).file_name() == name
    assert rules.problems(arguments(**given)) == []


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"source": "http://host/a"}, f"source 'http://host/a' is not allowed: {SOURCE_RULE}"),
        ({"source": "s3://bucket"}, f"source 's3://bucket' is not allowed: {SOURCE_RULE}"),
        ({"source": "s3://bucket/../a"}, f"source 's3://bucket/../a' is not allowed: {SOURCE_RULE}"),
        ({"source": "s3://bucket/a b"}, f"source 's3://bucket/a b' is not allowed: {SOURCE_RULE}"),
        ({"source": "https://me:pw@host/a"}, f"source 'https://me:pw@host/a' is not allowed: {SOURCE_RULE}"),
        ({"source": "https://host/a;reboot"}, f"source 'https://host/a;reboot' is not allowed: {SOURCE_RULE}"),
        ({"sha256": None}, "sha256 is missing: set it, or allow_unverified=True to take whatever the source has"),
        ({"sha256": "abc"}, "sha256 'abc' is not allowed: 64 hexadecimal digits, lower case"),
        ({"path": "../a"}, "path '../a' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'"),
        ({"source": "s3://b/.a"}, "path '.a' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'"),
        ({"unpack": "rar"}, "unpack 'rar' is not allowed: one of tar.gz, zip"),
        ({"mount_path": "/a;b"}, "mount_path '/a;b' is not allowed: an absolute path of letters, digits and ._@%+=,/-"),
        ({"size_limit": "much"}, "size_limit 'much' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"),
        ({"volume_name": "A"}, "volume_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"container_name": "A"}, "container_name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"region": "eu;1"}, "region 'eu;1' is not allowed: letters, digits and '-', e.g. eu-central-1"),
        ({"endpoint": "minio:9000"}, "endpoint 'minio:9000' is not allowed: https://host, with a port at most"),
        (
            {"endpoint": "http://minio:9000"},
            "endpoint 'http://minio:9000' is not encrypted, so that the network reads the object; "
            "use https://, or set allow_plaintext=True",
        ),
        ({"access_key_id": KEY}, "set both of access_key_id and secret_access_key, or neither"),
        ({"session_token": KEY}, "session_token belongs to a key; set access_key_id and secret_access_key"),
        (
            {"access_key_id": KEY, "secret_access_key": KEY, "workload_identity": True},
            "workload_identity and a key exclude each other; remove one of them",
        ),
        ({"authorization": KEY}, "authorization has no meaning for s3://; remove it"),
        ({"source": "gs://b/a", "region": "eu"}, "region has no meaning for gs://; remove it"),
        ({"source": "https://b/a", "workload_identity": True}, "workload_identity has no meaning for https://; remove it"),
        ({"timeout_seconds": 0}, "timeout_seconds 0 is not allowed: a whole number, 1 or more"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(given, line):
    with pytest.raises(ArgumentError) as error:
        made(**given)
    assert str(error.value) == f"FetchInit 'fetch': 1 problem\n  - {line}"


def test_an_unverified_object_is_accepted_when_asked_for():
    assert rules.problems(arguments(sha256=None, allow_unverified=True)) == []
    assert rules.problems(arguments(endpoint="http://minio:9000", allow_plaintext=True)) == []


def known_later(**given):
    outputs = {name: pulumi.Output.from_input(value) for name, value in given.items()}
    pulumi.export("env", made(path="model", **outputs).patch(view(WEB)).init_containers[0]["env"][:2])


def test_a_source_and_checksum_that_are_known_later_reach_the_container():
    env = testing.run(lambda: known_later(source="gs://bucket/a", sha256=SUM)).exports["env"]
    assert [variable["value"] for variable in env] == ["gs://bucket/a", SUM]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"source": "ftp://a/b"}, f"source 'ftp://a/b' is not allowed: {SOURCE_RULE}"),
        ({"sha256": "x"}, "sha256 'x' is not allowed: 64 hexadecimal digits, lower case"),
    ],
)
def test_a_source_or_checksum_that_is_known_later_is_checked_then(given, line):
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: known_later(**given))
    assert str(error.value) == f"FetchInit 'fetch': 1 problem\n  - {line}"


def test_a_source_that_is_known_later_needs_a_path():
    def program():
        made(source=pulumi.Output.from_input("s3://a/b"))

    with pytest.raises(ArgumentError) as error:
        testing.run(program)
    assert str(error.value) == "FetchInit 'fetch': 1 problem\n  - path is missing: the source is an Output, so its name is not known"
