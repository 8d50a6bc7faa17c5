"""The provider's process: Pulumi's engine starts it, and asks it for components over gRPC."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import grpc.aio  # type: ignore[import-untyped]
import pulumi
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from grpc import StatusCode
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import provider_pb2_grpc
from pulumi.runtime.settings import _load_monitor_feature_support, reset_options
from pulumi.runtime.stack import wait_for_rpcs

from ..core.errors import ProblemsError
from .construct import arguments, construct, outputs
from .inputs import inputs
from .options import options
from .problems import Refusal, refusal

# seconds in which the calls that are under way may still end
_GRACE = 1


class Host(ProviderServicer):
    """Pulumi's own servicer, with inputs, options and errors as the library needs them.

    It keeps the components that it has made: the engine hands on a component as a reference, its URN, and the engine asks one process for
    all components of a program that name no provider of their own. A certificate authority is found again so, with its key, which is then
    in no output.
    """

    def __init__(self, schema: str, engine: str) -> None:
        super().__init__(Provider(json.loads(schema)["version"], schema), [], engine)
        self._made: dict[str, pulumi.Resource] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def Construct(self, request: Any, context: Any) -> Any:
        """Makes a component; what is wrong with it is a status of gRPC, with no word of Python."""
        given: dict[str, Any] = {}
        making = asyncio.ensure_future(self._made_of(request, given))
        self._running.add(making)
        try:
            return await making
        except ProblemsError as error:
            refused = refusal(error, given, arguments(request.type))
        except asyncio.CancelledError:
            refused = Refusal(StatusCode.CANCELLED, f"{request.type} {request.name!r} was cancelled", b"")
        except Exception as error:
            # its traceback is not for the user
            refused = Refusal(StatusCode.UNKNOWN, str(error) or type(error).__name__, b"")
        finally:
            self._running.discard(making)
        metadata = (("grpc-status-details-bin", refused.details),) if refused.details else ()
        return await context.abort(refused.code, refused.message, metadata)

    async def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Ends what is under way."""
        for making in self._running:
            making.cancel()
        return empty_pb2.Empty()

    async def _made_of(self, request: Any, given: dict[str, Any]) -> Any:
        """The answer to a call. given: is filled with its inputs."""
        reset_options(
            organization=request.organization or "organization",
            project=request.project or None,
            stack=request.stack or None,
            parallel=request.parallel or None,
            engine_address=self.engine_address,
            monitor_address=request.monitorEndpoint or None,
            preview=request.dryRun,
        )
        await _load_monitor_feature_support()  # type: ignore[no-untyped-call]
        set_all_config(dict(request.config), list(request.configSecretKeys))
        given.update(inputs(request.inputs, {name: frozenset(deps.urns) for name, deps in request.inputDependencies.items()}))
        component = construct(request.type, request.name, given, options(self._construct_options(request), request), self._made)
        try:
            answer = await self._construct_response(ConstructResult(component.urn, outputs(component)))
            await wait_for_rpcs(await_all_outstanding_tasks=False)
        except Exception as error:
            raise getattr(component, "failure", None) or error from None
        self._made[answer.urn] = component
        return answer


def main(schema: Path) -> None:
    """Serves until the engine ends the process. schema: the file with the package's schema; the engine's address is the first argument."""
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not addresses:
        sys.exit("usage: python provider ENGINE_ADDRESS; Pulumi starts this program itself: pulumi package add <repository>/provider")
    asyncio.run(_serve(Host(schema.read_text(encoding="utf-8"), addresses[0])))


async def _serve(host: Host) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # on Windows, a loop has no handlers of its own
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    # what is wrong comes with the answers; the Outputs that fail for the same reason would all be printed, one by one
    loop.set_exception_handler(lambda *_: None)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await ended.wait()
    await server.stop(_GRACE)
    # threads that wait for an answer of the engine would keep the process
    os._exit(0)
