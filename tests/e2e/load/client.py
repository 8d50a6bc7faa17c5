"""HTTP clients, with TLS where the URL says so, for the end-to-end tests; each prints one JSON object. No request is ever repeated.

The file with the trusted authorities is read again for every new connection.
"""

import argparse
import contextlib
import http.client
import json
import resource
import ssl
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

CHUNK = b"x" * 65536


class Target:
    """Where requests go."""

    def __init__(self, url: str, ca: str, timeout: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self.host, self.port, self.ca, self.timeout = parts.hostname, parts.port, ca, timeout
        self.tls = parts.scheme == "https"
        self.path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"

    def connect(self) -> http.client.HTTPConnection:
        """A connection, verified if it has TLS."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(self.host, self.port, context=context, timeout=self.timeout)
        connection.connect()
        return connection


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[str, bool]:
    """The body of a 200, and whether the server closes the connection after it."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise http.client.HTTPException(f"status {answer.status}")
    return body.decode(), answer.will_close


class Load:
    """Requests from several threads at once, for as long as the limits allow and nobody says stop."""

    def __init__(self, target: Target, *, least: int, most: int, seconds: float, stop: Path, rate: float) -> None:
        self.target, self.least, self.most, self.stop = target, least, most, stop
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.pause = 1 / rate
        self.lock = threading.Lock()
        self.requests, self.connections = Counter[str](), Counter[str]()
        self.errors, self.pods, self.certificates = Counter[str](), Counter[str](), Counter[str]()
        self.slowest = 0.0

    def more(self, mode: str) -> bool:
        """Whether there is to be another request; it is counted."""
        with self.lock:
            done = self.requests.total()
            if done >= self.most or time.monotonic() >= self.end or (done >= self.least and self.stop.exists()):
                return False
            self.requests[mode] += 1
            return True

    def connect(self, mode: str) -> tuple[http.client.HTTPConnection, str]:
        connection = self.target.connect()
        with self.lock:
            self.connections[mode] += 1
        if not self.target.tls:
            return connection, "none"
        certificate = connection.sock.getpeercert()
        return connection, f"{certificate['serialNumber'][-8:]} of {dict(x[0] for x in certificate['issuer'])['commonName']}"

    def run(self, mode: str) -> None:
        """One client."""
        connection, certificate = None, ""
        while self.more(mode):
            begin = time.monotonic()
            try:
                if connection is None:
                    connection, certificate = self.connect(mode)
                pod, closes = ask(connection, self.target.path)
                with self.lock:
                    self.pods[pod] += 1
                    self.certificates[certificate] += 1
            except (OSError, http.client.HTTPException) as error:
                closes = True
                with self.lock:
                    self.errors[f"{mode}, after {time.monotonic() - self.began:.0f} s: {type(error).__name__}: {error}"] += 1
            if connection is not None and (closes or mode == "new"):
                connection.close()
                connection = None
            took = time.monotonic() - begin
            self.slowest = max(self.slowest, took)
            time.sleep(max(0.0, self.pause - took))

    def result(self, began: float) -> dict[str, object]:
        return {
            "requests": self.requests.total(),
            "failures": self.errors.total(),
            "seconds": round(time.monotonic() - began, 1),
            "slowest": round(self.slowest, 2),
            "modes": self.requests,
            "connections": self.connections,
            "pods": self.pods,
            "certificates": self.certificates,
            "errors": dict(self.errors.most_common(5)),
        }


def load(target: Target, arguments: argparse.Namespace) -> dict[str, object]:
    began = time.monotonic()
    work = Load(
        target,
        least=arguments.least,
        most=arguments.most,
        seconds=arguments.seconds,
        stop=Path(arguments.stop),
        rate=arguments.rate,
    )
    modes = ["keep-alive"] * arguments.keep_alive + ["new"] * arguments.new
    threads = [threading.Thread(target=work.run, args=(mode,)) for mode in modes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return work.result(began)


def get(target: Target, arguments: argparse.Namespace) -> dict[str, object]:
    """One answer, read no faster than so many bytes a second."""
    began = time.monotonic()
    connection = target.connect()
    connection.request("GET", target.path)
    answer = connection.getresponse()
    received = 0
    while data := answer.read(len(CHUNK)):
        received += len(data)
        if arguments.bytes_per_second:
            time.sleep(max(0.0, began + received / arguments.bytes_per_second - time.monotonic()))
    return {"status": answer.status, "bytes": received, "seconds": round(time.monotonic() - began, 1)}


def post(target: Target, arguments: argparse.Namespace) -> dict[str, object]:
    """One large body, and what the server says it was."""
    began = time.monotonic()
    connection = target.connect()
    size = arguments.megabytes * 1_000_000
    connection.putrequest("POST", target.path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    left = size
    while left > 0:
        connection.send(CHUNK[:left])
        left -= min(left, len(CHUNK))
    answer = connection.getresponse()
    return {"status": answer.status, "sent": size, "answer": answer.read().decode()[:200], "seconds": round(time.monotonic() - began, 1)}


def idle(target: Target, arguments: argparse.Namespace) -> dict[str, object]:
    """Many connections: a request on each, a long pause, another request on each."""
    began = time.monotonic()
    resource.setrlimit(resource.RLIMIT_NOFILE, (arguments.connections + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    errors = Counter[str]()
    connections = []
    for _ in range(arguments.connections):
        with counted(errors):
            connections.append(target.connect())
            ask(connections[-1], target.path)
    time.sleep(arguments.seconds)
    answered = 0
    for connection in connections:
        with counted(errors):
            ask(connection, target.path)
            answered += 1
    return {
        "connections": len(connections),
        "answered after the pause": answered,
        "failures": errors.total(),
        "errors": dict(errors.most_common(5)),
        "seconds": round(time.monotonic() - began, 1),
    }


def plain(target: Target, arguments: argparse.Namespace) -> dict[str, object]:
    """Requests without TLS, one after the other, and what came of them, by port."""
    end = time.monotonic() + arguments.seconds
    seen = Counter[str]()
    ports = [target.port, *arguments.also]
    while time.monotonic() < end:
        for port in ports:
            connection = http.client.HTTPConnection(target.host, port, timeout=2)
            try:
                connection.request("GET", target.path)
                what = str(connection.getresponse().status)
            except ConnectionRefusedError:
                what = "refused"
            except (ConnectionResetError, http.client.RemoteDisconnected):
                what = "reset"
            except (OSError, http.client.HTTPException) as error:
                what = repr(error)
            connection.close()
            seen[f"{port}: {what}"] += 1
        time.sleep(0.01)
    return {"requests": seen.total(), "seen": seen}


@contextlib.contextmanager
def counted(errors: Counter[str]):
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        errors[f"{type(error).__name__}: {error}"] += 1


DO = {"load": load, "get": get, "post": post, "idle": idle, "plain": plain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=tuple(DO))
    parser.add_argument("url")
    parser.add_argument("--ca", required=True, help="file with the trusted authorities, PEM")
    parser.add_argument("--timeout", type=float, default=30, help="longest silence, in seconds")
    parser.add_argument("--keep-alive", type=int, default=0, help="clients that keep their connection (load)")
    parser.add_argument("--new", type=int, default=0, help="clients that make a new connection for each request (load)")
    parser.add_argument("--least", type=int, default=0, help="requests before a stop is heeded (load)")
    parser.add_argument("--most", type=int, default=100_000, help="requests at most (load)")
    parser.add_argument("--seconds", type=float, default=120, help="how long at most (load), how long (plain), the pause (idle)")
    parser.add_argument("--stop", default="/tmp/stop", help="file that says stop (load)")
    parser.add_argument("--rate", type=float, default=100, help="requests a second of each client, at most (load)")
    parser.add_argument("--bytes-per-second", type=int, default=0, help="0 for as fast as they come (get)")
    parser.add_argument("--megabytes", type=int, default=1, help="size of the body (post)")
    parser.add_argument("--connections", type=int, default=1000, help="how many (idle)")
    parser.add_argument("--also", type=int, nargs="*", default=[], help="further ports (plain)")
    arguments = parser.parse_args()
    target = Target(arguments.url, arguments.ca, arguments.timeout)
    print(json.dumps(DO[arguments.do](target, arguments)))


if __name__ == "__main__":
    main()
