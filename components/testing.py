"""For unit tests: runs a Pulumi program without an engine, against mocks that answer like the providers, and records it.

def test_the_web_server_has_two_replicas():
    recording = run(lambda: Web("web"))
    assert recording.one("Deployment").inputs["spec"]["replicas"] == 2
"""

import asyncio
import contextvars
import gc
import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.output import Unknown
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource

from . import issuer
from .key_file import KeyFile

Program = Callable[[], Any]
"""What `__main__.py` does, as a function; it may be async."""

UNKNOWN = rpc.UNKNOWN
"""Stands in recorded inputs and exports where a preview does not know the value."""

_STACK = "pulumi:pulumi:Stack"

# Pulumi's wire format (sdk/proto: property signatures)
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"

_CLUSTER_SCOPED = """
    APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle ComponentStatus
    CustomResourceDefinition DeviceClass FlowSchema IPAddress IngressClass MutatingAdmissionPolicy MutatingAdmissionPolicyBinding
    MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass PriorityLevelConfiguration ResourceSlice
    RuntimeClass SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass StorageVersion
    SubjectAccessReview TokenReview ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
    VolumeAttachment VolumeAttributesClass
"""
# where a change means a new object, and a new name if the provider chose it (its diff.go); every other kind keeps its name
_REPLACING = {
    "ConfigMap": ("data", "binaryData", "immutable"),
    "Secret": ("data", "stringData", "type", "immutable"),
    "Job": ("spec",),
    "Pod": ("spec",),
}


def secret(value: Any) -> Any:
    """Marks a value that `Mocks.new_resource` answers as secret."""
    return rpc.wrap_rpc_secret(value)


class Mocks(pulumi.runtime.Mocks):
    """Answers like the kubernetes and tls providers and the API server; of any other provider, with the resource's own inputs.

    - Kubernetes objects without a name get `<logical name>-<8 hex digits>`. The digits follow from the contents where a change
      replaces the object (ConfigMap, Secret, Job, Pod), and from type and logical name otherwise. Unlike the provider's random ones
      they are the same in every run; like those of kustomize they would let a short password in a Secret be guessed.
    - Keys and certificates are real.
    - In a preview the answer lacks what the provider cannot know before: ids, status, keys, certificates.

    Subclass it to answer for further providers; wrap secrets in `secret()`, Outputs are not allowed in an answer.
    """

    def __init__(self, *, keys: Path | None = None, now: Callable[[], datetime] | None = None, status: bool = True) -> None:
        """`keys` is a file in which keys and certificates last from run to run (default: they last for one run), `now` the clock that
        certificates go by (default: the real one), `status` whether objects have the status of a cluster where all is well."""
        self._keys = KeyFile(keys)
        self._now = (now or (lambda: datetime.now(UTC)))()
        self._status = status

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """The arguments, for want of the function."""
        if args.token.startswith("kubernetes:"):
            raise pulumi.RunError(f"{args.token} needs the Kubernetes provider; it cannot be answered without an engine")
        return args.args

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """The id and the outputs of a resource."""
        if not args.custom and not args.resource_id:
            return None, args.inputs
        if args.typ.startswith("kubernetes:"):
            return self._kubernetes(args)
        if args.typ.startswith("tls:index/"):
            return self._tls(args)
        return "" if pulumi.runtime.is_dry_run() else f"{args.name}-id", args.inputs

    def save(self, project: str, stack: str) -> None:
        """Writes the key file, if there is one; `run` does it after a successful update."""
        self._keys.save(project, stack)

    def _tls(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {name: rpc.unwrap_rpc_secret(value) for name, value in args.inputs.items()}
        urn = getattr(args, "urn", f"{args.typ}::{args.name}")
        made = self._keys.answer(urn, args.typ.split(":")[-1], inputs, self._now, issue=not pulumi.runtime.is_dry_run())
        if made is None:
            unknown = dict.fromkeys(issuer.KEY_OUTPUTS, secret(UNKNOWN)) if args.typ.endswith(":PrivateKey") else {}
            return "", {**args.inputs, **unknown}
        made_id, outputs = made
        return made_id, {**args.inputs, **{name: secret(v) if name in issuer.KEY_OUTPUTS else v for name, v in outputs.items()}}

    def _kubernetes(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        plain = {name: rpc.unwrap_rpc_secret(value) for name, value in args.inputs.items()}
        kind, metadata = args.typ.split(":")[-1], plain.get("metadata", {})
        if not isinstance(metadata, dict):  # unknown
            return "", args.inputs
        known = dict(metadata)
        if args.resource_id:
            known |= dict(zip(("name", "namespace"), reversed(args.resource_id.split("/")), strict=False))
        if kind not in _CLUSTER_SCOPED.split():
            known.setdefault("namespace", "default")
        if not known.get("name"):
            content = [args.typ, args.name, known.get("namespace"), *(plain.get(name) for name in _REPLACING.get(kind, ()))]
            digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=lambda _: UNKNOWN).encode()).hexdigest()
            known["name"] = f"{metadata.get('generateName', args.name + '-')}{digest[:8]}"
        outputs = {**args.inputs, "metadata": secret(known) if rpc.is_rpc_secret(args.inputs.get("metadata")) else known}
        if pulumi.runtime.is_dry_run():
            return "", outputs
        spec = plain.get("spec")
        if self._status and isinstance(spec, dict):
            outputs |= _in_cluster(kind, spec)
        return "/".join(known[part] for part in ("namespace", "name") if part in known), outputs


