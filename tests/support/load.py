"""Clients that keep a proxy busy, and what came of their requests."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came of the requests."""

    answered: int = 0
    certificates: set[bytes] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)


@contextmanager
def load(connect: Callable[[], http.client.HTTPSConnection]) -> Iterator[Load]:
    """Four busy clients and four with pauses, while the block runs; `connect` makes each connection, which they keep; they repeat none."""
    seen, lock, stop = Load(), threading.Lock(), threading.Event()

    def client(pause: float) -> None:
        connection: http.client.HTTPSConnection | None = None
        end = time.monotonic() + 60
        while not stop.wait(pause) and time.monotonic() < end:
            try:
                if connection is None:
                    connection = connect()
                    connection.connect()
                    presented = connection.sock.getpeercert(True)
                    assert isinstance(presented, bytes)
                    with lock:
                        seen.certificates.add(presented)
                connection.request("POST", "/x", body=b"a" * 2000)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200, answer.status
                gone = answer.will_close
                with lock:
                    seen.answered += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                gone = True
                with lock:
                    seen.lost.append(repr(error))
            if gone and connection:
                connection.close()
                connection = None
        if connection:
            connection.close()

    threads = [threading.Thread(target=client, args=(pause,)) for pause in (0.005, 0.05) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
