"""The Pulumi CLI: found, or installed in Pulumi's own way; with a local backend unless the user has chosen one."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.automation import PulumiCommand

from .project import Project
from .terminal import waiting


class NoCliError(pulumi.RunError):
    """There is no Pulumi CLI and none could be installed; says why in one line."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI with the environment it runs in."""

    command: str
    environment: Mapping[str, str]
    directory: Path
    """The project's."""

    def popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts a command whose output goes to the terminal; in a process group of its own, so that it is interrupted on purpose only."""
        return subprocess.Popen([self.command, *arguments], cwd=self.directory, env=self.environment, start_new_session=True)

    def output(self, *arguments: str) -> str:
        """The standard output of a command. Raises pulumi.RunError with what it says."""
        done = self._run(*arguments)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().removeprefix("error: ")
            raise pulumi.RunError(said or f"pulumi {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout

    def select(self, stack: str) -> None:
        """Makes the stack the current one, and the stack itself if it is not there yet. Raises pulumi.RunError."""
        if not self.selects(stack):
            self.output("stack", "init", "--stack", stack)

    def selects(self, stack: str) -> bool:
        """Makes the stack the current one; False if it was never made."""
        return self._run("stack", "select", "--stack", stack).returncode == 0

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [self.command, "--non-interactive", *arguments]
        with waiting(f"pulumi {' '.join(arguments[:2])}"):
            return subprocess.run(command, cwd=self.directory, env=self.environment, check=False, capture_output=True, text=True)


def find(project: Project) -> Engine:
    """The CLI on PATH, else one that Pulumi's installer put below the home directory, else a new one from that installer.

    Raises NoCliError.
    """
    command = shutil.which("pulumi")
    if command is None:
        try:
            # installs the version of the SDK into ~/.pulumi/versions, unless it is there
            with waiting("Installing the Pulumi CLI"):
                command = str(PulumiCommand.install().command)
        except (OSError, subprocess.CalledProcessError) as error:
            output = getattr(error, "output", None)
            said = output.decode(errors="replace") if isinstance(output, bytes) else str(error)
            reason = said.strip().rpartition("\n")[2] or type(error).__name__
            raise NoCliError(f"the Pulumi CLI is not on PATH and could not be installed ({reason})") from error
    # the language host is looked up on PATH
    path = os.pathsep.join((str(Path(command).parent), os.environ.get("PATH", "")))
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "PATH": path}
    return Engine(command, {**environment, **_backend(project, environment)}, project.directory)


def _logged_in(environment: Mapping[str, str]) -> bool:
    """Whether the user has chosen a backend: by variable, or by `pulumi login`."""
    if environment.get("PULUMI_BACKEND_URL") or environment.get("PULUMI_ACCESS_TOKEN"):
        return True
    home = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi"))
    try:
        return bool(json.loads((home / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError):
        return False


def _backend(project: Project, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for a backend in the project's own directory, where the user has chosen none."""
    if _logged_in(environment):
        return {}
    backend = {"PULUMI_BACKEND_URL": f"file://{project.make_state()}"}
    if {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(environment):
        return backend
    passphrase = project.state / "passphrase"
    if not passphrase.exists():
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_hex(32), encoding="utf-8")
    return {**backend, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}
