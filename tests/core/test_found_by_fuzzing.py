"""What `make fuzz` found, each as one case by its full text."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from components.core.app import SecretKey
from components.core.errors import ProblemsError
from components.core.fold import compose
from components.core.quantities import times
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.jwt_ambassador import JwtAmbassadorArgs
from components.patterns.log_shipper_sidecar import LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.migration_init import MigrationInitArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecarArgs
from components.patterns.shared.vault_secret import VaultSecret
from components.patterns.sysctl_init import SysctlInitArgs
from components.patterns.vault_init import VaultInitArgs
from tests.support.pods import web

TEXT = "text without NUL and lone surrogates"
QUANTITY = "a Kubernetes quantity such as 100m, 64Mi or 1.5"
FETCHED: dict[str, Any] = {"source": "https://example.com/a", "allow_unverified": True}
KEY = SecretKey(name="a", key="b")
DATABASE = EgressTarget(name="db", host="db.example.com", port=6380)


def vault(**secret: Any) -> VaultInitArgs:
    return VaultInitArgs(address="https://vault", role="web", secrets=[VaultSecret(path="a", format="json", **secret)])


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ProblemsError) as error:
        call()
    return str(error.value)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        # OverflowError
        (
            lambda: compose(web(), [RedisCacheSidecarArgs(maxmemory="1e999")]),
            f"RedisCacheSidecar: maxmemory '1e999' is not allowed: {QUANTITY}",
        ),
        # OverflowError: cannot convert float infinity to integer
        (
            lambda: compose(web(), [FetchInitArgs(**FETCHED, size_limit="9" * 400)]),
            f"FetchInit: size_limit '{'9' * 400}' is not allowed: {QUANTITY}",
        ),
        # UnicodeEncodeError as soon as the engine is told of it
        (
            lambda: compose(web(env={"A": {"valueFrom": {"configMapKeyRef": {"name": "a", "key": "\ud800"}}}})),
            "app.env['A'].valueFrom.configMapKeyRef.key '\\ud800' is not allowed: a key of letters, digits and '.', '_' and '-'",
        ),
        (lambda: compose(web(env={"A": "\ud800"})), f"app.env['A'] '\\ud800' is not allowed: {TEXT}"),
        (
            lambda: compose(web(volumes=({"name": "a", "hostPath": {"path": "\udfff"}},))),
            f"app.volumes[0].hostPath.path '\\udfff' is not allowed: {TEXT}",
        ),
        (lambda: compose(web(), fields={"hostname": "\0"}), f"pod field.hostname '\\x00' is not allowed: {TEXT}"),
        # the container could not be started
        (
            lambda: compose(web(), [LogTailSidecarArgs(directory="/var/log/web", files=("a",), sidecar_mount_path="/")]),
            "container 'logs' of LogTailSidecar: mountPath '/' would hide the whole image; mount a directory below it",
        ),
        # `sha256sum --help` is the same before and after a rotation, which VaultAgentSidecar then never published
        (
            lambda: compose(web(), [vault(file="--help")]),
            "VaultInit: secrets[0].file '--help' is not allowed: a file name of letters, digits and ._@%+=-, not starting with '.' or '-'",
        ),
        # an object of Python in the message
        (
            lambda: compose(web(), kubernetes_version=object()),  # type: ignore[arg-type]
            "kubernetes_version (a object) is not a valid Kubernetes version; write it as '1.30'",
        ),
        (lambda: compose(web(), sidecars=object()), "sidecars (a object) is not allowed: one of native, classic"),  # type: ignore[arg-type]
        (
            lambda: compose(web(), fields={"nodeSelector": {object(): "a"}}),
            "pod field.nodeSelector key (a object) is not allowed: text",
        ),
        # AttributeError
        (
            lambda: compose(web(), image_registry=["a"]),  # type: ignore[arg-type]
            "image_registry must be a text or a mapping, but is a list",
        ),
        # OverflowError; nginx: "client_header_timeout" directive invalid value
        (
            lambda: compose(web(), [MigrationInitArgs(image="a", command=["a"], uid=10**400)]),
            "MigrationInit: uid is not allowed: a whole number, 2147483647 at most",
        ),
        # nginx: 1 worker_connections are not enough for 1 listening sockets
        (
            lambda: compose(web(), [JwtAmbassadorArgs(issuer="https://a", audience="a", cookie_secret=KEY, max_connections=1)]),
            "JwtAmbassador: max_connections 1 is not allowed: a whole number, 64 or more",
        ),
        # UnicodeEncodeError
        (
            lambda: compose(web(), fields={"nodeSelector": {"\ud800": "a"}}),
            f"pod field.nodeSelector key '\\ud800' is not allowed: {TEXT}",
        ),
        # the collector could not read its configuration: no key of YAML is so long
        (
            lambda: compose(web(), [LogShipperSidecarArgs(endpoint="https://a", attributes={"a" * 256: "b"})]),
            f"LogShipperSidecar: attributes key '{'a' * 256}' is not allowed: text, 255 characters at most",
        ),
        # haproxy: timer overflow
        (
            lambda: compose(web(), [EgressTlsTunnelArgs(targets=[DATABASE], idle_seconds=2147484)]),
            "EgressTlsTunnel: idle_seconds is not allowed: a whole number, 2147483 at most",
        ),
        # JSON has no such number
        (
            lambda: compose(web(startup_probe={"periodSeconds": float("nan")})),
            "app.startup_probe.periodSeconds nan is not allowed: a number that JSON has",
        ),
        # accepted
        (
            lambda: compose(web(env={"A": {"valueFrom": {"secretKeyRef": {"name": "a b", "key": "c"}}}})),
            "app.env['A'].valueFrom.secretKeyRef.name 'a b' is not allowed: a-z, 0-9, '-' and '.', 253 characters at most",
        ),
        (
            lambda: compose(web(), kubernetes_version="1.30.0; all"),
            "kubernetes_version '1.30.0; all' is not a valid Kubernetes version; write it as '1.30'",
        ),
        (
            lambda: compose(web(), kubernetes_version=f"1.{'3' * 5000}"),
            f"kubernetes_version '1.{'3' * 978} ... {'3' * 945}' is not a valid Kubernetes version; write it as '1.30'",
        ),
        (
            lambda: compose(web(container={"terminationMessagesPath": "/dev/log"})),
            "app.container: 'terminationMessagesPath' is not a field of the Container; did you mean 'terminationMessagePath'?",
        ),
        (lambda: compose(web(container={"zzz": 1})), "app.container: 'zzz' is not a field of the Container; remove it"),
        # two lines that are the same
        (
            lambda: compose(web(), [VaultInitArgs(address="https://vault", role="web")] * 2),
            "VaultInit: secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates=",
        ),
    ],
)
def test_it_is_refused(call: Callable[[], Any], line: str) -> None:
    assert refusal(call) == f"workload 'web': 1 conflict\n  - {line}"


def test_a_name_with_a_line_break_stays_in_its_line() -> None:
    app = web(volumes=({"name": "a\nb", "emptyDir": {}},), volume_mounts=({"name": "c", "mountPath": "/c"},))
    assert refusal(lambda: compose(app)).splitlines() == [
        "workload 'web': 2 conflicts",
        "  - volume name of the app: 'a\\nb' is not allowed: a-z, 0-9 and '-', 63 characters at most",
        "  - volume 'c', mounted by the app in container 'web', is not defined; add it to volumes (defined: a\\nb)",
    ]


def test_a_small_quantity_is_multiplied_without_an_exponent_in_front_of_its_suffix() -> None:
    assert times("0.00000001Gi", 4) == "0.00000004Gi"


def test_a_sysctl_may_be_as_large_as_the_kernel_has_them() -> None:
    pod = compose(web(), [SysctlInitArgs(sysctls={"kernel.shmmax": 2**64 - 1})])
    assert pod.spec["initContainers"][0]["command"][-1] == "kernel.shmmax=18446744073709551615"


def test_the_collector_reads_in_yaml_what_was_written_as_json() -> None:
    # a surrogate pair is no character there, and NEL is a line break
    text = "a\U0001f600\x85b\u2028c\ufeffd\x7fe\x9ff\u00e9"
    logs = LogShipperSidecarArgs(endpoint="https://logs", directory="/logs-of-web", files=["a"], attributes={"a": text})
    (config,) = compose(web(), [logs]).config_files
    document = yaml.safe_load(str(config.files["config.yaml"]))
    assert document["receivers"]["file_log"]["resource"]["a"] == text
