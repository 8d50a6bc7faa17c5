"""The provider's process, and an engine for it: what a real one asks and answers over gRPC, with the offline mocks behind it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import (
    callback_pb2,
    callback_pb2_grpc,
    engine_pb2_grpc,
    errors_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)

from components.offline.mocks import Mocks
from components.offline.recording import OUTPUT, SECRET, SIGNATURE, UNKNOWN, Registration, plain
from components.offline.run import _Monitor
from components.offline.transforms import Callback, Transforms

ROOT = Path(__file__).parent.parent.parent
PROJECT, STACK = "project", "stack"
STACK_URN = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"
PROVIDER_ID = "0f1e2d3c-0000-4000-8000-000000000000"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
# its errors come in metadata, of which Python's client takes little by default, and the engine's a lot
_CLIENT = [("grpc.max_metadata_size", 2**20), ("grpc.absolute_max_metadata_size", 2**21)]


def secret(value: Any) -> dict[str, Any]:
    """A secret as Go sends it."""
    return {SIGNATURE: SECRET, "value": value}


def output(value: Any, *urns: str, is_secret: bool = False) -> dict[str, Any]:
    """An Output as the other SDKs send it."""
    known = {} if value == UNKNOWN else {"value": value}
    return {SIGNATURE: OUTPUT, "secret": is_secret, "dependencies": list(urns), **known}


def reference(urn: str) -> dict[str, Any]:
    """A component."""
    return {SIGNATURE: _RESOURCE, "urn": urn, "packageVersion": ""}


@dataclass
class Refused(Exception):
    """What the provider answers in place of a component."""

    code: grpc.StatusCode
    message: str
    properties: dict[str, str]
    """What is wrong with single arguments, by property path."""


class _RemoteTransforms(Transforms):
    def _callbacks(self, registered: Any) -> list[Callback]:
        return [self._remote(callback.target, callback.token) for callback in registered]

    @staticmethod
    def _remote(target: str, token: str) -> Callback:
        async def call(given: bytes) -> Any:
            with grpc.insecure_channel(target) as channel:
                asked = callback_pb2.CallbackInvokeRequest(token=token, request=given)
                answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(asked)
            return resource_pb2.TransformResponse.FromString(answer.response)

        return call


class _Servicer(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    def __init__(self, mocks: Mocks, preview: bool) -> None:
        self.monitor = _Monitor(mocks)
        self.monitor.transforms = _RemoteTransforms()
        self.preview = preview
        self.logs: list[str] = []
        self.hold: Callable[[Any], None] = lambda _: None

    def _configured(self) -> None:
        # in a thread of its own
        settings = pulumi.runtime.Settings(PROJECT, STACK, self.monitor, None, dry_run=self.preview)
        pulumi.runtime.configure(settings)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        features = [feature.number for feature in resource_pb2.ResourceMonitorFeature.DESCRIPTOR.values]
        return resource_pb2.DeploymentInfo(supportedFeatures=features)

    def RegisterResource(self, request: Any, context: Any) -> Any:
        self._configured()
        try:
            self.hold(request)
            answer = self.monitor.RegisterResource(request)
            return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return self.monitor.RegisterResourceOutputs(request)

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        assert request.tok == "pulumi:pulumi:getResource"
        answer = provider_pb2.InvokeResponse()
        found = {"urn": request.args["urn"], "id": PROVIDER_ID, "state": {}}
        getattr(answer, "return").update(found)
        return answer

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        if request.severity > 0:
            self.logs.append(request.message)
        return empty_pb2.Empty()


class _Server:
    """The services of an engine, which end with the test process."""

    def __init__(self, mocks: Mocks, *, preview: bool) -> None:
        self.servicer = _Servicer(mocks, preview)
        self.server = grpc.server(futures.ThreadPoolExecutor(16))
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self.servicer, self.server)
        engine_pb2_grpc.add_EngineServicer_to_server(self.servicer, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()


class Engine:
    """An engine, and the provider that it started."""

    def __init__(self, library: Path) -> None:
        # as a real engine does: one process for the logs of all runs, one monitor for each run
        self._logs = _Server(Mocks(), preview=False)
        self._run = self._logs
        self.process = start(self._logs.address, library)
        assert self.process.stdout
        port = self.process.stdout.readline().strip()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=_CLIENT)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def begin(self, mocks: Mocks | None = None, *, preview: bool = False) -> None:
        """A new run: nothing is registered."""
        self._run = _Server(mocks or Mocks(), preview=preview)
        self.logs.clear()

    def hold(self, before: Callable[[Any], None]) -> None:
        """What happens before a resource is registered in this run."""
        self._run.servicer.hold = before

    @property
    def logs(self) -> list[str]:
        """What was logged, apart from what is for debugging."""
        return self._logs.servicer.logs

    def end(self) -> tuple[int, str]:
        """Ends the process; its exit code, and what it wrote to stderr."""
        assert self.process.stdout
        assert self.process.stderr
        self.process.terminate()
        try:
            code = self.process.wait(20)
            return code, self.process.stderr.read()
        finally:
            self._channel.close()
            self.process.stdout.close()
            self.process.stderr.close()

    @property
    def registrations(self) -> dict[str, Registration]:
        """What was registered, by URN."""
        return self._run.servicer.monitor.registrations

    def construct(self, component: str, name: str, inputs: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """The outputs of a component, its URN among them. options: fields of ConstructRequest. Raises Refused."""
        sent = struct_pb2.Struct()
        sent.update(inputs)
        request = provider_pb2.ConstructRequest(
            project=PROJECT,
            stack=STACK,
            organization="organization",
            dryRun=self._run.servicer.preview,
            monitorEndpoint=self._run.address,
            type=f"pod-patterns:index:{component}",
            name=name,
            inputs=sent,
            accepts_output_values=True,
            **{"parent": STACK_URN, **options},
        )
        try:
            answer = self.stub.Construct(request, timeout=60)
        except grpc.RpcError as error:
            raise _refused(error) from None
        secrets: list[str] = []
        return {"urn": answer.urn, "secrets": secrets, **plain(answer.state, secrets)}


def _refused(error: Any) -> Refused:
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    properties = errors_pb2.InputPropertiesError()
    if details:
        status_pb2.Status.FromString(details).details[0].Unpack(properties)
    return Refused(error.code(), error.details(), {e.property_path: e.reason for e in properties.errors})


def start(address: str, library: Path) -> "subprocess.Popen[str]":
    """The provider as the engine starts it. library: a directory, in which the library has the name of its wheel."""
    if not (library / "pod_patterns").exists():
        (library / "pod_patterns").symlink_to(ROOT / "components")
    environment = {**os.environ, "PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(ROOT / "provider"), address]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
