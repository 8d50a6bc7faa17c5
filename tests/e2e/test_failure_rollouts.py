"""What clients notice of a rollout: nothing."""

import time
from collections.abc import Callable
from typing import Any

import pulumi

from components.certificates import CertificateAuthority, CertificateAuthorityArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import WorkloadArgs

from .cluster import Namespace
from .deploy import deploy, deploy_stack
from .light import LoadClient, gone, scripts, told, web, workload

Figure = Callable[[str], None]
URL = "https://web:8080/"
# bounded: at most 8 clients of 100 requests a second each, 60,000 requests, and four minutes
LOAD = ("--keep-alive", "4", "--new", "4", "--rate", "100", "--most", "60000", "--seconds", "240")


def test_a_rolling_update_under_load_fails_no_request(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)

    def up(version: str) -> Callable[[], None]:
        def program() -> None:
            app = web(env={"HOST": "0.0.0.0", "PORT": "8080", "VERSION": version})
            tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
            workload(WorkloadArgs(app=app, namespace=namespace.name, replicas=2), tls)

        return program

    deployment = deploy(namespace, up("1"))
    client = LoadClient(namespace)
    client.trust(deployment.outputs["ca_pem"])
    before = [pod["metadata"]["name"] for pod in namespace.pods("web")]
    with client.load(URL, *LOAD, "--least", "20000") as result:
        time.sleep(3)
        deployment.up(up("2"))
        # to the end of the old pods
        gone(namespace, before)
    figure(told(result))
    assert result["failures"] == 0, str(result)
    assert result["requests"] >= 20_000
    assert min(result["modes"].values()) > 5_000, str(result)
    after = [pod["metadata"]["name"] for pod in namespace.pods("web")]
    assert set(result["pods"]) == {*before, *after}
    # the clients that keep their connection were sent to the new pods in time: each of the four had to move once at least
    assert result["connections"]["keep-alive"] >= 8, str(result)


def test_a_certificate_renewed_and_then_replaced_under_load_fails_no_request(namespace: Namespace, figure: Figure) -> None:
    scripts(namespace)

    def up(signed_by: str, *, replacement: bool, names: tuple[str, ...] = ()) -> Callable[[], None]:
        """The workload with a certificate by the `first` authority or the `second`, which replaces it."""

        def program() -> None:
            authorities = {"first": CertificateAuthority("first", CertificateAuthorityArgs(common_name="first"))}
            trusted = authorities["first"].trust_bundle_pem
            if replacement:
                args = CertificateAuthorityArgs(common_name="second", previous_ca_pems=(authorities["first"].ca_pem,))
                authorities["second"] = CertificateAuthority("second", args)
                trusted = authorities["second"].trust_bundle_pem
            tls = TlsAmbassadorArgs(service_name="web", namespace=namespace.name, authority=authorities[signed_by], dns_names=names)
            workload(WorkloadArgs(app=web(pre_stop_seconds=8), namespace=namespace.name), TlsAmbassador("tls", tls))
            pulumi.export("trusted", trusted)

        return program

    deployment = deploy(namespace, up("first", replacement=False))
    client = LoadClient(namespace)
    client.trust(deployment.outputs["trusted"])
    first = namespace.pod("web")
    with client.load(URL, *LOAD) as result:
        time.sleep(3)
        # renewed by the same authority: a new certificate, and nothing for the clients to do
        deployment.up(up("first", replacement=False, names=("web.example.com",)))
        gone(namespace, [first])
        # the new authority is announced before anything is signed by it
        deployment.up(up("first", replacement=True, names=("web.example.com",)))
        second = namespace.pod("web")
        client.trust(deployment.outputs["trusted"])
        time.sleep(3)
        deployment.up(up("second", replacement=True, names=("web.example.com",)))
        gone(namespace, [second])
        time.sleep(3)
    figure(f"{told(result)}, certificates {result['certificates']}")
    assert result["failures"] == 0, str(result)
    assert result["requests"] > 5_000
    issuers = sorted(certificate.split(" of ")[1] for certificate in result["certificates"])
    assert issuers == ["first", "first", "second"], str(result)


def test_a_changed_argument_is_one_rollout_of_the_same_objects(unborn_namespace: Namespace, figure: Figure) -> None:
    namespace = unborn_namespace

    def change(**arguments: Any) -> Callable[[dict[str, Any]], None]:
        def changed(config: dict[str, Any]) -> None:
            config["workload"]["replicas"] = 1
            next(pattern for pattern in config["patterns"] if pattern["kind"] == "TlsAmbassador").update(arguments)

        return changed

    def seen() -> dict[str, Any]:
        deployment, service = namespace.get("deployment", "podinfo"), namespace.get("service", "podinfo")
        return {
            "identities": [o["metadata"]["uid"] for o in (deployment, service)],
            "address": service["spec"]["clusterIP"],
            "revision": deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "rollouts": len(namespace.all("replicasets")),
        }

    deployment = deploy_stack(namespace, "prod", change())
    before = seen()
    deploy_stack(namespace, "prod", change(), on=deployment)
    assert seen() == before
    began = time.monotonic()
    deploy_stack(namespace, "prod", change(timeout_seconds=120), on=deployment)
    took = time.monotonic() - began
    after = seen()
    figure(f"revision {before['revision']} -> {after['revision']} in {took:.0f} s, the same Deployment and Service")
    assert after == {**before, "revision": "2", "rollouts": 2}
    config = namespace.exec(namespace.pod("podinfo"), "nginx-proxy", "grep", "proxy_read_timeout", "/etc/nginx-proxy/nginx.conf")
    assert config.out.strip() == "proxy_read_timeout 120s;"
