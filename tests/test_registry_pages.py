"""The pages that Pulumi's registry shows: their header, their programs, their links."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

import components
from components.declared.kinds import shipped
from components.testing import run
from tests.test_readme import blocks

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("_index.md", "installation-configuration.md")


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_header_is_what_the_registry_reads(page: str) -> None:
    _, header, _ = text(page).split("---\n", 2)
    given = yaml.safe_load(header)
    assert set(given) == {"title", "meta_desc", "layout"}
    assert given["layout"] == "package"
    assert "Pod Patterns" in given["title"]
    assert len(given["meta_desc"]) < 160


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("block", [b for page in PAGES for b in blocks(text(page)) if b.language == "python"], ids=lambda b: b.section)
def test_every_program_runs(block: object) -> None:
    recording = run(lambda: exec(block.text, {}))  # type: ignore[attr-defined]
    assert recording.all("Deployment")


def test_the_list_of_components_is_whole() -> None:
    listed = set(re.findall(r"`(\w+)`", text("_index.md").partition("## Components")[2]))
    assert listed >= set(shipped())
    assert all(hasattr(components, name) for name in listed)


@pytest.mark.parametrize("page", [path.name for path in sorted(DOCS.glob("*.md"))])
def test_every_link_to_a_file_leads_there(page: str) -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text(page)) if "://" not in target]
    assert [target for target in targets if target and not (DOCS / target).exists()] == []


def test_the_logo_is_an_image_with_a_title() -> None:
    root = ET.parse(DOCS / "logo.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 100 100"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "pod-patterns"
