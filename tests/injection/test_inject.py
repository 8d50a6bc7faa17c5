"""Injection into manifests: what is touched, what is kept, and what is rejected."""

from copy import deepcopy
from typing import Any

import pytest

from components import CompositionError, Injection, InjectionError, LogTailSidecarArgs, Port, Rebind, Target, TlsAmbassadorArgs, inject

MOVES = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))
TLS = TlsAmbassadorArgs(secret_name="web-tls")
LOGS = LogTailSidecarArgs(directory="/var/log/app", files=["app.log"])


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    app = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], "volumeMounts": None}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"initContainers": None, "containers": [app], "volumes": None, **spec}}
    metadata = {"name": name, "annotations": {"theirs": "kept"}}
    selector = {"matchLabels": {"app": name}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"selector": selector, "template": template}}


def injection(*patterns: Any, name: str = "ours", **target: Any) -> Injection:
    return Injection(name, Target(**{"name": "web", "uid": 1000, "ports": [MOVES], **target}), patterns)


def spec_of(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return found


def test_what_is_no_target_comes_out_as_it_came_and_the_inputs_stay() -> None:
    given = [deployment(), deployment("other"), {"kind": "Service", "metadata": {"name": "web"}}]
    before = deepcopy(given)
    out = inject(given, [injection(TLS, LOGS)])
    assert given == before
    assert out[1:] == given[1:]
    assert out[0]["metadata"] == given[0]["metadata"]
    assert out[0]["spec"]["selector"] == given[0]["spec"]["selector"]


def test_twice_is_once() -> None:
    once = inject([deployment()], [injection(TLS, LOGS)])
    assert inject(once, [injection(TLS, LOGS)]) == once


def test_other_arguments_need_the_manifest_as_it_was() -> None:
    once = inject([deployment()], [injection(TLS)])
    with pytest.raises(CompositionError) as error:
        inject(once, [injection(TLS, LOGS)])
    assert str(error.value) == (
        "injection 'ours' into Deployment 'web': 1 conflict\n"
        "  - it was injected before, with other arguments; inject into the manifest as it was before that"
    )


def test_an_injection_meets_one_workload() -> None:
    with pytest.raises(InjectionError) as error:
        inject([deployment("other")], [injection(TLS, name="a"), injection(TLS, name="b", kind="StatefulSet")])
    assert error.value.problems == (
        "injection 'a' meets no workload: there is no workload 'web' (known: Deployment other); set name= of the target",
        "injection 'b' meets no workload: there is no StatefulSet 'web' (known: none); set name= of the target",
    )
