"""What the command shows on a terminal, and what it does not show elsewhere."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
STACK = """\
config:
  pod-patterns:app:
    name: api
    image: example/api:1
    udi: 1000
  pod-patterns:workload:
    replicas: many
"""


def on_a_terminal(program: list[str], directory: Path, **variables: str) -> str:
    """What the program writes to a terminal of 100 columns."""
    leader, follower = pty.openpty()
    environment = {
        **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
        "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]),
        "COLUMNS": "100",
        "TERM": "xterm",
        **variables,
    }
    with subprocess.Popen(program, cwd=directory, env=environment, stdin=follower, stdout=follower, stderr=follower) as process:
        os.close(follower)
        text = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        process.wait()
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


COMMAND = [sys.executable, "-m", "components", "render", "Pulumi.dev.yaml"]
BOX = """\
╭─ error: Pulumi.dev.yaml: 2 problems ─────────────────────────────────────────────────────────────╮
│ Pulumi.dev.yaml, line 5  app.udi                                                                 │
│   unknown key, did you mean 'uid'? known: api_token, args, command, container, empty_dirs, env,  │
│   gid, image, liveness_probe, log_files, loopback_ports, name, ports, pre_stop_seconds, preset,  │
│   read_only_root, readiness_probe, resources, secret_env, service_account, single,               │
│   startup_probe, stop_seconds, sysctl_alternatives, uid, volume_mounts, volumes                  │
│   5 |     udi: 1000                                                                              │
│                                                                                                  │
│ Pulumi.dev.yaml, line 7                                                                          │
│   workload.replicas must be a whole number, but is the text 'many'                               │
│   7 |     replicas: many                                                                         │
╰──────────────────────────────────────────────────────────────────────────────────────────────────╯
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a stack file that has two mistakes."""
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK)
    return tmp_path


def test_mistakes_stand_in_a_box_with_file_line_and_key(directory: Path) -> None:
    assert on_a_terminal(COMMAND, directory, NO_COLOR="1") == BOX


def test_the_box_has_colours(directory: Path) -> None:
    text = on_a_terminal(COMMAND, directory)
    assert "\033[31m╭─" in text
    assert "\033[1;36mPulumi.dev.yaml, line 5" in text


def test_a_terminal_that_can_do_nothing_gets_plain_text(directory: Path) -> None:
    assert on_a_terminal(COMMAND, directory, TERM="dumb").startswith(
        "error: Pulumi.dev.yaml: 2 problems\n  - Pulumi.dev.yaml:5: app.udi: unknown key"
    )


WAITING = """\
import sys, time
from components.cli import terminal
terminal.PATIENCE_SECONDS = 0.2
with terminal.waiting("Rendering"):
    time.sleep(float(sys.argv[1]))
"""


def waiting(seconds: str) -> list[str]:
    return [sys.executable, "-c", WAITING, seconds]


def test_what_takes_long_says_what_it_is_and_vanishes(tmp_path: Path) -> None:
    text = on_a_terminal(waiting("1.5"), tmp_path)
    assert "Rendering ..." in text
    # the last thing is that the line is erased
    assert re.sub(r".*Rendering \.\.\.", "", text, flags=re.DOTALL).endswith("\033[2K")


def test_what_is_quick_says_nothing(tmp_path: Path) -> None:
    assert on_a_terminal(waiting("0"), tmp_path) == ""


def test_nothing_is_shown_where_there_is_no_terminal(tmp_path: Path) -> None:
    start = time.monotonic()
    done = subprocess.run(waiting("0.5"), cwd=PROJECT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert time.monotonic() - start >= 0.5
    assert tmp_path


def test_rich_is_not_imported_before_there_is_something_to_show() -> None:
    program = "import sys, components.cli.main; print('rich' in sys.modules, 'shtab' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
