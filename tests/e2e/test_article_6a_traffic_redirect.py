"""Article, section 6a: an init container that sets the pod's packet rules."""

from collections.abc import Callable

import pulumi
import pytest

from components.core.app import App, Port
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy

TEXT, PLAIN = "the app\n", "The plain HTTP request was sent to HTTPS port"
CANNOT_CONNECT = 7
"""Exit code of curl."""

# on every address, and it cannot be told otherwise
APP = App(
    name="web",
    image="busybox:1.37",
    command=("sh", "-c", f"mkdir /tmp/www; printf '{TEXT.strip()}\\n' >/tmp/www/index.html; exec httpd -f -p 0.0.0.0:8080 -h /tmp/www"),
    ports=(Port(name="http", number=8080),),
    empty_dirs={"/tmp": "1Mi"},
    readiness_probe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    pre_stop_seconds=0,
)


def test_an_app_that_only_listens_on_every_address_is_reachable_through_tls_only(
    namespace: Namespace, figure: Callable[[str], None]
) -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
        patterns = [TrafficRedirectInit("redirect"), tls]
        workload = Workload("web", WorkloadArgs(app=APP, patterns=patterns, namespace=namespace.name))
        pulumi.export("ca_pem", workload.ca_pem)
        pulumi.export("level", workload.pod_security_level)
        pulumi.export("privileged", workload.privileged_containers)

    deployment = deploy(namespace, program)
    assert deployment.outputs["level"] == "privileged"
    assert deployment.outputs["privileged"] == ["traffic-redirect"]
    client, pod = Client(namespace), namespace.pod("web")
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    address = namespace.get("pod", pod)["status"]["podIP"]

    # the app is ready through the ambassador, and that is where clients get
    assert client.curl("--cacert", ca, "https://web:8080").out == TEXT
    assert PLAIN in client.curl("http://web:8080").out
    assert PLAIN in client.curl(f"http://{address}:8080").out
    assert PLAIN in client.curl(f"http://{address}:15000").out
    assert client.curl(f"http://{address}:8081").code == CANNOT_CONNECT
    # it did not move: from within the pod it is where it was
    inside = namespace.exec(pod, "web", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/")
    assert inside.out == TEXT, inside.text
    listening = namespace.exec(pod, "web", "netstat", "-tln").out
    assert "0.0.0.0:8080" in listening
    # the init container has ended, with its capability
    statuses = namespace.get("pod", pod)["status"]["initContainerStatuses"]
    ended = next(s for s in statuses if s["name"] == "traffic-redirect")["state"]["terminated"]
    assert ended["exitCode"] == 0
    figure("an app on 0.0.0.0:8080: https 200, http 400, from another pod")


def test_after_the_ambassador_crashed_its_traffic_is_still_redirected(namespace: Namespace) -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
        patterns = [TrafficRedirectInit("redirect"), tls]
        Workload("web", WorkloadArgs(app=APP, patterns=patterns, namespace=namespace.name))

    deploy(namespace, program)
    client, pod = Client(namespace), namespace.pod("web")
    address = namespace.get("pod", pod)["status"]["podIP"]
    done = namespace.exec(pod, "nginx-proxy", "kill", "-QUIT", "1")
    assert done.code == 0, done.text

    plain: list[str] = []

    def restarted() -> bool:
        answer = client.curl(f"http://{address}:8080")
        plain.extend([answer.out] * (TEXT in answer.out))
        statuses = namespace.get("pod", pod)["status"]["initContainerStatuses"]
        proxy = next(s for s in statuses if s["name"] == "nginx-proxy")
        return bool(proxy["restartCount"] and proxy["started"] and PLAIN in answer.out)

    eventually(restarted, "the proxy, restarted", timeout=60)
    # never the app itself, whether the proxy is there or not
    assert not plain


@pytest.mark.parametrize("namespace", ["baseline"], indirect=True)
def test_a_namespace_that_enforces_baseline_refuses_it(namespace: Namespace) -> None:
    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
        patterns = [TrafficRedirectInit("redirect"), tls]
        Workload("web", WorkloadArgs(app=APP, patterns=patterns, namespace=namespace.name))

    deploy(namespace, program, wait=False)

    def refused() -> bool:
        events = namespace.try_kubectl("get", "events", "-o", "jsonpath={.items[*].message}").out
        return 'violates PodSecurity "baseline:latest"' in events and "NET_ADMIN" in events

    eventually(refused, "the refusal of the namespace", timeout=30)
