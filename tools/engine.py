"""The Pulumi CLI: found, or installed in Pulumi's own way; with a local backend unless the user has chosen one."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pulumi.automation import PulumiCommand

PROJECT = Path(__file__).resolve().parent.parent
STATE = PROJECT / ".state"
"""Local backend and its passphrase, used where the user is logged in nowhere; git ignores it."""


class NoCliError(Exception):
    """There is no Pulumi CLI and none could be installed; says why in one line."""


class Engine:
    """A Pulumi CLI with the environment it runs in."""

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self.command = command
        self.environment = dict(environment)

    def popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts a command whose output goes to the terminal; in a process group of its own, so that it is interrupted on purpose only."""
        return subprocess.Popen([self.command, *arguments], cwd=PROJECT, env=self.environment, start_new_session=True)

    def output(self, *arguments: str) -> str:
        """The standard output of a command. Raises subprocess.CalledProcessError."""
        return self._run(arguments, check=True).stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command ends with exit code 0."""
        return self._run(arguments, check=False).returncode == 0

    def _run(self, arguments: Sequence[str], *, check: bool) -> "subprocess.CompletedProcess[str]":
        command = [self.command, "--non-interactive", *arguments]
        return subprocess.run(command, cwd=PROJECT, env=self.environment, check=check, capture_output=True, text=True)


def find() -> Engine:
    """The CLI on PATH, else one that Pulumi's installer put below the home directory, else a new one from that installer.

    Raises NoCliError.
    """
    command = shutil.which("pulumi")
    if command is None:
        try:
            # installs the version of the SDK into ~/.pulumi/versions, unless it is there
            command = str(Path(PulumiCommand.install().command))
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoCliError(f"the Pulumi CLI is not on PATH and could not be installed ({_first_line(error)})") from error
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    # the language host is looked up on PATH
    environment["PATH"] = os.pathsep.join((str(Path(command).parent), environment.get("PATH", "")))
    return Engine(command, {**environment, **_backend(environment)})


def _first_line(error: Exception) -> str:
    output = getattr(error, "output", None)
    text = output.decode(errors="replace") if isinstance(output, bytes) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def logged_in(environment: Mapping[str, str]) -> bool:
    """Whether the user has chosen a backend: by variable, or by `pulumi login`."""
    if environment.get("PULUMI_BACKEND_URL") or environment.get("PULUMI_ACCESS_TOKEN"):
        return True
    home = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi"))
    try:
        return bool(json.loads((home / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError):
        return False


def _backend(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for a backend in the project's own directory, where the user has chosen none."""
    if logged_in(environment):
        return {}
    STATE.mkdir(mode=0o700, exist_ok=True)
    variables = {"PULUMI_BACKEND_URL": f"file://{STATE}"}
    if "PULUMI_CONFIG_PASSPHRASE" not in environment and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment:
        passphrase = STATE / "passphrase"
        if not passphrase.exists():
            with open(os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(secrets.token_hex(32))
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase)
    return variables
