"""gixy and crossplane on every nginx.conf: what can be got past, and whether each directive is one, where it stands and with its words."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane  # type: ignore[import-untyped]

from tools.install import output, python_tool

from .finding import Finding, one_line
from .subject import BUILT, Subject

_MOUNTED = "/etc/nginx-proxy/"
# nginx has it since 1.21.4, crossplane's table ends before
_YOUNGER = ("ssl_alpn",)


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """What both say."""
    for where, path in written(subjects):
        yield from _gixy(path, where)
        yield from known(path, where)


def written(subjects: tuple[Subject, ...]) -> Iterator[tuple[str, Path]]:
    """Place and path of every configuration, as nginx is given it. What several pods have is there once, under the name of the first."""
    places: dict[str, str] = {}
    for subject in subjects:
        for found in subject.objects:
            files = (found.get("data") or {}) if found["kind"] == "ConfigMap" else {}
            if "nginx.conf" not in files or places.setdefault(json.dumps(files), subject.name) != subject.name:
                continue
            directory = BUILT / "nginx" / subject.name / found["metadata"]["name"]
            directory.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (directory / name).write_text(content.replace(_MOUNTED, f"{directory}/"), encoding="utf-8")
            where = subject.where("ConfigMap", found["metadata"]["name"])
            yield from ((f"{where}/{name}", directory / name) for name in ("nginx.conf", "health.conf"))


def _gixy(path: Path, where: str) -> Iterator[Finding]:
    for issue in json.loads(output([python_tool("gixy-ng", "gixy"), "--format", "json", path])):
        # which variable, or which directive
        detail = issue["reason"] or issue["summary"]
        quoted = re.search(r'"\$(\w+)"', detail)
        yield Finding(judge="gixy", rule=issue["plugin"], where=f"{where}/{quoted.group(1)}" if quoted else where, message=one_line(detail))


def known(path: Path, where: str) -> Iterator[Finding]:
    """What crossplane says: a directive that is none, or at the wrong place, or without its words."""
    # what is in a map or a geo it takes for directives; their names are left out
    plain = crossplane.parse(str(path))["config"]
    inside = {inner["directive"] for file in plain for block in _blocks(file["parsed"]) for inner in block.get("block", ())}
    for error in crossplane.parse(str(path), strict=True, ignore=[*_YOUNGER, *inside])["errors"]:
        text = str(error["error"]).partition(" in /")[0]
        yield Finding(judge="crossplane", rule="parse", where=f"{where}:{error['line']}", message=one_line(text))


def _blocks(directives: list[Any]) -> Iterator[dict[str, Any]]:
    """Every map and geo."""
    for directive in directives:
        if directive["directive"] in ("map", "geo"):
            yield directive
        yield from _blocks(directive.get("block", []))
