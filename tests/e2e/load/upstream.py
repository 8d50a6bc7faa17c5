"""An app for the end-to-end tests: answers over HTTP, and ends gracefully on SIGTERM.

GET / and /ready: the pod's name. GET /slow?seconds=N: the same, late. GET /big?bytes=N: so many bytes. POST /echo: how many bytes came.
HOST and PORT say where it listens; LOG_FILE where it logs, if not to standard output.
"""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CHUNK = b"x" * 65536
stopping = threading.Event()
# open for as long as the process runs
log = open(os.environ["LOG_FILE"], "a", encoding="utf-8") if "LOG_FILE" in os.environ else sys.stdout  # noqa: SIM115


def say(line: str) -> None:
    log.write(line + "\n")
    log.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body are two writes
    disable_nagle_algorithm = True
    # an unused connection; longer than the proxy keeps one
    timeout = 10

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: int(values[0]) for key, values in parse_qs(url.query).items()}
        if url.path == "/slow":
            time.sleep(query["seconds"])
        if url.path == "/big":
            self.begin(query["bytes"])
            left = query["bytes"]
            while left > 0:
                left -= self.wfile.write(CHUNK[:left])
            return
        self.answer(os.environ["HOSTNAME"])

    def do_POST(self) -> None:
        length = left = int(self.headers["Content-Length"])
        while left > 0:
            data = self.rfile.read(min(left, len(CHUNK)))
            if not data:
                return
            left -= len(data)
        self.answer(str(length))

    def answer(self, text: str) -> None:
        self.begin(len(text))
        self.wfile.write(text.encode())

    def begin(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        if stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    # the end waits for the answers under way
    daemon_threads = False


def main() -> None:
    server = Server((os.environ["HOST"], int(os.environ["PORT"])), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}).start()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    say("started")
    stopping.wait()
    say("stopping")
    server.shutdown()
    server.server_close()
    for number in range(100):
        say(f"last line {number + 1} of 100")


if __name__ == "__main__":
    main()
