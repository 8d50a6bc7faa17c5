"""No secret Output reaches a place where everyone who may read pods or ConfigMaps can read it, in an update or a preview."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tls as tls
import pytest

from components.core.app import App, SecretKey
from components.core.errors import SecretLeakError
from components.core.patch import ConfigFiles, PodPatch, sidecar
from components.testing import UNKNOWN, Mocks, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import Adds, container, web

WAY_OUT = "put it in a Secret, and mount that or use valueFrom.secretKeyRef"


class Watching(Mocks):
    """Remembers what was registered, of a program that fails too."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.kinds.append(args.typ.split(":")[-1])
        return super().new_resource(args)


def secret() -> pulumi.Output[str]:
    return pulumi.Output.secret("hunter2")


def workload(app: App | None = None, **added: Any) -> Workload:
    return Workload("shop", WorkloadArgs(app=app or web(), patterns=[Adds("a", PodPatch(**added))]))


def side(**fields: Any) -> dict[str, Any]:
    return {"init_containers": (sidecar(container("side", **fields)),)}


LEAKS: dict[str, tuple[Callable[[], Any], str]] = {
    "the app's env": (
        lambda: workload(web(env={"PASSWORD": secret()})),
        f"env 'PASSWORD' of container 'web' has a secret Output as plain value; {WAY_OUT}",
    ),
    "the app's argument": (lambda: workload(web(args=("serve", secret()))), f"args[1] of container 'web' is a secret Output; {WAY_OUT}"),
    "the app's command": (lambda: workload(web(command=(secret(),))), f"command[0] of container 'web' is a secret Output; {WAY_OUT}"),
    "env that a pattern gives the app": (
        lambda: workload(app_env=({"name": "PASSWORD", "value": secret()},)),
        f"env 'PASSWORD' of container 'web' has a secret Output as plain value; {WAY_OUT}",
    ),
    "env of a sidecar": (
        lambda: workload(**side(env=[{"name": "PASSWORD", "value": secret()}])),
        f"env 'PASSWORD' of container 'side' has a secret Output as plain value; {WAY_OUT}",
    ),
    "text made of a secret": (
        lambda: workload(**side(args=["-c", pulumi.Output.concat("--password=", secret())])),
        f"args[1] of container 'side' is a secret Output; {WAY_OUT}",
    ),
    "probe": (
        lambda: workload(**side(readinessProbe={"httpGet": {"port": 1, "httpHeaders": [{"name": "Authorization", "value": secret()}]}})),
        f"readinessProbe.httpGet.httpHeaders[0].value of container 'side' is a secret Output; {WAY_OUT}",
    ),
    "lifecycle": (
        lambda: workload(**side(lifecycle={"postStart": {"exec": {"command": ["login", secret()]}}})),
        f"lifecycle.postStart.exec.command[1] of container 'side' is a secret Output; {WAY_OUT}",
    ),
    "annotation": (
        lambda: workload(annotations=(("example.com/a", secret()),)),
        "annotation 'example.com/a' is a secret Output; remove it",
    ),
    "ConfigMap": (
        lambda: workload(config_files=(ConfigFiles(name="config", files={"plain": "x", "login": secret()}),)),
        "file 'login' of ConfigMap 'config' holds a secret Output; put the file in a Secret",
    ),
}


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
@pytest.mark.parametrize(("program", "line"), LEAKS.values(), ids=LEAKS.keys())
def test_a_secret_is_refused_before_what_would_show_it_is_registered(program: Callable[[], Any], line: str, preview: bool) -> None:
    watching = Watching()
    with pytest.raises(SecretLeakError) as error:
        run(program, preview=preview, mocks=watching)
    assert str(error.value) == f"workload 'shop': 1 secret leak\n  - {line}"
    assert "Workload" in watching.kinds
    assert not {"Deployment", "ConfigMap"} & set(watching.kinds)


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_every_leak_is_in_one_error(preview: bool) -> None:
    def program() -> None:
        workload(
            web(env={"A": secret(), "B": "plain", "C": pulumi.Output.from_input("known")}, args=(secret(),)),
            annotations=(("example.com/a", secret()), ("example.com/b", "plain")),
            config_files=(ConfigFiles(name="one", files={"a": secret()}), ConfigFiles(name="two", files={"b": secret(), "c": "plain"})),
        )

    with pytest.raises(SecretLeakError) as error:
        run(program, preview=preview)
    assert str(error.value) == (
        "workload 'shop': 5 secret leaks"
        f"\n  - env 'A' of container 'web' has a secret Output as plain value; {WAY_OUT}"
        f"\n  - args[0] of container 'web' is a secret Output; {WAY_OUT}"
        "\n  - annotation 'example.com/a' is a secret Output; remove it"
        "\n  - file 'a' of ConfigMap 'one' holds a secret Output; put the file in a Secret"
        "\n  - file 'b' of ConfigMap 'two' holds a secret Output; put the file in a Secret"
    )


