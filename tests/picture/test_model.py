"""What the drawing says of a pod: the facts, container by container."""

import pytest

from components import App, ConfigFiles, Connection, Injection, LogTailSidecarArgs, Pod, PodPatch, Port, Rebind, Target, TlsAmbassadorArgs
from components.core.fold import compose
from components.picture.facts import model
from components.picture.model import Box
from components.picture.remote import Remote, remote
from components.testing import run
from tests.support.drawn import workload


def boxes(name: str) -> dict[str, Box]:
    return {box.name: box for box in workload(name).picture().model.boxes}


def listens(box: Box) -> list[tuple[str, bool, tuple[str, ...]]]:
    return [(listener.text, listener.is_open, listener.callers) for listener in box.listeners]


def test_the_article_s_pod() -> None:
    found = boxes("render")
    assert [(box.name, box.kind, box.owner, box.privilege) for box in found.values()] == [
        ("update-sysctl", "init", "SysctlInit", "privileged"),
        ("get-secret", "init", "VaultInit", ""),
        ("logs", "sidecar", "LogTailSidecar", ""),
        ("nginx-proxy", "sidecar", "TlsAmbassador", ""),
        ("prometheus-exporter", "sidecar", "MetricsAdapter", ""),
        ("elasticsearch", "app", "", ""),
    ]
    assert listens(found["nginx-proxy"]) == [("9200 https", True, ("clients", "kubelet")), ("8081 http", True, ("kubelet",))]
    assert listens(found["prometheus-exporter"]) == [("9114 http", True, ("clients", "Prometheus"))]
    assert listens(found["elasticsearch"]) == [("9201 http", False, ()), ("9300", False, ())]
    assert {name: box.asks for name, box in found.items() if box.asks} == {
        "nginx-proxy": (("elasticsearch", 9201),),
        "prometheus-exporter": (("elasticsearch", 9201),),
    }
    vault = Remote(host="vault.vault.svc", detail="https 8200", is_secure=True, is_awaited=True)
    assert {name: box.remotes for name, box in found.items() if box.remotes} == {"get-secret": (vault,)}
    shared = {v.name: (v.writers, v.readers) for v in workload("render").picture().model.volumes if v.is_shared}
    assert shared == {"secrets": (("get-secret",), ("elasticsearch",)), "logs": (("elasticsearch",), ("logs",))}


def test_ambassadors_behind_each_other_ask_the_next_and_the_app_is_last() -> None:
    found = boxes("mutual")
    assert listens(found["nginx-proxy"])[0] == ("9200 https mTLS", True, ("clients",))
    assert found["nginx-proxy"].asks == (("jwt-proxy", 9201),)
    assert [text for text, is_open, _ in listens(found["jwt-proxy"]) if not is_open] == ["9201 http"]
    assert set(found["jwt-proxy"].asks) == {("elasticsearch", 9202), ("jwt-proxy-validator", 4180)}
    assert listens(found["jwt-proxy-validator"]) == [("4180", False, ())]
    assert [there.host for there in found["jwt-proxy-validator"].remotes] == ["issuer.example.com"]


def test_a_redirected_app_stays_behind_its_ambassador() -> None:
    found = boxes("redirect")
    assert listens(found["nginx-proxy"])[0] == ("8080→15000 https", True, ("clients",))
    assert listens(found["web"]) == [("8081 http", False, ())]
    assert found["traffic-redirect"].privilege == "NET_ADMIN"


def test_a_tunnel_is_encrypted_outside_and_not_inside() -> None:
    found = boxes("every")
    assert Remote(host="db.example.com", detail="TLS 5432", is_secure=True, is_awaited=False) in found["tls-tunnel"].remotes
    assert ("tls-tunnel", 5432) in found["elasticsearch"].asks
    assert not next(listener for listener in found["tls-tunnel"].listeners if listener.number == 5432).is_secure


def test_an_exporter_behind_tls_is_asked_by_the_ambassador() -> None:
    found = boxes("every")
    assert ("prometheus-exporter", 9115) in found["nginx-proxy"].asks
    assert ("9114 https", True, ("clients", "Prometheus")) in listens(found["nginx-proxy"])


