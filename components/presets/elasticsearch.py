"""Presets: apps that are known well. Any other is an `App(...)` of your own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.app import App, LogFiles, Port, Rebind
from ..core.view import LOOPBACK

_LOGS = "/var/log/elasticsearch"
_HOME = "/usr/share/elasticsearch"
DATA = f"{_HOME}/data"
"""Where a node keeps its data."""


def elasticsearch(**overrides: Any) -> App:
    """Elasticsearch 7.9.3, a single node, 512 MiB of heap, without security.

    Every argument of App replaces the preset's; only `env` is added to it.
    """
    # the node answers / as soon as it serves, whatever the cluster's health: a red cluster must not restart its nodes
    answers = {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 5}
    preset: dict[str, Any] = {
        "name": "elasticsearch",
        "image": "docker.elastic.co/elasticsearch/elasticsearch:7.9.3",
        # http.host, not network.host: that would move the transport port too
        "ports": (Port(name="http", number=9200, rebind=Rebind(env={"http.host": "{host}", "http.port": "{port}"})),),
        "single": True,
        # the transport port is never moved, nor open: a single node has nobody to talk to
        "loopback_ports": (9300,),
        "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1536Mi"}},
        "uid": 1000,
        "gid": 1000,
        # it writes its keystore into config/ and the JVM's log into logs/ when it starts
        "read_only_root": False,
        "empty_dirs": {DATA: "10Gi"},
        # up to five minutes to start
        "startup_probe": {**answers, "periodSeconds": 5, "failureThreshold": 60},
        "readiness_probe": {**answers, "periodSeconds": 10, "failureThreshold": 3},
        "liveness_probe": {**answers, "periodSeconds": 20, "failureThreshold": 6},
        "stop_seconds": 60,
        "sysctl_alternatives": {"vm.max_map_count": {"node.store.allow_mmap": "false"}},
        "log_files": LogFiles(
            directory=_LOGS,
            files=("docker-cluster_server.json",),
            env={"path.logs": _LOGS},
            config_path=f"{_HOME}/config/log4j2.properties",
            config=Path(__file__).with_name("log4j2.properties").read_text(encoding="utf-8"),
        ),
    }
    env = {
        "discovery.type": "single-node",
        "transport.host": LOOPBACK,
        # both: without -Xms the image's own 1 GiB would stay, more than -Xmx
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
    }
    given = overrides.get("env", {})
    return App(**{**preset, **overrides, "env": {**env, **given} if isinstance(given, Mapping) else given})
