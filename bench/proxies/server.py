"""The server behind all of the candidates."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.programs import need

from .candidates import OTHERS, Candidate, answers, process

SERVER = """\
daemon off;
user root;
pid server.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {root}/bodies;
    keepalive_requests 1000000;
    client_max_body_size 0;
    server {{
{listens}
        root {root};
        # reads the whole body before it answers, as applications do
        location /put/ {{
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"""


@contextmanager
def server(directory: Path, asked: Sequence[Candidate]) -> Iterator[None]:
    """The server behind all of them: nginx, and that of gRPC's interoperability tests."""
    directory.mkdir()
    directory.chmod(0o755)
    for size in (512, 16384, 1048576):
        (directory / str(size)).write_bytes(b"x" * size)
    ports = [candidate.server for candidate in asked if candidate.carries != "grpc"]
    listens = "\n".join(f"        listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    (directory / "nginx.conf").write_text(SERVER.format(listens=listens, root=directory))
    command = [need("nginx"), "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with ExitStack() as stack:
        if ports:
            stack.enter_context(process(command, directory, core=OTHERS))
        for port in (candidate.server for candidate in asked if candidate.carries == "grpc"):
            stack.enter_context(process([need("grpc-interop-server"), f"--port={port}"], directory, core=OTHERS, env={"GOMAXPROCS": "1"}))
        for candidate in asked:
            assert answers(candidate.server), (directory / "output").read_text()
        yield
