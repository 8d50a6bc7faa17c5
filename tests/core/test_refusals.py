"""Every refusal of the core, by its full text: what is wrong, whose it is, and the way out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest
from hypothesis import given, strategies as st

from components.certificates import (
    Certificate,
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    SelfSignedCertificate,
    ServerCertificateArgs,
)
from components.core import checks
from components.core.app import App, Port, Rebind, SecretKey
from components.core.errors import ProblemsError
from components.core.fold import compose
from components.core.patch import ConfigFiles, PodPatch, UndeclaredPort, sidecar
from components.core.protocols import PROTOCOLS
from components.core.view import PodView
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import HTTP, RESOURCES, Adds, Proxy, container, web

LABEL = "a-z, 0-9 and '-', 63 characters at most"
SERVICE_NAME = "a-z, 0-9 and '-', starting with a letter, 63 characters at most"
PORT_NAME = "a-z, 0-9 and single '-', one letter at least, 15 characters at most"
PORT = "a whole number from 1 to 65535"
PATH = "an absolute path of letters, digits and ._@%+=,/-"
RELATIVE_PATH = "a relative path of letters, digits and ._@%+=,/-"
FILE_NAME = "a file name of letters, digits and ._@%+=-, not starting with '.' or '-'"
ENV_NAME = "letters, digits, '.', '_' and '-', not starting with a digit"
OBJECT_NAME = "a-z, 0-9, '-' and '.', 253 characters at most"
DNS_NAME = "a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most"
QUANTITY = "a Kubernetes quantity such as 100m, 64Mi or 1.5"
NO_OUTPUT = "must be a plain value, not an Output"

PRIVILEGED = {**container("node"), "securityContext": {"privileged": True}}
ONCE = {**container("once"), "resources": {"requests": {"cpu": "1", "memory": "1Mi"}, "limits": {"memory": "64Mi"}}}
BESIDE = sidecar({**container("beside"), "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}})

Call = Callable[[], Any]


def later(value: Any = "x") -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value)


def refusal(call: Call) -> str:
    with pytest.raises(ProblemsError) as error:
        run(call)
    return str(error.value)


def text(where: str, noun: str, lines: list[str]) -> str:
    return f"{where}: {len(lines)} {noun}{'' if len(lines) == 1 else 's'}" + "".join(f"\n  - {line}" for line in lines)


def cases(table: dict[str, tuple[Call, list[str]]]) -> Any:
    return pytest.mark.parametrize(("call", "lines"), table.values(), ids=table.keys())


# the app by itself


def app(**changes: Any) -> Call:
    return lambda: compose(web(**{key: value() if callable(value) else value for key, value in changes.items()}), workload="web")


APP: dict[str, tuple[Call, list[str]]] = {
    "name": (app(name="My App"), [f"app.name 'My App' is not allowed: {LABEL}"]),
    "name that is known later": (app(name=later), [f"app.name {NO_OUTPUT}"]),
    "port name": (app(ports=(Port(name="HTTP", number=80),)), [f"app.ports[0].name 'HTTP' is not allowed: {PORT_NAME}"]),
    "port name too long": (
        app(ports=(Port(name="a" * 16, number=80),)),
        [f"app.ports[0].name 'aaaaaaaaaaaaaaaa' is not allowed: {PORT_NAME}"],
    ),
    "port name without a letter": (app(ports=(Port(name="80", number=80),)), [f"app.ports[0].name '80' is not allowed: {PORT_NAME}"]),
    "port number": (app(ports=(Port(name="http", number=0),)), [f"app.ports[0].number 0 is not allowed: {PORT}"]),
    "port number as text": (
        app(ports=(Port(name="http", number="80"),)),  # type: ignore[arg-type]
        ["app.ports[0].number must be a whole number, but is the text '80'"],
    ),
    "port number that is known later": (
        app(ports=lambda: (Port(name="http", number=later(80)),)),  # type: ignore[arg-type]
        [f"app.ports[0].number {NO_OUTPUT}"],
    ),
    "scheme": (
        app(ports=(Port(name="http", number=80, scheme="gopher"),)),  # type: ignore[arg-type]
        [f"app.ports[0].scheme 'gopher' is not allowed: one of {', '.join(PROTOCOLS)}"],
    ),
    "env name": (app(env={"1A": "x"}), [f"app.env key '1A' is not allowed: {ENV_NAME}"]),
    "secret env name": (app(secret_env={"A B": SecretKey(name="a", key="b")}), [f"app.secret_env key 'A B' is not allowed: {ENV_NAME}"]),
    "directory": (app(empty_dirs={"tmp": "1Mi"}), [f"app.empty_dirs key 'tmp' is not allowed: {PATH}"]),
    "size of a directory": (app(empty_dirs={"/tmp": "1MB"}), [f"app.empty_dirs['/tmp'] '1MB' is not allowed: {QUANTITY}"]),
    "resources that are none": (app(resources="small"), ["app.resources must be a mapping, but is the text 'small'"]),
    "resources missing": (
        app(resources={}),
        [f"app.resources.{name} is missing" for name in ("requests.cpu", "requests.memory", "limits.memory")],
    ),
    "resources unknown": (app(resources={**RESOURCES, "claim": []}), ["app.resources.claim: unknown key; known: limits, requests, claims"]),
    "resources wrong": (
        app(resources={"requests": {"cpu": True, "memory": "8Mi"}, "limits": {"memory": "8 Mi"}}),
        [f"app.resources.requests.cpu True is not allowed: {QUANTITY}", f"app.resources.limits.memory '8 Mi' is not allowed: {QUANTITY}"],
    ),
    "resources that are known later": (
        app(resources=lambda: {"requests": later({}), "limits": {"memory": later("1Gi")}}),
        ["app.resources.requests must be a mapping of quantities"],
    ),
    "root": (app(uid=0), ["app.uid 0 is root: use another user id"]),
    "wait": (app(pre_stop_seconds=-1), ["app.pre_stop_seconds -1 is not allowed: a whole number, 0 or more"]),
    "end": (app(stop_seconds=0), ["app.stop_seconds 0 is not allowed: a whole number, 1 or more"]),
    "end that is known later": (app(stop_seconds=lambda: later(1)), [f"app.stop_seconds {NO_OUTPUT}"]),
}


@cases(APP)
def test_an_app_that_is_wrong_by_itself_is_refused(call: Call, lines: list[str]) -> None:
    assert refusal(call) == text("workload 'web'", "conflict", lines)


# what patterns add


def adds(**fields: Any) -> Call:
    """A pattern that adds this; functions are called first, for Outputs exist only while a program runs."""
    return lambda: compose(web(), [Adds("a", PodPatch(**{key: value() if callable(value) else value for key, value in fields.items()}))])


def init(**fields: Any) -> Call:
    return lambda: compose(
        web(), [Adds("a", PodPatch(init_containers=(container("c", **{k: v() if callable(v) else v for k, v in fields.items()}),)))]
    )


C = "container 'c' of Adds 'a'"
PATTERNS: dict[str, tuple[Call, list[str]]] = {
    "no pattern": (lambda: compose(web(), ["tls"]), ["patterns[0] is not a pattern: a str has neither patch(pod) nor wrap(pod)"]),
    "its own problem": (adds(problems=("the app has no logs; set directory=",)), ["Adds 'a': the app has no logs; set directory="]),
    "container name": (adds(containers=(container("Tool"),)), [f"container name of Adds 'a': 'Tool' is not allowed: {LABEL}"]),
    "container name missing": (
        adds(containers=({"image": "x", "resources": RESOURCES},)),
        [f"container name of Adds 'a': None is not allowed: {LABEL}"],
    ),
    "container name that is known later": (
        adds(containers=lambda: (container(later()),)),  # type: ignore[arg-type]
        [f"container name of Adds 'a': {NO_OUTPUT}"],
    ),
    "image": (adds(containers=(container("c", image=""),)), [f"{C}: image is missing"]),
    "snake case": (
        init(volume_mounts=[], readinessProbe={"http_get": {"path": "/"}}, securityContext={"run_as_user": 0}),
        [
            f"{C}: 'volume_mounts' is not a field of the Container; did you mean 'volumeMounts'?",
            f"{C}: readinessProbe: 'http_get' is not a field of the Probe; did you mean 'httpGet'?",
            f"{C}: securityContext: 'run_as_user' is not a field of the SecurityContext; did you mean 'runAsUser'?",
            f"{C}: readinessProbe on a plain init container; wrap the container in sidecar(), or remove the readinessProbe",
        ],
    ),
    "snake case of a volume": (
        adds(volumes=({"name": "v", "secret": {"secret_name": "s"}},)),
        ["volume 'v' of Adds 'a': secret: 'secret_name' is not a field of the SecretVolumeSource; did you mean 'secretName'?"],
    ),
    "port": (init(ports=[{"containerPort": 70000}]), [f"{C}: containerPort 70000 is not allowed: {PORT}"]),
    "port that is no number": (init(ports=[{"containerPort": "http"}]), [f"{C}: containerPort 'http' is not allowed: {PORT}"]),
    "port that is known later": (
        init(ports=lambda: [{"name": later(), "containerPort": later(80)}]),
        [f"{C}: containerPort {NO_OUTPUT}", f"{C}: port name {NO_OUTPUT}"],
    ),
    "port name": (init(ports=[{"name": "a--b", "containerPort": 80}]), [f"{C}: port name 'a--b' is not allowed: {PORT_NAME}"]),
    "env name": (init(env=[{"name": "A=B", "value": "x"}]), [f"{C}: env name 'A=B' is not allowed: {ENV_NAME}"]),
    "env name that is known later": (init(env=lambda: [{"name": later(), "value": "x"}]), [f"{C}: env name {NO_OUTPUT}"]),
    "env name that is no name": (init(env=[{"name": ["A"], "value": "x"}]), [f"{C}: env name ['A'] is not allowed: {ENV_NAME}"]),
    "mount": (
        init(volumeMounts=[{"name": "V", "mountPath": "data"}]),
        [
            f"{C}: volume name of a mount 'V' is not allowed: {LABEL}",
            f"{C}: mountPath 'data' is not allowed: {PATH}",
            "volume 'V', mounted by Adds 'a' in container 'c', is not defined; add it to volumes (defined: none)",
        ],
    ),
    "mount that is known later": (
        init(volumeMounts=lambda: [{"name": later(), "mountPath": later(), "subPath": later()}]),
        [f"{C}: volume name of a mount {NO_OUTPUT}", f"{C}: mountPath {NO_OUTPUT}", f"{C}: subPath {NO_OUTPUT}"],
    ),
    "mount of a volume that nobody defines": (
        adds(
            init_containers=(container("c", volumeMounts=[{"name": "log", "mountPath": "/logs"}]),),
            app_mounts=({"name": "lags", "mountPath": "/logs"},),
            volumes=({"name": "logs", "emptyDir": {}},),
            config_files=(ConfigFiles(name="config", files={}),),
        ),
        [
            "volume 'lags', mounted by Adds 'a' in container 'web', is not defined; add it to volumes (defined: config, logs)",
            "volume 'log', mounted by Adds 'a' in container 'c', is not defined; add it to volumes (defined: config, logs)",
        ],
    ),
    "path upwards": (
        adds(
            volumes=({"name": "v", "emptyDir": {}},),
            app_mounts=(
                {"name": "v", "mountPath": "/data/../etc", "subPath": "a/../../b"},
                {"name": "v", "mountPath": "/x", "subPath": "/y"},
            ),
        ),
        [
            "mount of Adds 'a' in the app's container: mountPath '/data/../etc' is not allowed: it must not contain '..'",
            "mount of Adds 'a' in the app's container: subPath 'a/../../b' is not allowed: it must not contain '..'",
            f"mount of Adds 'a' in the app's container: subPath '/y' is not allowed: {RELATIVE_PATH}",
        ],
    ),
    "probes of a plain init container": (
        init(startupProbe={}, readinessProbe={}, livenessProbe={}, lifecycle={}),
        [
            f"{C}: {field} on a plain init container; wrap the container in sidecar(), or remove the {field}"
            for field in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
        ],
    ),
    "sidecar in the wrong place": (
        adds(containers=(sidecar(container("c")),)),
        [f"{C}: a sidecar() belongs in init_containers, not in containers"],
    ),
    "host": (
        adds(
            containers=(
                container(
                    "c",
                    startupProbe={"httpGet": {"host": "127.0.0.1", "port": 1}},
                    livenessProbe={"tcpSocket": {"host": "127.0.0.1", "port": 1}},
                    lifecycle={"postStart": {"httpGet": {"host": "127.0.0.1", "port": 1}}, "stopSignal": "SIGQUIT"},
                ),
            )
        ),
        [
            f"{C}: {field}.host is rejected by the baseline Pod Security Standard; remove it"
            for field in ("startupProbe.httpGet", "livenessProbe.tcpSocket", "lifecycle.postStart.httpGet")
        ],
    ),
    "wait": (
        adds(containers=lambda: (container("c", lifecycle={"preStop": {"sleep": {"seconds": later(1)}}}),)),
        [f"{C}: lifecycle.preStop.sleep.seconds {NO_OUTPUT}"],
    ),
    "resources": (
        adds(containers=({"name": "c", "image": "x"},)),
        [
            f"{C}: resources.requests.cpu is missing",
            f"{C}: resources.requests.memory is missing",
            f"{C}: resources.limits.memory is missing",
        ],
    ),
    "resources that are known later": (
        adds(containers=lambda: (container("c", resources=later({})),)),
        [f"{C}: resources must be a mapping with requests and limits"],
    ),
    "env value": (init(env=[{"name": "A", "value": 1}]), [f"{C}: value of env 'A' must be text, but is 1; put it in quotes"]),
    "the app's env": (
        adds(app_env=({"name": "", "value": True},)),
        [
            f"Adds 'a', in the app's container: env name '' is not allowed: {ENV_NAME}",
            "Adds 'a', in the app's container: value of env '' must be text, but is True; put it in quotes",
        ],
    ),
    "volume name": (adds(volumes=({"name": "V", "emptyDir": {}},)), [f"volume name of Adds 'a': 'V' is not allowed: {LABEL}"]),
    "volume name that is known later": (
        adds(volumes=lambda: ({"name": later(), "emptyDir": {}},)),
        [f"volume name of Adds 'a': {NO_OUTPUT}"],
    ),
    "files": (
        adds(config_files=(ConfigFiles(name="c_", files={"../a": "", ".a": "", "ok.conf": ""}),)),
        [
            f"volume name of Adds 'a': 'c_' is not allowed: {LABEL}",
            f"file of Adds 'a' in volume 'c_': '../a' is not allowed: {FILE_NAME}",
            f"file of Adds 'a' in volume 'c_': '.a' is not allowed: {FILE_NAME}",
        ],
    ),
    "port without a declaration": (
        adds(undeclared_ports=(UndeclaredPort(number=True, argument="health_port"),)),
        [f"health_port of Adds 'a': True is not allowed: {PORT}"],
    ),
    "service account that is known later": (
        lambda: compose(web(), [Adds("a", PodPatch(service_account=("x",))), Adds("b", PodPatch(service_account=(later(),)))]),
        ["the service account of Adds 'b' is already set by Adds 'a'; a pod has one: set service_account= on one of them only"],
    ),
}


@cases(PATTERNS)
def test_what_a_pattern_may_not_add_is_refused(call: Call, lines: list[str]) -> None:
    assert refusal(call) == text("workload 'web'", "conflict", lines)


# the app and the ambassadors in front of it

NO_REBIND = (
    "port 'db' of the app cannot be moved behind an ambassador, so clients could go round it; "
    "set Port.rebind, which tells the app to listen on 127.0.0.1, or list TrafficRedirectInit before the ambassador"
)
FIXED = Port(name="db", number=5432, scheme="tcp")
OPEN = (
    "port 'db' of the app: its rebind does not say the address, so that the app could stay open on every address, past the ambassador; use "
    "{host} in it, or set binds_loopback=True if the app listens on 127.0.0.1 by itself, or list TrafficRedirectInit before the ambassador"
)


def bound(**rebind: Any) -> App:
    return web(ports=(replace(FIXED, rebind=Rebind(**rebind)),))


@dataclass(frozen=True)
class Stuck:
    """A pattern that serves a port and stays where it is, whatever an ambassador does."""

    name: str
    ports: tuple[Port, ...] = (Port(name="stats", number=9000),)

    def patch(self, _pod: PodView) -> PodPatch:
        return PodPatch()


SAME_ENV = tuple(
    Port(name=name, number=number, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"})) for name, number in (("a", 80), ("b", 90))
)
FOLD: dict[str, tuple[Call, list[str]]] = {
    "a rebind without the address, in env": (lambda: compose(bound(env={"PORT": "{port}"}), [Proxy("p", port="db")]), [OPEN]),
    "a rebind without the address, in args": (lambda: compose(bound(args=("-p", "{port}")), [Proxy("p", port="db")]), [OPEN]),
    "a rebind with the text {host} in place of the address": (
        lambda: compose(bound(args=("{{host}}:{port}",)), [Proxy("p", port="db")]),
        [OPEN],
    ),
    "an empty rebind, ambassador or not": (
        lambda: compose(bound()),
        ["app.ports[0].rebind: it is empty; say in env=, args= or replace= how the app gets its address and port"],
    ),
    "a typo in a rebind, ambassador or not": (
        lambda: compose(bound(env={"HOST": "{host}", "PORT": "{prot}"}, args=("{Host}", "{port}"))),
        [
            "app.ports[0].rebind: env 'PORT' has an unknown placeholder {prot}; known: host, port; write {{prot}} for the text itself",
            "app.ports[0].rebind: args[0] has an unknown placeholder {Host}; known: host, port; write {{Host}} for the text itself",
        ],
    ),
    "a rebind that is no text": (
        lambda: compose(bound(env={"HOST": "{host}", "PORT": 80})),
        ["app.ports[0].rebind.env['PORT'] must be a text, but is the number 80; put it in quotes"],
    ),
    "a pattern that stays where an ambassador is": (
        lambda: compose(web(), [Proxy("p", port="stats"), Stuck("stats")]),
        [
            "Stuck 'stats': port 'stats' is behind an ambassador, so that it must listen on 127.0.0.1:9001 now; "
            "follow pod.port('stats') in patch(), and add undeclared_ports=(UndeclaredPort(number=9001),)",
        ],
    ),
    "no way to move it": (lambda: compose(web(ports=(FIXED,)), [Proxy("p", port="db")]), [NO_REBIND]),
    "probe of a port that is not there": (
        lambda: compose(web(startup_probe={"httpGet": {"port": 81}}, readiness_probe={"grpc": {"port": "https"}})),
        [
            "startupProbe of the app: it has no port 81; use one of its ports (known: http)",
            "readinessProbe of the app: it has no port 'https'; use one of its ports (known: http)",
        ],
    ),
    "probe without any port": (
        lambda: compose(web(ports=(), liveness_probe={"tcpSocket": {"port": "http"}})),
        ["livenessProbe of the app: it has no port 'http'; use one of its ports (known: none)"],
    ),
    "probe that the ambassador would answer": (
        lambda: compose(web(readiness_probe={"tcpSocket": {"port": "http"}}, liveness_probe={"grpc": {"port": 8080}}), [Proxy("p")]),
        [
            "readinessProbe of the app: a tcpSocket probe of port 'http' would be answered by the ambassador even if the app is down; "
            "use httpGet or exec",
            "livenessProbe of the app: a grpc probe of port 8080 finds http there; set Port.scheme to grpc, or use httpGet or exec",
        ],
    ),
    "host in a probe": (
        lambda: compose(web(readiness_probe={"httpGet": {"port": "http", "host": "127.0.0.1"}})),
        ["container 'web' of the app: readinessProbe.httpGet.host is rejected by the baseline Pod Security Standard; remove it"],
    ),
    "the app where the ambassador is": (
        lambda: compose(web(), [Proxy("p", options={"to": 8080})]),
        ["port 8080, to which an ambassador moved 'http' of the app, is already taken by the app; set inner_port="],
    ),
    "a port that the app keeps to itself": (
        lambda: compose(web(loopback_ports=(9300,)), [Adds("a", PodPatch(undeclared_ports=(UndeclaredPort(number=9300),)))]),
        ["port 9300 of Adds 'a' is already taken by the app; set port="],
    ),
    "two ports moved by one variable": (
        lambda: compose(web(ports=SAME_ENV), [Proxy("p", port="a"), Proxy("q", port="b")]),
        ["port 'b' of the app: env 'PORT' of its rebind already moves another port, to '81'"],
    ),
    "fields that App sets": (
        lambda: compose(web(container={"image": "x", "env": [], "livenessProbe": {}, "stdin": True})),
        [f"app: container[{key!r}]: App sets this field itself; use its argument" for key in ("image", "env", "livenessProbe")],
    ),
    "its own wire form": (
        lambda: compose(web(volumes=({"name": "a b"},), volume_mounts=({"name": "c", "mountPath": "/c"},))),
        [
            f"volume name of the app: 'a b' is not allowed: {LABEL}",
            "volume 'c', mounted by the app in container 'web', is not defined; add it to volumes (defined: a b)",
        ],
    ),
    "empty directories whose volumes have the same name": (
        lambda: compose(web(empty_dirs={"/a/b": "1Mi", "/a-b": "1Mi"})),
        ["volume 'scratch-a-b' of the app is already defined by the app; set volume_name="],
    ),
}


@cases(FOLD)
def test_what_does_not_fit_the_app_is_refused(call: Call, lines: list[str]) -> None:
    assert refusal(call) == text("workload 'web'", "conflict", lines)


# options of compose

COMPOSED = ("containers", "initContainers", "securityContext", "serviceAccountName", "terminationGracePeriodSeconds", "volumes")
OPTIONS: dict[str, tuple[Call, list[str]]] = {
    "sidecars": (lambda: compose(web(), sidecars="both"), ["sidecars 'both' is not allowed: one of native, classic"]),
    "version": (
        lambda: compose(web(), kubernetes_version="latest"),
        ["kubernetes_version 'latest' is not a valid Kubernetes version; write it as '1.30'"],
    ),
    "version as a number": (
        lambda: compose(web(), kubernetes_version=1.3),  # type: ignore[arg-type]
        ["kubernetes_version 1.3 is not a valid Kubernetes version; write it as '1.30'"],
    ),
    "native sidecars on an old cluster": (
        lambda: compose(web(), kubernetes_version="1.28"),
        ["native sidecars need Kubernetes 1.29, but kubernetes_version is 1.28; set sidecars='classic'"],
    ),
    "fields that are composed": (
        lambda: compose(web(), fields=dict.fromkeys(COMPOSED)),
        [f"pod field {key!r} is set by the composition itself; remove it" for key in COMPOSED],
    ),
    "the node's network": (
        lambda: compose(web(), fields={"hostNetwork": True}),
        [
            "pod field 'hostNetwork' shares the node's network, so that what listens on 127.0.0.1 is no longer the pod's own; remove it",
        ],
    ),
    "fields that no template has": (
        lambda: compose(web(), fields={"ephemeralContainers": [], "serviceAccount": "web"}),
        [
            "pod field 'ephemeralContainers' is of a pod that runs (kubectl debug), and no pod begins with some; remove it",
            "pod field 'serviceAccount' is the former name of serviceAccountName; set app.service_account=",
        ],
    ),
    "no servers of names": (
        lambda: compose(web(), fields={"dnsPolicy": "None"}),
        ["pod field 'dnsPolicy' is None, so that no name is found; add dnsConfig with nameservers, or remove it"],
    ),
    "users of its own, and the node's processes": (
        lambda: compose(web(), fields={"hostUsers": False, "hostPID": True, "hostIPC": True}),
        [f"pod field '{key}' needs the node's users, and 'hostUsers' is false; remove one of them" for key in ("hostIPC", "hostPID")],
    ),
    "nodes of Windows": (
        lambda: compose(web(), fields={"os": {"name": "windows"}, "nodeSelector": {"kubernetes.io/os": "windows"}}),
        [f"pod field '{key}' names Windows, and the pod has settings of Linux; remove it" for key in ("os", "nodeSelector")],
    ),
    "users of its own, and a container for the node": (
        lambda: compose(web(), [Adds("node", PodPatch(init_containers=(PRIVILEGED,)))], fields={"hostUsers": False}),
        [
            "container 'node' of Adds 'node' must be root of the node, and root of this pod is not (hostUsers: false); remove pod field "
            "'hostUsers', or leave the pattern out",
        ],
    ),
    "a device that nobody claims": (
        lambda: compose(web(resources={**RESOURCES, "claims": [{"name": "gpu"}]}), fields={"resourceClaims": [{"name": "fpga"}]}),
        ["app.resources.claims: the pod has no claim 'gpu'; add it to pod field 'resourceClaims'"],
    ),
    "more than the whole pod": (
        lambda: compose(
            web(resources={"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}),
            [Adds("one", PodPatch(init_containers=(BESIDE, ONCE)))],
            fields={"resources": {"requests": {"cpu": "1099m", "memory": "95Mi"}, "limits": {"memory": "127Mi"}}},
        ),
        [
            "container 'web' of the app has a limit of 128Mi of memory, but the whole pod one of 127Mi (pod field 'resources'); raise it",
            "the containers together request 1100m of cpu, but the whole pod 1099m (pod field 'resources'); raise it",
            "the containers together request 96Mi of memory, but the whole pod 95Mi (pod field 'resources'); raise it",
        ],
    ),
    "fields in snake case": (
        lambda: compose(web(), fields={"service_account_name": "x"}),
        ["pod field 'service_account_name' is not a field of the PodSpec; did you mean 'serviceAccountName'?"],
    ),
}


@cases(OPTIONS)
def test_options_that_cannot_be_are_refused(call: Call, lines: list[str]) -> None:
    assert refusal(call) == text("workload 'web'", "conflict", lines)


def test_everything_that_is_wrong_is_in_one_error() -> None:
    tls = PodPatch(
        containers=(container("tool", ports=[{"containerPort": 5432}]),),
        service_account=("reader",),
        problems=("cannot be; give up",),
        certificates=(Certificate(secret_name="tls", dns_names=("db",)),),
    )
    other = PodPatch(init_containers=(container("tool", readinessProbe={}),), service_account=("writer",))
    call = lambda: compose(  # noqa: E731
        web(ports=(FIXED,)),
        [Proxy("p", port="db"), Adds("a", tls), Adds("b", other)],
        workload="shop",
        hosts=["web", "web.prod", "web.prod.svc"],
        kubernetes_version="1.20",
        fields={"volumes": []},
    )
    assert refusal(call) == text(
        "workload 'shop'",
        "conflict",
        [
            "native sidecars need Kubernetes 1.29, but kubernetes_version is 1.20; set sidecars='classic'",
            "pod field 'volumes' is set by the composition itself; remove it",
            NO_REBIND,
            "Adds 'a': cannot be; give up",
            "port 5432 of Adds 'a' is already taken by the app; set port=",
            "container name 'tool' of Adds 'b' is already taken by Adds 'a'; set container_name=",
            "service account 'writer' of Adds 'b' is already set by Adds 'a'; a pod has one: set service_account= on one of them only",
            "container 'tool' of Adds 'b': readinessProbe on a plain init container; "
            "wrap the container in sidecar(), or remove the readinessProbe",
            "the certificate of Adds 'a' does not cover web, web.prod, web.prod.svc; set service_name=, namespace= or dns_names=",
        ],
    )


def test_an_app_that_is_wrong_is_reported_with_the_options_but_no_pattern_is_asked() -> None:
    class Never:
        def patch(self, _app: Any) -> PodPatch:
            raise AssertionError

    call = lambda: compose(web(uid=0, ports=(Port(name="http", number=-1),)), [Never()], sidecars="none")  # noqa: E731
    assert refusal(call) == text(
        "workload 'web'",
        "conflict",
        [
            "sidecars 'none' is not allowed: one of native, classic",
            f"app.ports[0].number -1 is not allowed: {PORT}",
            "app.uid 0 is root: use another user id",
        ],
    )


# certificates


UNCOVERED = "; set service_name=, namespace= or dns_names="


@pytest.mark.parametrize(
    ("covered", "missing"),
    [
        (("web", "web.prod"), "web.prod.svc"),
        (("db", "db.prod", "db.prod.svc"), "web, web.prod, web.prod.svc"),
        (("*.prod.svc", "*.prod"), "web"),
        (("web", "*.svc", "*.default"), "web.prod, web.prod.svc"),
    ],
)
def test_a_service_name_that_the_certificate_does_not_cover_is_refused(covered: tuple[str, ...], missing: str) -> None:
    def call() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", secret_name="tls", dns_names=covered))
        Workload("shop", WorkloadArgs(app=web(), patterns=[tls], namespace="prod"))

    assert refusal(call) == text(
        "workload 'shop'", "conflict", [f"the certificate of TlsAmbassador 'tls' does not cover {missing}{UNCOVERED}"]
    )


@pytest.mark.parametrize(
    ("tls", "workload", "missing"),
    [
        ({"service_name": "db"}, {}, "web, web.default, web.default.svc"),
        ({"dns_names": ("shop",)}, {"service_name": "shop"}, "shop.default, shop.default.svc"),
        ({"service_name": "db", "namespace": later}, {"namespace": later}, "web"),
        ({"service_name": "db", "namespace": later}, {}, "web"),
    ],
)
def test_a_certificate_that_was_made_for_another_name_is_refused(tls: dict[str, Any], workload: dict[str, Any], missing: str) -> None:
    def known(values: dict[str, Any]) -> dict[str, Any]:
        return {key: value() if callable(value) else value for key, value in values.items()}

    def call() -> None:
        pattern = TlsAmbassador("tls", TlsAmbassadorArgs(**{"service_name": "web", **known(tls)}))
        Workload("shop", WorkloadArgs(app=web(), patterns=[pattern], **known(workload)))

    assert refusal(call) == text(
        "workload 'shop'", "conflict", [f"the certificate of TlsAmbassador 'tls' does not cover {missing}{UNCOVERED}"]
    )


SERVER_TEXT = "SelfSignedCertificate 'leaf'"
EARLY = "early_renewal_hours {0} is not less than validity_hours {1}: every `pulumi up` would issue a new certificate"
CERTIFICATES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "service": ({"service_name": "1st"}, [f"service_name '1st' is not allowed: {SERVICE_NAME}"]),
    "service that is known later": ({"service_name": later}, [f"service_name {NO_OUTPUT}"]),
    "namespace": ({"namespace": "a.b"}, [f"namespace 'a.b' is not allowed: {LABEL}"]),
    "domain": ({"cluster_domain": "cluster.local."}, [f"cluster_domain 'cluster.local.' is not allowed: {DNS_NAME}"]),
    "names": (
        {"dns_names": ("ok.example.com", "a b", "x.*.y")},
        [f"dns_names[{i}] {n!r} is not allowed: {DNS_NAME}" for i, n in ((1, "a b"), (2, "x.*.y"))],
    ),
    "addresses": ({"ip_addresses": ("::1", "1.2.3")}, ["ip_addresses[1] '1.2.3' is not allowed: an IPv4 or IPv6 address"]),
    "validity": (
        {"validity_hours": 0, "early_renewal_hours": 0},
        ["validity_hours 0 is not allowed: a whole number, 1 or more"],
    ),
    "renewal": ({"early_renewal_hours": -1}, ["early_renewal_hours -1 is not allowed: a whole number, 0 or more"]),
    "renewal at once": ({"validity_hours": 24, "early_renewal_hours": 24}, [EARLY.format(24, 24)]),
    "several": (
        {"service_name": "", "ip_addresses": ("x",)},
        [
            f"service_name '' is not allowed: {SERVICE_NAME}",
            "ip_addresses[0] 'x' is not allowed: an IPv4 or IPv6 address",
        ],
    ),
}


@pytest.mark.parametrize(("arguments", "lines"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
def test_a_server_certificate_that_cannot_be_is_refused_however_it_is_made(arguments: dict[str, Any], lines: list[str]) -> None:
    def args() -> dict[str, Any]:
        return {"service_name": "web", **{key: value() if callable(value) else value for key, value in arguments.items()}}

    makers: dict[str, Call] = {
        "SelfSignedCertificate": lambda: SelfSignedCertificate("leaf", ServerCertificateArgs(**args())),
        "IssuedCertificate": lambda: CertificateAuthority("ca").issue("leaf", ServerCertificateArgs(**args())),
        "TlsAmbassador": lambda: TlsAmbassador("leaf", TlsAmbassadorArgs(**args())),
    }
    for kind, make in makers.items():
        # the fields of an ambassador are in another order
        found = refusal(make).split("\n")
        assert [found[0], *sorted(found[1:])] == text(f"{kind} 'leaf'", "problem", sorted(lines)).split("\n")


def test_a_client_certificate_that_cannot_be_is_refused() -> None:
    args = ClientCertificateArgs(common_name="a b", namespace="A", validity_hours=5, early_renewal_hours=9)
    assert refusal(lambda: CertificateAuthority("ca").issue_client("client", args)) == text(
        "IssuedCertificate 'client'",
        "problem",
        [
            f"namespace 'A' is not allowed: {LABEL}",
            f"common_name 'a b' is not allowed: {DNS_NAME}",
            EARLY.format(9, 5),
        ],
    )


def test_an_authority_that_cannot_be_is_refused() -> None:
    args = CertificateAuthorityArgs(common_name="", validity_hours=10, early_renewal_hours=10)
    assert refusal(lambda: CertificateAuthority("ca", args)) == text(
        "CertificateAuthority 'ca'",
        "problem",
        [
            "common_name '' is not allowed: text, not empty, without NUL and lone surrogates",
            EARLY.format(10, 10),
        ],
    )


def test_a_leaf_that_could_outlive_its_authority_is_refused() -> None:
    line = (
        "validity_hours 8761 is more than early_renewal_hours 8760 of the authority: "
        "the certificate could outlive it; lower the one or raise the other"
    )

    def authority() -> CertificateAuthority:
        return CertificateAuthority("ca", CertificateAuthorityArgs(early_renewal_hours=8760))

    server = lambda: authority().issue("leaf", ServerCertificateArgs(service_name="web", validity_hours=8761))  # noqa: E731
    assert refusal(server) == text("IssuedCertificate 'leaf'", "problem", [line])
    client = lambda: authority().issue_client("leaf", ClientCertificateArgs(common_name="x", validity_hours=8761))  # noqa: E731
    assert refusal(client) == text("IssuedCertificate 'leaf'", "problem", [line])
    tls = lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", authority=authority(), validity_hours=8761))  # noqa: E731
    assert refusal(tls) == text("TlsAmbassador 'tls'", "problem", [line])


# TlsAmbassador


TLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "container": ({"container_name": "Nginx"}, [f"container_name 'Nginx' is not allowed: {LABEL}"]),
    "secret": ({"secret_name": "Secret"}, [f"secret_name 'Secret' is not allowed: {OBJECT_NAME}"]),
    "reload of its own": (
        {"reload": True},
        [
            "reload is set, but the certificate is made here: a renewed one is a new Secret and rolls the pods; "
            "leave reload out, or set secret_name to a Secret that keeps its name"
        ],
    ),
    "no ports": ({"target_ports": ()}, ["target_ports is empty; name at least one port to stand in front of, e.g. ['http']"]),
    "port names": ({"target_ports": ("http", "H")}, [f"target_ports[1] 'H' is not allowed: {PORT_NAME}"]),
    "mode": ({"mode": "udp"}, ["mode 'udp' is not allowed: one of http, tcp"]),
    "app port": ({"inner_port": 0}, [f"inner_port 0 is not allowed: {PORT}"]),
    "app port for two": (
        {"target_ports": ("a", "b"), "inner_port": 9201},
        ["inner_port is set for more than one port; leave it out, or use one TlsAmbassador a port"],
    ),
    "body": (
        {"max_body_size": "100MB"},
        ["max_body_size '100MB' is not allowed: a number of bytes with k, m or g, as in nginx"],
    ),
    "health": ({"health_port": 65536}, [f"health_port 65536 is not allowed: {PORT}"]),
    "timeout": ({"timeout_seconds": 0}, ["timeout_seconds 0 is not allowed: a whole number, 1 or more"]),
    "idle": ({"upstream_idle_seconds": -1}, ["upstream_idle_seconds -1 is not allowed: a whole number, 0 or more"]),
    "root": ({"uid": 0}, ["uid 0 is root: use another user id"]),
    "resources": ({"resources": {"requests": RESOURCES["requests"]}}, ["resources.limits.memory is missing"]),
}


@pytest.mark.parametrize(("arguments", "lines"), TLS.values(), ids=TLS.keys())
def test_an_ambassador_that_cannot_be_is_refused(arguments: dict[str, Any], lines: list[str]) -> None:
    call = lambda: TlsAmbassador("tls", TlsAmbassadorArgs(**{"service_name": "web", **arguments}))  # noqa: E731
    assert refusal(call) == text("TlsAmbassador 'tls'", "problem", lines)


def test_two_sources_of_one_certificate_are_refused() -> None:
    def call() -> None:
        TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", secret_name="s", authority=CertificateAuthority("ca")))

    assert refusal(call) == text(
        "TlsAmbassador 'tls'", "problem", ["authority and secret_name are both set; the certificate comes from one of them"]
    )


AT_PORTS: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "unknown": ((HTTP,), {"target_ports": ("https",)}, ["there is no port 'https' to stand in front of; set target_ports= (known: http)"]),
    "none": ((), {}, ["there is no port 'http' to stand in front of; set target_ports= (known: none)"]),
    "tls already": ((replace(HTTP, scheme="https"),), {}, ["port 'http' speaks TLS already; take it out of target_ports="]),
    "twice": (
        (HTTP,),
        {"target_ports": ("http", "http")},
        ["port 'http' has an ambassador in front of it already; list TlsAmbassador first, and each port once"],
    ),
    "no http": (
        (replace(FIXED, rebind=HTTP.rebind),),
        {"target_ports": ("db",), "mode": "http", "direct_tls": True},
        ["mode 'http' cannot carry port 'db', which speaks tcp; leave mode= out, or set it to 'tcp'"],
    ),
}


@pytest.mark.parametrize(("ports", "arguments", "lines"), AT_PORTS.values(), ids=AT_PORTS.keys())
def test_a_port_that_tls_cannot_stand_in_front_of_is_refused(ports: tuple[Port, ...], arguments: dict[str, Any], lines: list[str]) -> None:
    call = lambda: compose(web(ports=ports), [TlsAmbassador("tls", TlsAmbassadorArgs(**{"service_name": "web", **arguments}))])  # noqa: E731
    assert refusal(call) == text("workload 'web'", "conflict", [f"TlsAmbassador 'tls': {line}" for line in lines])


def test_tls_behind_another_ambassador_is_refused() -> None:
    call = lambda: compose(web(), [Proxy("jwt"), TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))])  # noqa: E731
    line = "TlsAmbassador 'tls': port 'http' has an ambassador in front of it already; list TlsAmbassador first, and each port once"
    assert refusal(call) == text("workload 'web'", "conflict", [line])


def test_a_health_port_that_another_pattern_has_is_refused_with_the_argument_that_moves_it() -> None:
    def call() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))
        compose(web(), [Adds("a", PodPatch(undeclared_ports=(UndeclaredPort(number=8082),))), tls])

    # 8081 is the app's by now
    assert refusal(call) == text(
        "workload 'web'", "conflict", ["port 8082 of TlsAmbassador 'tls' is already taken by Adds 'a'; set health_port="]
    )


# Workload


WORKLOAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "service": ({"service_name": "web.prod"}, [f"service_name 'web.prod' is not allowed: {SERVICE_NAME}"]),
    "service of the app": ({"app": web(name="3rd")}, [f"service_name '3rd' is not allowed: {SERVICE_NAME}"]),
    "namespace": ({"namespace": "Prod"}, [f"namespace 'Prod' is not allowed: {LABEL}"]),
    "type": ({"service_type": "External"}, ["service_type 'External' is not allowed: one of ClusterIP, NodePort, LoadBalancer"]),
    "replicas": ({"replicas": -1}, ["replicas -1 is not allowed: a whole number, 0 or more"]),
    "replicas that are known later": ({"replicas": lambda: later(1)}, [f"replicas {NO_OUTPUT}"]),
    "timeout": ({"rollout_timeout_seconds": 0}, ["rollout_timeout_seconds 0 is not allowed: a whole number, 1 or more"]),
    "labels": (
        {"labels": {"team": "a", "app.kubernetes.io/name": "x"}},
        ["label 'app.kubernetes.io/name' of labels is set by the workload itself; remove it"],
    ),
    "labels of a pattern": (
        {"patterns": [Adds("a", PodPatch(labels=(("app.kubernetes.io/instance", "x"),)))]},
        ["label 'app.kubernetes.io/instance' of a pattern is set by the workload itself; remove it"],
    ),
    "registry": (
        {"image_registry": "https://mirror.example.com"},
        ["image_registry 'https://mirror.example.com' is not allowed: a host, with a port and a path at most"],
    ),
    "several": (
        {"service_name": "", "app": web(name=""), "replicas": 1.5},
        [f"service_name '' is not allowed: {SERVICE_NAME}", "replicas must be a whole number, but is the number 1.5"],
    ),
}


@pytest.mark.parametrize(("arguments", "lines"), WORKLOAD.values(), ids=WORKLOAD.keys())
def test_a_workload_that_cannot_be_is_refused(arguments: dict[str, Any], lines: list[str]) -> None:
    def call() -> None:
        Workload("shop", WorkloadArgs(**{"app": web(), **{k: v() if callable(v) else v for k, v in arguments.items()}}))

    assert refusal(call) == text("workload 'shop'", "problem", lines)


def test_a_refused_workload_registers_nothing() -> None:
    registered: list[str] = []

    def call() -> None:
        try:
            Workload("shop", WorkloadArgs(app=web(), patterns=[Proxy("p"), Proxy("p")]))
        except ProblemsError as error:
            registered.append(str(error))

    assert run(call).registrations == ()
    assert registered == [
        text(
            "workload 'shop'",
            "conflict",
            ["container name 'p' of Proxy 'p' is already taken by Proxy 'p'; set container_name="],
        )
    ]


# breaking out of a name, a path, a directory, nginx.conf or a shell


EVIL = ("a\nb", "a;b", "a}b", "a{b", 'a"b', "a'b", "a b", "$(id)", "`id`", "$HOME", "a\\b", "a\0b", "a#b", "../a", "a\n", "")


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_name_breaks_out(evil: str) -> None:
    def call() -> None:
        TlsAmbassador(
            evil,
            TlsAmbassadorArgs(
                service_name=evil,
                namespace=evil,
                cluster_domain=evil,
                dns_names=(evil,),
                target_ports=(evil,),
                container_name=evil,
                secret_name=evil,
                max_body_size=evil,
                resources={"requests": {"cpu": evil, "memory": "1Mi"}, "limits": {"memory": evil, "cpu": evil}},
            ),
        )

    assert refusal(call) == text(
        f"TlsAmbassador {evil!r}",
        "problem",
        [
            f"name {evil!r} is not allowed: {LABEL}",
            f"max_body_size {evil!r} is not allowed: a number of bytes with k, m or g, as in nginx",
            f"container_name {evil!r} is not allowed: {LABEL}",
            f"resources.requests.cpu {evil!r} is not allowed: {QUANTITY}",
            f"resources.limits.memory {evil!r} is not allowed: {QUANTITY}",
            f"resources.limits.cpu {evil!r} is not allowed: {QUANTITY}",
            f"service_name {evil!r} is not allowed: {SERVICE_NAME}",
            f"namespace {evil!r} is not allowed: {LABEL}",
            f"target_ports[0] {evil!r} is not allowed: {PORT_NAME}",
            f"secret_name {evil!r} is not allowed: {OBJECT_NAME}",
            f"dns_names[0] {evil!r} is not allowed: {DNS_NAME}",
            f"cluster_domain {evil!r} is not allowed: {DNS_NAME}",
        ],
    )
    where = f"name {evil!r} is not allowed: {LABEL}"
    assert where in refusal(lambda: Workload(evil, WorkloadArgs(app=web())))
    assert where in refusal(lambda: SelfSignedCertificate(evil, ServerCertificateArgs(service_name="web")))
    assert where in refusal(lambda: CertificateAuthority("ca").issue(evil, ServerCertificateArgs(service_name="web")))


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_path_of_a_pattern_breaks_out(evil: str) -> None:
    upwards = evil == "../a"
    patch = PodPatch(
        volumes=({"name": "v", "emptyDir": {}},),
        config_files=(ConfigFiles(name="files", files={evil: ""}),),
        app_mounts=({"name": "v", "mountPath": f"/{evil}", "subPath": evil},) if evil else (),
    )
    at = "mount of Adds 'a' in the app's container:"
    rules = ("it must not contain '..'", "it must not contain '..'") if upwards else (PATH, RELATIVE_PATH)
    lines = (
        [f"{at} mountPath {'/' + evil!r} is not allowed: {rules[0]}", f"{at} subPath {evil!r} is not allowed: {rules[1]}"] if evil else []
    )
    lines.append(f"file of Adds 'a' in volume 'files': {evil!r} is not allowed: {FILE_NAME}")
    assert refusal(lambda: compose(web(), [Adds("a", patch)])) == text("workload 'web'", "conflict", lines)


IMAGES = ("nginx", "my_app:1", "a/b__c/d-e.f:V_1.2-x", "localhost:5000/a", "[::1]:5000/a", f"a@sha256:{64 * '0'}", "registry.io/a:1")


@pytest.mark.parametrize("image", IMAGES)
def test_what_a_registry_takes_is_an_image(image: str) -> None:
    assert checks.image("image", image) == []
    for evil in (f"{image} x", f"{image}\n", f"{image};x", f"-{image}", f"{image}/", f"{image}:", f"{image}@sha256:0"):
        assert checks.image("image", evil) != []


@given(st.text(alphabet=st.one_of(st.sampled_from("ab0-./*_ \n;{}'\"$`\\#"), st.characters()), max_size=20))
def test_what_passes_a_check_is_harmless_everywhere(value: str) -> None:
    shapes = (
        checks.label,
        checks.service_name,
        checks.port_name,
        checks.object_name,
        checks.data_key,
        checks.dns_name,
        checks.path,
        checks.relative_path,
        checks.file_name,
        checks.env_name,
        checks.quantity,
    )
    for shape in shapes:
        if shape("it", value) == []:
            assert value.isascii()
            assert value.isprintable()
            assert not set(value) & set(" \t\n;{}'\"$`\\#&|<>()?![]~:")
            assert ".." not in value.split("/")
