"""What clients notice of a certificate that is replaced in its Secret: nothing, not even a new pod."""

import time
from collections.abc import Callable, Mapping

from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import WorkloadArgs
from tests.support.nginx_proxy import certificate

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import LoadClient, ready, scripts, statuses, told, web, workload

TAKEN = "the mounted files have changed; nginx reloaded them"
URL = "https://web:8080/"
# bounded: at most 6 clients of 40 requests a second each, 60,000 requests, and four minutes; the kubelet takes its time
LOAD = ("--keep-alive", "4", "--new", "2", "--rate", "40", "--most", "60000", "--seconds", "240")


def secret(namespace: Namespace, files: Mapping[str, str]) -> None:
    """The Secret has this certificate now."""
    metadata = {"name": "web-tls"}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "stringData": dict(files)})


def test_a_certificate_replaced_in_its_secret_is_taken_under_load_in_the_same_pod(
    namespace: Namespace, figure: Callable[[str], None]
) -> None:
    scripts(namespace)
    old, new = certificate(), certificate()
    secret(namespace, old)

    def program() -> None:
        # without its access log, because all that it says is read again and again
        tls = TlsAmbassadorArgs(service_name="web", namespace=namespace.name, secret_name="web-tls", reload=True, access_log=False)
        workload(WorkloadArgs(app=web(), namespace=namespace.name), TlsAmbassador("tls", tls))

    deploy(namespace, program)
    client = LoadClient(namespace)
    client.trust(old["ca.crt"] + new["ca.crt"])
    pod = namespace.pod("web")
    with client.load(URL, *LOAD) as result:
        time.sleep(3)
        secret(namespace, new)
        began = time.monotonic()
        eventually(lambda: TAKEN in namespace.logs(pod, "nginx-proxy"), "the new certificate is taken", timeout=180)
        took = time.monotonic() - began
        # to the end of the old worker, which waits for no client that keeps its connection
        time.sleep(10)
    figure(f"{told(result)}; taken after {took:.0f} s; certificates {result['certificates']}")
    assert result["failures"] == 0, str(result)
    assert result["requests"] > 1_000
    assert min(result["modes"].values()) > 300, str(result)
    assert len(result["certificates"]) == 2, str(result)
    # each of the four that keep their connection had to open another one
    assert result["connections"]["keep-alive"] >= 8, str(result)
    assert result["pods"].keys() == {pod}
    (same,) = namespace.pods("web")
    assert (same["metadata"]["name"], ready(same)) == (pod, True)
    assert {name: container["restartCount"] for name, container in statuses(same).items()} == {"nginx-proxy": 0, "web": 0}
    assert len(namespace.all("replicasets")) == 1
    assert namespace.logs(pod, "nginx-proxy").count(TAKEN) == 1
