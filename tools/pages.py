"""Hooks of mkdocs: fills in what is generated from the code, while `make docs` builds the site.

A page asks for it by a comment on a line of its own, which GitHub does not show:

    <!-- what: TlsAmbassador -->          the docstring of a component
    <!-- arguments: TlsAmbassadorArgs --> a table of arguments
    <!-- pod -->                          what the patterns of the page's first stack file change in the pod
    <!-- picture: TlsAmbassador -->       docs/pictures/…, where it has been drawn
    <!-- bench: proxies cpu_us http -->   a figure of bench/results/…, of one group if there are groups
"""

import difflib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import yaml

from bench.results import Results, long, wide
from components.declared import stack, stack_file
from components.testing import run
from tools.project import PROJECT
from tools.reference import Sources

DOCS = PROJECT / "docs"

_ASKED = re.compile(r"^<!-- (?P<what>what|arguments|pod|picture|bench)(?:: (?P<name>[\w ]+))? -->$", re.MULTILINE)
_STACK_FILE = re.compile(r"^```yaml.*\n((?:.*\n)*?)```$", re.MULTILINE)
_TABLE = re.compile(r"^\| (?:argument|output|method) .*\n\| ---.*\n(?P<rows>(?:\|.*(?:\n|$))+)", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>\.\./[^)#]+)\)")


def on_config(config: Any) -> Any:
    """Leaves pages out of the navigation that are announced for later."""
    missing = {name for name in config["extra"].get("later", ()) if not (DOCS / name).is_file()}
    config["nav"] = _without(config["nav"], missing)
    return config


def _without(entries: list[Any], missing: set[str]) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        ((title, value),) = entry.items()
        if isinstance(value, list):
            value = _without(value, missing)
        if value not in missing if isinstance(value, str) else value:
            kept.append({title: value})
    return kept


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page's text, complete. A search finds what explains before what lists."""
    boost = {"reference.md": 0.2}.get(page.file.src_uri, 2 if page.file.src_uri.startswith("patterns/") else 1)
    page.meta.setdefault("search", {"boost": boost})
    return expanded(markdown, page.file.src_uri)


def expanded(markdown: str, path: str) -> str:
    """The text of the page at that path below docs/, with what it asks for; links to files that are not in the site are only named."""
    text = _ASKED.sub(lambda found: _generated(found["what"], found["name"], markdown, path), markdown)
    text = _TABLE.sub(lambda found: "".join(_listed(found["rows"])), text)
    # GitHub wants the bars in code escaped in a table, Python's Markdown does not
    text = _CODE.sub(lambda found: found[0].replace("\\|", "|"), text)
    return _LINK.sub(lambda found: _link(found, path), text)


def _listed(rows: str) -> Iterator[str]:
    """A table of arguments as a list of definitions: a phone is too narrow for the table."""
    for row in rows.splitlines():
        name, *facts, text = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        kind, default = (*facts, "", "")[:2]
        yield " ".join(filter(None, (name, kind, default if default in ("", "required") else f"= {default}"))) + f"\n:   {text}\n\n"


def _link(found: "re.Match[str]", path: str) -> str:
    target = (DOCS / path).parent / found["path"]
    return found[0] if target.resolve().is_relative_to(DOCS) else f"{found['text']} (`{target.resolve().relative_to(PROJECT)}`)"


def _generated(what: str, name: str | None, markdown: str, path: str) -> str:
    if what == "what":
        text = _sources().text(str(name))
        return text.rpartition("\n\nRaises ")[0] or text
    if what == "arguments":
        return _sources().arguments(str(name))
    if what == "bench":
        return measured(*str(name).split())
    if what == "pod":
        return f"```diff\n{changes(first_stack_file(markdown))}```"
    drawn = [path for path in (DOCS / "pictures").glob("*.svg") if _plain(path.stem) == _plain(str(name))]
    up = posixpath.relpath("pictures", posixpath.dirname(path) or ".")
    # a tap shows it as large as it is
    return "\n".join(f"[![{name}]({up}/{picture.name})]({up}/{picture.name})" for picture in drawn)


def measured(file: str, value: str, group: str | None = None) -> str:
    """A table of kept results; times in ms, memory and the rest as they were measured."""
    results = Results.load(PROJECT / "bench" / "results" / f"{file}.json")
    scale = 0.001 if value in ("p50", "p99", "p999") else 1
    compared = results.group(group) if group else results
    return (long if compared.apart else wide)(compared, value, scale=scale)


def _plain(name: str) -> str:
    return re.sub("[-_]", "", name).lower()


@cache
def _sources() -> Sources:
    return Sources()


def first_stack_file(markdown: str) -> Mapping[str, Any]:
    """The `config` of the first stack file of a page. Raises ValueError if there is none."""
    for text in _STACK_FILE.findall(markdown):
        value = yaml.safe_load(text)
        if isinstance(value, dict) and "config" in value:
            config: Mapping[str, Any] = value["config"]
            return config
    raise ValueError("the page has no stack file")


def changes(config: Mapping[str, Any]) -> str:
    """What the patterns of a stack file change in the words that describe the pod, as a diff with the whole pod in it."""
    settings = stack_file.parse(stack_file.keys(config), "docs")
    bare = replace(settings, patterns=(), file=replace(settings.file, demo_vault=False))
    before, after = (_summary(s).splitlines() for s in (bare, settings))
    # columns grow with what is in them
    plain = [[re.sub(" +", " ", line) for line in lines] for lines in (before, after)]
    shown = []
    for change, start, end, new_start, new_end in difflib.SequenceMatcher(a=plain[0], b=plain[1], autojunk=False).get_opcodes():
        shown += [f" {line}" for line in after[new_start:new_end]] if change == "equal" else [f"-{line}" for line in before[start:end]]
        shown += [] if change == "equal" else [f"+{line}" for line in after[new_start:new_end]]
    return "".join(f"{line.rstrip()}\n" for line in shown)


def _summary(settings: stack_file.Settings) -> str:
    summary: str = run(lambda: stack.build(settings).summary).value
    return summary
