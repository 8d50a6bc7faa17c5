"""FetchInit's script, run by BusyBox with curl: against an S3 server that verifies signatures, a GCS server, and HTTPS with every fault."""

import hashlib
import io
import json
import os
import ssl
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App, SecretKey
from components.patterns.fetch_init import FetchInit, FetchInitArgs
from tests.support.composing import composed, container
from tests.support.containers import Ended, Running, programs, start
from tests.support.programs import need
from tests.support.servers import LOOPBACK, free_ports, serving

BODY = bytes(range(256)) * 4000  # 1,024,000 bytes
WRONG = "0" * 64
KEY_ID, KEY = "AKIDEXAMPLE", "the-secret-access-key"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Pod:
    """One pod's volume and programs, in which containers are started one after another."""

    directory: Path

    def start(self, source: str, secret: dict[str, str] | None = None, shell: str = "busybox", **given: Any) -> Running:
        path = self.directory / "programs"
        if not path.exists():
            programs(path, "curl", "flock")
        self.volume.mkdir(exist_ok=True)
        args = FetchInitArgs(**{"source": source, "sha256": sha256(BODY), "timeout_seconds": 20, **given})
        init = container(composed(App(name="web", image="web:1"), lambda: FetchInit("fetch", args)), "fetch")
        if args.ca_pem is not None:
            ca = self.directory / f"{sha256(str(args.ca_pem).encode())}.crt"
            if not ca.exists():  # a container that runs may be reading it
                ca.write_text(str(args.ca_pem))
            secret = {**(secret or {}), "CA_FILE": str(ca)}
        return start(init, path, secret, cwd=self.volume, shell=shell)

    def run(self, source: str, secret: dict[str, str] | None = None, **given: Any) -> Ended:
        return self.start(source, secret, **given).end()

    @property
    def volume(self) -> Path:
        return self.directory / "volume"

    def files(self) -> list[str]:
        """What is on the volume, without the lock, which stays."""
        found = [str(path.relative_to(self.volume)) for path in self.volume.rglob("*") if not path.is_dir()]
        return sorted(name for name in found if not name.endswith(".lock"))


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


# --- S3 and GCS -------------------------------------------------------------------------------------------------------------------------


