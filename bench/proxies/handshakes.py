"""A client that opens a connection for each request. python handshakes.py PORT SECONDS new|resumed; prints what it counted, as JSON."""

import json
import socket
import ssl
import sys
import time

REQUEST = b"GET /512 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def _connected(port: int) -> socket.socket:
    """As browsers, curl and Go connect: what a client says goes out at once."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def main() -> None:
    """Asks until the time is over."""
    port, seconds, way = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session: ssl.SSLSession | None = None
    took: list[float] = []
    resumed = errors = 0
    start = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        try:
            with (
                _connected(port) as plain,
                context.wrap_socket(plain, session=session, suppress_ragged_eofs=True) as client,
            ):
                client.sendall(REQUEST)
                while client.recv(65536):
                    pass
                resumed += bool(client.session_reused)
                if way == "resumed":
                    session = client.session
            took.append(time.monotonic() - now)
        except OSError:
            errors += 1
    took.sort()
    print(
        json.dumps(
            {
                "requests": len(took),
                "seconds": time.monotonic() - start,
                "errors": errors,
                "resumed": resumed,
                "p50": took[len(took) // 2] * 1e6,
                "p99": took[int(len(took) * 0.99)] * 1e6,
                "p999": took[int(len(took) * 0.999)] * 1e6,
            }
        )
    )


if __name__ == "__main__":
    main()
