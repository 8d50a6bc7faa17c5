"""One request to Vault, and the files made of its answer. The agent renders them into one file, so that they always belong together."""

from dataclasses import dataclass, replace
from typing import Annotated

from ...core import checks

# a leading '@' would make `vault write` read a file, and '-' its standard input
role_problems = checks.shaped("[A-Za-z0-9_][A-Za-z0-9_.-]*", "letters, digits and _.-, starting with a letter, digit or _")
Role = Annotated[str, role_problems]

_SEGMENTS = "[A-Za-z0-9_][A-Za-z0-9_.@+=-]*(/[A-Za-z0-9_][A-Za-z0-9_.@+=-]*)*"
_PATH_RULE = "segments of letters, digits and _.@+=-, joined by '/'"
API, API_ADDED = "v1/", "v1/ is added"
vault_path = checks.shaped(_SEGMENTS, _PATH_RULE)
VaultPath = Annotated[str, vault_path]
untrimmed_path = checks.shaped(f"/*{_SEGMENTS}/*", _PATH_RULE)
"""As VaultPath, with a '/' at its ends: for what looks at them itself, and says what is right."""


@dataclass(frozen=True, kw_only=True)
class VaultFile:
    """One file made of the answer."""

    name: str
    """Name of the file."""
    mode: str
    """Its mode, octal."""
    text: str
    """consul-template text; the answer's fields are in the dot."""


@dataclass(frozen=True, kw_only=True)
class VaultRead:
    """One request, and its files."""

    path: str
    """Path in Vault's API."""
    parameters: tuple[str, ...] = ()
    """`name=value` each; with any of them the request is a write. Default: none, a read."""
    fields: str = ".Data"
    """Where the answer has the fields. Default: .Data."""
    files: tuple[VaultFile, ...]
    """What is made of the answer."""

    @property
    def request(self) -> tuple[object, ...]:
        """Equal for equal requests."""
        return self.path, self.parameters, self.fields

    def contents(self, *, leases: bool) -> str:
        """The consul-template text that renders a line for each file: mode, name, and the content in base64. leases: whether an answer
        with a lease is accepted."""
        defined = "".join(f'{{{{ define "{file.name}" }}}}{file.text}{{{{ end }}}}' for file in self.files)
        words = " ".join(f'"{word}"' for word in (self.path, *self.parameters))
        refused = "" if leases else f'{{{{ if .LeaseID }}}}{{{{ sprig_fail "leased at {self.path} ." }}}}{{{{ end }}}}'
        lines = "".join(f'{file.mode} {file.name} {{{{ executeTemplate "{file.name}" $fields | base64Encode }}}}\n' for file in self.files)
        return f"{defined}{{{{ with secret {words} }}}}{refused}{{{{ $fields := {self.fields} }}}}{lines}{{{{ end }}}}"


def merged(reads: list[VaultRead]) -> list[VaultRead]:
    """One read for each request, with the files of all that are equal."""
    found: dict[tuple[object, ...], VaultRead] = {}
    for read in reads:
        before = found.get(read.request)
        found[read.request] = read if before is None else replace(before, files=before.files + read.files)
    return list(found.values())
