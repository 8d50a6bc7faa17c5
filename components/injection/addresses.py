"""Addresses in texts: where a manifest names a port of a Service."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# scheme, who logs in (not wanted), host, port; a host may have {0...3} or $(X) in it
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://(?:[^/\s\"'@]*@)?([A-Za-z0-9.$(){}_-]+)(?::([0-9]{1,5}))?")
_BARE = re.compile(r"(?<![\w./@:-])([A-Za-z0-9{}$()-][A-Za-z0-9.{}$()_-]*):([0-9]{2,5})(?![\w.:])")
_SECURE = re.compile(r"https|wss|tls|ssl|rediss|amqps|ldaps|grpcs|.*\+(tls|ssl)")
_DEFAULT_PORTS = {"http": 80, "ws": 80}


@dataclass(frozen=True)
class Address:
    """A host and a port in a text, and how it is to be spoken to."""

    scheme: str | None
    """What stands before `://`; None where nothing does."""
    host: str
    port: int | None
    """None where none is written, and the scheme has none of its own."""
    is_written: bool
    """Whether the port is written."""

    @property
    def is_plain(self) -> bool:
        """Whether it is not said to be TLS."""
        return self.scheme is None or not _SECURE.fullmatch(self.scheme)

    @property
    def labels(self) -> list[str]:
        """The host's parts."""
        return re.sub(r"\{[^}]*\}", "", self.host).split(".")

    def __str__(self) -> str:
        return f"{f'{self.scheme}://' if self.scheme else ''}{self.host}{f':{self.port}' if self.is_written else ''}"

    def names(self, service: str, namespace: str | None, *, here: bool) -> bool:
        """Whether the host is that Service, or a pod by its name in it. here: whether the text is in the Service's namespace."""
        labels = self.labels
        at = labels.index(service) if service in labels[:2] else None
        if at is None:
            return False
        rest = labels[at + 1 :]
        if not rest:
            return here
        # a name of two parts may as well be somebody's domain
        return rest[0] == namespace or (namespace is None and rest[1:2] == ["svc"])


def addresses(text: str) -> Iterator[Address]:
    """The addresses in a text."""
    for scheme, host, port in _URL.findall(text) if "://" in text else ():
        yield Address(scheme, host, int(port) if port else _DEFAULT_PORTS.get(scheme), bool(port))
    for host, port in _BARE.findall(text):
        yield Address(None, host, int(port), True)


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a manifest, with its path; items of lists go by their name, if they have one."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, _below(path, str(key)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            name = inner.get("name") if isinstance(inner, Mapping) else None
            yield from texts(inner, f"{path}[{name if isinstance(name, str) else index}]")


def revealed(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret with its data as text, as far as it is; anything else as it is."""
    data = manifest.get("data")
    if manifest.get("kind") != "Secret" or not isinstance(data, Mapping):
        return manifest
    return {**manifest, "data": {key: _decoded(value) for key, value in data.items()}}


def _decoded(value: Any) -> str:
    try:
        return b64decode(value).decode()
    except (ValueError, TypeError):
        return ""


def _below(path: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
