"""The errors of this package: each lists everything that is wrong in one place."""

from collections.abc import Iterable

import pulumi

# characters; the beginning says where and what, the end the way out
_LONGEST = 2000


class ProblemsError(pulumi.RunError):
    """Everything that is wrong in one place, in one error; Pulumi prints it without a traceback.

    `where` names the place, `problems` has a line for each thing to repair.
    """

    noun = "problem"

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.where = where
        self.problems = tuple(dict.fromkeys(map(_one_line, problems)))
        count = len(self.problems)
        lines = "".join(f"\n  - {p}" for p in self.problems)
        super().__init__(f"{where}: {count} {self.noun}{'' if count == 1 else 's'}{lines}")


def _one_line(problem: str) -> str:
    """The line as it can be shown: a name that somebody chose may hold line breaks, or be as long as a book."""
    line = problem if problem.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in problem)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"


class ArgumentError(ProblemsError):
    """A component was given arguments that it cannot work with."""


class CompositionError(ProblemsError):
    """The patterns of one workload contradict each other, the app, or a rule; `problems` names every case."""

    noun = "conflict"


class SecretLeakError(ProblemsError):
    """A secret Output stands in an argument, a plain env value, an annotation or a ConfigMap."""

    noun = "secret leak"


def refuse(where: str, problems: Iterable[str]) -> None:
    """Raises ArgumentError for `where` if there are problems."""
    found = tuple(problems)
    if found:
        raise ArgumentError(where, found)
