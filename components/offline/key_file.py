"""KeyFile: what the tls provider keeps in the state, for programs that run without an engine."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pulumi

from . import files, issuer

_VERSION = 1


class KeyFileError(pulumi.RunError):
    """The file cannot be used; it was left as it is."""


class KeyFile:
    """Private keys and certificates by URN, kept from one run to the next; without a path they last for one run.

    Raises KeyFileError.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self._used: set[str] = set()
        if path is None:
            return
        try:
            content = json.loads(path.read_text())
            self._entries, version = content["entries"], content["version"]
            shapes = {(type(e["id"]), type(e["inputs"]), type(e["outputs"])) for e in self._entries.values()}
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise self._error(f"cannot be read: {error}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._error("is damaged") from None
        if shapes - {(str, str, dict)}:
            raise self._error("is damaged")
        if version != _VERSION:
            raise self._error(f"has version {version}, this release reads {_VERSION}")

    def _error(self, what: str) -> KeyFileError:
        return KeyFileError(
            f"key file {self._path} {what}; nothing was written. Restore it from a copy; or delete it: "
            "then every key and certificate is made anew, and pods that use them restart"
        )

    def answer(self, urn: str, kind: str, inputs: Mapping[str, Any], now: datetime, *, issue: bool) -> tuple[str, dict[str, Any]] | None:
        """Id and outputs: kept while the inputs are the same and the certificate is not due, otherwise issued anew.

        None if `issue` is False and there is nothing to keep, as in a preview.
        """
        # the one input that the provider updates in place
        replacing = {name: value for name, value in inputs.items() if name != "earlyRenewalHours"}
        digest = hashlib.sha256(json.dumps([kind, replacing], sort_keys=True, default=str).encode()).hexdigest()
        self._used.add(urn)
        entry = self._entries.get(urn, {})
        if entry.get("inputs") == digest and not self._due(urn, entry, inputs.get("earlyRenewalHours", 0), now):
            return entry["id"], dict(entry["outputs"])
        if not issue:
            return None
        try:
            made_id, outputs = issuer.issue(kind, inputs, now)
        except KeyError as error:
            raise pulumi.RunError(f"{urn}: {error.args[0]} is missing") from None
        except ValueError as error:
            raise pulumi.RunError(f"{urn}: {error}") from None
        self._entries[urn] = {"id": made_id, "inputs": digest, "outputs": outputs}
        return made_id, dict(outputs)

    def _due(self, urn: str, entry: Mapping[str, Any], early: float, now: datetime) -> bool:
        certificate = entry["outputs"].get("certPem")
        try:
            return certificate is not None and issuer.due(certificate, early, now)
        except ValueError:
            raise self._error(f"is damaged: {urn} is not a certificate") from None

    def save(self, project: str, stack: str) -> None:
        """Writes the file, readable by its owner only; what this stack no longer uses is dropped, as when a resource is deleted."""
        if self._path is None:
            return
        mine = f"urn:pulumi:{stack}::{project}::"
        kept = {urn: entry for urn, entry in sorted(self._entries.items()) if urn in self._used or not urn.startswith(mine)}
        content = json.dumps({"version": _VERSION, "entries": kept}, indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self._path, content.encode() + b"\n", 0o600)
        except OSError as error:
            raise KeyFileError(f"key file {self._path} cannot be written: {error}") from None
