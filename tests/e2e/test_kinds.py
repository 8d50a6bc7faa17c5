"""Kinds of workloads: StatefulSets keep their data and their names, Jobs and CronJobs come to an end."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pulumi

from components.carriers import CronJob, Job, StatefulSet
from components.carriers.claim import Claim
from components.certificates import CertificateAuthority
from components.core.app import App
from components.patterns.config_reload_sidecar import ConfigReloadSidecarArgs
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.log_shipper_sidecar import LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.migration_init import MigrationInitArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecarArgs
from components.patterns.shared.vault import VaultSecret
from components.patterns.sysctl_init import SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.vault_agent_sidecar import VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInitArgs
from components.patterns.wait_for_init import WaitForInitArgs
from components.presets.elasticsearch import DATA, elasticsearch
from components.presets.elasticsearch_cluster import elasticsearch_cluster
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy
from .light import LoadClient, ready, scripts, statuses, told, web
from .node import Node
from .test_article_5_log_shipper import receiver_app
from .vault import ADDRESS, ROLE, Vault

Figure = Callable[[str], None]
URL = "https://elasticsearch:9200"
# how full the disk of the node is, which Elasticsearch looks at before it copies a shard, is nothing that is tested here
SMALL = elasticsearch(env={"ES_JAVA_OPTS": "-Xms256m -Xmx256m", "cluster.routing.allocation.disk.threshold_enabled": "false"})


def replaced(namespace: Namespace, name: str, *, delete: bool = True) -> None:
    """Deletes a pod of a StatefulSet, and waits until there is another one that is ready."""
    before = namespace.get("pod", name)["metadata"]["uid"]
    if delete:
        namespace.kubectl("delete", "pod", name, "--wait=false")

    def another() -> bool:
        pod = namespace.get("pod", name)
        return pod["metadata"]["uid"] != before and ready(pod)

    eventually(another, f"another {name} that is ready", timeout=180)


def test_a_pod_that_was_deleted_finds_its_documents_again(namespace: Namespace, node: Node) -> None:
    claim = Claim(name="data", size="1Gi", mount_path=DATA, storage_class=node.volumes(namespace, 1))
    args = WorkloadArgs(app=SMALL, namespace=namespace.name, kind=StatefulSet(claims=[claim]), patterns=[TlsAmbassadorArgs()])

    def program() -> None:
        pulumi.export("ca_pem", Workload("search", args).ca_pem)

    deployment = deploy(namespace, program)
    client = Client(namespace)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    document = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"text": "kept"}']
    made = client.curl("--cacert", ca, *document, f"{URL}/notes/_doc/1?refresh=true")
    assert json.loads(made.out)["result"] == "created", made.text
    replaced(namespace, "elasticsearch-0")
    answer = client.curl("--cacert", ca, f"{URL}/notes/_doc/1")
    assert json.loads(answer.out)["_source"] == {"text": "kept"}, answer.text
    # the pod by its own name, verified
    own = client.curl("--cacert", ca, f"https://elasticsearch-0.elasticsearch-headless.{namespace}.svc.cluster.local:9200")
    assert json.loads(own.out)["tagline"] == "You Know, for Search", own.text


def test_a_cluster_of_three_serves_while_a_pod_dies_and_a_certificate_is_renewed(namespace: Namespace, node: Node, figure: Figure) -> None:
    scripts(namespace)
    storage_class = node.volumes(namespace, 3)

    def up(*names: str) -> Callable[[], None]:
        def program() -> None:
            args = elasticsearch_cluster(
                SMALL,
                size="1Gi",
                storage_class=storage_class,
                min_ready_seconds=15,
                namespace=namespace.name,
                authority=CertificateAuthority("ca"),
                patterns=[SysctlInitArgs(strategy="none"), TlsAmbassadorArgs(dns_names=names)],
            )
            pulumi.export("ca_pem", Workload("search", args).ca_pem)

        return program

    began = time.monotonic()
    deployment = deploy(namespace, up())
    took = time.monotonic() - began
    client, load = Client(namespace), LoadClient(namespace)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])
    load.trust(deployment.outputs["ca_pem"])

    def ask(path: str, *options: str) -> dict[str, Any]:
        done = client.curl("--cacert", ca, "-H", "Content-Type: application/json", *options, f"{URL}/{path}")
        assert done.code == 0, done.text
        return dict(json.loads(done.out))

    health = ask("_cluster/health?wait_for_nodes=3&timeout=60s")
    assert (health["number_of_nodes"], health["timed_out"]) == (3, False), health
    # a copy on every node: what a database can promise while one of them is away
    ask("notes", "-X", "PUT", "-d", '{"settings": {"number_of_shards": 1, "number_of_replicas": 2}}')
    ask("notes/_doc/1?refresh=true", "-X", "PUT", "-d", '{"text": "kept"}')
    assert ask("_cluster/health?wait_for_status=green&timeout=60s")["status"] == "green"
    options = ("--keep-alive", "3", "--new", "3", "--rate", "30", "--most", "200000", "--seconds", "900")
    with load.load(f"{URL}/notes/_doc/1", *options) as result:
        time.sleep(3)
        replaced(namespace, "elasticsearch-1")
        assert ask("_cluster/health?wait_for_status=green&timeout=120s")["status"] == "green"
        deployment.up(up("search.example.com"), timeout=600)
        time.sleep(3)
    figure(f"three nodes ready in {took:.0f} s; {told(result)}, certificates {result['certificates']}")
    assert result["failures"] == 0, str(result)
    assert result["requests"] > 2_000
    assert len(result["certificates"]) == 2, str(result)
    assert len(result["pods"]) == 1, str(result)
    assert ask("_cluster/health?wait_for_status=green&timeout=120s")["number_of_nodes"] == 3


# uses what the patterns give it, says so in its log, and ends
_WORK = """
import os, pathlib, socket, urllib.request
found = {
    "secret": pathlib.Path("/vault/secrets/login").read_text(),
    "live secret": pathlib.Path("/live/login").read_text(),
    "fetched": str(len(pathlib.Path("/fetched/big").read_bytes())),
    "config": str(pathlib.Path("/config/greeting").read_text()),
    "tunnel": urllib.request.urlopen(os.environ["PEER"], timeout=10).read().decode()[:3],
}
host, port = os.environ["REDIS_URL"].removeprefix("redis://").split("/")[0].rpartition("@")[2].split(":")
with socket.create_connection((host, int(port)), timeout=10) as cache:
    cache.sendall(b"PING\\r\\n")
    found["cache"] = cache.recv(100).decode().strip()
