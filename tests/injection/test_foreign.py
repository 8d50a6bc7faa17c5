"""What real charts hold that a pod of one's own does not: each case is one that a public workload has."""

from typing import Any

import pulumi
import pytest

from components import (
    CompositionError,
    FetchInitArgs,
    Injection,
    LogTailSidecarArgs,
    Port,
    Rebind,
    SecretLeakError,
    SysctlInitArgs,
    Target,
    TlsAmbassadorArgs,
    TrafficRedirectInitArgs,
    VaultInitArgs,
    VaultSecret,
    inject,
)
from components.core.patch import PodPatch
from components.core.pod_security import pod_security_level
from components.testing import run
from tests.injection.test_inject import LOGS, MOVES, TLS, deployment, injection, spec_of
from tests.support.composing import PEM
from tests.support.pods import Adds, Proxy, container

VAULT = VaultInitArgs(
    address="https://vault:8200", role="web", ca_pem=PEM, secrets=[VaultSecret(path="web", file="password", field="password")]
)
APP: dict[str, Any] = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}


def injected(*patterns: Any, target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """The pod spec of a Deployment with these fields."""
    return spec_of(inject([deployment(**spec)], [injection(*patterns, **(target or {}))])[0])


def refused(*patterns: Any, target: dict[str, Any] | None = None, **spec: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        injected(*patterns, target=target, **spec)
    return error.value.problems


def ours(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in spec["initContainers"] if c["name"] == name)
    return found


def test_lists_that_are_null_stay_null_where_nothing_is_added() -> None:
    spec = injected(TLS)
    assert spec["containers"][0]["volumeMounts"] is None
    assert spec["containers"][0] == {
        **deployment()["spec"]["template"]["spec"]["containers"][0],
        "env": [{"name": "HOST", "value": "127.0.0.1"}],
    }


def test_of_several_containers_one_is_named() -> None:
    side = {"name": "side", "image": "side:1"}
    assert refused(LOGS, containers=[side, APP]) == ("it has several containers; set container= of the target to one of side, web",)
    assert refused(LOGS, containers=[side, APP], target={"container": "app"}) == (
        "it has no container 'app'; set container= of the target to one of side, web",
    )
    spec = injected(LOGS, containers=[side, APP], target={"container": "web"})
    assert spec["containers"][0] == side
    assert spec["containers"][1]["volumeMounts"] == [{"name": "logs", "mountPath": "/var/log/app"}]


def test_the_annotation_of_kubectl_names_the_app() -> None:
    manifest = deployment(containers=[{"name": "side", "image": "side:1"}, APP])
    manifest["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "web"}
    (out,) = inject([manifest], [injection(LOGS)])
    assert "volumeMounts" in spec_of(out)["containers"][1]


def test_a_probe_follows_in_every_container_and_keeps_what_it_has() -> None:
    headers = [{"name": "Host", "value": "web.example.com"}]
    app = {**APP, "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "httpHeaders": headers}, "timeoutSeconds": 7}}
    side = {
        "name": "side",
        "image": "side:1",
        "ports": [{"name": "admin", "containerPort": 9000}],
        "livenessProbe": {"httpGet": {"path": "/web", "port": 8080}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "admin"}},
        "lifecycle": {"postStart": {"httpGet": {"path": "/warm", "port": 8080}}},
    }
    spec = injected(TLS, containers=[app, side], target={"container": "web"})
    assert spec["containers"][0]["readinessProbe"] == {
        "httpGet": {"path": "/ready", "port": "http", "httpHeaders": headers, "scheme": "HTTPS"},
        "timeoutSeconds": 7,
    }
    assert spec["containers"][1]["livenessProbe"] == {"httpGet": {"path": "/web", "port": 8080, "scheme": "HTTPS"}}
    assert spec["containers"][1]["readinessProbe"] == side["readinessProbe"]
    assert spec["containers"][1]["lifecycle"] == {"postStart": {"httpGet": {"path": "/warm", "port": 8080, "scheme": "HTTPS"}}}


def test_behind_client_certificates_a_neighbour_s_probe_is_let_through_too() -> None:
    side = {"name": "side", "image": "side:1", "livenessProbe": {"httpGet": {"path": "/web", "port": 8080}}}
    tls = TlsAmbassadorArgs(secret_name="web-tls", client_auth="required", client_ca_pems=[PEM])
    (out,) = inject([deployment(containers=[APP, side])], [injection(tls, container="web")])
    health = out["spec"]["template"]["spec"]["containers"][1]["livenessProbe"]["httpGet"]
    assert health == {"path": "/web", "port": 8082}
    assert "8082 GET /web " in out["spec"]["template"]["metadata"]["annotations"]["pod-patterns/nginx-proxy-config.nginx.conf"]


ASKS = "curl -f http://localhost:8080/_cluster/health"
PORTED = {"ports": [Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))]}


def test_who_asks_the_app_on_loopback_is_not_cut_off() -> None:
    app = {**APP, "readinessProbe": {"exec": {"command": ["sh", "-c", ASKS]}}}
    side = {"name": "side", "image": "side:1", "env": [{"name": "UPSTREAM", "value": "http://127.0.0.1:8080"}]}
    way_out = (
        "where the ambassador of port 'http' answers with https now; use a rebind without {port}, so that the app keeps its number there, "
        "or list TrafficRedirectInit before the ambassador"
    )
    assert refused(TLS, containers=[app, side], target={"container": "web", **PORTED}) == (
        f"readinessProbe of container 'web' asks 127.0.0.1:8080, {way_out}",
        f"env 'UPSTREAM' of container 'side' asks 127.0.0.1:8080, {way_out}",
    )
    # on the same number it finds the app itself
    spec = injected(TLS, containers=[app, side], target={"container": "web"})
    assert spec["containers"][1] == side
    spec = injected(TrafficRedirectInitArgs(target_ports=["http"]), TLS, containers=[app, side], target={"container": "web", "ports": []})
    assert spec["containers"] == [app, side]


def test_claim_templates_are_volumes() -> None:
    manifest = {**deployment(containers=[{**APP, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]), "kind": "StatefulSet"}
    manifest["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]
    (out,) = inject([manifest], [injection(LogTailSidecarArgs(directory="/data/logs", files=["a.log"]))])
    assert spec_of(out)["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert ours(spec_of(out), "logs")["volumeMounts"] == [{"name": "data", "mountPath": "/logs", "readOnly": True}]


BEHIND = {"ports": [Port(name="http", number=8080, rebind=Rebind(args=["--host={host}"]))]}


def test_arguments_that_would_get_lost_are_rejected() -> None:
    assert refused(TLS, containers=[APP], target=BEHIND) == (
        "port 'http' of the app: its rebind appends arguments, but the app has none of its own, so that those of its image (CMD) would be "
        "lost; set image_args= of the rebind to them, to () if the image has none, or use env= in the rebind",
    )
    script = {**APP, "command": ["sh", "-c", "exec web"]}
    assert refused(TLS, containers=[script], target=BEHIND) == (
        "port 'http' of the app: its rebind appends arguments to a shell script, which does not see them; use env= or replace= in the "
        'rebind, or put a word for $0 behind the script and use "$@" in it',
    )


def test_variables_keep_their_order() -> None:
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "URL", "value": "http://$(IP)"},
        {"name": "HOST"},
    ]
    spec = injected(TLS, containers=[{**APP, "env": env}])
    assert spec["containers"][0]["env"] == [*env[:2], {"name": "HOST", "value": "127.0.0.1"}]


@pytest.mark.parametrize(
    ("fields", "stated", "found"),
    [
        ({"securityContext": {"runAsUser": 33.0}}, None, {"runAsNonRoot": True, "runAsUser": 33}),
        ({"securityContext": {"runAsUser": 0}}, None, {"runAsNonRoot": False, "runAsUser": 0}),
        ({}, 33, {"runAsNonRoot": True, "runAsUser": 33}),
        ({}, 0, {"runAsNonRoot": False, "runAsUser": 0}),
    ],
)
def test_what_writes_for_the_app_runs_as_its_user(fields: dict[str, Any], stated: int | None, found: dict[str, Any]) -> None:
    context = ours(injected(VAULT, target={"uid": stated}, **fields), "get-secret")["securityContext"]
    assert {key: context[key] for key in found} == found


def test_a_user_that_nobody_states_is_asked_for() -> None:
    assert refused(VAULT, target={"uid": None}) == (
        "container 'get-secret' of VaultInit runs as the user of the app, which the workload does not say; set uid= of the target to the "
        "user of the app's image",
    )
    # nginx has a user of its own
    injected(TLS, target={"uid": None})


@pytest.mark.parametrize(("group", "mode"), [(None, 0o444), (1000, 0o440)])
def test_a_secret_is_readable_without_a_group_and_the_pod_gets_none(group: int | None, mode: int) -> None:
    given = {} if group is None else {"securityContext": {"fsGroup": group}}
    spec = injected(TLS, **given)
    (certificate,) = [v for v in spec["volumes"] if "secret" in v]
    assert certificate["secret"]["defaultMode"] == mode
    assert spec.get("securityContext") == given.get("securityContext")


def test_a_restricted_pod_stays_restricted() -> None:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 1000}
    seccomp = {"seccompProfile": {"type": "RuntimeDefault"}}
    fields = {"containers": [{**APP, "securityContext": {**context, **seccomp}}]}
    assert pod_security_level(injected(TLS, LOGS, VAULT, **fields), (1, 30), {}) == "restricted"


def test_numbers_that_neighbours_have_are_left_to_them() -> None:
    side = {"name": "side", "image": "side:1", "ports": [{"containerPort": 8081.0}]}
    spec = injected(TLS, containers=[APP, side], target={"container": "web", "loopback_ports": [8082]})
    assert ours(spec, "nginx-proxy")["startupProbe"]["httpGet"]["port"] == 8083


def test_numbers_that_only_probes_name_are_taken_too() -> None:
    app = {**APP, "livenessProbe": {"httpGet": {"path": "/", "port": 8081}}}
    side = {"name": "side", "image": "side:1", "livenessProbe": {"tcpSocket": {"port": 8082}}}
    spec = injected(TLS, containers=[app, side], target={"container": "web"})
    assert ours(spec, "nginx-proxy")["startupProbe"]["httpGet"]["port"] == 8083
    assert spec["containers"][0]["livenessProbe"] == app["livenessProbe"]


def test_a_port_that_speaks_tls_stays() -> None:
    app = {**APP, "ports": [{"name": "https", "containerPort": 8443}]}
    tls = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["https"])
    assert refused(tls, containers=[app], target={"ports": []}) == (
        "TlsAmbassador: port 'https' speaks TLS already; take it out of target_ports=",
    )


