"""Clients that take connections and finish nothing; told to stop by the end of their input. Prints a JSON object when every connection was
tried, and another at the end.

On the node's network, as root: it gives itself further addresses.
"""

import argparse
import json
import resource
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

LINE = b"a" * 15_900
HEAD = b"GET / HTTP/1.1\r\nHost: web\r\n"
KINDS = {
    # the beginning of a ClientHello
    "handshakes": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "heads": HEAD + b"".join(b"X-%d: %s\r\n" % (index, LINE) for index in range(3)) + b"X-3: " + LINE,
    "bodies": b"POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nx",
    "readers": b"GET /big?bytes=40000000 HTTP/1.1\r\nHost: web\r\n\r\n",
    "idle": b"GET / HTTP/1.1\r\nHost: web\r\n\r\n",
}
NETWORK = "198.18.7."
"""Of the addresses that it gives itself; nobody else's (RFC 2544)."""
THREADS = 50
ESTABLISHED = b"\x01"
PATIENCE_SECONDS = 5


def opened(kind: str, address: str, port: int, source: str) -> tuple[socket.socket | None, str]:
    """A connection with as much of a request as the kind has, and what became of it."""
    # as small as it may be: what the client does not take stays with the server
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(PATIENCE_SECONDS)
    found = plain
    try:
        plain.bind((source, 0))
        plain.connect((address, port))
        if kind != "handshakes":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            found = context.wrap_socket(plain)
        found.sendall(KINDS[kind])
    except OSError as error:
        found.close()
        return None, type(error).__name__
    return found, "open"


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not hung up: the first byte of struct tcp_info is the state."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == ESTABLISHED


def addresses(number: int) -> list[str]:
    """So many addresses of this machine, none of which is the kubelet's."""
    made = [f"{NETWORK}{index + 1}" for index in range(number)]
    for address in made:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=tuple(KINDS))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--addresses", type=int, default=1)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (arguments.connections + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    began, sources, kept = time.monotonic(), addresses(arguments.addresses), list[socket.socket]()
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            tried = [
                pool.submit(opened, arguments.kind, arguments.address, arguments.port, sources[index % len(sources)])
                for index in range(arguments.connections)
            ]
            done = [future.result() for future in tried]
        kept = [connection for connection, _ in done if connection]
        ends = [end for _, end in done]
        told = {
            "seconds": round(time.monotonic() - began, 1),
            "open": sum(map(is_open, kept)),
            "ends": {end: ends.count(end) for end in sorted(set(ends))},
        }
        print(json.dumps(told), flush=True)
        sys.stdin.read()
        print(json.dumps({"open": sum(map(is_open, kept))}), flush=True)
    finally:
        # from an address that is gone nobody can hang up
        for connection in kept:
            connection.close()
        time.sleep(0.5)
        for address in sources:
            subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


if __name__ == "__main__":
    main()
