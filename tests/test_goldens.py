"""The manifests are those of tests/golden; `make golden` writes them anew, for a human to read the difference."""

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import NAMES, rendered

GOLDEN = Path(__file__).parent / "golden"


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def golden(manifests: list[dict[str, Any]]) -> str:
    """The manifests as text, Secrets readable; keys, certificates, and names that follow from them, are left out."""
    readable = [
        {**m, "data": {name: b64decode(value).decode() for name, value in m["data"].items()}} if m["kind"] == "Secret" else m
        for m in manifests
    ]
    text = yaml.dump_all(readable, Dumper=Dumper, width=140, sort_keys=True)
    for manifest in readable:
        if "-----BEGIN " in json.dumps(manifest):
            name = manifest["metadata"]["name"]
            text = text.replace(name, re.sub("-[0-9a-f]{8}$", "-<hash>", name))
    # the indentation of the block is kept
    return re.sub(r"(?m)^( *)(-----BEGIN [A-Z ]+-----)\n(?: *[A-Za-z0-9+/=]+\n)+", r"\1\2\n\1<random>\n", text)


@pytest.mark.parametrize("name", NAMES)
def test_the_manifests_are_as_in_the_golden_file(name: str, request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / f"{name}.yaml", golden(rendered(name))
    if request.config.getoption("--rewrite-goldens"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing; `make golden` writes it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} is stale; `make golden` writes it anew"


def test_every_golden_file_is_compared(request: pytest.FixtureRequest) -> None:
    stray = {path.name for path in GOLDEN.iterdir()} - {f"{name}.yaml" for name in NAMES}
    if request.config.getoption("--rewrite-goldens"):
        for name in stray:
            (GOLDEN / name).unlink()
        return
    assert stray == set(), "these belong to nothing; `make golden` removes them"


def test_no_golden_file_holds_a_key_or_a_certificate() -> None:
    for path in GOLDEN.iterdir():
        text = path.read_text(encoding="utf-8")
        assert text.count("-----BEGIN ") == text.count("<random>"), path.name
