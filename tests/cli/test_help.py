"""The help of every command has examples, and they are command lines that it takes."""

import argparse
import re
import shlex

import pytest

from components.cli.main import main, parser


def commands() -> dict[str, argparse.ArgumentParser]:
    (choices,) = (action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(choices)


def test_the_commands() -> None:
    assert list(commands()) == ["up", "preview", "down", "render", "diff", "inject", "picture", "explain", "completion"]


@pytest.mark.parametrize("command", commands())
def test_the_help_has_examples_that_parse_and_the_exit_status(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    examples = re.findall(r"^  .*?pod-patterns (.+?)(?: [|<>]|   |\\?$)", text.partition("\nexample")[2], re.MULTILINE)
    assert examples
    for example in examples:
        if example.startswith(command):
            assert parser().parse_args(shlex.split(example.rstrip("\\"))).run
    assert "\nexit status" in text


def test_whoever_names_no_command_is_shown_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "the following arguments are required: COMMAND" in capsys.readouterr().err
