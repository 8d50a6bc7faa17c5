"""Tool: something that renders the objects of many workloads."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.offline.printing import stream
from tests.support.programs import need

from .objects import NAME

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One of them."""

    name: str
    """What the tables call it."""
    command: Callable[[int, Path], list[str]]
    """Renders so many, to stdout; its directory has objects.json, and what `prepare` wrote."""
    prepare: Callable[[int, Path, list[dict[str, Any]]], None] = lambda *_: None
    """Writes its input, which nobody times."""


def _chart(count: int, directory: Path, objects: list[dict[str, Any]]) -> None:
    """A chart: one template in a loop."""
    (directory / "chart" / "templates").mkdir(parents=True)
    (directory / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: many\nversion: 0.1.0\n")
    (directory / "chart" / "values.yaml").write_text(f"count: {count}\n")
    # what the chart's language would take for its own
    text = stream(objects).replace("{{", "{{ `{{` }}").replace(NAME, "app-{{ $index }}")
    (directory / "chart" / "templates" / "all.yaml").write_text(
        f"{{{{- range $index := until (int .Values.count) }}}}\n{text}{{{{- end }}}}\n"
    )


def _overlays(count: int, directory: Path, objects: list[dict[str, Any]]) -> None:
    """A base, and an overlay for each."""
    base = directory / "base"
    base.mkdir()
    (base / "all.yaml").write_text(stream(objects))
    (base / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    for index in range(count):
        overlay = directory / f"overlay-{index}"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(f"resources: [../base]\nnameSuffix: '-{index}'\n")
    names = "".join(f"- overlay-{index}\n" for index in range(count))
    (directory / "kustomization.yaml").write_text(f"resources:\n{names}")


def _jsonnet(count: int, directory: Path, objects: list[dict[str, Any]]) -> None:
    """A function of the number."""
    (directory / "all.jsonnet").write_text(
        f"local text = {json.dumps(json.dumps(objects))};\n"
        f"local one(i) = std.parseJson(std.strReplace(text, '{NAME}', 'app-%d' % i));\n"
        f"std.manifestYamlStream(std.flatMap(one, std.range(0, {count - 1})))\n"
    )


def tools(python: str, node_modules: Path) -> list[Tool]:
    """All of them; `node_modules` is where cdk8s is."""
    return [
        Tool(name="pod-patterns", command=lambda count, _: [python, "-m", "bench.rendering.ours", str(count)]),
        Tool(
            name="Pulumi, flat",
            command=lambda count, directory: [python, "-m", "bench.rendering.flat", str(count), str(directory / "objects.json")],
        ),
        Tool(
            name="cdk8s",
            command=lambda count, directory: [
                *("env", f"NODE_PATH={node_modules}", need("node"), str(_HERE / "cdk8s.js")),
                *(str(count), str(directory / "objects.json")),
            ],
        ),
        Tool(name="helm template", command=lambda _, directory: [need("helm"), "template", str(directory / "chart")], prepare=_chart),
        Tool(name="kustomize", command=lambda _, directory: [need("kustomize"), "build", str(directory)], prepare=_overlays),
        Tool(name="jsonnet", command=lambda _, directory: [need("jsonnet"), "-S", str(directory / "all.jsonnet")], prepare=_jsonnet),
    ]
