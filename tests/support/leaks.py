"""A watch over the whole suite, as a plugin of pytest: no key, token or generated secret in the text of an error, in what a test prints or
logs, or in what a container prints. Whatever the offline engine issues, and whatever gets into a Secret, is known to it."""

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.offline import issuer
from components.offline.mocks import Mocks
from components.offline.recording import UNKNOWN

SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token of Vault": re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    "a key of AWS": re.compile(r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b"),
}
_WORD = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
_PUBLIC = re.compile(r"-----BEGIN (?:CERTIFICATE|PUBLIC KEY|CERTIFICATE REQUEST|X509 CRL)-----[^-]*-----END [A-Z0-9 ]+-----")
LOGS = ("stdout", "stderr")
"""Names of the files that hold what a container of a test printed."""


def _words(text: str) -> Iterator[str]:
    """What of a text can be random: long, with letters and digits."""
    for word in _WORD.findall(_PUBLIC.sub("", text)):
        if re.search("[0-9]", word) and re.search("[A-Za-z]", word):
            yield word


class Watch:
    """What is secret, and what has been said since somebody last looked."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.errors: list[str] = []

    def learn(self, value: object) -> None:
        """Takes a text for a secret; a certificate in it is none."""
        if isinstance(value, str) and value != UNKNOWN and _PUBLIC.sub("", value).strip():
            self.secrets.update(_words(value))
            self.secrets.add(base64.b64encode(value.encode()).decode())

    def found(self, text: str) -> list[str]:
        """The kinds of secrets in a text; never the secrets."""
        kinds = [kind for kind, shape in SHAPES.items() if shape.search(text)]
        return [*kinds, *(["a generated secret"] if any(word in self.secrets for word in _words(text)) else [])]

    def secret(self, manifest: Mapping[str, Any]) -> None:
        """Learns what is in a Secret, as the program gives it."""
        for value in (manifest.get("stringData") or {}).values() if isinstance(manifest.get("stringData"), Mapping) else ():
            self.learn(value)
        for value in (manifest.get("data") or {}).values() if isinstance(manifest.get("data"), Mapping) else ():
            if isinstance(value, str) and value != UNKNOWN:
                self.learn(base64.b64decode(value).decode(errors="replace"))


watch = Watch()


def _listen() -> None:
    """Makes the watch hear of every key that is issued, every Secret, and every error of this library or of Pulumi."""
    issue, answer, begin = issuer.issue, Mocks.new_resource, pulumi.RunError.__init__

    def issued(*given: Any) -> tuple[str, dict[str, Any]]:
        made_id, outputs = issue(*given)
        for name in issuer.KEY_OUTPUTS:
            watch.learn(outputs.get(name))
        return made_id, outputs

    def answered(self: Mocks, args: Any) -> Any:
        if args.typ == "kubernetes:core/v1:Secret":
            watch.secret({name: pulumi.runtime.rpc.unwrap_rpc_secret(value) for name, value in args.inputs.items()})
        return answer(self, args)

    def begun(self: pulumi.RunError, *given: Any) -> None:
        begin(self, *given)
        watch.errors.extend(map(str, given))

    issuer.issue, Mocks.new_resource, pulumi.RunError.__init__ = issued, answered, begun  # type: ignore[method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Begins to listen, once."""
    del config
    if issuer.issue.__module__ != __name__:
        _listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Fails a test that printed or logged a secret, or saw one in an error."""
    report = yield
    if call.when == "teardown":
        errors, watch.errors = watch.errors, []
        places = [*report.sections, *(("the text of an error", text) for text in errors)]
        found = [f"{item.nodeid}: {kind} is in {place}" for place, text in places for kind in watch.found(text)]
        if found and report.passed:
            report.outcome, report.longrepr = "failed", "\n".join(dict.fromkeys(found))
    return report


def printed(directory: Path) -> list[str]:
    """A line for every kind of secret in a file below the directory that holds what a container printed."""
    files = (path for path in sorted(directory.rglob("*")) if path.name in LOGS and path.is_file())
    return [f"{kind} is in {path}" for path in files for kind in watch.found(path.read_text(encoding="utf-8", errors="replace"))]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run if a container printed a secret in one of its tests."""
    factory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    # there is none if no test wanted a directory
    found = printed(factory._basetemp) if factory._basetemp else []
    if found:
        print("", *found, sep="\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
