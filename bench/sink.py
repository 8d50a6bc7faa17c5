"""python -m bench.sink PORT FILE: takes what a log shipper sends by OTLP/HTTP, and appends the lines of bench.logs in it to a file."""

import gzip
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LINE = re.compile(rb"[0-9]{12} x{86}")


def main() -> None:
    """Serves until it is killed."""
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    output = path.open("ab", buffering=0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            output.write(b"".join(line + b"\n" for line in LINE.findall(body)))
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
