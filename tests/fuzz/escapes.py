"""Nothing gets out of where it stands: each hostile text is whole in one token of a configuration, in one word or value, or not there."""

import json
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import crossplane
import yaml

import components

_LIBRARY = Path(components.__file__).parent
_SHELLS = ("sh", "/bin/sh", "ash", "bash", "/bin/bash")
# their lines are no directives, but keys and values
_TABLES = ("map", "geo", "types")


@cache
def scripts() -> str:
    """Every script of the library."""
    return "\n".join(path.read_text() for path in sorted(_LIBRARY.rglob("*.sh")))


@cache
def directives() -> frozenset[str]:
    """Every word that begins a line in the templates of nginx.conf: a configuration has no other directive."""
    texts = [path.read_text() for path in _LIBRARY.rglob("*.conf.j2")]
    return frozenset(word for text in texts for word in re.findall(r"(?:^|[{;}])\s*([a-z_0-9]+)(?=[\s;])", text, re.M))


@cache
def keywords() -> frozenset[str]:
    """The same of haproxy.cfg."""
    texts = [path.read_text() for path in _LIBRARY.rglob("*.cfg.j2")]
    return frozenset(word for text in texts for word in re.findall(r"^ *([a-z_-]+)", text, re.M))


def torn(tokens: Sequence[str], hostile: Mapping[str, str]) -> Iterator[str]:
    """A line for every token that has a marker, and not the whole text that it belongs to."""
    for token in tokens:
        for marker in re.findall(r"zq\d+x", token):
            # what stands for something else is replaced, as it is to be
            parts = re.split(r"(?<!\{)\{[a-z_]+\}(?!\})|\*$", hostile.get(marker, marker))
            whole = next((part for part in parts if marker in part), marker)
            # a file is called what a URL ends with, without the ending of an archive
            last = re.search(r"/([A-Za-z0-9._%+=@-]+?)(\.tar\.gz|\.tgz|\.zip)?(\?.*)?$", whole)
            named = last is not None and token in (last[1], f"{last[1]}{last[2] or ''}")
            if _bare(whole) not in _bare(token) and not named:
                yield f"{token[:200]!r} is torn from {whole[:200]!r}"


def _bare(text: str) -> str:
    """Without what escapes, and without the slashes at the ends, which some take away."""
    return re.sub(r"[\\\"'{}/$]", "", text.replace("[-_.]*", "").strip())


def problems(pod: Any, ours: Sequence[Mapping[str, Any]], hostile: Mapping[str, str]) -> Iterator[str]:
    """What has got out in a pod; `ours` are the containers that this package writes."""
    for container in ours:
        yield from (f"container {container['name']!r}: {line}" for line in _container(container, hostile))
    for config in pod.config_files:
        for name, content in config.files.items():
            if isinstance(content, str):
                yield from (f"{config.name}/{name}: {line}" for line in of_file(name, content, hostile))


def _container(container: Mapping[str, Any], hostile: Mapping[str, str]) -> Iterator[str]:
    words = [*container.get("command", ()), *container.get("args", ())]
    values = [variable.get("value", "") for variable in container.get("env", ())]
    yield from torn([*words, *values], hostile)
    commands = [words, *_handlers(container)]
    for command in commands:
        if len(command) > 2 and command[0] in _SHELLS and command[1] == "-c":
            yield from _script(command[2])
    # a list that a script takes apart
    for variable in container.get("env", ()):
        if variable["name"] in ("FILES", "LISTEN") and re.search(r"[*?\[\]$`;&|<>\n\t\"'\\]|(^| )-", variable.get("value", "")):
            yield f"{variable['name']} is taken apart by a script: {variable['value']!r}"


def _handlers(container: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    hooks = (container.get("lifecycle") or {}).values()
    probes = (container.get(name) or {} for name in ("startupProbe", "readinessProbe", "livenessProbe"))
    for handler in (*hooks, *probes):
        yield (handler.get("exec") or {}).get("command", ())


def _script(text: str) -> Iterator[str]:
    if re.search(r"zq\d+x", text):
        yield "a value is in a script"
    if len(text) > 200 and not all(part.strip() in scripts() for part in text.split("\n") if part.strip()):
        yield "a script is in no file"
    if len(text) <= 200 and not _plain(text):
        yield f"a script of its own: {text!r}"


def _plain(text: str) -> bool:
    """Whether a short script has nothing but numbers and paths that are known."""
    try:
        return all(
            re.fullmatch(r"[a-z-]+|/[A-Za-z0-9./_@%+=,-]*|[0-9.]+;?|;|\[|\]|&&|-[a-z]|-HUP|/tmp/draining;|\$\(cat /tmp/nginx\.pid\);", word)
            for word in shlex.split(text)
        )
    except ValueError:
        return False


def of_file(name: str, content: str, hostile: Mapping[str, str]) -> Iterator[str]:
    """What has got out in a file of a ConfigMap."""
    if name.endswith(".conf") and "proxy" in content + name:
        yield from _nginx(content, hostile)
    elif name == "haproxy.cfg":
        yield from _haproxy(content, hostile)
    elif name.endswith((".yaml", ".json", ".hcl")) and content.lstrip().startswith("{"):
        yield from _document(name, content, hostile)
    elif name.endswith(".sh"):
        yield from _script(content)


def _nginx(content: str, hostile: Mapping[str, str]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(content)
        file.flush()
        parsed = crossplane.parse(file.name, single=True, check_ctx=False, check_args=False)
    for config in parsed["config"]:
        yield from (f"nginx cannot read it: {error}" for error in config["errors"])
        yield from _block(config["parsed"], "", hostile)


def _block(block: Sequence[Any], parent: str, hostile: Mapping[str, str]) -> Iterator[str]:
    for directive in block:
        name = directive["directive"]
        if parent not in _TABLES and name not in directives():
            yield f"a directive of its own: {name!r}"
        yield from torn([name, *directive["args"]], hostile)
        yield from _block(directive.get("block", ()), name, hostile)


def haproxy_words(line: str) -> list[str]:
    """The words of a line, as haproxy takes them apart (cfgparse.c: quotes, backslashes, comments)."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, "#"
    return list(lexer)


def _haproxy(content: str, hostile: Mapping[str, str]) -> Iterator[str]:
    for line in content.splitlines():
        try:
            words = haproxy_words(line)
        except ValueError as error:
            yield f"{line!r}: {error}"
            continue
        if words and words[0] not in keywords():
            yield f"a keyword of its own: {words[0]!r}"
        yield from torn(words, hostile)


def _document(name: str, content: str, hostile: Mapping[str, str]) -> Iterator[str]:
    document = json.loads(content)
    if name.endswith(".yaml") and yaml.safe_load(content) != document:
        yield "YAML reads it otherwise than JSON"
    yield from _leaves(document, hostile, "receivers" in document)


def _leaves(value: Any, hostile: Mapping[str, str], expands: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(key, hostile, False)
            yield from _leaves(inner, hostile, expands)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, hostile, expands)
    elif isinstance(value, str):
        yield from torn([value], hostile)
        if expands and re.search(r"zq\d+x", value) and "$" in value.replace("$$", ""):
            yield f"the collector would replace something in {value!r}"
