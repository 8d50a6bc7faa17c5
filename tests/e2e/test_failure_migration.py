"""TLS added to a workload that serves, and removed again: no client notices, and none has to change on the same day."""

import time
from collections.abc import Callable

import pulumi

from components.certificates import CertificateAuthority
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace
from .deploy import Deployment, deploy
from .light import LoadClient, gone, scripts, told, web

Figure = Callable[[str], None]
PLAIN, TLS = "http://web:8080/", "https://web:8080/"
LOAD = ("--keep-alive", "4", "--new", "4", "--rate", "50", "--most", "60000", "--seconds", "240")


def test_clients_change_one_after_the_other(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)

    def serving(plain: bool, tls: bool) -> Callable[[], None]:
        def program() -> None:
            authority = CertificateAuthority("ca")
            ambassador = TlsAmbassadorArgs(plain_too=plain, max_connections=500)
            patterns = [ambassador] if tls else []
            args = WorkloadArgs(app=web(), namespace=namespace.name, replicas=2, authority=authority, patterns=patterns)
            pulumi.export("endpoint", Workload("web", args).endpoints["http"])
            pulumi.export("ca_pem", authority.ca_pem)

        return program

    deployment = deploy(namespace, serving(plain=True, tls=False))
    client = LoadClient(namespace)
    client.trust(deployment.outputs["ca_pem"])

    def change(plain: bool, tls: bool, url: str, deployment: Deployment) -> str:
        """The next step while clients speak that; what was seen."""
        before = [pod["metadata"]["name"] for pod in namespace.pods("web")]
        with client.load(url, *LOAD) as result:
            time.sleep(2)
            deployment.up(serving(plain=plain, tls=tls))
            gone(namespace, before)
        assert result["failures"] == 0, str(result)
        assert result["requests"] > 1000
        rolled = "both" if plain and tls else "TLS alone" if tls else "plain text alone"
        return f"{url.partition(':')[0]} while {rolled} rolls out: {told(result)}"

    figure(change(True, True, PLAIN, deployment))
    assert deployment.outputs["endpoint"].startswith("http://")
    figure(change(False, True, TLS, deployment))
    assert deployment.outputs["endpoint"].startswith("https://")
    figure(change(True, True, TLS, deployment))
    figure(change(True, False, PLAIN, deployment))
