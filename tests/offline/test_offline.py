"""components/offline.py: the manifests of a program, and their files."""

import re
import stat
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls
import pytest
import yaml
from hypothesis import given, strategies as st

from components.offline import OfflineError, manifests, render, rendering
from components.offline.key_file import KeyFileError
from components.testing import run

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def at(days: float) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: NOW + timedelta(days=days)


def program(text: str = "a\nb\n", *, service: bool = True) -> None:
    """A Deployment with a ConfigMap and a Secret with a certificate, due after 60 days; registered from the last to the first."""
    key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
    certificate = tls.SelfSignedCert(
        "certificate",
        private_key_pem=key.private_key_pem,
        allowed_uses=["server_auth"],
        validity_period_hours=90 * 24,
        early_renewal_hours=30 * 24,
        dns_names=["web"],
    )
    if service:
        kubernetes.core.v1.Service(
            "web",
            metadata={"name": "web", "annotations": {"pulumi.com/skipAwait": "true", "example.com/kept": "1e3"}},
            spec={"ports": [{"port": 443, "target_port": 8443}], "type": "LoadBalancer"},
        )
    secret = kubernetes.core.v1.Secret(
        "tls",
        type="kubernetes.io/tls",
        immutable=True,
        data={"ca.crt": "Y2E="},
        string_data={"tls.crt": certificate.cert_pem, "tls.key": key.private_key_pem_pkcs8},
    )
    config = kubernetes.core.v1.ConfigMap("config", data={"file": text}, immutable=True)
    kubernetes.apps.v1.Deployment(
        "web",
        metadata={"name": "web", "namespace": "team", "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={
            "replicas": 2,
            "selector": {"match_labels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"cpu": 0.5}}}],
                    "volumes": [
                        {"name": "tls", "secret": {"secret_name": secret.metadata.name}},
                        {"name": "config", "config_map": {"name": config.metadata.name}},
                        {"name": "tmp", "empty_dir": {}},
                    ],
                },
            },
        },
    )
    kubernetes.apiextensions.CustomResource("web", "example.com/v1", "Service", metadata={"name": "web"}, spec={"on": "y"})
    kubernetes.core.v1.Namespace("team", metadata={"name": "team"})


def test_manifests_come_in_apply_order_without_anything_of_pulumis() -> None:
    objects = manifests(program)
    assert [o["kind"] for o in objects] == ["Namespace", "Secret", "ConfigMap", "Service", "Deployment", "Service"]
    _, secret, config, service, deployment, custom = objects
    assert service["metadata"] == {"name": "web", "annotations": {"example.com/kept": "1e3"}}
    # no address that only a cluster could have given
    assert service["spec"] == {"ports": [{"port": 443, "targetPort": 8443}], "type": "LoadBalancer"}
    assert deployment["metadata"] == {"name": "web", "namespace": "team"}
    spec = deployment["spec"]
    assert spec["replicas"] == 2
    assert isinstance(spec["replicas"], int)
    assert spec["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": 0.5}}
    assert spec["template"]["spec"]["volumes"] == [
        {"name": "tls", "secret": {"secretName": secret["metadata"]["name"]}},
        {"name": "config", "configMap": {"name": config["metadata"]["name"]}},
        {"name": "tmp", "emptyDir": {}},
    ]
    assert custom["apiVersion"] == "example.com/v1"


def test_a_secret_is_revealed_in_base64() -> None:
    secret = next(o for o in manifests(program) if o["kind"] == "Secret")
    assert sorted(secret) == ["apiVersion", "data", "immutable", "kind", "metadata", "type"]
    assert secret["data"]["ca.crt"] == "Y2E="
    assert b64decode(secret["data"]["tls.crt"]).startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert b64decode(secret["data"]["tls.key"]).startswith(b"-----BEGIN PRIVATE KEY-----\n")


def test_a_recording_gives_the_same_manifests_as_its_program() -> None:
    def plain() -> None:
        kubernetes.core.v1.ConfigMap("config", data={"a": "b"})

    assert manifests(run(plain)) == manifests(plain) != []


def test_files_are_named_in_apply_order_and_hold_the_manifests(tmp_path: Path) -> None:
    rendering = render(program, tmp_path / "out", keys=tmp_path / "keys.json")
    names = [re.sub("-[0-9a-f]{8}[.]", "-HASH.", path.name) for path in rendering.files]
    assert names == [
        "01-namespace-team.yaml",
        "04-secret-tls-HASH.yaml",
        "05-configmap-config-HASH.yaml",
        "08-service-web.yaml",
        "09-deployment-team_web.yaml",
        "10-service.example.com-web.yaml",
    ]
    assert sorted((tmp_path / "out").iterdir()) == list(rendering.files) == list(rendering.written)
    assert [yaml.safe_load(path.read_text()) for path in rendering.files] == manifests(rendering.recording)
    assert "data:\n  file: |\n    a\n    b\n" in rendering.files[2].read_text()


