"""pod-patterns completion, in the shell itself."""

import subprocess
from pathlib import Path

import pytest

from components.cli.main import main
from tests.support.programs import need

BASH = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD=$(({count} - 1)) COMP_LINE="{words}" COMP_POINT=1000
_shtab_pod_patterns
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A directory with what the command prints for each shell, and a project with two stacks."""
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        (tmp_path / shell).write_text(capsys.readouterr().out)
    (tmp_path / "stacks").mkdir()
    for name in ("dev", "prod"):
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").touch()
    (tmp_path / "Pulumi.yaml").touch()
    return tmp_path


def completed(scripts: Path, *words: str) -> set[str]:
    program = BASH.format(script=scripts / "bash", words=" ".join(word or "''" for word in words), count=len(words))
    done = subprocess.run(["bash", "-c", program], cwd=scripts, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bash_completes_commands_options_stacks_and_files(scripts: Path) -> None:
    assert completed(scripts, "pod-patterns", "") >= {"up", "preview", "down", "render", "diff", "inject", "completion"}
    assert completed(scripts, "pod-patterns", "pre") == {"preview"}
    assert completed(scripts, "pod-patterns", "up", "") >= {"dev", "prod"}
    assert completed(scripts, "pod-patterns", "down", "p") == {"prod"}
    assert completed(scripts, "pod-patterns", "diff", "") >= {"dev", "./stacks/Pulumi.dev.yaml"}
    assert completed(scripts, "pod-patterns", "render", "--k") == {"--keys"}
    assert completed(scripts, "pod-patterns", "completion", "") >= {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_that_shell(shell: str, scripts: Path) -> None:
    done = subprocess.run([need(shell), "-n", str(scripts / shell)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
