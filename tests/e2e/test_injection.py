"""Patterns in a chart that this library did not make: examples/chart, as Helm renders it."""

import sys
from base64 import b64decode
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from components import CertificateAuthority, LogTailSidecarArgs, Port, Rebind, Target, TlsAmbassadorArgs, extend
from tests.support.chart import NAMESPACE

from .client import Client
from .cluster import Namespace, eventually, kubectl, run
from .deploy import deploy
from .light import ready

CHART = Path(__file__).parent.parent / "golden" / "chart.yaml"
TARGET = Target(
    name="orders",
    container="orders",
    # podinfo is told its address; the neighbour goes on asking localhost:9898
    ports=[Port(name="http", number=9898, rebind=Rebind(env={"PODINFO_HOST": "{host}"}))],
)


def manifests(namespace: Namespace) -> list[dict[str, Any]]:
    """The chart's objects in that namespace, without hooks and what needs an operator."""
    text = CHART.read_text(encoding="utf-8").replace(f"namespace: {NAMESPACE}", f"namespace: {namespace.name}")
    found = [m for m in yaml.safe_load_all(text) if m and m["kind"] != "ServiceMonitor"]
    return [m for m in found if "helm.sh/hook" not in (m["metadata"].get("annotations") or {})]


@pytest.fixture
def chart(namespace: Namespace) -> dict[str, Any]:
    """The chart's Deployment; everything else is there already."""
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": namespace.name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/tmp/{namespace.name}", "type": "DirectoryOrCreate"},
            "claimRef": {"namespace": namespace.name, "name": "data-orders-cache-0"},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    }
    namespace.undo.append(lambda: kubectl("delete", "pv", namespace.name, "--wait=false"))
    everything = manifests(namespace)
    (deployment,) = [deepcopy(m) for m in everything if m["kind"] == "Deployment"]
    others = [m for m in everything if m["kind"] != "Deployment"]
    for cache in (m for m in others if m["kind"] == "StatefulSet"):
        # the node's directory is root's, and the chart has no group for its volume
        permit = {"name": "permit", "image": "busybox:1.37", "command": ["chmod", "0777", "/data"]}
        mounts = [{"name": "data", "mountPath": "/data"}]
        root = {"runAsUser": 0, "runAsNonRoot": False}
        cache["spec"]["template"]["spec"]["initContainers"] = [{**permit, "securityContext": root, "volumeMounts": mounts}]
        for claim in cache["spec"]["volumeClaimTemplates"]:
            claim["spec"]["storageClassName"] = ""
    namespace.apply(volume, *others)
    return deployment


def test_a_chart_serves_tls_and_its_containers_still_reach_each_other(
    namespace: Namespace, chart: dict[str, Any], figure: Callable[[str], None]
) -> None:
    def program() -> None:
        authority = CertificateAuthority("ca")
        tls = TlsAmbassadorArgs(service_name="orders", namespace=namespace.name, authority=authority)
        logs = LogTailSidecarArgs(directory="/var/log/orders", files=["orders.log"])
        manifest = {**chart, "metadata": {**chart["metadata"], "namespace": namespace.name}}
        kubernetes.apps.v1.Deployment("orders", **extend(manifest, [tls, logs], target=TARGET))
        pulumi.export("ca_pem", authority.ca_pem)

    deployment = deploy(namespace, program)
    client, (pod, *_) = Client(namespace), namespace.all("pods", "app.kubernetes.io/component=app")
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    assert ready(pod)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    assert '"message": "Orders of eu-central"' in client.curl("--cacert", ca, "https://orders:80/").out
    assert "400" in client.curl("-o", "/dev/null", "-w", "%{http_code}", f"http://{address}:9898/").out
    # the neighbour is not cut off
    eventually(lambda: "200 " in namespace.logs(name, "heartbeat"), "the neighbour's 200")
    level = namespace.get("pod", name)["spec"]["securityContext"]
    assert level["runAsUser"] == 100
    assert "fsGroup" not in level
    figure("a Helm chart with two containers: https 200 by its Service, http 400, its neighbour on localhost still 200")


def test_what_the_command_prints_is_applied_as_it_is(namespace: Namespace, chart: dict[str, Any], tmp_path: Path) -> None:
    """As Helm calls it: the manifests in, and out with the patterns, the certificate's Secret among them."""
    target = {"name": "orders", "namespace": namespace.name, "container": "orders"}
    port = {"name": "http", "number": 9898, "rebind": {"env": {"PODINFO_HOST": "{host}"}}}
    injection = {"name": "ours", "target": {**target, "ports": [port]}, "patterns": [{"kind": "TlsAmbassador", "service_name": "orders"}]}
    patterns = tmp_path / "patterns.yaml"
    patterns.write_text(yaml.safe_dump({"injections": [injection], "authority": {}}))
    manifest = {**chart, "metadata": {**chart["metadata"], "namespace": namespace.name}}
    command = [sys.executable, "-m", "components", "inject", "-f", str(patterns), "--keys", str(tmp_path / "keys.json")]
    done = run(*command, stdin=yaml.safe_dump(manifest))
    assert done.code == 0, done.err
    namespace.kubectl("apply", "-f", "-", stdin=done.out)
    namespace.kubectl("rollout", "status", "deployment/orders", "--timeout=180s", timeout=200)
    objects = {m["kind"]: m for m in yaml.safe_load_all(done.out)}
    client = Client(namespace)
    ca = client.file("ca.pem", b64decode(objects["Secret"]["data"]["ca.crt"]).decode())
    assert '"message": "Orders of eu-central"' in client.curl("--cacert", ca, "https://orders:80/").out