def test_files_with_secrets_are_their_owners_only(tmp_path: Path) -> None:
    rendering = render(program, tmp_path / "out", keys=tmp_path / "keys.json")
    modes = {path.name[:9]: stat.S_IMODE(path.stat().st_mode) for path in rendering.files}
    assert modes == {
        "01-namesp": 0o644,
        "04-secret": 0o600,
        "05-config": 0o644,
        "08-servic": 0o644,
        "09-deploy": 0o644,
        "10-service"[:9]: 0o644,
    }
    rendering.files[1].chmod(0o644)
    again = render(program, tmp_path / "out", keys=tmp_path / "keys.json")
    assert again.written == ()
    assert stat.S_IMODE(rendering.files[1].stat().st_mode) == 0o600


def contents(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()}


def test_rendering_again_changes_no_byte_and_touches_no_file(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    render(program, out, keys=keys, now=at(0))
    before, key_file = contents(out), (keys.read_bytes(), keys.stat().st_mtime_ns)
    again = render(program, out, keys=keys, now=at(59))
    assert (again.written, again.removed) == ((), ())
    assert contents(out) == before
    assert (keys.read_bytes(), keys.stat().st_mtime_ns) == key_file


def test_a_recording_is_rendered_as_its_program_is(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    recording = render(program, out, keys=keys).recording
    again = render(recording, out, keys=keys)
    assert (again.recording is recording, again.written, again.removed) == (True, (), ())


def test_a_directory_removed_by_hand_comes_back_the_same(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    first = render(program, out, keys=keys)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for path in first.files:
        path.unlink()
    out.rmdir()
    render(program, out, keys=keys)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_due_certificate_changes_its_secret_and_who_mounts_it_and_nothing_else(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    render(program, out, keys=keys, now=at(0))
    renewed = render(program, out, keys=keys, now=at(60))
    assert [path.name[:13] for path in renewed.written] == ["04-secret-tls", "09-deployment"]
    assert [path.name[:13] for path in renewed.removed] == ["04-secret-tls"]


def test_files_of_an_earlier_rendering_go_and_foreign_ones_stay(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    first = render(program, out, keys=keys)
    foreign = {
        "notes.txt": "mine",
        "11-mine.yaml": "apiVersion: v1\n",
        "05-configmap-mine.yaml": "apiVersion: v1\n",
        "kustomization.yaml": first.files[0].read_text(),
    }
    for name, text in foreign.items():
        (out / name).write_text(text)
    (out / "04-secret-link.yaml").symlink_to(first.files[0])
    (out / "04-directory-a.yaml").mkdir()
    (out / ".pod-patterns-killed.tmp").write_text("half a manif")
    second = render(lambda: program("changed", service=False), out, keys=keys)
    assert sorted(path.name[:12] for path in second.removed) == ["05-configmap", "08-service-w"]
    left = {path.name for path in out.iterdir()} - {path.name for path in second.files}
    assert left == {*foreign, "04-secret-link.yaml", "04-directory-a.yaml"}
    assert all((out / name).read_text() == text for name, text in foreign.items())


def test_a_foreign_file_in_the_way_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "01-namespace-team.yaml").write_text("mine")
    with pytest.raises(OfflineError) as error:
        render(program, out, keys=tmp_path / "keys.json")
    assert str(error.value) == (
        f"rendering to {out}: 1 problem\n  - 01-namespace-team.yaml is in the way and was not written by a rendering; move it"
    )
    assert [path.read_text() for path in out.iterdir()] == ["mine"]


def test_a_directory_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OfflineError) as error:
        render(program, tmp_path / "out", keys=tmp_path / "keys.json")
    assert str(error.value) == f"rendering to {tmp_path}/out: 1 problem\n  - [Errno 17] File exists: '{tmp_path}/out'"


def test_keys_inside_the_directory_are_refused(tmp_path: Path) -> None:
    keys = tmp_path / "x" / ".." / "keys.json"
    with pytest.raises(pulumi.RunError) as error:
        render(program, tmp_path, keys=keys)
    assert str(error.value) == (
        f"rendering to {tmp_path}: 1 problem\n"
        f"  - keys {str(keys)!r} lies in the directory, whose files are meant to be applied and handed on; put it elsewhere"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_file_or_a_failing_program_changes_nothing(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys.json"
    render(program, out, keys=keys)
    before = contents(out)

    def failing() -> None:
        program("changed")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        render(failing, out, keys=keys)
    keys.write_text("{")
    with pytest.raises(KeyFileError, match=r"keys.json is damaged; nothing was written"):
        render(program, out, keys=keys)
    assert contents(out) == before
    assert keys.read_text() == "{"


def test_what_only_the_provider_or_the_engine_knows_is_refused() -> None:
    def helm_and_patch() -> None:
        kubernetes.helm.v3.Release("release", chart="web")
        kubernetes.yaml.v2.ConfigGroup("group", yaml="a: b")
        kubernetes.apps.v1.DeploymentPatch("patch", metadata={"name": "web"}, spec={"replicas": 1})
        kubernetes.core.v1.ConfigMapList("list", items=[{"data": {}}])
        kubernetes.core.v1.ConfigMap("fine", data={})

    with pytest.raises(OfflineError) as error:
        manifests(helm_and_patch)
    end = "is not an object of its own, but one that the Kubernetes provider works out; use pulumi up"
    lines = str(error.value).split("\n")
    assert lines[0] == "offline rendering: 4 problems"
    assert sorted(lines[1:]) == [
        f"  - kubernetes:apps/v1:DeploymentPatch 'patch' {end}",
        f"  - kubernetes:core/v1:ConfigMapList 'list' {end}",
        f"  - kubernetes:helm.sh/v3:Release 'release' {end}",
        f"  - kubernetes:yaml/v2:ConfigGroup 'group' {end}",
    ]


def test_what_a_provider_makes_is_refused() -> None:
    class Remote(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("other:index:Remote", name, {}, None, remote=True)

    with pytest.raises(OfflineError) as error:
        manifests(lambda: Remote("remote"))
    assert str(error.value) == (
        "offline rendering: 1 problem\n"
        "  - other:index:Remote 'remote' is made by a provider, which alone knows what is in it; use pulumi up"
    )


def test_a_preview_is_refused() -> None:
    with pytest.raises(OfflineError) as error:
        manifests(run(program, preview=True))
    assert str(error.value) == ("offline rendering: 1 problem\n  - it was a preview, which does not know every value; run it as an update")


def test_two_resources_for_one_object_are_refused() -> None:
    def twice() -> None:
        for name in ("a", "b"):
            kubernetes.core.v1.ConfigMap(name, metadata={"name": "same"}, data={})

    with pytest.raises(OfflineError) as error:
        manifests(twice)
    urn = "urn:pulumi:stack::project::kubernetes:core/v1:ConfigMap::"
    assert str(error.value) == f"offline rendering: 1 problem\n  - {urn}a and {urn}b are the same object, ConfigMap 'same'"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/b", "a_b", "a b", ""])
def test_a_name_that_does_not_fit_a_file_name_is_refused(tmp_path: Path, name: str) -> None:
    def named() -> None:
        kubernetes.core.v1.ConfigMap("config", metadata={"name": "fine", "namespace": name}, data={})
        if name:
            kubernetes.core.v1.ConfigMap("other", metadata={"name": name}, data={})

    with pytest.raises(OfflineError) as error:
        render(named, tmp_path / "out", keys=tmp_path / "keys.json")
    lines = [f"  - kubernetes:core/v1:ConfigMap 'config': namespace {name!r} is not allowed: letters, digits, '.', ':' and '-'"]
    if name:
        lines.append(f"  - kubernetes:core/v1:ConfigMap 'other': name {name!r} is not allowed: letters, digits, '.', ':' and '-'")
    assert str(error.value).split("\n")[1:] == lines
    assert not (tmp_path / "out").exists()


def test_a_status_that_only_a_cluster_has_does_not_get_into_a_manifest() -> None:
    def reads_status() -> None:
        service = kubernetes.core.v1.Service("web", spec={"type": "LoadBalancer"})
        address = service.status.load_balancer.ingress[0].ip
        kubernetes.core.v1.ConfigMap("config", data={"address": address})

    assert run(reads_status).one("ConfigMap").inputs["data"] == {"address": "192.0.2.1"}
    objects: list[Any] = []
    with pytest.raises((AttributeError, TypeError)):
        objects = manifests(reads_status)
    assert objects == []


@pytest.mark.parametrize("text", ["y", "N", "1e3", "0o17", "12_000", "+1", ".5", "1.2.3.4", "12:30:45", "2030-01-01"])
def test_text_that_other_yaml_readers_take_for_something_else_is_quoted(text: str) -> None:
    assert rendering._text({"a": text}).endswith(f'a: "{text}"\n')


@given(st.dictionaries(st.text(max_size=8), st.text()))
def test_every_text_comes_back_from_its_file(data: dict[str, str]) -> None:
    # what no YAML can hold raw is escaped; surrogates cannot be in a Pulumi string
    assert yaml.safe_load(rendering._text(data)) == data
