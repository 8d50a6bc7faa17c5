"""sslyze and testssl.sh on ambassadors that really run: Mozilla's intermediate configuration, curves too, and known weaknesses."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.clients import Authority
from tests.support.nginx_proxy import HTTP, TCP, Proxy, proxy, rendered
from tests.support.servers import EchoServer, HttpServer, serving
from tools.install import debian, output, python_tool

from .finding import Finding, one_line
from .subject import Subject

_CRITERION = re.compile(r"(?m)^ {8}\* (?P<rule>\w+): (?P<text>.*)$")
_SCAN_ERROR = re.compile(r"(?m)^.*(?:ERROR|Exception).*$")
# of testssl.sh; below them it reports what it has seen
_BAD = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")
# what testssl.sh looks at: protocols, ciphers, forward secrecy, server defaults, vulnerabilities; no simulation of clients
_LOOKS = ("--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--vulnerable")


def variants() -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """The port, and the arguments of TlsAmbassador, by name."""
    mutual = {"client_auth": "optional", "client_ca_pems": (Authority().pem,)}
    return {"http": (HTTP, {}), "tcp": (TCP, {}), "mutual": (HTTP, mutual)}


@contextmanager
def running(port: Any, arguments: Mapping[str, Any]) -> Iterator[tuple[Proxy, str]]:
    """The ambassador in front of a server, and its address."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ambassador = rendered(port, **arguments)
        server = HttpServer if port is HTTP else EchoServer
        stack.enter_context(serving(server(ambassador.port(port.name).number)))
        bound: Any = ambassador.port(port.name)
        yield stack.enter_context(proxy(directory, ambassador)), f"127.0.0.1:{bound.outer_number}"


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:  # noqa: ARG001
    """What both say of each variant."""
    for program, package in (("nginx", "nginx-light"), ("openssl", "openssl"), ("testssl", "testssl.sh")):
        debian(program, package)
    for name, (port, arguments) in variants().items():
        with running(port, arguments) as (nginx, address):
            trust = nginx.directory / "authority.pem"
            trust.write_text(nginx.ambassador.files["/certs/ca.crt"], encoding="utf-8")
            yield from mozilla(address, trust, f"TlsAmbassador/{name}")
            # three times the same nginx and the same OpenSSL: once is enough
            if name == "http":
                yield from testssl(address, trust, f"TlsAmbassador/{name}")


def mozilla(address: str, trust: Path, where: str) -> Iterator[Finding]:
    """What sslyze finds that differs from Mozilla's intermediate configuration. trust: the authority's certificate."""
    said = output([python_tool("sslyze"), "--mozilla_config=intermediate", f"--certinfo_ca_file={trust}", address])
    found = list(_CRITERION.finditer(said))
    if not found and "OK - Compliant." not in said:
        text = " ".join(match.group() for match in _SCAN_ERROR.finditer(said)) or said[-200:]
        yield Finding(judge="sslyze", rule="scan", where=where, message=one_line(f"it could not look: {text}"))
    for match in found:
        yield Finding(judge="sslyze", rule=match["rule"], where=where, message=one_line(match["text"]))


def testssl(address: str, trust: Path, where: str) -> Iterator[Finding]:
    """What testssl.sh rates low or worse."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        options = ["--quiet", "--color", "0", "--nodns", "none", "--add-ca", str(trust), "--jsonfile", str(report), *_LOOKS]
        # its status counts what it has seen
        output([debian("testssl", "testssl.sh"), *options, address], codes=range(200))
        for seen in json.loads(report.read_text(encoding="utf-8")):
            if seen["severity"] in _BAD:
                yield Finding(judge="testssl", rule=seen["id"], where=where, message=one_line(f"{seen['severity']}: {seen['finding']}"))
