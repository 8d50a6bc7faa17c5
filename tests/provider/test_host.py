"""The provider's process, as the engine starts it and ends it."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from ..support.provider import ROOT, Engine, Refused
from .test_equality import PODINFO

SCHEMA = (ROOT / "provider" / "schema.json").read_text(encoding="utf-8")


def test_the_schema_and_the_version(engine: Engine) -> None:
    assert engine.stub.GetSchema(provider_pb2.GetSchemaRequest(version=0)).schema == SCHEMA
    assert engine.stub.GetPluginInfo(empty_pb2.Empty()).version == "0.1.0"


def test_it_takes_secrets_outputs_and_components(engine: Engine) -> None:
    answer = engine.stub.Configure(provider_pb2.ConfigureRequest())
    assert (answer.acceptSecrets, answer.acceptResources, answer.acceptOutputs) == (True, True, True)


def test_several_components_at_once(engine: Engine) -> None:
    threads = [
        threading.Thread(target=engine.construct, args=("Workload", name, {"app": {**PODINFO, "name": name}}))
        for name in ("one", "two", "three", "four")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    deployments = [r for r in engine.registrations.values() if r.type == "kubernetes:apps/v1:Deployment"]
    assert {(d.name, d.parent.rpartition("::")[2], d.inputs["metadata"]["name"]) for d in deployments} == {
        (name, name, name) for name in ("one", "two", "three", "four")
    }


def test_a_component_that_is_under_way_is_cancelled(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    waiting, going_on = threading.Event(), threading.Event()

    def wait(*_: Any) -> None:
        waiting.set()
        going_on.wait(60)

    engine.hold(wait)
    caught: list[Refused] = []

    def construct() -> None:
        with pytest.raises(Refused) as error:
            engine.construct("Workload", "web", {"app": PODINFO})
        caught.append(error.value)

    thread = threading.Thread(target=construct)
    thread.start()
    assert waiting.wait(60)
    engine.stub.Cancel(empty_pb2.Empty())
    thread.join(30)
    assert [(e.code, e.message) for e in caught] == [(grpc.StatusCode.CANCELLED, "pod-patterns:index:Workload 'web' was cancelled")]
    # a call that the engine never answers does not keep the process
    assert engine.end() == (0, "")
    going_on.set()


def test_what_the_engine_answers_is_reported_without_a_traceback(engine: Engine) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the cluster is not there")

    engine.hold(fail)
    with pytest.raises(Refused) as caught:
        engine.construct("Workload", "web", {"app": PODINFO})
    assert (caught.value.code, caught.value.message) == (grpc.StatusCode.UNKNOWN, "the cluster is not there")


def test_started_by_hand_it_says_how_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "pod_patterns").symlink_to(ROOT / "components")
    command = [sys.executable, str(ROOT / "provider")]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "usage: python provider ENGINE_ADDRESS; Pulumi starts this program itself: pulumi package add <repository>/provider\n",
    )
