"""VaultAgentSidecar at work: its container, run as it is rendered, and an app that it calls."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from components import testing
from components.core.app import App
from components.core.patch import PodPatch
from components.core.view import view
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from tests.support import vaults
from tests.support.programs import need
from tests.support.vaults import Box, Server
from tests.support.waiting import within

PASSWORD = VaultSecret(path="my-secret", file="password", field="password")
WAIT_SECONDS = 40


def patched(app: App | None = None, *, classic: bool = False, **given: Any) -> PodPatch:
    args = VaultAgentSidecarArgs(**{"secrets": (PASSWORD,), "timeout_seconds": 20, "render_interval_seconds": 1, **given})
    pod = replace(view(app or App(name="app", image="app:1")), classic=classic)
    made: list[PodPatch] = []
    testing.run(lambda: made.append(VaultAgentSidecar("vault", args).patch(pod)))
    return made[0]


def boxed(directory: Path, server: Server, app: App | None = None, **given: Any) -> Box:
    return vaults.box(directory, patched(app, **server.arguments(**given)), need("vault"), identity=server.identity)


class Agent:
    """The sidecar at work."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.secrets = box.directory / "secrets"
        with (box.directory / "log").open("w") as log:
            self.process = subprocess.Popen(
                box.command, cwd=box.directory, env=box.environment, stdout=log, stderr=log, start_new_session=True
            )

    def log(self) -> list[str]:
        return (self.box.directory / "log").read_text().splitlines()

    def started(self) -> bool:
        """What the startup probe asks."""
        assert self.process.poll() is None, self.log()
        return (self.secrets / "..data").exists()

    def read(self, file: str = "password") -> str:
        return (self.secrets / file).read_text()

    def follows(self, value: str, file: str = "password") -> None:
        within(WAIT_SECONDS, lambda: self.read(file) == value, f"{file} becomes {value!r}; log: {self.log()}")

    def says(self, line: str) -> None:
        within(WAIT_SECONDS, lambda: line in self.log(), f"{line!r} in {self.log()}")

    def agent_pid(self) -> int:
        """The process of `vault agent`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if b"agent" in Path(f"/proc/{pid}/cmdline").read_bytes())

    def accessor(self, server: Server) -> str:
        """Of the token that the agent has now."""
        token = (self.box.directory / "home/.vault-token").read_text()
        found = json.loads(server.vault("token", "lookup", "-format=json", token))
        return str(found["data"]["accessor"])

    def kill(self) -> None:
        """The container is gone from one moment to the next."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(box: Box) -> Iterator[Agent]:
    """The sidecar, after its first render."""
    agent = Agent(box)
    try:
        within(WAIT_SECONDS, agent.started, "the first render")
        yield agent
    finally:
        agent.kill()


class AppHandler(BaseHTTPRequestHandler):
    """An app that notes its calls, and what it read then."""

    server: Any

    def do_POST(self) -> None:
        self.server.calls.append((self.requestline.rpartition(" ")[0], self.server.file.read_text()))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Silent."""


def calling_app(number: int, file: Path, *answers: int) -> Any:
    app: Any = ThreadingHTTPServer(("127.0.0.1", number), AppHandler)
    app.calls, app.file, app.answers = [], file, list(answers)
    return app