def _in_cluster(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """What the API server and the controllers add to an object, as far as programs read it; addresses are those for documentation."""
    balancer = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    if kind == "Service":
        external = spec.get("type") == "ExternalName"
        given = spec if external else {"clusterIP": "192.0.2.2", **spec}
        return {"spec": given, "status": balancer if spec.get("type") == "LoadBalancer" else {}}
    if kind == "Ingress":
        return {"status": balancer}
    if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        return {"status": dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), spec.get("replicas", 1))}
    return {"status": {"succeeded": 1}} if kind == "Job" else {}


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A resource as the program registered it."""

    type: str
    """Type token, e.g. kubernetes:apps/v1:Deployment."""
    name: str
    """Logical name."""
    urn: str
    """URN, unique in a stack."""
    parent: str
    """URN of the parent; of the stack for those at the top."""
    custom: bool
    """False for a component."""
    inputs: dict[str, Any]
    """Inputs in wire form, secrets revealed, whole numbers as ints, UNKNOWN where a preview does not know."""
    secrets: frozenset[str]
    """Paths of secret values in the inputs, e.g. `stringData["tls.key"]`."""
    dependencies: tuple[str, ...]
    """URNs of what it depends on, in alphabetical order."""
    outputs: dict[str, Any]
    """What the provider answered, likewise; for a component, what it registered as its outputs, once it did."""
    request: Any = field(repr=False)
    """The whole RegisterResourceRequest: aliases, protect, propertyDependencies ..."""

    @property
    def public(self) -> dict[str, Any]:
        """The inputs with `[secret]` in place of every secret value: what anyone who may read the state sees."""
        return _object(self.request.object, "", [], reveal=False)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a program did."""

    registrations: tuple[Registration, ...]
    """Every resource but the stack itself, in the order of registration, which is the same in every run."""
    exports: dict[str, Any]
    """Stack outputs, secrets revealed, UNKNOWN where a preview does not know."""
    secret_exports: frozenset[str]
    """Paths of secret values in the exports."""
    preview: bool
    """Whether it was a preview."""
    transforms: int
    """Number of stack-wide transforms registered. Transforms run in the engine only; call yours directly to test it."""

    def all(self, kind: str, name: str | None = None) -> list[Registration]:
        """Registrations of a type token or its last part (`Deployment`), and of that logical name if one is given."""
        return [r for r in self.registrations if kind in (r.type, r.type.split(":")[-1]) and name in (None, r.name)]

    def one(self, kind: str, name: str | None = None) -> Registration:
        """The only such registration; LookupError, listing all there are, if there is none or another."""
        found = self.all(kind, name)
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{r.type} {r.name!r}" for r in self.registrations) or "nothing"
        raise LookupError(f"{len(found)} registrations match {kind} {name or ''}".rstrip() + f"; registered: {there}")


def run(
    program: Program,
    *,
    preview: bool = False,
    project: str = "project",
    stack: str = "stack",
    config: Mapping[str, Any] | None = None,
    secret_config: Collection[str] = (),
    keys: Path | None = None,
    now: Callable[[], datetime] | None = None,
    mocks: Mocks | None = None,
) -> Recording:
    """Runs the program to its end, all Outputs included, and raises what it raised, in an Output too.

    `config` maps `key` or `namespace:key` to values, the keys in `secret_config` are secret. `keys` and `now` are those of `Mocks`;
    give either them or `mocks`. Nothing of a run is left behind in the process. Not for use inside a running event loop.
    """
    mocks = mocks or Mocks(keys=keys, now=now)

    def full(key: str) -> str:
        return key if ":" in key else f"{project}:{key}"

    values = {full(k): v if isinstance(v, str) else json.dumps(v) for k, v in (config or {}).items()}
    monitor = _Monitor(mocks)
    collecting = gc.isenabled()
    # hardly anything becomes garbage before the end, and looking for it takes more than half of the time of a large program
    gc.disable()
    try:
        # everything that Pulumi keeps in the process is in context variables
        contextvars.copy_context().run(_run, program, monitor, preview, project, stack, values, [full(k) for k in secret_config])
    finally:
        if collecting:
            gc.enable()
    if not preview:
        mocks.save(project, stack)
    exports, secret_exports = monitor.exports
    return Recording(
        registrations=tuple(monitor.registrations.values()),
        exports=exports,
        secret_exports=frozenset(secret_exports),
        preview=preview,
        transforms=len(monitor.get_registered_transforms()),
    )


