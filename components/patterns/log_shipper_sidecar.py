"""LogShipperSidecar: the log files of an app, sent to where logs are kept; the shipper is the OpenTelemetry Collector."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pulumi

from ..core import checks
from ..core.app import SecretKey
from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import as_app
from ..core.patch import ConfigFiles, Connection, PodPatch
from ..core.plug import describe
from ..core.quantities import amount, sized
from ..core.rules import FileGlob, HeaderName, Image, Label, NotNegative, Pem, Quantity, Resources, SomeText, Text
from ..core.view import PodView
from .shared.app_logs import AppLogsArgs, Logs

_DIRECTORY = "/etc/log-shipper"
_STATE = "/var/lib/log-shipper"
_COMPRESSED = ("*.gz", "*.bz2", "*.xz", "*.zip", "*.zst", "*.lz4")
# what RE2 does not have: looking around, going back to a group, atomic groups
_UNKNOWN_TO_RE2 = re.compile(r"\\(?:[1-9]|k)|\\.|(\(\?(?:<?[=!]|P=|>))")
# the Go runtime then collects garbage instead of growing into the limit
_HEAP = 0.8


@checks.outlined(r"[\s\S]*")
def _expression_problems(what: str, value: str) -> list[str]:
    beyond = [found[0] for found in _UNKNOWN_TO_RE2.finditer(value) if found[1] or found[0][1:2] in "123456789k"]
    if beyond:
        return [f"{what} {value!r} is not allowed: {beyond[0]!r} is not known to RE2, the collector's regular expressions"]
    try:
        # classes of RE2 that Python has not
        re.compile(re.sub(r"\\[pP](\{\^?\w+\}|\w)|\\[zC]|\[:\^?\w+:\]", "x", value))
    except re.error as error:
        return [f"{what} {value!r} is not a regular expression: {error}"]
    return []


Expression = Annotated[str, _expression_problems]

# YAML takes no key of more than 1024 characters
AttributeName = Annotated[SomeText, checks.shaped(r"[\s\S]{1,255}", "text, 255 characters at most")]


@dataclass(frozen=True, kw_only=True)
class LogShipperSidecarArgs(AppLogsArgs):
    """Arguments of LogShipperSidecar, besides those of AppLogsArgs."""

    endpoint: pulumi.Input[Text]
    """Where the lines go: base URL of an OTLP/HTTP receiver, https://...; /v1/logs is added. Collectors, Loki, Elastic, Datadog and others
    have one."""
    allow_plaintext: bool = False
    """Whether that may be a http:// address other than loopback, where whoever reads the network reads the logs. Default: False."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the receiver's, PEM; no secret. Default: None, the authorities that the image trusts."""
    headers: Mapping[HeaderName, Text] = field(default_factory=dict)
    """Headers of every request, no secrets. Default: none."""
    secret_headers: Mapping[HeaderName, SecretKey] = field(default_factory=dict)
    """Headers whose whole value is in a Secret, e.g. `authorization`. Default: none."""
    attributes: Mapping[AttributeName, Text] = field(default_factory=dict)
    """Resource attributes besides service.name (the app's name), k8s.pod.name and k8s.namespace.name, which they can replace.
    Default: none."""
    rotated: Sequence[FileGlob] | None = None
    """Globs of what the files are called, in the same directory, when they have been rotated: they are read to their end, even if the
    shipper was not running at the time. Compressed ones are not read. Default: None; of app.log: app.log.*, app.log-* and
    app[-_.]*.log."""
    line_start_pattern: Expression | None = None
    """What a record begins with, an RE2 expression for the beginning of a line, e.g. `\\d{4}-\\d{2}-`: the lines that do not match, such
    as a stack trace, belong to the record before them. Default: None, each line is a record."""
    linger_seconds: NotNegative = 5
    """How much longer than the app's pre_stop_seconds it goes on when the pod is to stop, so that the last lines of an app that stops in
    that time are read. Before Kubernetes 1.30 that takes an image with a `sleep`. Default: 5."""
    state_size_limit: Quantity = "16Mi"
    """Size limit of the volume in memory where it keeps how far it has read, a Kubernetes quantity. Default: 16Mi."""
    image: pulumi.Input[Image] = "otel/opentelemetry-collector-k8s:0.165.0"
    """OpenTelemetry Collector with the file_log receiver, the file_storage extension, and the feature gate
    stanza.synchronousLogEmitter: opentelemetry-collector-k8s or -contrib. Default: otel/opentelemetry-collector-k8s:0.165.0."""
    container_name: Label = "log-shipper"
    """Also the beginning of its volumes' names. Default: log-shipper."""
    resources: Resources = sized("20m", "64Mi", "192Mi")
    """Requests and limits. Default: 20m, 64Mi to 192Mi."""

    def endpoint_problems(self, url: str) -> list[str]:
        """What is wrong with the address."""
        return checks.url("endpoint", url, plaintext=self.allow_plaintext, risk="the network reads the logs")

    def problems(self) -> list[str]:
        """What is wrong between the fields; an endpoint that is an Output is looked at when it is known."""
        found = super().problems()
        found += self.endpoint_problems(self.endpoint) if isinstance(self.endpoint, str) else []
        twice = {name.lower() for name in self.headers} & {name.lower() for name in self.secret_headers}
        return found + [f"header {name!r} is in headers and in secret_headers; take it out of one of them" for name in sorted(twice)]

    def patch(self, pod: PodView) -> PodPatch:
        """The sidecar with its configuration and its memory, and what every reader of log files adds."""
        name = self.container_name
        logs = self.source(pod)
        if isinstance(logs, PodPatch):
            return logs
        lingers = {"lifecycle": {"preStop": {"sleep": {"seconds": pod.app.pre_stop_seconds + self.linger_seconds}}}}
        container = {
            "name": name,
            "image": self.image,
            # before it is stable, this gate: until a line has been taken, it does not count as read
            "args": [f"--config={_DIRECTORY}/config.yaml", "--feature-gates=stanza.synchronousLogEmitter"],
            "env": self._env(),
            "resources": self.resources,
            **(lingers if self.linger_seconds else {}),
            "securityContext": as_app(pod),
            "volumeMounts": [
                logs.mount,
                {"name": f"{name}-config", "mountPath": _DIRECTORY, "readOnly": True},
                {"name": f"{name}-state", "mountPath": _STATE},
            ],
        }
        files: dict[str, pulumi.Input[str]] = {"config.yaml": self._config(pod, logs)}
        if self.ca_pem is not None:
            files["ca.crt"] = self.ca_pem
        own = PodPatch(
            # in memory: a node that crashes would leave a damaged database on its disk, and the collector could not start with it
            volumes=({"name": f"{name}-state", "emptyDir": {"medium": "Memory", "sizeLimit": self.state_size_limit}},),
            config_files=(ConfigFiles(name=f"{name}-config", files=files),),
            connects=(Connection(address=self.endpoint),),
        )
        return self.added(logs, container) + own

    def _env(self) -> list[dict[str, Any]]:
        fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
        return [
            {"name": "GOMEMLIMIT", "value": str(int(_HEAP * amount(self.resources["limits"]["memory"])))},
            *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
            *environment({}, {f"HEADER_{index}": key for index, key in enumerate(self.secret_headers.values())}),
        ]

    def _globs(self, file: str) -> list[str]:
        if self.rotated is not None:
            return [file]
        stem, dot, ending = file.rpartition(".")
        return [file, f"{file}.*", f"{file}-*", *([f"{stem}[-_.]*.{ending}"] if dot else [])]

    def _config(self, pod: PodView, logs: Logs) -> pulumi.Input[str]:
        """The collector's configuration; JSON is YAML too."""
        globs = [*(glob for file in logs.declared.files for glob in self._globs(file)), *(self.rotated or ())]
        resource = {"service.name": pod.app.name, "k8s.pod.name": "${env:POD_NAME}", "k8s.namespace.name": "${env:POD_NAMESPACE}"}
        receiver = {
            "include": [logs.path(glob) for glob in dict.fromkeys(globs)],
            "exclude": [logs.path(glob) for glob in _COMPRESSED],
            "start_at": "beginning",
            "storage": "file_storage",
            # a line that is written in pieces stays whole
            "force_flush_period": "5s",
            **(
                {}
                if self.line_start_pattern is None
                else {"multiline": _literal({"line_start_pattern": f"^(?:{self.line_start_pattern})"})}
            ),
            "resource": {**resource, **_literal(self.attributes)},
        }
        exporter = {
            "headers": {**_literal(self.headers), **{name: f"${{env:HEADER_{index}}}" for index, name in enumerate(self.secret_headers)}},
            **({} if self.ca_pem is None else {"tls": {"ca_file": f"{_DIRECTORY}/ca.crt"}}),
            # nothing between the file and the receiver: what has been read has arrived. 0 is for ever
            "sending_queue": {"enabled": False},
            "retry_on_failure": {"initial_interval": "1s", "max_interval": "10s", "max_elapsed_time": "0s"},
        }
        service = {
            # no health_check: it answers whatever the pipeline does, to any method, on a port that everybody reaches
            "extensions": ["file_storage"],
            "pipelines": {"logs": {"receivers": ["file_log"], "exporters": ["otlp_http"]}},
            # they would be served on a port of the pod
            "telemetry": {"metrics": {"level": "none"}},
        }

        def rendered(endpoint: str) -> str:
            config = {
                "extensions": {"file_storage": {"directory": _STATE}},
                "receivers": {"file_log": receiver},
                "exporters": {"otlp_http": {"endpoint": endpoint.rstrip("/"), **exporter}},
                "service": service,
            }
            return _yaml(config)

        if isinstance(self.endpoint, str):
            return rendered(self.endpoint)
        known: pulumi.Output[str] = pulumi.Output.from_input(checks.when_known(describe(self), self.endpoint, self.endpoint_problems))
        return known.apply(rendered)


