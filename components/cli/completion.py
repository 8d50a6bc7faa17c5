"""pod-patterns completion: what a shell needs to complete the command line."""

import argparse
from collections.abc import Iterator
from typing import Any

import pulumi

from . import command

_SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = """\
examples:
  bash:  pod-patterns completion bash > ~/.local/share/bash-completion/completions/pod-patterns
  zsh:   pod-patterns completion zsh > ~/.zfunc/_pod-patterns      (a directory of $fpath)
  fish:  pod-patterns completion fish > ~/.config/fish/completions/pod-patterns.fish

exit status:
  0  done
  2  something is wrong; it is on stderr
"""
# no quotes and no bare wildcards: the line stands in the script of every shell
_FILES = r"find . -maxdepth 2 -name Pulumi.\*.yaml"
_NAMES = r"-e s/.\*Pulumi.// -e s/.yaml//"


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "completion",
        help="print completion for a shell",
        description="Prints what a shell needs to complete this command: its commands, options, files and stacks.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    try:
        import shtab  # noqa: PLC0415
    except ImportError:
        raise pulumi.RunError("completion needs shtab, which is not installed; try: pip install 'pod-patterns[cli]'") from None
    names, files_too = shtab.cmd(f"{_FILES} | sed {_NAMES}"), shtab.cmd(f"{_FILES} | sed -e p {_NAMES}")
    found = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "MANIFESTS": shtab.FILE, "STACK": names}
    whole: argparse.ArgumentParser = arguments.whole
    for action in _actions(whole):
        if isinstance(action.metavar, str) and action.metavar in found:
            action.complete = files_too if action.dest == "what" else found[action.metavar]  # type: ignore[attr-defined]
    print(shtab.complete(whole, arguments.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for short in action._choices_actions:
                # shells have one line for it
                action.choices[short.dest].description = short.help
                yield from _actions(action.choices[short.dest])
