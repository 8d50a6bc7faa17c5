"""The Pulumi CLI: found, or installed in Pulumi's own way; with a local backend unless the user has chosen one."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.automation import PulumiCommand

PROJECT = Path(__file__).resolve().parent.parent
STATE = PROJECT / ".state"
"""Local backend and its passphrase, used where the user is logged in nowhere; git ignores it."""


class NoCliError(pulumi.RunError):
    """There is no Pulumi CLI and none could be installed; says why in one line."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI with the environment it runs in."""

    command: str
    environment: Mapping[str, str]

    def popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts a command whose output goes to the terminal; in a process group of its own, so that it is interrupted on purpose only."""
        return subprocess.Popen([self.command, *arguments], cwd=PROJECT, env=self.environment, start_new_session=True)

    def output(self, *arguments: str) -> str:
        """The standard output of a command. Raises subprocess.CalledProcessError."""
        command = [self.command, "--non-interactive", *arguments]
        return subprocess.run(command, cwd=PROJECT, env=self.environment, check=True, capture_output=True, text=True).stdout

    def selects(self, stack: str) -> bool:
        """Makes the stack the current one; False if it was never made."""
        try:
            self.output("stack", "select", "--stack", stack)
        except subprocess.CalledProcessError:
            return False
        return True


@contextmanager
def reported() -> Iterator[None]:
    """Ends the program with what is wrong, if something is."""
    try:
        yield
    except pulumi.RunError as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {(error.stderr or error.stdout or str(error)).strip()}")


def find() -> Engine:
    """The CLI on PATH, else one that Pulumi's installer put below the home directory, else a new one from that installer.

    Raises NoCliError.
    """
    command = shutil.which("pulumi")
    if command is None:
        try:
            # installs the version of the SDK into ~/.pulumi/versions, unless it is there
            command = str(PulumiCommand.install().command)
        except (OSError, subprocess.CalledProcessError) as error:
            output = getattr(error, "output", None)
            said = output.decode(errors="replace") if isinstance(output, bytes) else str(error)
            reason = said.strip().rpartition("\n")[2] or type(error).__name__
            raise NoCliError(f"the Pulumi CLI is not on PATH and could not be installed ({reason})") from error
    # the language host is looked up on PATH
    path = os.pathsep.join((str(Path(command).parent), os.environ.get("PATH", "")))
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "PATH": path}
    return Engine(command, {**environment, **_backend(environment)})


def _logged_in(environment: Mapping[str, str]) -> bool:
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
    if _logged_in(environment):
        return {}
    STATE.mkdir(mode=0o700, exist_ok=True)
    backend = {"PULUMI_BACKEND_URL": f"file://{STATE}"}
    if {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(environment):
        return backend
    passphrase = STATE / "passphrase"
    if not passphrase.exists():
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_hex(32), encoding="utf-8")
    return {**backend, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}
