"""A stream of manifests as documents: what is not touched is printed as it came."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from ..core.errors import ProblemsError
from ..injection.manifests import flattened
from ..offline.printing import printed
from .loading import loaded

# a line that begins so begins a document wherever it stands; directives before it belong to it
_START = re.compile(r"^(?:%[^\n]*\n)*---(?=\s|\Z)", re.MULTILINE)
# the marker, and comments before the contents, such as `# Source:` of Helm
_HEAD = re.compile(r"\A(?:---[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z))?(?:[ \t]*(?:#[^\n]*)?\r?\n)*")


class InputError(ProblemsError):
    """Files cannot be used; each line of `problems` starts with the place."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a stream."""

    text: str
    """As it came, its `---` included."""
    place: str
    """File and line, for messages."""
    manifest: Mapping[str, Any] | None
    """Its contents; None if it has none."""
    duplicates: tuple[str, ...] = ()
    """Keys that a mapping in it has twice, with their places."""

    def objects(self) -> list[dict[str, Any]]:
        """The objects in it, several for a list."""
        return [] if self.manifest is None else list(flattened([self.manifest]))

    def rewritten(self, objects: Iterable[Mapping[str, Any]], more: Iterable[Mapping[str, Any]] = ()) -> str:
        """Its text with those objects in place of its own, and more in the list that it is. Of its comments those at the head stay."""
        head = _HEAD.match(self.text)
        manifest = _rebuilt(self.manifest, iter(objects))
        if more:
            manifest = {**manifest, "items": [*manifest["items"], *more]}
        return (head[0] if head else "") + printed(manifest)

    @property
    def is_resource_list(self) -> bool:
        """Whether it is what kustomize hands to a function, and takes from it."""
        return self.manifest is not None and self.manifest.get("kind") == "ResourceList"


def read(files: Iterable[tuple[str, bytes]]) -> list[Document]:
    """The documents of the files, given as names and contents. Raises InputError with everything that is wrong."""
    found, problems = [], []
    for name, content in files:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            problems.append(f"{name}: is not UTF-8 text: {error}")
            continue
        documents = list(_documents(name, text, problems))
        if not problems and all(document.manifest is None for document in documents):
            problems.append(f"{name}: is empty; it must have at least one manifest")
        found += documents
    if problems:
        raise InputError("manifests", problems)
    return found


def read_one(name: str, content: bytes) -> tuple[Any, list[str]]:
    """The contents of a file that is one document; and what is wrong with it."""
    try:
        value, duplicates = loaded(content.decode())
    except UnicodeDecodeError as error:
        return None, [f"{name}: is not UTF-8 text: {error}"]
    except yaml.YAMLError as error:
        return None, [_broken(name, 0, error)]
    return value, [_twice(name, 0, key, line) for key, line in duplicates]


def joined(texts: Iterable[str]) -> str:
    """The stream of these documents."""
    stream: list[str] = []
    for text in texts:
        if stream and stream[-1] and not stream[-1].endswith("\n"):
            stream.append("\n")
        if stream and not _START.match(text):
            stream.append("---\n")
        stream.append(text)
    return "".join(stream)


def _documents(name: str, text: str, problems: list[str]) -> Iterator[Document]:
    starts = [match.start() for match in _START.finditer(text)]
    edges = [*([0] if starts[:1] != [0] else []), *starts, len(text)]
    line = 0
    for start, end in pairwise(edges):
        part = text[start:end]
        place = f"{name}:{line + 1}"
        try:
            value, duplicates = loaded(part)
        except yaml.YAMLError as error:
            problems.append(_broken(name, line, error))
        else:
            problems += [f"{place}: {what}" for what in _misshapen(value)]
            manifest = value if isinstance(value, Mapping) else None
            yield Document(
                text=part, place=place, manifest=manifest, duplicates=tuple(_twice(name, line, key, at) for key, at in duplicates)
            )
        line += part.count("\n")


def _misshapen(value: Any) -> Iterator[str]:
    """Why it cannot be a manifest at all."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield f"the document is {_a(value)}; a manifest must be a mapping with kind and metadata"
    elif not isinstance(value.get("kind"), str):
        yield "the document has no kind; a manifest must be a mapping with kind and metadata"
    elif str(value["kind"]).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield from (f"items[{index}]: {what}" for what in _misshapen(item))
    else:
        metadata = value.get("metadata")
        wrong = [] if metadata is None or isinstance(metadata, Mapping) else [("metadata", metadata)]
        wrong += [
            (f"metadata.{key}", metadata[key])
            for key in ("annotations", "labels")
            if not wrong and metadata and not isinstance(metadata.get(key) or {}, Mapping)
        ]
        yield from (f"{key} is {_a(found)}, but must be a mapping" for key, found in wrong)


def _rebuilt(manifest: Any, objects: Iterator[Mapping[str, Any]]) -> Any:
    """The contents with each object replaced, lists as lists: the reverse of `flattened`."""
    if not manifest:
        return manifest
    if str(manifest.get("kind", "")).endswith("List") and isinstance(manifest.get("items"), list):
        return {**manifest, "items": [_rebuilt(item, objects) for item in manifest["items"]]}
    return next(objects)


def _broken(name: str, line: int, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        context = f"{error.context}: " if error.context else ""
        return f"{name}:{line + mark.line + 1}:{mark.column + 1}: is not YAML: {context}{error.problem}"
    return f"{name}:{line + 1}: is not YAML: {' '.join(str(error).split())}"


def _twice(name: str, line: int, key: str, at: int) -> str:
    return f"{name}:{line + at + 1}: key {key!r} is there twice in one mapping; remove one"


def _a(value: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}.get(type(value), type(value).__name__)
