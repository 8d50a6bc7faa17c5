"""Exporters: programs that measure an app and serve its figures as Prometheus metrics."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from ...core import placeholders
from ...core.rules import EnvName, Image, Path, Text

_PLACES = ("url", "host", "port", "listen", "listen_host", "listen_port", "path")
_CREDENTIALS = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """A program that measures an app, and how it learns where the app is and where to listen.

    In `args` and `env`, these placeholders are replaced: `{url}`, `{host}` and `{port}` by where the app listens; `{listen}` (`host:port`,
    or `:port` for every address), `{listen_host}` and `{listen_port}` by where the exporter has to listen; `{path}` by the path of the
    metrics. `{{url}}` is the text `{url}`.
    It must wait for an app that is not there yet: it is started before it.
    """

    image: pulumi.Input[Image]
    """Image reference with a tag or digest."""
    args: Sequence[Text] = ()
    """Arguments, with the placeholders above. Default: the image's."""
    env: Mapping[EnvName, Text] = field(default_factory=dict)
    """Environment, with the placeholders above. Default: none."""
    binds_loopback: bool = False
    """Whether it listens on 127.0.0.1 by itself. Default: False."""
    program: Path | None = None
    """Path of the program in an image that has a POSIX shell, sleep and date: it is started again inside its container when it ends, so
    that the pod stays ready. Default: None, the image's entrypoint, which the kubelet restarts; the pod is not ready until then."""
    health_path: Path = "/"
    """Path that it answers without asking the app, for the liveness probe that it has without `program`. Behind client
    certificates the kubelet reaches it on a health port, and so does everybody else: choose a path that shows nothing. Default: /, the
    landing page of most exporters."""
    username_env: EnvName | None = None
    """Environment variable it reads the user name from. Default: None, it reads none."""
    password_env: EnvName | None = None
    """Environment variable it reads the password from. Default: None, it reads none."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        for where, template in {
            **{f"args[{i}]": a for i, a in enumerate(self.args)},
            **{f"env[{n!r}]": v for n, v in self.env.items()},
        }.items():
            found += placeholders.problems(where, template, _PLACES)
            if _CREDENTIALS.search(template):
                found.append(f"{where} holds credentials in a URL; put them in a Secret, and set credentials_secret=")
        return found


EXPORTERS: Mapping[str, Exporter] = {
    # without --es.all and --es.indices: each pod reports its own node only, or every replica would report the whole cluster.
    # 30 s: the default of 5 s is too short for a busy cluster
    "elasticsearch": Exporter(
        image="quay.io/prometheuscommunity/elasticsearch-exporter:v1.5.0",
        program="/bin/elasticsearch_exporter",
        args=("--es.uri={url}", "--es.timeout=30s", "--web.listen-address={listen}", "--web.telemetry-path={path}"),
        username_env="ES_USERNAME",
        password_env="ES_PASSWORD",
    ),
    "redis": Exporter(
        # the one with a shell
        image="oliver006/redis_exporter:v1.74.0-alpine",
        program="/redis_exporter",
        args=("--redis.addr=redis://{host}:{port}", "--web.listen-address={listen}", "--web.telemetry-path={path}"),
        username_env="REDIS_USER",
        password_env="REDIS_PASSWORD",
    ),
    # its image has no shell. Before 1.0 it exits where nginx is not there yet; nginx must serve stub_status under this path
    "nginx": Exporter(
        image="nginx/nginx-prometheus-exporter:1.3.0",
        args=("--nginx.scrape-uri={url}/stub_status", "--web.listen-address={listen}", "--web.telemetry-path={path}"),
    ),
}
"""Exporters by name."""