def test_pods_of_a_cluster_call_each_other() -> None:
    callers = {caller for box in boxes("cluster").values() for listener in box.listeners for caller in listener.callers}
    assert "other pods" in callers


def test_a_job_has_no_service_and_no_clients() -> None:
    drawn = workload("job").picture().model
    assert (drawn.service, drawn.callers()) == ("", [])


def composed(patch: PodPatch, **fields: object) -> Pod:
    class Own:
        def patch(self, _pod: object) -> PodPatch:
            return patch

    return compose(App(name="web", image="web:1", **fields), [Own()])  # type: ignore[arg-type]


def test_classic_sidecars_are_sidecars() -> None:
    assert {box.kind for box in boxes("every-classic").values()} == {"init", "sidecar", "app"}
    assert boxes("every-classic")["nginx-proxy"].kind == "sidecar"


def test_what_a_pattern_of_one_s_own_adds_is_drawn_too() -> None:
    container = {
        "name": "tunnel",
        "image": "registry.example.com/a/tunnel:2@sha256:0",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
        "ports": [{"containerPort": 7000, "name": "admin"}],
        "volumeMounts": [{"name": "tunnel", "mountPath": "/etc/tunnel", "readOnly": True}],
    }
    patch = PodPatch(
        containers=(container,),
        config_files=(ConfigFiles(name="tunnel", files={"a.conf": "connect = cache.example.com:6380"}),),
        connects=(Connection(address="cache.example.com:6380", tls=True), Connection(address="127.0.0.1:8080")),
    )
    found = {box.name: box for box in model(composed(patch, ports=[Port(name="http", number=8080)])).boxes}
    assert (found["tunnel"].kind, found["tunnel"].owner, found["tunnel"].image) == ("sidecar", "Own", "tunnel:2")
    assert listens(found["tunnel"]) == [("7000", True, ())]
    assert found["tunnel"].asks == (("web", 8080),)
    assert found["tunnel"].remotes == (Remote(host="cache.example.com", detail="TLS 6380", is_secure=True, is_awaited=False),)


def test_somebody_else_s_pod_is_drawn_as_it_becomes() -> None:
    template = {
        "containers": [
            {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], "env": [{"name": "HOST", "value": "x"}]},
            {"name": "beside", "image": "beside:1", "env": [{"name": "WEB", "value": "http://127.0.0.1:8081/"}]},
        ],
        "initContainers": [{"name": "first", "image": "first:1"}],
        "volumes": [{"name": "logs", "emptyDir": {}}],
    }
    manifest = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"metadata": {}, "spec": template}}}
    found: list[Pod] = []

    def program() -> None:
        target = Target(name="web", container="web", uid=1000, ports=[REBOUND])
        injection = Injection("tls", target, [TlsAmbassadorArgs(secret_name="tls"), LOGS])
        injection.into(manifest)
        assert injection.pod
        found.append(injection.pod)

    run(program)
    drawn = {box.name: box for box in model(found[0], service="web").boxes}
    assert [(box.name, box.kind, box.owner) for box in drawn.values()] == [
        ("nginx-proxy", "sidecar", "TlsAmbassador"),
        ("logs", "sidecar", "LogTailSidecar"),
        ("first", "init", ""),
        ("web", "app", ""),
        ("beside", "sidecar", ""),
    ]
    assert drawn["beside"].asks == (("web", 8081),)


REBOUND = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}:{port}"}))
LOGS = LogTailSidecarArgs(directory="/var/log/app", files=["app.log"], volume_name="app-logs")


@pytest.mark.parametrize(
    ("connection", "wanted"),
    [
        (Connection(address="rediss://cache:6380"), ("cache", "rediss 6380", True)),
        (Connection(address="http://a.example.com/x"), ("a.example.com", "http 80", False)),
        (Connection(address="10.0.0.10:53", protocol="UDP"), ("10.0.0.10", "udp 53", False)),
        (Connection(address="db:5432", tls=True), ("db", "TLS 5432", True)),
    ],
)
def test_where_a_connection_leads(connection: Connection, wanted: tuple[str, str, bool]) -> None:
    there = remote(connection)
    assert (there.host, there.detail, there.is_secure) == wanted