def test_a_key_that_the_provider_makes_is_a_secret_in_a_preview_too_though_it_is_unknown() -> None:
    def program() -> None:
        key = tls.PrivateKey("key", algorithm="ED25519")
        workload(web(env={"KEY": key.private_key_pem}))

    for preview in (False, True):
        with pytest.raises(SecretLeakError):
            run(program, preview=preview)


def public() -> Workload:
    key = tls.PrivateKey("key", algorithm="ED25519")
    return workload(
        web(env={"KEY": key.public_key_pem, "A": "1"}, args=("serve", key.public_key_pem), image=pulumi.Output.from_input("web:2")),
        annotations=(("example.com/key", key.public_key_pem),),
        config_files=(ConfigFiles(name="config", files={"key.pem": key.public_key_pem, "a": "b"}),),
        **side(startupProbe={"exec": {"command": ["check", key.public_key_pem]}}),
    )


def test_an_output_that_is_no_secret_passes_unchanged() -> None:
    recording = run(public)
    pem = recording.one("PrivateKey").outputs["publicKeyPem"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    template = recording.one("Deployment").inputs["spec"]["template"]
    app = template["spec"]["containers"][0]
    assert sorted(app["env"], key=lambda v: v["name"]) == [{"name": "A", "value": "1"}, {"name": "KEY", "value": pem}]
    assert app["args"] == ["serve", pem]
    assert app["image"] == "web:2"
    assert template["metadata"]["annotations"]["example.com/key"] == pem
    assert template["spec"]["initContainers"][0]["startupProbe"]["exec"]["command"] == ["check", pem]
    assert recording.one("ConfigMap").inputs["data"] == {"key.pem": pem, "a": "b"}
    assert recording.one("Deployment").secrets == frozenset()
    assert recording.one("PrivateKey").urn in recording.one("Deployment").dependencies


def test_what_a_preview_does_not_know_is_unknown_at_its_place_only() -> None:
    known, recording = run(public), run(public, preview=True)
    pem = known.one("PrivateKey").outputs["publicKeyPem"]

    def blurred(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: blurred(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [blurred(inner) for inner in value]
        return UNKNOWN if value == pem else value

    deployment = recording.one("Deployment").inputs
    # the one name that follows from the contents of the ConfigMap is another
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    expected = blurred(known.one("Deployment").inputs)
    assert [v["name"] for v in volumes] == [v["name"] for v in expected["spec"]["template"]["spec"]["volumes"]]
    expected["spec"]["template"]["spec"]["volumes"] = volumes
    assert deployment == expected
    assert UNKNOWN in deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert recording.one("ConfigMap").inputs["data"] == {"key.pem": UNKNOWN, "a": "b"}


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_a_secret_in_a_secret_is_referred_to_by_name(preview: bool) -> None:
    def program() -> None:
        login = kubernetes.core.v1.Secret("login", string_data={"password": secret()})
        reference = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": login.metadata.name, "key": "password"}}}
        workload(web(secret_env={"PASSWORD": SecretKey(name=login.metadata.name, key="password")}), **side(env=[reference]))

    recording = run(program, preview=preview)
    spec = recording.one("Deployment").inputs["spec"]["template"]["spec"]
    name = recording.one("Secret").outputs["metadata"]["name"]
    expected = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}}]
    assert spec["containers"][0]["env"] == spec["initContainers"][0]["env"] == expected
    assert recording.one("Secret").secrets == {"stringData"}
    assert recording.one("Deployment").secrets == frozenset()


def test_an_image_from_another_registry_may_be_known_later() -> None:
    def program() -> None:
        image = pulumi.Output.from_input("quay.io/org/web:3")
        Workload("shop", WorkloadArgs(app=web(image=image), image_registry="mirror.example.com"))

    spec = run(program).one("Deployment").inputs["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "mirror.example.com/org/web:3"
