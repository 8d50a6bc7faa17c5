"""Article, section 1: the base workload."""

import json

from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace
from .deploy import deploy


def test_the_base_answers_its_banner_over_http_from_another_pod(namespace: Namespace) -> None:
    deploy(namespace, lambda: Workload("elasticsearch", WorkloadArgs(app=elasticsearch(pre_stop_seconds=0), namespace=namespace.name)))
    answer = Client(namespace).curl("http://elasticsearch:9200")
    assert answer.code == 0, answer.text
    banner = json.loads(answer.out)
    assert (banner["tagline"], banner["version"]["number"]) == ("You Know, for Search", "7.9.3")