def _run(
    program: Program, monitor: "_Monitor", preview: bool, project: str, stack: str, config: dict[str, str], secret_config: list[str]
) -> None:
    set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_all_config(config, secret_config)
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=project,
            stack=stack,
            organization="organization",
            dry_run=preview,
            monitor=monitor,
            engine=pulumi_mocks.MockEngine(None),
        )
    )
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_AtOnce())
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _to_the_end(program)))
    finally:
        # after an error, the Outputs that failed with it would all be logged one by one
        loop.set_exception_handler(lambda *_: None)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()


async def _to_the_end(program: Program) -> None:
    result = program()
    if inspect.isawaitable(result):
        await result
    # Pulumi itself waits for the next Output to complete, then for the next, which takes quadratic time
    outputs = set(SETTINGS.outputs)
    if outputs:
        await asyncio.wait(outputs, return_when=asyncio.FIRST_EXCEPTION)


class _AtOnce(ThreadPoolExecutor):
    """Does at once what Pulumi hands to threads, so that registrations arrive in the same order every time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Args(pulumi.runtime.MockResourceArgs):
    urn: str


class _Monitor(pulumi_mocks.MockMonitor):
    """The engine's side: hands every registration to the mocks, and records it."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.registrations: dict[str, Registration] = {}
        self.exports: tuple[dict[str, Any], list[str]] = ({}, [])
        self._stack_urn = ""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Like the engine's: the types of all ancestors but the stack; MockMonitor keeps one, which is not unique."""
        head, path = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}", parent.split("::")[2:3]
        return f"{head}::{'$'.join([*path, type_] if path != [_STACK] else [type_])}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            self._stack_urn = urn
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.registrations:
            raise pulumi.RunError(f"Duplicate resource URN {urn!r}; try giving it a unique name")
        given = rpc.deserialize_properties(request.object, keep_unknowns=True)
        args = _Args(request.type, request.name, given, request.provider, request.importId, request.custom)
        args.urn = urn
        made_id, state = self.mocks.new_resource(args)
        answer = struct_pb2.Struct()
        for name, value in state.items():
            if name in request.object.fields and value is given.get(name):
                answer.fields[name].CopyFrom(request.object.fields[name])
            else:
                answer[name] = _wire(value)
            if name in request.additionalSecretOutputs:
                plain = struct_pb2.Value()
                plain.CopyFrom(answer.fields[name])
                answer[name] = secret(None)
                answer.fields[name].struct_value.fields["value"].CopyFrom(plain)
        self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, made_id or "", state)
        secrets: list[str] = []
        self.registrations[urn] = Registration(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent,
            custom=request.custom,
            inputs=_object(request.object, "", secrets),
            secrets=frozenset(secrets),
            dependencies=tuple(sorted(request.dependencies)),
            outputs=_object(answer, "", []) if request.custom else {},
            request=request,
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made_id or "", object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        secrets: list[str] = []
        outputs = _object(request.outputs, "", secrets)
        if request.urn == self._stack_urn:
            self.exports = (outputs, secrets)
        else:
            self.registrations[request.urn].outputs.update(outputs)
        return empty_pb2.Empty()


def _wire(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _wire(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(v) for v in value]
    if isinstance(value, pulumi.Output):
        raise TypeError("Mocks answered with an Output; answer with plain values, secret ones in secret()")
    return UNKNOWN if isinstance(value, Unknown) else value


def _object(struct: Any, path: str, secrets: list[str], *, reveal: bool = True) -> dict[str, Any]:
    """A protobuf Struct in plain Python; the paths of secrets in it are appended to `secrets`."""
    plain = {}
    for name in sorted(struct.fields):
        step = name if name.replace("_", "").isalnum() else f'["{name}"]'
        below = f"{path}.{step}" if path and step is name else path + step
        plain[name] = _plain(struct.fields[name], below, secrets, reveal)
    return plain


def _plain(value: Any, path: str, secrets: list[str], reveal: bool) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
            if signature == _SECRET:
                secrets.append(path)
                return _plain(fields["value"], path, secrets, reveal) if reveal else "[secret]"
            if signature == _RESOURCE:
                return fields["id" if "id" in fields else "urn"].string_value
            return _object(value.struct_value, path, secrets, reveal=reveal)
        case "list_value":
            return [_plain(v, f"{path}[{i}]", secrets, reveal) for i, v in enumerate(value.list_value.values)]
        case "number_value":
            # every number is a float on the wire
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