@contextmanager
def started(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=5)
                break
            except urllib.error.HTTPError:
                break  # it answers
            except OSError:
                assert process.poll() is None, f"{command[0]} ended"
                assert time.monotonic() < deadline, f"{command[0]} does not come up"
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an S3 server with s3://bucket/dir/model.bin, which only KEY may read."""
    directory, port = tmp_path_factory.mktemp("s3"), free_ports(1)
    (directory / "bucket/dir").mkdir(parents=True)
    (directory / "bucket/dir/model.bin").write_bytes(BODY)
    command = [need("versitygw"), "--port", f"{LOOPBACK}:{port}", "posix", "--nometa", str(directory)]
    with started(command, port, {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": KEY}):
        yield f"http://{LOOPBACK}:{port}"


def static_key(endpoint: str) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "access_key_id": SecretKey(name="s3", key="id"),
        "secret_access_key": SecretKey(name="s3", key="key"),
    }


def held(key: str = KEY) -> dict[str, str]:
    """What the kubelet makes of the Secret."""
    return {"ACCESS_KEY_ID": KEY_ID, "SECRET_ACCESS_KEY": key}


def test_an_object_of_s3_is_fetched_with_a_key_that_nothing_shows(pod: Pod, s3: str) -> None:
    ended = pod.run("s3://bucket/dir/model.bin", held(), **static_key(s3))
    assert (ended.code, ended.out, ended.err) == (0, "model.bin: fetched s3://bucket/dir/model.bin\n", "")
    assert (pod.volume / "model.bin").read_bytes() == BODY
    assert pod.files() == ["model.bin"]
    assert (pod.volume / "model.bin").stat().st_mode & 0o777 == 0o644


def test_a_wrong_key_is_refused_at_once(pod: Pod, s3: str) -> None:
    ended = pod.run("s3://bucket/dir/model.bin", held("wrong-key"), timeout_seconds=200, **static_key(s3))
    assert ended.code == 1
    assert ended.err == (
        "s3://bucket/dir/model.bin cannot be read: curl: (22) The requested URL returned error: 403; "
        "check the credentials, their rights, and the region\n"
    )
    assert not (pod.volume / "model.bin").exists()


class Identities(BaseHTTPRequestHandler):
    """Stands in for AWS STS, the agent of EKS Pod Identity and the metadata server of GKE: gives what the S3 server knows."""

    def _give(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        pods = {"AccessKeyId": KEY_ID, "SecretAccessKey": KEY, "Token": "a/b+c=", "Expiration": "2030-01-01T00:00:00Z"}
        answers = {
            "/": (
                "WebIdentityToken=the%2Btoken" in asked and "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp" in asked,
                f"<R><Credentials>\n<AccessKeyId>{KEY_ID}</AccessKeyId>\n<SecretAccessKey>{KEY}</SecretAccessKey>"
                "<SessionToken>a/b+c=</SessionToken></Credentials></R>",
            ),
            "/pod": (self.headers["Authorization"] == "the+token", json.dumps(pods)),
            "/computeMetadata/v1/instance/service-accounts/default/token": (
                self.headers["Metadata-Flavor"] == "Google",
                '{"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"}',
            ),
            "/bucket/model.bin": (self.headers["Authorization"] == "Bearer ya29.abc", BODY.decode("latin-1")),
        }
        granted, text = answers[self.path]
        body = text.encode("latin-1") if granted else b""
        self.send_response(200 if granted else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _give

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def identities() -> Iterator[str]:
    with serving(ThreadingHTTPServer((LOOPBACK, free_ports(1)), Identities)) as server:
        yield f"http://{LOOPBACK}:{server.server_port}"


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
def test_the_identity_that_eks_gives_a_pod_is_used(pod: Pod, s3: str, identities: str, kind: str) -> None:
    token = pod.directory / "token"
    token.write_text("the+token")
    irsa = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:aws:iam::1:role/app", "AWS_ENDPOINT_URL_STS": identities}
    agent = {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token), "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{identities}/pod"}
    given = irsa if kind == "irsa" else agent
    ended = pod.run("s3://bucket/dir/model.bin", given, endpoint=s3, workload_identity=True)
    assert (ended.code, ended.err) == (0, "")
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_a_pod_without_an_identity_is_told(pod: Pod, s3: str) -> None:
    ended = pod.run("s3://bucket/dir/model.bin", endpoint=s3, workload_identity=True)
    assert (ended.code, ended.err) == (
        1,
        "the cluster gives this pod no identity for S3; set service_account= to one that has a role (IRSA, EKS Pod Identity)\n",
    )


def test_the_identity_that_gke_gives_a_pod_is_used(pod: Pod, identities: str) -> None:
    host = {"GCE_METADATA_HOST": identities.removeprefix("http://")}
    ended = pod.run("gs://bucket/model.bin", host, endpoint=identities, workload_identity=True)
    assert (ended.code, ended.err) == (0, "")
    assert (pod.volume / "model.bin").read_bytes() == BODY


class Redirecting(BaseHTTPRequestHandler):
    """An S3 or GCS server that sends everybody to another host."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers)  # type: ignore[attr-defined]
        self.send_response(307)
        self.send_header("Location", self.server.elsewhere)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class Elsewhere(Redirecting):
    """The other host, which has what is asked for."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)


@pytest.mark.parametrize("kind", ["s3, key", "s3, identity", "gs, key", "gs, identity"])
def test_no_credential_leaves_the_host_it_is_for_when_that_redirects(pod: Pod, identities: str, kind: str) -> None:
    first = free_ports(2)
    server, other = ThreadingHTTPServer((LOOPBACK, first), Redirecting), ThreadingHTTPServer((LOOPBACK, first + 1), Elsewhere)
    server.elsewhere = f"http://localhost:{first + 1}/bucket/model.bin"  # type: ignore[attr-defined]
    server.seen, other.seen = [], []  # type: ignore[attr-defined]
    token = pod.directory / "token"
    token.write_text("the+token")
    endpoint = f"http://{LOOPBACK}:{first}"
    secret = {
        "s3, key": {**held(), "SESSION_TOKEN": "a/b+c="},
        "s3, identity": {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token), "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{identities}/pod"},
        "gs, key": held(),
        "gs, identity": {"GCE_METADATA_HOST": identities.removeprefix("http://")},
    }[kind]
    scheme, _, how = kind.partition(", ")
    given = static_key(endpoint) if how == "key" else {"endpoint": endpoint, "workload_identity": True}
    with serving(server), serving(other):
        ended = pod.run(f"{scheme}://bucket/model.bin", secret, **given)
    (sent,) = server.seen  # type: ignore[attr-defined]
    assert KEY_ID in sent["Authorization"] or sent["Authorization"] == "Bearer ya29.abc"
    assert sent["x-amz-security-token"] == ("a/b+c=" if scheme == "s3" else None)
    assert [(seen["Authorization"], seen["x-amz-security-token"]) for seen in other.seen] == []  # type: ignore[attr-defined]
    assert (ended.code, ended.err) == (
        1,
        f"{scheme}://bucket/model.bin is redirected (307), which is not followed; check region and endpoint\n",
    )
    assert pod.files() == []


def test_an_object_that_is_not_there_is_told(pod: Pod, s3: str) -> None:
    ended = pod.run("s3://bucket/dir/absent.bin", held(), **static_key(s3))
    assert (ended.code, ended.err) == (1, "s3://bucket/dir/absent.bin does not exist: curl: (22) The requested URL returned error: 404\n")


def test_a_part_of_an_s3_object_is_gone_on_with(pod: Pod, s3: str) -> None:
    (pod.volume / ".fetch").mkdir(parents=True)
    (pod.volume / ".fetch/model.bin.part").write_bytes(BODY[:1000])
    ended = pod.run("s3://bucket/dir/model.bin", held(), **static_key(s3))
    assert (ended.code, ended.out) == (0, "resuming at byte 1000\nmodel.bin: fetched s3://bucket/dir/model.bin\n")
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_an_object_of_gcs_is_fetched(pod: Pod, tmp_path: Path) -> None:
    port = free_ports(1)
    (tmp_path / "gcs/bucket").mkdir(parents=True)
    (tmp_path / "gcs/bucket/model.bin").write_bytes(BODY)
    url = f"http://{LOOPBACK}:{port}"
    options = ["-scheme", "http", "-host", LOOPBACK, "-port", str(port), "-public-host", f"{LOOPBACK}:{port}", "-backend", "memory"]
    with started([need("fake-gcs-server"), *options, "-data", str(tmp_path / "gcs")], port, {}):
        ended = pod.run("gs://bucket/model.bin", endpoint=url)
    assert (ended.code, ended.err) == (0, "")
    assert (pod.volume / "model.bin").read_bytes() == BODY


# --- HTTPS with every fault -------------------------------------------------------------------------------------------------------------


@dataclass
class Web:
    """A web server and what was asked of it."""

    url: str
    ca: str
    bodies: dict[str, bytes] = field(default_factory=dict)
    """By path; `/x.bin` may be asked for with a fault: `/cut/x.bin`."""
    gets: list[str] = field(default_factory=list)
    """Path, and range after a space, of every GET."""
    authorizations: list[str | None] = field(default_factory=list)
    """What every GET had in its header Authorization."""
    elsewhere: str = ""
    """URL of the server that `/moved` redirects to."""
    healed: bool = False
    """Whether `/cut` has stopped cutting."""

    def args(self, **given: Any) -> dict[str, Any]:
        return {"ca_pem": self.ca, **given}


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            web.gets.append(" ".join(filter(None, (self.path, self.headers.get("Range", "")))))
            web.authorizations.append(self.headers.get("Authorization"))
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            fault, _, name = self.path.strip("/").rpartition("/")
            data = web.bodies.get(name)
            if data is None or (fault == "private" and self.headers.get("Authorization") != 'Bearer "a, b"'):
                self.send_response(404 if data is None else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if fault == "moved":
                self.send_response(302)
                self.send_header("Location", f"{web.elsewhere}/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first = 0
            asked = self.headers.get("Range", "")
            if asked and fault not in ("deaf", "endless"):
                first = int(asked.removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            if fault != "endless":
                self.send_header("Content-Length", str(len(data) - first))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if not body:
                return
            part = data[first:]
            broken = (fault == "cut" and not web.healed) or (fault in ("once", "deaf") and len(web.gets) == 1)
            try:
                if fault == "hang":
                    time.sleep(6)
                while True:
                    self.wfile.write(part[: len(part) // 2] if broken else part)
                    if fault != "endless":
                        break
            except OSError:
                pass  # the client has had enough

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler


@contextmanager
def web_server(directory: Path) -> Iterator[Web]:
    """A server at work, with the certificate in the directory, which is made if there is none."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=web")
    files = ("-keyout", str(key), "-out", str(certificate), "-addext", f"subjectAltName=IP:{LOOPBACK},DNS:localhost")
    if not certificate.exists():
        subprocess.run([need("openssl"), "req", "-x509", *curve, *files], check=True, capture_output=True)
    web = Web(url="", ca=certificate.read_text(), bodies={"model.bin": BODY})
    server = ThreadingHTTPServer((LOOPBACK, free_ports(1)), _handler(web))
    web.url = f"https://{LOOPBACK}:{server.server_port}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield web


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with web_server(tmp_path) as server:
        yield server


def test_a_file_of_a_web_server_is_fetched_and_verified(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/model.bin", **web.args(path="other"))
    assert (ended.code, ended.out, ended.err) == (0, f"other: fetched {web.url}/model.bin\n", "")
    assert (pod.volume / "other").read_bytes() == BODY
    assert pod.files() == ["other"]


def test_a_server_that_nobody_vouches_for_is_refused(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/model.bin")
    assert ended.code == 1
    assert ended.err.startswith(f"{web.url}/model.bin comes from a server that cannot be trusted: curl: (60) ")
    assert ended.err.endswith("; set ca_pem= to the authority of its certificate\n")
    assert ended.err.count("\n") == 1
    assert web.gets == []


def test_the_authorization_is_sent_and_not_shown(pod: Pod, web: Web) -> None:
    token = {"AUTHORIZATION": 'Bearer "a, b"'}
    given = web.args(authorization=SecretKey(name="web", key="token"))
    refused = pod.run(f"{web.url}/private/model.bin", **given)
    assert (refused.code, (pod.volume / "model.bin").exists()) == (1, False)
    ended = pod.run(f"{web.url}/private/model.bin", token, **given)
    assert (ended.code, ended.err) == (0, "")
    assert "Bearer" not in ended.out


@pytest.mark.parametrize("host", [LOOPBACK, "localhost"])
def test_the_authorization_is_not_sent_to_another_server_that_a_redirect_names(pod: Pod, web: Web, host: str) -> None:
    given = web.args(authorization=SecretKey(name="web", key="token"))
    with web_server(pod.directory) as other:
        web.elsewhere = other.url.replace(LOOPBACK, host)
        ended = pod.run(f"{web.url}/moved/model.bin", {"AUTHORIZATION": "Bearer secret"}, **given)
    assert (ended.code, ended.err) == (0, "")
    assert (web.authorizations, other.authorizations) == (["Bearer secret"], [None])
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_a_corrupted_object_is_refused(pod: Pod, web: Web) -> None:
    web.bodies["model.bin"] = BODY[:-1] + b"x"
    ended = pod.run(f"{web.url}/model.bin", **web.args())
    assert (ended.code, ended.err) == (
        1,
        f"{web.url}/model.bin has the wrong content: its sha256 is {sha256(web.bodies['model.bin'])}, not {sha256(BODY)}\n",
    )
    assert pod.files() == []


def test_an_interrupted_fetch_goes_on_where_it_was(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/once/model.bin", **web.args())
    assert (ended.code, ended.err) == (0, "")
    assert web.gets == ["/once/model.bin", f"/once/model.bin bytes={len(BODY) // 2}-"]
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_a_truncated_object_is_refused_and_the_next_container_goes_on(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/cut/model.bin", **web.args(timeout_seconds=3))
    arrived = (pod.volume / ".fetch/model.bin.part").stat().st_size
    assert ended.code == 1
    assert ended.err.startswith(f"{web.url}/cut/model.bin could not be fetched within 3 s ({arrived} of {len(BODY)} bytes arrived): ")
    assert ended.err.count("\n") == 1
    assert not (pod.volume / "model.bin").exists()
    web.healed = True
    assert pod.run(f"{web.url}/cut/model.bin", **web.args()).code == 0
    assert web.gets[-1] == f"/cut/model.bin bytes={arrived}-"
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_a_server_without_ranges_is_asked_once_more_from_the_start(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/deaf/model.bin", **web.args())
    assert ended.code == 0
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_an_object_larger_than_the_limit_is_refused_by_its_length(pod: Pod, web: Web) -> None:
    assert pod.run(f"{web.url}/model.bin", **web.args(size_limit="1000Ki")).code == 0
    ended = pod.run(f"{web.url}/model.bin", **web.args(size_limit="999Ki", path="other"))
    assert (ended.code, ended.err) == (1, f"{web.url}/model.bin has 1024000 bytes, but size_limit is 1022976; raise size_limit\n")
    assert pod.files() == ["model.bin"]


def test_an_object_without_a_length_is_counted(pod: Pod, web: Web) -> None:
    ended = pod.run(f"{web.url}/endless/model.bin", **web.args(size_limit="2Mi", timeout_seconds=200))
    assert (ended.code, ended.err) == (
        1,
        f"{web.url}/endless/model.bin sends more than 2097152 bytes, which is all there is room for; "
        "raise size_limit, or make the volume larger\n",
    )
    assert pod.files() == []


def test_an_object_for_which_the_volume_has_no_room_is_refused(pod: Pod, web: Web) -> None:
    path = programs(pod.directory / "programs", "curl", "flock")
    (path / "df").unlink()
    (path / "df").write_text("#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted'\necho 'x 1000 900 100 90% /'\n")
    (path / "df").chmod(0o755)
    # the shell of BusyBox prefers a df of its own
    ended = pod.run(f"{web.url}/model.bin", shell="dash", **web.args())
    assert (ended.code, ended.err) == (
        1,
        f"{web.url}/model.bin has 1024000 bytes, but the volume has room for 102400; make it larger\n",
    )
    assert pod.files() == []


def test_what_is_there_is_not_fetched_again_unless_it_was_changed(pod: Pod, web: Web) -> None:
    assert pod.run(f"{web.url}/model.bin", **web.args()).code == 0
    ended = pod.run(f"{web.url}/model.bin", **web.args())
    assert (ended.code, ended.out, len(web.gets)) == (0, "model.bin is already there\n", 1)
    (pod.volume / "model.bin").write_bytes(b"changed")
    assert pod.run(f"{web.url}/model.bin", **web.args()).code == 0
    assert len(web.gets) == 2
    assert (pod.volume / "model.bin").read_bytes() == BODY


def test_an_object_without_a_checksum_is_taken_as_it_is_once(pod: Pod, web: Web) -> None:
    given = web.args(sha256=None, allow_unverified=True)
    (pod.volume / ".fetch").mkdir(parents=True)
    (pod.volume / ".fetch/model.bin.part").write_bytes(b"of another version")
    assert pod.run(f"{web.url}/model.bin", **given).code == 0
    assert (pod.volume / "model.bin").read_bytes() == BODY
    assert pod.run(f"{web.url}/model.bin", **given).out == "model.bin is already there\n"


def test_pods_that_share_a_volume_fetch_once(pod: Pod, web: Web) -> None:
    replicas = [pod.start(f"{web.url}/model.bin", **web.args(persistent_volume_claim="models")) for _ in range(3)]
    ended = [replica.end() for replica in replicas]
    assert [(run.code, run.err) for run in ended] == [(0, "")] * 3
    assert len(web.gets) == 1
    there = "model.bin is already there\n"
    assert sorted(run.out for run in ended) == [there, there, f"model.bin: fetched {web.url}/model.bin\n"]


# --- archives ---------------------------------------------------------------------------------------------------------------------------


def tar(*entries: tuple[str, str, str]) -> bytes:
    """Entries are a name, a kind (file, link, hard) and a content or target."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            if kind == "file":
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))
            else:
                info.type, info.linkname = (tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE), content
                archive.addfile(info)
    return out.getvalue()


def zipped(*entries: tuple[str, str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, kind, content in entries:
            info = zipfile.ZipInfo(name)
            # as Info-ZIP does it
            info.compress_type = zipfile.ZIP_STORED if kind == "link" else zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = 3, (0o120777 if kind == "link" else 0o100644) << 16
            archive.writestr(info, content)
    return out.getvalue()


def offered(web: Web, archive: bytes, unpack: str, **given: Any) -> dict[str, Any]:
    """The archive on the server, and the arguments to unpack it."""
    web.bodies["a"] = archive
    return web.args(source=f"{web.url}/a", sha256=sha256(archive), unpack=unpack, path="model", **given)


@pytest.mark.parametrize(("make", "unpack"), [(tar, "tar.gz"), (zipped, "zip")])
def test_an_archive_is_unpacked_and_not_fetched_again(pod: Pod, web: Web, make: Any, unpack: str) -> None:
    given = offered(web, make(("d/a", "file", "one"), ("b", "file", "two"), ("d/c", "link", "../b")), unpack)
    ended = pod.run(**given)
    assert (ended.code, ended.err) == (0, "")
    assert {name: (pod.volume / "model" / name).read_text() for name in ("d/a", "b", "d/c")} == {"d/a": "one", "b": "two", "d/c": "two"}
    assert pod.files() == [".fetch/model.sha256", "model/b", "model/d/a", "model/d/c"]
    assert pod.run(**given).out == "model is already there\n"
    assert len(web.gets) == 1


def test_another_version_takes_the_place_of_what_was_unpacked(pod: Pod, web: Web) -> None:
    assert pod.run(**offered(web, tar(("old", "file", "1")), "tar.gz")).code == 0
    assert pod.run(**offered(web, tar(("new", "file", "2")), "tar.gz")).code == 0
    assert pod.files() == [".fetch/model.sha256", "model/new"]


@pytest.mark.parametrize(
    ("archive", "unpack"),
    [
        (tar(("ok", "file", "x"), ("../../evil", "file", "x")), "tar.gz"),
        (tar(("ok", "file", "x"), ("a/../../evil", "file", "x")), "tar.gz"),
        (tar(("/tmp/evil", "file", "x")), "tar.gz"),
        (tar(("l", "link", ".."), ("l/evil", "file", "x")), "tar.gz"),
        (tar(("l", "link", "/etc")), "tar.gz"),
        (tar(("l", "link", "../../../secret")), "tar.gz"),
        (tar(("h", "hard", "../../secret")), "tar.gz"),
        (zipped(("ok", "file", "x"), ("../evil", "file", "x")), "zip"),
        (zipped(("/tmp/evil", "file", "x")), "zip"),
        (zipped(("l", "link", "/etc")), "zip"),
        (zipped(("l", "link", "..")), "zip"),
        (tar(("a", "file", "x" * 100000))[:-20], "tar.gz"),
        (b"no archive", "tar.gz"),
        (b"no archive", "zip"),
    ],
    # an archive has the time in it
    ids=lambda value: value if isinstance(value, str) else "archive",
)
def test_an_archive_that_is_broken_or_reaches_out_of_its_directory_is_refused(pod: Pod, web: Web, archive: bytes, unpack: str) -> None:
    (pod.directory / "secret").write_text("s")
    ended = pod.run(**offered(web, archive, unpack))
    assert ended.code == 1
    assert ended.err.startswith(f"{web.url}/a cannot be unpacked: ")
    assert ended.err.count("\n") == 1
    assert pod.files() == []
    assert not list(pod.directory.rglob("evil"))


@pytest.mark.parametrize(("make", "unpack"), [(tar, "tar.gz"), (zipped, "zip")])
def test_an_archive_that_grows_beyond_the_limit_is_refused_before_it_is_unpacked(pod: Pod, web: Web, make: Any, unpack: str) -> None:
    given = offered(web, make(("a", "file", "x" * 2_000_000)), unpack, size_limit="1Mi")
    ended = pod.run(**given)
    left = 2**20 - len(web.bodies["a"])
    assert (ended.code, ended.err) == (
        1,
        f"{web.url}/a unpacks to more than the {left} bytes that are left beside it; raise size_limit, or make the volume larger\n",
    )
    assert not (pod.volume / "model").exists()


def test_it_stops_at_once_when_it_is_told_to(pod: Pod, web: Web) -> None:
    running = pod.start(f"{web.url}/hang/model.bin", **web.args())
    deadline = time.monotonic() + 10
    while not web.gets:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.process.terminate()
    assert running.end(timeout=3).code == 143