class LogShipperSidecar(PatternComponent[LogShipperSidecarArgs]):
    """A volume where the app logs, and a collector that sends every line of the files in it to an OTLP/HTTP receiver, at least once.

    The read position is stored in a volume that outlives the container, and advances only after the receiver has accepted the lines. While
    the receiver is down the shipper waits; after a crash it resumes where it stopped, and some lines may arrive twice. After a restart of
    the node it begins anew. These are lost: lines that are not sent yet when the pod itself ends, lines cut off a file (copytruncate)
    before it read them, and lines that the receiver rejects for good (HTTP 400, 401 ...: a wrong header or address), with a line in the
    shipper's own log. It recognizes a file by its first 1000 bytes, so two files that begin with the same lines must not be in the
    directory.

    It runs as the app's user, so that it may read what only the app may. It has no probe and opens no port: it reads every file from its
    beginning, so that the app need not wait for it, and a collector that cannot run ends.
    Use it in the place of LogTailSidecar; listed first, it is the last sidecar to stop.

    Raises ArgumentError.
    """


def _yaml(config: Any) -> str:
    """JSON that is YAML, too: YAML has no surrogate pairs, and breaks lines at what JSON leaves as it is."""
    text = json.dumps(config, indent=2, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _literal(values: Mapping[str, str]) -> dict[str, str]:
    """The values as they are: the collector would replace what stands behind a dollar."""
    return {name: value.replace("$", "$$") for name, value in values.items()}
