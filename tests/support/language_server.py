"""The YAML language server, spoken to as an editor does."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from tests.support.programs import need


class LanguageServer:
    """A running server; each text is a new file of that directory."""

    def __init__(self, process: "subprocess.Popen[bytes]", directory: Path) -> None:
        self._process, self._directory = process, directory
        self._count = 0
        settings = {"yaml": {"validate": True, "completion": True, "hover": True}}
        self._call("initialize", {"processId": os.getpid(), "rootUri": directory.as_uri(), "capabilities": {"textDocument": {}}})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": settings}})

    def marks(self, text: str) -> list[tuple[int, str]]:
        """What it marks in a text: line, counted from 1, and why."""
        uri = self._open(text)
        message = self._until(lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["uri"] == uri)
        return sorted((mark["range"]["start"]["line"] + 1, mark["message"]) for mark in message["params"]["diagnostics"])

    def completions(self, text: str) -> list[str]:
        """What it offers at the `|` in the text."""
        found = self._at("textDocument/completion", text)
        return [item["label"] for item in found["items"]]

    def hover(self, text: str) -> str:
        """What it shows at the `|` in the text."""
        return str(self._at("textDocument/hover", text)["contents"]["value"])

    def _at(self, method: str, text: str) -> Any:
        before, _, after = text.partition("|")
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return self._call(method, {"textDocument": {"uri": self._open(before + after)}, "position": position})

    def _open(self, text: str) -> str:
        self._count += 1
        uri = (self._directory / f"Pulumi.{self._count}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _call(self, method: str, params: Any) -> Any:
        self._count += 1
        number = self._count
        self._send({"id": number, "method": method, "params": params})
        return self._until(lambda message: message.get("id") == number and "method" not in message)["result"]

    def _send(self, message: Any) -> None:
        assert self._process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _until(self, is_it: Any) -> Any:
        while True:
            message = self._read()
            if is_it(message):
                return message
            if "id" in message and "method" in message:
                asked: Sequence[Any] = message.get("params", {}).get("items", ())
                self._send({"id": message["id"], "result": [{} for _ in asked] if asked else None})

    def _read(self) -> Any:
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server has ended"
        return json.loads(self._process.stdout.read(length))


@contextmanager
def language_server(directory: Path) -> Iterator[LanguageServer]:
    """A server for files of that directory; they need not be there."""
    command = [need("yaml-language-server"), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        # no test waits for ever
        watch = Timer(120, process.kill)
        watch.start()
        try:
            yield LanguageServer(process, directory)
        finally:
            watch.cancel()
            process.kill()
