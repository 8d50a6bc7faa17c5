"""A real PostgreSQL server of this machine, on loopback, with a password."""

import glob
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import missing, need
from tests.support.servers import LOOPBACK, free_ports

PASSWORD = "correct horse"


class Postgres:
    """The server, of which the tests are superuser."""

    def __init__(self, bin_directory: Path, port: int) -> None:
        self.psql, self.port = bin_directory / "psql", port
        self.environment = {"PGUSER": "postgres", "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres"}

    def ask(self, sql: str) -> str:
        """What a statement answers, in psql's unaligned form."""
        command = [str(self.psql), "-XqAt", "-h", LOOPBACK, "-p", str(self.port), "-c", sql]
        done = subprocess.run(command, env={**os.environ, **self.environment}, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """The server, at work; without it the test is `missing` something."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        missing("postgresql is not installed; `.ci/run` installs what the behaviour tests run")
    programs = Path(found[-1]).parent
    # the server refuses to be root
    user = [need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    # not below pytest's directory, which is its user's alone
    with tempfile.TemporaryDirectory() as home:
        data, password = Path(home) / "data", Path(home) / "password"
        password.write_text(PASSWORD)
        if user:
            os.chown(home, 65534, 65534)
            os.chown(password, 65534, 65534)
        initdb = [*user, str(programs / "initdb"), "-D", str(data), "-U", "postgres", f"--pwfile={password}"]
        subprocess.run([*initdb, "--auth=scram-sha-256", "--no-sync"], cwd=home, check=True, capture_output=True, timeout=120)
        server = Postgres(programs, free_ports(1))
        options = ["-p", str(server.port), "-c", f"listen_addresses={LOOPBACK}", "-k", home, "-c", "fsync=off"]
        with open(Path(home) / "log", "wb") as log:
            process = subprocess.Popen([*user, str(programs / "postgres"), "-D", str(data), *options], cwd=home, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            ready = [str(programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(server.port)]
            while subprocess.run(ready, check=False, timeout=30).returncode:
                assert process.poll() is None, (Path(home) / "log").read_text()
                assert time.monotonic() < deadline, "the server does not come up"
                time.sleep(0.2)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)
