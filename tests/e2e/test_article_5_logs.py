"""Article, section 5: the log tailing sidecar."""

from collections.abc import Callable

from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually, json_lines
from .deploy import deploy

FILE = "docker-cluster_server.json"


def test_kubectl_logs_streams_the_json_of_elasticsearch_before_and_after_a_rotation(
    namespace: Namespace, figure: Callable[[str], None]
) -> None:
    app = elasticsearch(pre_stop_seconds=0)
    assert app.log_files
    assert app.log_files.config
    config = app.log_files.config.replace("policies.size.size = 64MB", "policies.size.size = 32KB")
    assert config != app.log_files.config

    def program() -> None:
        logs = LogTailSidecar("logs", LogTailSidecarArgs(logging_config=config))
        Workload("elasticsearch", WorkloadArgs(app=app, patterns=[logs], namespace=namespace.name))

    deploy(namespace, program)
    client, pod = Client(namespace), namespace.pod("elasticsearch")

    def messages() -> list[str]:
        return [line["message"] for line in json_lines(namespace.logs(pod, "logs"))]

    def rotations() -> int:
        listed = namespace.exec(pod, "logs", "ls", "/logs")
        return sum(1 for name in listed.out.split() if name.startswith("docker-cluster_server-"))

    def create(names: str, count: int) -> None:
        """Creates indices, of which curl counts the names."""
        answer = client.curl("-X", "PUT", f"http://elasticsearch:9200/{names}?wait_for_active_shards=0")
        assert answer.out.count('"acknowledged":true') == count, answer.text

    eventually(lambda: "started" in messages(), "the line that says started", timeout=30)

    # an index that is created is a line in the log
    before, created = rotations(), 0
    while rotations() == before:
        assert created < 400, "the log was not rotated"
        create(f"index-[{created}-{created + 9}]", 10)
        created += 10
    create("after-the-rotation", 1)

    def all_there() -> bool:
        named = [m.partition("]")[0].removeprefix("[") for m in messages() if "creating index" in m]
        assert named == [*(f"index-{n}" for n in range(created)), "after-the-rotation"], named
        return True

    eventually(all_there, "one line for every index, in order", timeout=20)
    figure(f"{created + 1} indices created across a rotation, each one line of `kubectl logs -c logs`, none lost or repeated")
