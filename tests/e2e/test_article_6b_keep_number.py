"""Article, section 6b: an app that can only be told its address keeps its number, on 127.0.0.1; the ambassador has it on the pod's own."""

from collections.abc import Callable

import pulumi

from components.core.app import App, Port, Rebind
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy
from .light import bare

TEXT, PLAIN = "the app\n", "The plain HTTP request was sent to HTTPS port"


def app(listen: str) -> App:
    """busybox httpd; `listen` is the address that it binds, in shell."""
    serve = f"mkdir /tmp/www; printf '{TEXT.strip()}\\n' >/tmp/www/index.html; exec httpd -f -p {listen}:8080 -h /tmp/www"
    return App(
        name="web",
        image="busybox:1.37",
        command=["sh", "-c", serve],
        ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))],
        env={"HOST": "0.0.0.0"},
        empty_dirs={"/tmp": "1Mi"},
        readiness_probe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        pre_stop_seconds=0,
    )


def test_an_app_that_is_told_its_address_alone_is_reachable_through_tls_only(namespace: Namespace, figure: Callable[[str], None]) -> None:
    def program() -> None:
        args = WorkloadArgs(app=app("$HOST"), patterns=[TlsAmbassadorArgs()], namespace=namespace.name)
        workload = Workload("web", args)
        pulumi.export("ca_pem", workload.ca_pem)
        pulumi.export("level", workload.pod_security_level)

    deployment = deploy(namespace, program)
    assert deployment.outputs["level"] == "restricted"
    client, pod = Client(namespace), namespace.pod("web")
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    address = namespace.get("pod", pod)["status"]["podIP"]
    assert client.curl("--cacert", ca, "https://web:8080").out == TEXT
    assert PLAIN in client.curl(f"http://{address}:8080").out
    # within the pod the number is the app's
    assert namespace.exec(pod, "web", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/").out == TEXT
    listening = namespace.exec(pod, "web", "netstat", "-tln").out
    assert "127.0.0.1:8080" in listening
    assert f"{address}:8080" in listening
    assert "0.0.0.0:8080" not in listening
    figure("restricted pod, app on 127.0.0.1:8080, TLS on the pod's address with the same number: https 200, http 400")


def test_an_app_that_ignores_its_address_never_serves(namespace: Namespace) -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
        bare(namespace, "web", app("0.0.0.0"), [tls])

    deploy(namespace, program, wait=False)
    client = Client(namespace)

    def ended() -> bool:
        statuses = namespace.get("pod", "web")["status"].get("containerStatuses", ())
        return any((s["state"].get("terminated") or {}).get("exitCode") for s in statuses if s["name"] == "web")

    eventually(ended, "the app, ended", timeout=60)
    assert "Address already in use" in namespace.logs("web", "web")
    address = namespace.get("pod", "web")["status"]["podIP"]
    assert TEXT not in client.curl(f"http://{address}:8080").out
