"""Patches and manifests are those of tests/golden; `make golden` writes them anew, for a human to read the difference."""

import difflib
import json
import re
import runpy
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.declared.kinds import shipped
from components.offline.order import ordered
from components.testing import run
from tests.support.carriers import Helm
from tests.support.chart import chart
from tests.support.patches import CASES, patched
from tests.support.rendered import WHOLE, rendered

PROJECT = Path(__file__).parent.parent
GOLDEN = PROJECT / "tests" / "golden"
NAMES = (*WHOLE, "chart", *(f"patches/{name}" for name in CASES))


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def golden(documents: list[dict[str, Any]]) -> str:
    """The documents as text, Secrets readable; keys, certificates, and names that follow from them, are left out."""
    readable = [
        {**d, "data": {name: b64decode(value).decode() for name, value in d["data"].items()}} if d.get("kind") == "Secret" else d
        for d in documents
    ]
    text = yaml.dump_all(readable, Dumper=Dumper, width=140, sort_keys=False)
    for document in readable:
        # a patch has no name
        if "-----BEGIN " in json.dumps(document) and "metadata" in document:
            name = document["metadata"]["name"]
            text = text.replace(name, re.sub("-[0-9a-f]{8}$", "-<hash>", name))
    # the indentation of the block is kept
    return re.sub(r"(?m)^( *)(-----BEGIN [A-Z ]+-----)\n(?: *[A-Za-z0-9+/=]+\n)+", r"\1\2\n\1<random>\n", text)


def documents(name: str) -> list[dict[str, Any]]:
    """What the golden file of that name holds."""
    if name == "chart":
        # as Helm prints it
        return chart()
    folder, _, case = name.rpartition("/")
    return patched(case) if folder else [ordered(manifest) for manifest in rendered(case)]


@pytest.mark.parametrize("name", NAMES)
def test_patches_and_manifests_are_as_in_the_golden_file(name: str, request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / f"{name}.yaml", golden(documents(name))
    if request.config.getoption("--rewrite-goldens"):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{name}.yaml is missing; `make golden` writes it"
    assert text == path.read_text(encoding="utf-8"), f"{name}.yaml is stale; `make golden` writes it anew"


def injected_chart() -> str:
    """What the injections of examples/chart change in the chart's objects, as a unified diff."""
    mocks, program = Helm(), PROJECT / "examples" / "chart" / "__main__.py"
    recording = run(lambda: runpy.run_path(str(program), run_name="__main__"), mocks=mocks)
    chart_urn = recording.one("Chart").urn
    objects = [dict(r.inputs) for r in recording.registrations if r.parent == chart_urn]
    secret = recording.one("Secret").outputs["metadata"]["name"]
    texts = (yaml.dump_all(part, Dumper=Dumper, width=140).splitlines() for part in (mocks.rendered, objects))
    lines = difflib.unified_diff(*texts, "chart", "injected", lineterm="")
    return "\n".join(lines).replace(secret, re.sub("[0-9a-f]{8}$", "<hash>", secret)) + "\n"


@pytest.mark.usefixtures("pod_patterns")
def test_what_is_injected_into_the_chart_is_as_in_the_golden_file(request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / "chart.diff", injected_chart()
    if request.config.getoption("--rewrite-goldens"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "chart.diff is stale; `make golden` writes it anew"


def files() -> dict[str, Path]:
    """Every file below tests/golden, by its name there."""
    return {path.relative_to(GOLDEN).as_posix(): path for path in GOLDEN.rglob("*") if not path.is_dir()}


def test_every_golden_file_is_compared(request: pytest.FixtureRequest) -> None:
    stray = files().keys() - {"chart.diff", *(f"{name}.yaml" for name in NAMES)}
    if request.config.getoption("--rewrite-goldens"):
        for name in stray:
            (GOLDEN / name).unlink()
        return
    assert stray == set(), "these belong to nothing; `make golden` removes them"


def test_no_golden_file_holds_a_key_or_a_certificate() -> None:
    for name, path in files().items():
        text = path.read_text(encoding="utf-8")
        assert text.count("-----BEGIN ") == text.count("<random>"), name


def test_every_shipped_pattern_has_a_golden_patch() -> None:
    shown = {patched(name)[0]["pattern"] for name in CASES}
    assert shown == set(shipped()), "a pattern needs an example in tests/support/rendered.py or patches.py"