def test_a_port_is_called_as_it_is() -> None:
    wrong = {"ports": [Port(name="web", number=8080)]}
    assert refused(LOGS, target=wrong) == ("port 8080 of container 'web' is called 'http' there; call it so in ports= of the target",)


def test_ports_without_a_name_and_ports_that_are_not_declared() -> None:
    app = {"name": "web", "image": "web:1", "ports": [{"containerPort": 6379}, {"containerPort": 53, "protocol": "UDP"}]}
    tls = TlsAmbassadorArgs(secret_name="web-tls", target_ports=["redis", "bus"])
    said = [
        Port(name=name, number=number, scheme="tcp", rebind=Rebind(env={"BIND": "{host}"}))
        for name, number in (("redis", 6379), ("bus", 16379))
    ]
    spec = injected(tls, containers=[app], target={"ports": said})
    assert spec["containers"][0]["ports"] == app["ports"]
    # what nobody declares, the ambassador does
    assert [p["containerPort"] for p in ours(spec, "nginx-proxy").get("ports", ())] == [16379]


def test_the_log_directory_that_the_app_mounts_is_read() -> None:
    app = {**APP, "volumeMounts": [{"name": "data", "mountPath": "/var/log", "subPath": "logs"}]}
    spec = injected(LOGS, containers=[app], volumes=[{"name": "data", "emptyDir": {}}])
    assert spec["containers"] == [app]
    assert spec["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert ours(spec, "logs")["volumeMounts"] == [{"name": "data", "mountPath": "/logs", "readOnly": True, "subPath": "logs"}]


@pytest.mark.parametrize(("given", "found"), [(10, 20), (1800, 1810), (None, 40)])
def test_the_grace_period_is_never_shortened(given: int | None, found: int) -> None:
    fields = {} if given is None else {"terminationGracePeriodSeconds": given}
    assert injected(TLS, **fields)["terminationGracePeriodSeconds"] == found


def test_the_grace_period_stays_if_nothing_stays() -> None:
    fetch = FetchInitArgs(source="https://models.example.com/model", sha256="0" * 64, path="model")
    assert injected(fetch, terminationGracePeriodSeconds=10)["terminationGracePeriodSeconds"] == 10


NETWORK = "the pod is on its node's network (hostNetwork), where"


def test_on_the_node_s_network_nothing_listens() -> None:
    assert refused(TLS, hostNetwork=True) == (
        f"port 'http' of the app: {NETWORK} 127.0.0.1 is open to the whole node, past the ambassador; leave it out",
        f"TlsAmbassador: {NETWORK} its ports and sysctls would be the node's; leave it out",
    )
    assert len(injected(LOGS, VAULT, hostNetwork=True)["initContainers"]) == 2


def test_windows_is_rejected() -> None:
    for fields in ({"os": {"name": "windows"}}, {"nodeSelector": {"kubernetes.io/os": "windows"}}):
        assert refused(LOGS, **fields) == ("the pod runs on Windows nodes, and what patterns add needs Linux; take it out of the target",)


def test_root_of_the_node_is_rejected_where_the_pod_has_users_of_its_own() -> None:
    [line] = refused(SysctlInitArgs(sysctls={"vm.max_map_count": 262144}), hostUsers=False)
    assert line == (
        "container 'update-sysctl' of SysctlInit must be root of the node, and root of this pod is not (hostUsers: false); "
        "leave the pattern out"
    )
    assert injected(LOGS, hostUsers=False)["hostUsers"] is False


def test_a_pod_that_has_too_little_for_what_is_added_is_rejected() -> None:
    whole = {"requests": {"cpu": "5m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    [line] = refused(LOGS, resources=whole)
    assert line.startswith("the containers together request ")
    assert line.endswith(" of cpu, but the whole pod 5m (the pod's resources); raise that, or leave the patterns out")
    assert injected(LOGS, resources={**whole, "requests": {"cpu": "1"}})["resources"]["requests"] == {"cpu": "1"}


@pytest.mark.parametrize(("place", "order"), [("first", "logs a b"), ("last", "a b logs"), ("after:a", "a logs b")])
def test_the_place_among_other_init_containers(place: str, order: str) -> None:
    theirs = [{"name": name, "image": "init:1"} for name in "ab"]
    assert " ".join(c["name"] for c in injected(LOGS, target={"place": place}, initContainers=theirs)["initContainers"]) == order


def test_a_place_behind_nobody_is_rejected() -> None:
    assert refused(LOGS, target={"place": "after:migrate"}, initContainers=[{"name": "a", "image": "init:1"}]) == (
        "place 'after:migrate': it has no init container 'migrate' (known: a); set place= of the target",
    )


def test_two_injections_start_in_their_order_and_the_second_sees_the_first() -> None:
    first, second = injection(VAULT, name="first"), injection(TLS, LOGS, name="second")
    (out,) = inject([deployment(initContainers=[{"name": "theirs", "image": "init:1"}])], [first, second])
    assert [c["name"] for c in spec_of(out)["initContainers"]] == ["get-secret", "nginx-proxy", "logs", "theirs"]
    assert inject([out], [first, second]) == [out]


@pytest.mark.parametrize(
    ("again", "problem"),
    [
        (
            TlsAmbassadorArgs(secret_name="web-tls", container_name="again"),
            "TlsAmbassador: port 'http' has an ambassador in front of it already; list TlsAmbassador first, and each port once",
        ),
        (
            Proxy("inner"),
            "port 'http' of the app is behind an ambassador already; list all its ambassadors in one injection",
        ),
    ],
)
def test_a_port_moves_in_one_injection(again: Any, problem: str) -> None:
    ported = {"ports": [Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))]}
    with pytest.raises(CompositionError) as error:
        inject([deployment()], [injection(TLS, name="first", **ported), injection(again, name="second", **ported)])
    assert error.value.problems == (problem,)


def test_what_is_there_is_not_taken() -> None:
    side = {"name": "logs", "image": "side:1", "ports": [{"containerPort": 9000}]}
    manifest = {**deployment(containers=[APP, side]), "kind": "StatefulSet"}
    manifest["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]
    added = PodPatch(
        init_containers=(container("tool", ports=[{"containerPort": 9000}]),),
        volumes=({"name": "data", "emptyDir": {}},),
        labels=(("app", "other"),),
    )
    with pytest.raises(CompositionError) as error:
        inject([manifest], [injection(Adds("a", added), LOGS, container="web")])
    assert error.value.problems == (
        "port 9000 of Adds 'a' is already taken by container 'logs'; set port=",
        "volume 'data' of Adds 'a' is already defined by the app; set volume_name=",
        "label 'app' of Adds 'a' is already set by the app; remove one of them",
        "container name 'logs' of LogTailSidecar is already taken by container 'logs'; set container_name=",
    )


def test_a_neighbour_s_port_may_be_called_alike() -> None:
    side = {
        "name": "side",
        "image": "side:1",
        "ports": [{"name": "http", "containerPort": 9000}],
        "livenessProbe": {"tcpSocket": {"port": "http"}},
    }
    assert injected(TLS, containers=[APP, side], target={"container": "web"})["containers"][1] == side


def test_a_neighbour_s_probe_that_would_see_the_ambassador_alone_asks_whether_the_app_listens() -> None:
    side = {"name": "side", "image": "side:1", "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 7}}
    spec = injected(TLS, containers=[APP, side], target={"container": "web"})
    assert spec["containers"][1] == {**side, "livenessProbe": {"httpGet": {"port": 8081, "path": "/listening/http"}, "periodSeconds": 7}}
    proxied = next(c for c in spec["initContainers"] if c["name"] == "nginx-proxy")
    assert {"name": "CHECKED", "value": "http:1F90"} in proxied["env"]


def test_a_hook_that_connects_to_a_port_behind_an_ambassador_is_rejected() -> None:
    connecting = {**APP, "lifecycle": {"postStart": {"tcpSocket": {"port": 8080}}}}
    assert refused(TLS, containers=[connecting], target={"container": "web"}) == (
        "lifecycle.postStart of the app: a tcpSocket probe of port 8080 would be answered by the ambassador even if the app is down; "
        "use httpGet or exec",
    )


def test_their_secrets_are_theirs_and_ours_are_guarded() -> None:
    out: list[Any] = []

    def program(*patterns: Any) -> None:
        manifest = deployment(containers=[{**APP, "env": [{"name": "PASSWORD", "value": pulumi.Output.secret("x")}]}])
        manifest["spec"]["template"]["metadata"]["annotations"] = {"theirs": pulumi.Output.secret("y")}
        out[:] = inject([manifest], [injection(*patterns)])
        spec = spec_of(out[0])
        pulumi.export("env", pulumi.Output.unsecret(pulumi.Output.from_input(spec["containers"][0]["env"])))

    run(lambda: program(LOGS))
    with pytest.raises(SecretLeakError) as error:
        run(lambda: program(Adds("a", PodPatch(app_env=({"name": "TOKEN", "value": pulumi.Output.secret("z")},)))))
    assert error.value.problems == (
        "env 'TOKEN' of container 'web' has a secret Output as plain value; put it in a Secret, and mount that or use "
        "valueFrom.secretKeyRef",
    )


def test_kinds_have_their_pods_where_they_have_them() -> None:
    template = deployment()["spec"]["template"]
    places: dict[str, Any] = {
        "Pod": {"metadata": {"name": "web"}, "spec": template["spec"]},
        "Job": {"metadata": {"name": "web"}, "spec": {"template": template}},
        "CronJob": {"metadata": {"name": "web"}, "spec": {"jobTemplate": {"spec": {"template": template}}}},
        "Rollout": {"metadata": {"name": "web"}, "spec": {"template": template}},
    }
    for kind, manifest in places.items():
        path = ("spec", "template") if kind == "Rollout" else None
        (out,) = inject([{"kind": kind, **manifest}], [injection(LOGS, kind=kind, template=path)])
        found = (
            out["spec"] if kind == "Pod" else out["spec"]["jobTemplate"]["spec"]["template"]["spec"] if kind == "CronJob" else spec_of(out)
        )
        assert [c["name"] for c in found["initContainers"]] == ["logs"], kind


def test_a_job_has_native_sidecars() -> None:
    manifest = {**deployment(), "kind": "Job"}
    classic = Injection("ours", Target(name="web", uid=1000), [LOGS], sidecars="classic", kubernetes_version="1.28")
    with pytest.raises(CompositionError) as error:
        inject([manifest], [classic])
    assert error.value.problems == ("sidecars='classic' never end, and so would no Job; use native ones",)


def test_what_a_certificate_must_cover_follows_from_the_services_that_reach_the_port() -> None:
    def service(name: str, **port: Any) -> dict[str, Any]:
        return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": [port]}}

    app = {**APP, "ports": [*APP["ports"], {"name": "metrics", "containerPort": 9100}]}
    services = [
        service("named", port=80, targetPort="http"),
        service("numbered", port=8080),
        service("other", port=9100, targetPort="metrics"),
    ]
    tls = TlsAmbassadorArgs(secret_name="web-tls", dns_names=["named"])
    with pytest.raises(CompositionError) as error:
        inject([deployment(containers=[app]), *services], [Injection("ours", Target(name="web", ports=[MOVES]), [tls])])
    assert error.value.problems == (
        "the certificate of TlsAmbassador does not cover numbered; set service_name=, namespace= or dns_names=",
    )


def test_keys_that_are_not_as_in_a_manifest_are_named() -> None:
    assert refused(LOGS, containers=[{**APP, "volume_mounts": []}]) == ("key 'volume_mounts' is not in manifest form; write volumeMounts",)