with open("/var/log/web/web.log", "w", encoding="utf-8") as log:
    for name, value in found.items():
        print(f"{name}: {value}", file=log)
"""
FOUND = ["secret: ada:one", "live secret: ada:one", "fetched: 1000", "config: hello", "tunnel: web", "cache: +PONG"]
LOGIN = VaultSecret(path="my-secret", file="login", template="{{ .username }}:{{ .password }}")


def work(namespace: Namespace, ca_pem: str) -> tuple[App, list[Any]]:
    """An app that needs every pattern that pods of a Job can have, and these."""
    vault: dict[str, Any] = {"address": ADDRESS, "role": ROLE, "secrets": (LOGIN,), "allow_plaintext": True}
    host = f"web.{namespace}.svc.cluster.local"
    peer = EgressTarget(name="peer", host=host, port=8080, local_port=8443, ca_pem=ca_pem, env={"PEER": "http://{host}:{port}/"})
    migration = MigrationInitArgs(image="python:3.12-alpine", command=("python3", "-c", "print('migrated')"), database="web:8080")
    app = web(
        name="work",
        command=("python3", "-c", _WORK),
        env={},
        volumes=(),
        volume_mounts=(),
        startup_probe=None,
        readiness_probe=None,
        pre_stop_seconds=0,
        uid=1234,
        gid=1234,
    )
    patterns = [
        SysctlInitArgs(),
        WaitForInitArgs(tcp=["web:8080"]),
        VaultInitArgs(**vault),
        migration,
        FetchInitArgs(
            source=f"https://{host}:8080/big?bytes=1000", sha256=hashlib.sha256(b"x" * 1000).hexdigest(), path="big", ca_pem=ca_pem
        ),
        VaultAgentSidecarArgs(**vault, volume_name="live-secrets", mount_path="/live"),
        ConfigReloadSidecarArgs(config_map="greeting", mount_path="/config", reload_command=["true"]),
        RedisCacheSidecarArgs(),
        EgressTlsTunnelArgs(targets=[peer]),
        LogTailSidecarArgs(),
        LogShipperSidecarArgs(
            endpoint="http://receiver:4318", allow_plaintext=True, directory="/var/log/other", files=["a.log"], volume_name="other"
        ),
        TlsAmbassadorArgs(target_ports=["http-prometheus"]),
        MetricsAdapterArgs(),
    ]
    return app, patterns


def prepared(namespace: Namespace) -> str:
    """Makes what the work needs outside its pod. Returns the certificate of the peer's authority."""
    scripts(namespace)
    Vault(namespace, {"my-secret": {"username": "ada", "password": "one"}})
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"greeting": "hello"}})
    receiver = receiver_app(namespace)

    def program() -> None:
        Workload("receiver", WorkloadArgs(app=receiver, namespace=namespace.name))
        peer = Workload("web", WorkloadArgs(app=web(), namespace=namespace.name, patterns=[TlsAmbassadorArgs()]))
        pulumi.export("ca_pem", peer.ca_pem)

    return str(deploy(namespace, program).outputs["ca_pem"])


