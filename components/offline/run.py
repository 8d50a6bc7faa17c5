"""Runs a Pulumi program without an engine, against mocks, and records it."""

import asyncio
import gc
import inspect
import json
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.output import Unknown
from pulumi.runtime import mocks as pulumi_mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import massage

from .mocks import Mocks, secret
from .recording import UNKNOWN, Recording, Registration, plain
from .transforms import Callback, Transforms, transformed

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
    monitor = _Monitor(mocks)

    def full(key: str) -> str:
        return key if ":" in key else f"{project}:{key}"

    async def complete() -> None:
        result = program()
        monitor.value = await _resolved(await result if inspect.isawaitable(result) else result)
        # Pulumi itself waits for the next Output to complete, then for the next, which takes quadratic time
        outputs = set(SETTINGS.outputs)
        if outputs:
            await asyncio.wait(outputs, return_when=asyncio.FIRST_EXCEPTION)

    async def main() -> None:
        set_root_resource(None)  # type: ignore[arg-type]
        values = {full(k): v if isinstance(v, str) else json.dumps(v) for k, v in (config or {}).items()}
        pulumi.runtime.set_all_config(values, [full(k) for k in secret_config])
        engine = pulumi_mocks.MockEngine(None)
        pulumi.runtime.configure(pulumi.runtime.Settings(project, stack, monitor, engine, dry_run=preview, organization="organization"))
        await pulumi.runtime.run_in_stack(complete)

    _finish(main())
    if not preview:
        mocks.save(project, stack)
    return Recording(
        registrations=tuple(monitor.registrations.values()),
        value=monitor.value,
        exports=monitor.exports,
        secret_exports=frozenset(monitor.secret_exports),
        preview=preview,
        transforms=tuple(monitor.transforms.known),
    )


def _finish(main: Coroutine[Any, Any, None]) -> None:
    collecting = gc.isenabled()
    # hardly anything becomes garbage before the end, and looking for it takes more than half of the time of a large program
    gc.disable()
    try:
        # all that Pulumi keeps in the process is in context variables, and a runner has a context of its own
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            loop = runner.get_loop()
            loop.set_default_executor(_AtOnce())
            # after an error, the Outputs that failed with it would all be logged one by one
            loop.set_exception_handler(lambda *_: None)
            runner.run(main)
    finally:
        if collecting:
            gc.enable()


async def _resolved(value: Any, above: tuple[Any, ...] = ()) -> Any:
    """The value with each Output in it as it would be exported."""
    if any(value is outer for outer in above):
        # a module's globals, as runpy returns them, hold themselves
        return value
    match value:
        case dict():
            return {key: await _resolved(v, (*above, value)) for key, v in value.items()}
        case list() | tuple():
            return [await _resolved(v, (*above, value)) for v in value]
        case pulumi.Output():
            struct = await rpc.serialize_properties({"value": massage(value, [])}, {})
            return plain(struct, []).get("value")
    return value


class _AtOnce(ThreadPoolExecutor):
    """Does at once what Pulumi hands to threads, so that registrations arrive in the same order every time. A coroutine that
    comes of it is run by the loop."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        _settle(future, partial(fn, *args, **kwargs))
        return future


def _settle(future: Future[Any], take: Callable[[], Any]) -> None:
    try:
        result = take()
    except Exception as error:
        future.set_exception(error)
        return
    if inspect.iscoroutine(result):
        asyncio.ensure_future(result).add_done_callback(lambda task: _settle(future, task.result))
    else:
        future.set_result(result)


class _Monitor(pulumi_mocks.MockMonitor):
    """The engine's side: hands every registration to the mocks, and records it."""

    mocks: Mocks

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.transforms = Transforms()
        self.registrations: dict[str, Registration] = {}
        self.value: Any = None
        self.exports: dict[str, Any] = {}
        self.secret_exports: list[str] = []

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Like the engine's: the types of all ancestors but the stack; MockMonitor keeps one, which is not unique."""
        head, path = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}", parent.split("::")[2:3]
        return f"{head}::{'$'.join([*path, type_] if path != [_STACK] else [type_])}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        callbacks = self.transforms.of(urn, request)
        # without either, there is nothing to wait for
        return self._later(urn, request, callbacks) if callbacks or request.remote else self._registered(urn, request)

    def RegisterStackTransform(self, request: Any) -> Any:
        self.transforms.add(request)
        return empty_pb2.Empty()

    async def _later(self, urn: str, request: Any, callbacks: Sequence[Callback]) -> Any:
        """Registers it as its transforms leave it, and then what its provider makes of it."""
        request = await transformed(request, callbacks)
        answer = self._registered(urn, request)
        for type_, name, inputs in self.mocks.children(self._args(urn, request)) if request.remote else ():
            child = resource_pb2.RegisterResourceRequest(type=type_, name=name, parent=urn, custom=True, dependencies=request.dependencies)
            child.object.update(_wire(inputs))
            own = self.make_urn(urn, type_, name)
            self._registered(own, await transformed(child, self.transforms.of(own, child)))
        return answer

    @staticmethod
    def _args(urn: str, request: Any) -> pulumi.runtime.MockResourceArgs:
        given = rpc.deserialize_properties(request.object, keep_unknowns=True)
        args = pulumi.runtime.MockResourceArgs(request.type, request.name, given, request.provider, request.importId, request.custom)
        args.urn = urn  # type: ignore[attr-defined]
        return args

    def _registered(self, urn: str, request: Any) -> Any:
        if urn in self.registrations:
            raise pulumi.RunError(f"Duplicate resource URN {urn!r}; try giving it a unique name")
        args = self._args(urn, request)
        made_id, state = self.mocks.new_resource(args)
        answer = struct_pb2.Struct()
        for name, value in state.items():
            if name in request.additionalSecretOutputs:
                answer[name] = _wire(secret(value))
            elif name in request.object.fields and value is args.inputs.get(name):
                answer.fields[name].CopyFrom(request.object.fields[name])
            else:
                answer[name] = _wire(value)
        self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, made_id or "", state)
        secrets: list[str] = []
        self.registrations[urn] = Registration(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent,
            custom=request.custom,
            inputs=plain(request.object, secrets),
            secrets=frozenset(secrets),
            dependencies=tuple(sorted(request.dependencies)),
            outputs=plain(answer, []) if request.custom else {},
            request=request,
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made_id or "", object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        registration = self.registrations.get(request.urn)
        if registration:
            registration.outputs.update(plain(request.outputs, []))
        else:  # the stack
            self.exports = plain(request.outputs, self.secret_exports)
        return empty_pb2.Empty()


def _wire(value: Any) -> Any:
    match value:
        case dict():
            return {name: _wire(v) for name, v in value.items()}
        case list() | tuple():
            return [_wire(v) for v in value]
        case pulumi.Output():
            raise TypeError("Mocks answered with an Output; answer with plain values, secret ones in secret()")
    return UNKNOWN if isinstance(value, Unknown) else value
