"""The policy pack as Pulumi's engine has it: a process, spoken to over gRPC, that is handed what a program registered."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from components.testing import Recording, Registration

PROJECT = Path(__file__).resolve().parent.parent.parent
Source = Recording | Sequence[Mapping[str, Any]]
Violation = tuple[str, str]
"""Name of the policy, message."""


def properties(registration: Registration) -> Struct:
    """What the engine knows of a resource: its inputs, with the name that the provider gave it."""
    known = Struct()
    known.CopyFrom(registration.request.object)
    if "metadata" in known and registration.outputs.get("metadata"):
        known["metadata"]["name"] = registration.outputs["metadata"]["name"]
    return known


class Pack:
    """A policy pack that runs."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = analyzer_pb2_grpc.AnalyzerStub(channel)

    def configure(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        """Settings by policy."""
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        for policy in self.stub.GetAnalyzerInfo(Empty()).policies:
            request.policyConfig[policy.name].enforcementLevel = policy.enforcementLevel
            request.policyConfig[policy.name].properties.update(config.get(policy.name, {}))
        self.stub.Configure(request)

    def violations(self, source: Source, config: Mapping[str, Mapping[str, Any]] | None = None) -> list[Violation]:
        """Everything that the policies say of a program, or of manifests that one makes."""
        self.configure(config or {})
        resources = list(_resources(source))
        found = []
        for resource in resources:
            request = analyzer_pb2.AnalyzeRequest(type=resource.type, properties=resource.properties, urn=resource.urn, name=resource.name)
            found += self.stub.Analyze(request).diagnostics
        found += self.stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources)).diagnostics
        return [(diagnostic.policyName, _message(diagnostic)) for diagnostic in found]


def _message(diagnostic: Any) -> str:
    # the SDK puts the policy's description in front
    return str(diagnostic.message).removeprefix(diagnostic.description).strip()


def _resources(source: Source) -> Iterator[Any]:
    if isinstance(source, Recording):
        for r in source.registrations:
            yield analyzer_pb2.AnalyzerResource(type=r.type, properties=properties(r), urn=r.urn, name=r.name, parent=r.parent)
        return
    for number, manifest in enumerate(source):
        struct = Struct()
        struct.update(manifest)
        kind = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        yield analyzer_pb2.AnalyzerResource(type=kind, properties=struct, urn=f"urn:pulumi:s::p::{kind}::{number}", name=str(number))


@contextmanager
def started(library: Path) -> Iterator[Pack]:
    """The pack of this project, with the library from a folder that has it as pod_patterns."""
    process = subprocess.Popen(
        [sys.executable, "-u", str(PROJECT / "policy")],
        env={"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stderr
        port = process.stdout.readline().strip()
        assert port.isdigit(), process.stderr.read()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Pack(channel)
    finally:
        process.kill()
        process.wait()
