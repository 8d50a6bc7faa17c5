"""The pages that are generated, and what names which page."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import components
from components.declared.kinds import shipped
from tests.support.documents import DOCS, PROJECT, outside
from tools.pages import changes, expanded

PATTERNS = sorted((DOCS / "patterns").glob("*.md"))
OF_ONE = [path for path in PATTERNS if path.name != "index.md"]


FOREIGN = {"enable_config_map_mutable"}
"""Words that are arguments of others: of pulumi-kubernetes' provider."""


def title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_pattern_has_a_page_in_the_navigation_and_a_need() -> None:
    assert {title(path) for path in OF_ONE} == set(shipped())
    config = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    entries = next(entry["Patterns"] for entry in config["nav"] if "Patterns" in entry)
    assert {name: path for entry in entries for name, path in entry.items() if path != "patterns/index.md"} == {
        title(path): path.relative_to(DOCS).as_posix() for path in OF_ONE
    }
    needs = text_of(DOCS / "patterns" / "index.md")
    assert [path.name for path in OF_ONE if f"({path.name})" not in needs] == []


@pytest.mark.parametrize("path", OF_ONE, ids=title)
def test_a_page_of_a_pattern_has_its_parts(path: Path) -> None:
    sections = re.findall(r"^## (.*)$", text_of(path), re.MULTILINE)
    assert sections[:5] == ["When not", "Example", "What goes wrong, and what you see", "In detail", "Arguments"]
    assert f"<!-- picture: {title(path)} -->" in text_of(path)


@pytest.mark.parametrize("path", OF_ONE, ids=title)
def test_its_arguments_are_on_the_page(path: Path) -> None:
    shown = expanded(text_of(path), path.relative_to(DOCS).as_posix())
    assert "<!--" not in shown
    names = [field.name for field in dataclasses.fields(shipped()[title(path)])]
    assert [name for name in names if f"\n`{name}` " not in shown] == []


@pytest.mark.parametrize("path", OF_ONE, ids=title)
def test_arguments_named_in_its_text_exist(path: Path) -> None:
    """A word in backticks that is written like an argument is one, of this pattern or of something exported."""
    known = {field.name for value in vars(components).values() if dataclasses.is_dataclass(value) for field in dataclasses.fields(value)}
    outputs = {name for value in vars(components).values() if isinstance(value, type) for name in getattr(value, "__annotations__", {})}
    words = re.findall(r"`([a-z]+(?:_[a-z]+)+)[:=`]", outside(text_of(path)))
    assert [word for word in words if word not in known | outputs | FOREIGN] == []


def test_what_a_stack_file_changes_in_the_pod_is_a_diff() -> None:
    config: dict[str, Any] = {"pod-patterns:app": {"preset": "elasticsearch"}, "pod-patterns:patterns": [{"kind": "TlsAmbassador"}]}
    assert changes(config).splitlines() == [
        " Pod of elasticsearch: Pod Security Standard restricted",
        " Containers, in start order",
        "+  nginx-proxy    sidecar",
        "   elasticsearch  app",
        " Ports",
        "-  9200  http  http  elasticsearch",
        "+  9200  https  http  in front of http 127.0.0.1:9201 (elasticsearch)",
        " Volumes",
        "   scratch-usr-share-elasticsearch-data  emptyDir (10Gi at most)  elasticsearch:/usr/share/elasticsearch/data",
        "+  nginx-proxy-certificate               secret                   nginx-proxy:/certs",
        "+  nginx-proxy-tmp                       emptyDir (64Mi at most)  nginx-proxy:/tmp",
        "+  nginx-proxy-config                    configMap                nginx-proxy:/etc/nginx-proxy",
        "+Patterns",
        "+  TlsAmbassador 'elasticsearch-tls-ambassador'  adds nginx-proxy, 3 volumes; stands in front of http",
    ]


def test_a_link_to_a_file_of_the_project_is_named_on_the_site_and_one_to_a_page_stays() -> None:
    assert (
        expanded("[list](../components/workload.py), [page](headers.md)", "inject.md")
        == "list (`components/workload.py`), [page](headers.md)"
    )
    assert expanded("[up](../reference.md)", "how-to/redis.md") == "[up](../reference.md)"
