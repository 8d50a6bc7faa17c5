"""Runs a Pulumi program without an engine, against mocks, and records it."""

import asyncio
import contextvars
import gc
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.output import Unknown
from pulumi.runtime import mocks as pulumi_mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource

from .mocks import Mocks, secret
from .recording import UNKNOWN, Recording, Registration, decoded

Program = Callable[[], Any]
"""What `__main__.py` does, as a function; it may be async."""

_STACK = "pulumi:pulumi:Stack"


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
            inputs=decoded(request.object, "", secrets),
            secrets=frozenset(secrets),
            dependencies=tuple(sorted(request.dependencies)),
            outputs=decoded(answer, "", []) if request.custom else {},
            request=request,
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made_id or "", object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        secrets: list[str] = []
        outputs = decoded(request.outputs, "", secrets)
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
