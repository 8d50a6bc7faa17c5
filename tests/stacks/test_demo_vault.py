"""DemoVault: what it makes, and that VaultInit finds its secret there, run for real up to a stand-in for the API server."""

import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components import testing
from components.core.errors import ArgumentError
from components.core.pod_security import pod_security_level
from components.declared.demo_vault import DemoVault, DemoVaultArgs
from components.patterns.shared.vault import VaultSecret
from tests.behaviour.test_vault_script import box
from tests.support.programs import need
from tests.support.vaults import base64url, free_port


def recorded(args: DemoVaultArgs | None = None, *, preview: bool = False) -> testing.Recording:
    def program() -> dict[str, Any]:
        vault = DemoVault("vault", args)
        return {"address": vault.address, "ca_pem": vault.ca_pem}

    return testing.run(program, preview=preview)


def test_its_pod_passes_restricted_and_every_container_has_limits() -> None:
    spec = recorded().one("Deployment").inputs["spec"]["template"]["spec"]
    assert pod_security_level(spec) == "restricted"
    assert [c["name"] for c in spec["containers"]] == ["vault", "configure"]
    assert all(c["resources"]["limits"]["memory"] and c["resources"]["requests"]["cpu"] for c in spec["containers"])


def test_only_the_token_review_is_allowed_to_its_own_service_account() -> None:
    recording = recorded(DemoVaultArgs(namespace="demo"))
    account = recording.one("ServiceAccount").outputs["metadata"]
    binding = recording.one("ClusterRoleBinding").inputs
    assert binding["roleRef"]["name"] == "system:auth-delegator"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account["name"], "namespace": "demo"}]
    assert recording.one("Deployment").inputs["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]


def test_the_address_is_the_service_and_the_certificate_covers_it() -> None:
    recording = recorded(DemoVaultArgs(namespace="demo", service_name="secrets"))
    assert recording.value["address"] == "https://secrets.demo.svc:8200"
    assert recording.one("Service").inputs["metadata"]["name"] == "secrets"
    assert "secrets.demo.svc" in recording.one("SelfSignedCert").inputs["dnsNames"]
    assert recording.value["ca_pem"].startswith("-----BEGIN CERTIFICATE-----")


def test_every_object_is_in_the_namespace_and_previews() -> None:
    for preview in (False, True):
        recording = recorded(DemoVaultArgs(namespace="demo"), preview=preview)
        for kind in ("Deployment", "Service", "ServiceAccount", "ConfigMap", "Secret"):
            assert recording.one(kind).inputs["metadata"]["namespace"] == "demo"


def test_arguments_that_could_break_out_of_the_script_are_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        testing.run(lambda: DemoVault("vault", DemoVaultArgs(role="a; b", secret_path="../x", audience="")))
    rule = "a-z, 0-9 and '-', 63 characters at most"
    assert str(error.value) == (
        "DemoVault 'vault': 3 problems\n"
        f"  - role 'a; b' is not allowed: {rule}\n"
        "  - audience '' is not allowed: text, not empty, without NUL and lone surrogates\n"
        f"  - secret_path '../x' is not allowed: {rule}"
    )


@contextmanager
def api_server(certificate: dict[str, str], directory: Path) -> Iterator[int]:
    """Answers every TokenReview as the API server would for the default service account."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            user = {"username": "system:serviceaccount:default:default", "uid": "1", "groups": ["system:serviceaccounts"]}
            review["status"] = {"authenticated": True, "user": user, "audiences": review["spec"].get("audiences", [])}
            payload = json.dumps(review).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            pass

    (directory / "api.crt").write_text(certificate["tls.crt"])
    (directory / "api.key").write_text(certificate["tls.key"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "api.crt", directory / "api.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=10)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_vault_init_finds_its_secret_over_tls_and_again_after_a_restart(tmp_path: Path) -> None:
    vault = need("vault")
    # the server looks for its service account's token below /var/run: give it a /run of its own
    private = ["unshare", "--mount", "sh", "-c"]
    if os.geteuid() != 0 or subprocess.run([*private, "mount -t tmpfs none /run"], check=False, capture_output=True).returncode:
        pytest.skip("a mount namespace takes root")
    recording = recorded()
    spec = recording.one("Deployment").inputs["spec"]["template"]["spec"]
    certificate = recording.one("Secret").inputs["stringData"]
    outer, inner = str(free_port()), str(free_port())

    def moved(text: str) -> str:
        """Fixed ports would collide with whatever runs on this machine."""
        return text.replace(":8200", f":{outer}").replace(":8202", f":{inner}")

    home = tmp_path / "demo"
    for name, files in (("config", recording.one("ConfigMap").inputs["data"]), ("tls", certificate), ("home", {}), ("account", {})):
        (home / name).mkdir(parents=True)
        for file, content in files.items():
            (home / name / file).write_text(moved(content))
    (home / "account/ca.crt").write_text(certificate["tls.crt"])
    claims = {
        "iss": "kubernetes/serviceaccount",
        "aud": ["vault"],
        "sub": "system:serviceaccount:default:default",
        "iat": int(time.time()),
        "exp": int(time.time()) + 3600,
        "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "default", "uid": "1"}},
    }
    identity = ".".join([*(base64url(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims)), base64url(b"signature")])
    (home / "account/token").write_text(identity)
    server, configure = spec["containers"]
    at = "/run/secrets/kubernetes.io/serviceaccount"
    serve = [*private, f'mount -t tmpfs none /run && mkdir -p {at} && cp account/* {at} && exec "$@"', "sh"]
    serve += [vault, *(moved(part) for part in server["command"][1:])]
    path = f"{Path(vault).parent}:{os.environ['PATH']}"
    with ExitStack() as stack:
        port = stack.enter_context(api_server(certificate, tmp_path))
        environment = {v["name"]: moved(v["value"]) for v in configure["env"]} | {
            "PATH": path,
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(port),
        }
        stack.enter_context(process([need("busybox"), "sh", *configure["command"][1:]], cwd=home, env=environment))

        probe = [part.replace("/vault/home", str(home / "home")) for part in configure["readinessProbe"]["exec"]["command"]]

        def ready() -> bool:
            return subprocess.run([need("busybox"), *probe], check=False).returncode == 0

        assert not ready(), "a server that has not started is not configured"

        def fetched(directory: Path) -> dict[str, str]:
            """What VaultInit writes, once the pod would be ready."""
            directory.mkdir()
            token = home / "home/.vault-token"
            with process(serve, cwd=home, env={"PATH": path, "HOME": str(home / "home")}):
                wait_for(token.exists)
                wait_for(ready)
                init = box(
                    directory,
                    vault,
                    identity=identity,
                    address=f"https://127.0.0.1:{outer}",
                    ca_pem=recording.value["ca_pem"],
                    role="elasticsearch",
                    secrets=(VaultSecret(path="my-secret", file="all.json", format="json"),),
                )
                run = init.run()
                assert (run.code, run.err) == (0, "")
                return dict(json.loads(init.files()["all.json"]))

        first = fetched(tmp_path / "first")
        assert (first["username"], len(first["password"])) == ("demo", 32)
        second = fetched(tmp_path / "second")
        assert second["password"] != first["password"]
