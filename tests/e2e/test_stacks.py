"""The other stacks, deployed as their files are, in namespaces of the tests."""

import base64
import json
from typing import Any

import pulumi

from components.declared.demo_vault import DemoVault, DemoVaultArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy, deploy_stack
from .node import Node


def test_what_the_render_stack_writes_applies_and_runs(namespace: Namespace, node: Node) -> None:
    assert node
    # its Vault is somebody else's

    def vault() -> None:
        demo = DemoVault("demo", DemoVaultArgs(namespace=namespace.name))
        pulumi.export("address", demo.address)
        pulumi.export("ca_pem", demo.ca_pem)

    there = deploy(namespace, vault).outputs
    metadata = {"name": "vault-ca"}
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": there["ca_pem"]}})

    def change(config: dict[str, Any]) -> None:
        vault_init = next(pattern for pattern in config["patterns"] if pattern["kind"] == "VaultInit")
        vault_init["address"] = there["address"]

    outputs = deploy_stack(namespace, "render", change).outputs
    client = Client(namespace)
    answer = client.curl("--cacert", client.file("ca.pem", outputs["ca_pem"]), "https://elasticsearch:9200")
    assert json.loads(answer.out)["version"]["number"] == "7.9.3", answer.text


def test_the_prod_stack_is_admitted_in_its_restricted_namespace(unborn_namespace: Namespace) -> None:
    namespace = unborn_namespace
    outputs = deploy_stack(namespace, "prod").outputs
    labels = json.loads(namespace.kubectl("get", "namespace", namespace.name, "-o", "json"))["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    refused = namespace.try_kubectl("run", "privileged", "--image=busybox:1.37", "--privileged")
    assert 'violates PodSecurity "restricted' in refused.err
    assert outputs["pod_security_level"] == "restricted"
    assert len(namespace.pods("podinfo")) == 3

    client = Client(namespace)
    secret = json.loads(namespace.kubectl("get", "secret", outputs["client_certificates"]["frontend"], "-o", "json"))["data"]
    files = {name: client.file(name, base64.b64decode(value).decode()) for name, value in secret.items()}
    trust = ("--cacert", files["ca.crt"])
    identity = ("--cert", files["tls.crt"], "--key", files["tls.key"])
    url = outputs["endpoints"]["http"]

    def answers() -> bool:
        return client.curl(*trust, *identity, "-o", "/dev/null", "-w", "%{http_code}", f"{url}/healthz").out == "200"

    eventually(answers, "podinfo behind mutual TLS", timeout=30)
    # nobody else gets to it
    assert "400 No required SSL certificate was sent" in client.curl(*trust, f"{url}/healthz").out
    # the cache beside it
    assert client.curl(*trust, *identity, "-X", "POST", "-d", "kept", "-w", "%{http_code}", f"{url}/cache/e2e").out.endswith("202")

    def kept() -> bool:
        # each of the three pods has a cache of its own
        return client.curl(*trust, *identity, f"{url}/cache/e2e").out == "kept"

    eventually(kept, "an answer out of the cache", timeout=30)
