"""Vault for tests: a container of a pattern, run by the shells and programs of this machine, and a dev server for it."""

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from components.core.patch import PodPatch
from tests.support.programs import need

IDENTITY = "eyJhbGciOi.eyJzdWIiOi.signature"


@dataclass
class Run:
    """How the container ended."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Box:
    """The container's directories, environment and command, as the pattern made them, below a directory of the test."""

    directory: Path
    environment: dict[str, str]
    command: list[str]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command, cwd=self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self) -> Run:
        started = time.monotonic()
        process = self.start()
        out, err = process.communicate(timeout=60)
        return Run(process.returncode, out, err, time.monotonic() - started)

    def files(self) -> dict[str, str]:
        """What the app sees: file name to content."""
        return {path.name: path.read_text() for path in sorted((self.directory / "secrets/files").glob("*"))}

    def left_behind(self) -> list[str]:
        """Everything that is not what the app sees, nor an empty directory."""
        roots = [self.directory / "home", self.directory / "secrets"]
        found = [str(path.relative_to(self.directory)) for root in roots for path in root.rglob("*") if path.is_file()]
        return [path for path in found if not path.startswith("secrets/files/")]


def box(directory: Path, patch: PodPatch, program: str, shell: str = "busybox", identity: str = IDENTITY) -> Box:
    """The container that the patch adds; `program` is what it finds as `vault`."""
    container = patch.init_containers[0]
    root = Path(container["workingDir"])
    volumes = {mount["name"]: directory / Path(mount["mountPath"]).relative_to(root) for mount in container["volumeMounts"]}
    for path in volumes.values():
        path.mkdir()
    for config in patch.config_files:
        for name, content in config.files.items():
            (volumes[config.name] / name).write_text(str(content))
    (directory / "identity/token").write_text(identity)
    programs = directory / "programs"
    programs.mkdir()
    (programs / "vault").symlink_to(program)
    busybox = need("busybox")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        (programs / applet).symlink_to(busybox)
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    command = [*(("busybox", "sh") if shell == "busybox" else (shell,)), *container["command"][1:]]
    command[0] = need(command[0])
    return Box(directory, {**environment, "PATH": str(programs)}, command)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Server:
    """A dev server with the JWT method, which the script cannot tell from the Kubernetes one."""

    url: str
    identity: str
    environment: dict[str, str]

    def vault(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [need("vault"), *arguments], env=self.environment, input=stdin, capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tokens(self) -> int:
        return len(json.loads(self.vault("list", "-format=json", "auth/token/accessors")))

    def arguments(self, **given: Any) -> dict[str, Any]:
        """Arguments of a pattern that is to use it."""
        return {"address": self.url, "auth_mount": "jwt", "role": "app", **given}


@contextmanager
def dev_server(home: Path) -> Iterator[Server]:
    """The server at work; `home` is its home directory."""
    program = need("vault")
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": "app", "aud": ["vault"], "iat": int(time.time()), "exp": int(time.time()) + 3600}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "ES256"}, claims))
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    address = f"127.0.0.1:{free_port()}"
    environment = {"VAULT_ADDR": f"http://{address}", "VAULT_TOKEN": "root", "HOME": str(home), "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [program, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", f"-dev-listen-address={address}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(f"http://{address}", f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}", environment)
    try:
        deadline = time.monotonic() + 30
        while subprocess.run([program, "status"], env=environment, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, "the dev server does not come up"
            time.sleep(0.2)
        server.vault("auth", "enable", "jwt")
        server.vault("write", "auth/jwt/config", f"jwt_validation_pubkeys={public}")
        server.vault(
            "policy",
            "write",
            "app",
            "-",
            stdin='path "secret/data/*" { capabilities = ["read"] }\npath "old/*" { capabilities = ["read"] }',
        )
        server.vault(
            "write", "auth/jwt/role/app", "role_type=jwt", "bound_audiences=vault", "user_claim=sub", "token_policies=app", "token_ttl=5m"
        )
        server.vault("secrets", "enable", "-path=old", "-version=1", "kv")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)