def test_a_job_and_a_cron_job_come_to_an_end_with_every_pattern_they_can_have(namespace: Namespace, figure: Figure) -> None:
    app, patterns = work(namespace, prepared(namespace))
    args = {"app": app, "patterns": patterns, "namespace": namespace.name}

    def program() -> None:
        Workload("once", WorkloadArgs(**args, kind=Job(backoff_limit=0)))

    deployment = deploy(namespace, program)
    (job,) = namespace.all("jobs")
    name = job["metadata"]["name"]
    began = time.monotonic()
    namespace.wait(f"job/{name}", "condition=Complete", timeout=180)
    took = time.monotonic() - began
    (pod,) = namespace.all("pods", f"job-name={name}")
    figure(f"Job completed after {took:.0f} s with {len(statuses(pod))} containers")
    ended(namespace, pod)

    def changed() -> None:
        # another pod, which Kubernetes would not let a Job have
        other = web(name="work", command=("true",), env={}, volumes=(), volume_mounts=(), startup_probe=None, readiness_probe=None)
        Workload("once", WorkloadArgs(app=other, namespace=namespace.name, kind=Job()))

    deployment.up(changed)
    (other,) = [job for job in namespace.all("jobs") if job["metadata"]["name"] != name and "deletionTimestamp" not in job["metadata"]]
    namespace.wait(f"job/{other['metadata']['name']}", "condition=Complete", timeout=120)
    deployment.undo()

    deploy(namespace, lambda: Workload("nightly", WorkloadArgs(**args, kind=CronJob(schedule="* * * * *", job=Job(backoff_limit=0)))))
    listed = "app.kubernetes.io/instance=nightly"
    (pod, *_) = eventually(lambda: [p for p in namespace.all("pods", listed) if p["status"]["phase"] == "Succeeded"], "a run", timeout=240)
    ended(namespace, pod)


def ended(namespace: Namespace, pod: dict[str, Any]) -> None:
    """The pod has done its work, and everything in it has ended well."""
    assert pod["status"]["phase"] == "Succeeded"
    codes = {name: status["state"]["terminated"]["exitCode"] for name, status in statuses(pod).items()}
    assert len(codes) == 15, str(codes)
    assert codes["work"] == 0
    assert namespace.logs(pod["metadata"]["name"], "logs").splitlines() == FOUND
