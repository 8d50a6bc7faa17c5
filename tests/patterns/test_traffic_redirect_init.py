"""TrafficRedirectInit: what it adds, and what it refuses."""

import pytest

from components.core.app import App, Port, Rebind
from components.core.errors import ArgumentError, CompositionError
from components.core.patch import PodPatch, UndeclaredPort, sidecar
from components.core.pod_security import pod_security_level, privileged_containers
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit, TrafficRedirectInitArgs
from tests.support.composing import composed, container
from tests.support.pods import Adds, Proxy, container as made

HTTP, DB = Port(name="http", number=8080), Port(name="db", number=5432, scheme="tcp")
PROBE = {"httpGet": {"port": "http", "path": "/ready"}}
APP = App(name="web", image="web:1", ports=(HTTP, DB), readiness_probe=PROBE)


def redirect(**args):
    return lambda: TrafficRedirectInit("redirect", TrafficRedirectInitArgs(**args))


def tls(*ports, **args):
    # the database is one whose clients begin with TLS
    return lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", target_ports=ports or ("http",), direct_tls=True, **args))


def table(pod, name="traffic-redirect"):
    return container(pod, name)["command"][1]


def refusal(*makers, app=APP):
    with pytest.raises(CompositionError) as error:
        composed(app, *makers)
    assert error.value.where == "workload 'web'"
    return list(error.value.problems)


def test_the_app_stays_and_the_ambassador_listens_elsewhere():
    pod = composed(APP, redirect(), tls())
    assert container(pod, "traffic-redirect")["command"][0] == "nft"
    assert table(pod) == (
        "table inet pod-patterns-traffic-redirect\n"
        "delete table inet pod-patterns-traffic-redirect\n"
        "table inet pod-patterns-traffic-redirect {\n"
        "  chain inbound {\n"
        "    type nat hook prerouting priority -100; policy accept;\n"
        '    iifname != "lo" tcp dport 8080 redirect to :15000\n'
        "  }\n"
        "  chain outbound {\n"
        "    type nat hook output priority -100; policy accept;\n"
        "    ip daddr 127.0.0.1 tcp dport 8081 redirect to :8080\n"
        "  }\n"
        "}\n"
    )
    app = container(pod, "web")
    assert "env" not in app
    assert app["ports"] == [{"name": "http", "containerPort": 8080}, {"name": "db", "containerPort": 5432}]
    assert "ports" not in container(pod, "nginx-proxy")
    config = pod.config_files[0].files["nginx.conf"]
    assert "listen 15000 ssl" in config
    assert "127.0.0.1:8081" in config
    # the Service and the kubelet go on to the public number
    port = pod.port("http")
    assert (port.outer_number, port.outer_scheme, port.url) == (8080, "https", "http://127.0.0.1:8081")
    assert app["readinessProbe"]["httpGet"] == {"port": 8080, "path": "/ready", "scheme": "HTTPS"}
    # the database has no ambassador
    assert pod.plaintext_ports == [5432]


def test_it_is_root_with_one_capability_and_the_only_exception_of_the_pod():
    pod = composed(APP, redirect(), tls())
    assert container(pod, "traffic-redirect")["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
        "readOnlyRootFilesystem": True,
        "runAsUser": 0,
        "runAsGroup": 0,
        "runAsNonRoot": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert privileged_containers(pod.spec) == ["traffic-redirect"]
    assert pod_security_level(pod.spec) == "privileged"
    spec = {**pod.spec, "initContainers": [c for c in pod.spec["initContainers"] if c["name"] != "traffic-redirect"]}
    assert pod_security_level(spec) == "restricted"


def test_a_rebind_is_not_used_where_the_port_is_redirected():
    app = App(name="web", image="web:1", ports=(Port(name="http", number=8080, rebind=Rebind(env={"PORT": "{port}"}, args=("-p",))),))
    web = container(composed(app, redirect(), tls()), "web")
    assert "env" not in web
    assert "args" not in web


def test_several_ports_and_other_ambassadors():
    inner = Proxy("inner")
    pod = composed(APP, redirect(target_ports=("http", "db")), tls("http", "db"), lambda: inner)
    rules = [line.strip() for line in table(pod).splitlines() if "redirect to" in line]
    assert rules == [
        'iifname != "lo" tcp dport 8080 redirect to :15000',
        'iifname != "lo" tcp dport 5432 redirect to :15001',
        # past the inner ambassador on 8081 and nginx' health port
        "ip daddr 127.0.0.1 tcp dport 8083 redirect to :8080",
        "ip daddr 127.0.0.1 tcp dport 5433 redirect to :5432",
    ]
    assert container(pod, "inner")["args"] == ["127.0.0.1:8081", "http://127.0.0.1:8083"]
    assert pod.plaintext_ports == []


def test_what_others_serve_is_behind_the_same_ambassador_without_it():
    pod = composed(APP, redirect(), tls("http", "http-prometheus"), lambda: MetricsAdapter("metrics"))
    assert "9114" not in table(pod)
    assert "--es.uri=http://127.0.0.1:8081" in str(container(pod, "prometheus-exporter"))


def test_numbers_that_are_taken_are_passed_over():
    app = App(name="web", image="web:1", ports=(HTTP,), loopback_ports=(15000,))
    assert "tcp dport 8080 redirect to :15001" in table(composed(app, redirect(), tls()))
    assert "tcp dport 8080 redirect to :20000" in table(composed(APP, redirect(first_number=20000), tls()))


def test_it_works_before_classic_sidecars_too():
    pod = composed(APP, redirect(), tls(), sidecars="classic", kubernetes_version="1.28")
    assert [c["name"] for c in pod.spec["initContainers"]] == ["traffic-redirect"]


def test_outbound_traffic_alone_needs_no_ambassador():
    pod = composed(
        APP,
        redirect(
            target_ports=(),
            outbound_port=15001,
            outbound_ports=(80, 5432),
            exclude_uids=(101, 102, 101),
            exclude_outbound_ports=(443,),
            container_name="out",
        ),
    )
    assert table(pod, "out") == (
        "table inet pod-patterns-out\n"
        "delete table inet pod-patterns-out\n"
        "table inet pod-patterns-out {\n"
        "  chain outbound {\n"
        "    type nat hook output priority -100; policy accept;\n"
        '    oifname "lo" return\n'
        "    meta skuid { 101, 102 } return\n"
        "    tcp dport { 443 } return\n"
        "    tcp dport { 80, 5432 } redirect to :15001\n"
        "  }\n"
        "}\n"
    )


def test_all_outbound_traffic_after_that_to_the_app():
    rules = table(composed(APP, redirect(outbound_port=15001, exclude_uids=(101,)), tls())).splitlines()
    chain = [r.strip() for r in rules if "return" in r or "redirect to" in r]
    assert chain[1:] == [
        "ip daddr 127.0.0.1 tcp dport 8081 redirect to :8080",
        'oifname "lo" return',
        "meta skuid { 101 } return",
        "meta l4proto tcp redirect to :15001",
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"target_ports": ()}, "target_ports is empty and outbound_port is not set: there is nothing to redirect; set one of them"),
        (
            {"target_ports": ("HTTP",)},
            "target_ports[0] 'HTTP' is not allowed: a-z, 0-9 and single '-', one letter at least, 15 characters at most",
        ),
        ({"first_number": 0}, "first_number 0 is not allowed: a whole number from 1 to 65535"),
        ({"outbound_ports": (80,)}, "outbound_ports is set, but nothing of the pod's own is redirected; set outbound_port="),
        ({"exclude_uids": (101,)}, "exclude_uids is set, but nothing of the pod's own is redirected; set outbound_port="),
        (
            {"exclude_outbound_ports": (80,)},
            "exclude_outbound_ports is set, but nothing of the pod's own is redirected; set outbound_port=",
        ),
        ({"outbound_port": 70000, "exclude_uids": (1,)}, "outbound_port 70000 is not allowed: a whole number from 1 to 65535"),
        (
            {"outbound_port": 15001},
            "exclude_uids is empty, so that the proxy's own connections would come back to it; name the proxy's user id",
        ),
        ({"outbound_port": 15001, "exclude_uids": (-1,)}, "exclude_uids[0] -1 is not allowed: a whole number, 0 or more"),
        (
            {"outbound_port": 15001, "exclude_uids": (1,), "outbound_ports": ("80; drop",)},
            "outbound_ports[0] must be a whole number, but is the text '80; drop'",
        ),
        (
            {"outbound_port": 15001, "exclude_uids": (1,), "exclude_outbound_ports": (0,)},
            "exclude_outbound_ports[0] 0 is not allowed: a whole number from 1 to 65535",
        ),
        (
            {"outbound_port": 15001, "exclude_uids": (1,), "outbound_ports": (80, 443), "exclude_outbound_ports": (443,)},
            "port 443 is in outbound_ports and in exclude_outbound_ports; take it out of one of them",
        ),
        ({"container_name": "a_b"}, "container_name 'a_b' is not allowed: a-z, 0-9 and '-', 63 characters at most"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1Mi"}}}, "resources.limits.memory is missing"),
    ],
)
def test_arguments_it_cannot_work_with_are_refused(args, line):
    with pytest.raises(ArgumentError) as error:
        TrafficRedirectInit("redirect", TrafficRedirectInitArgs(**args))
    assert str(error.value) == f"TrafficRedirectInit 'redirect': 1 problem\n  - {line}"


WHO = "TrafficRedirectInit 'redirect': "
NOBODY = (
    f"{WHO}no ambassador has taken over port 'http', so that nobody would listen where its traffic goes; "
    "list one after TrafficRedirectInit, or take the port out of target_ports="
)


@pytest.mark.parametrize(
    ("makers", "lines"),
    [
        ([redirect()], [NOBODY]),
        ([redirect(target_ports=("http", "db")), tls("db")], [NOBODY]),
        ([redirect(target_ports=("https",)), tls()], [f"{WHO}there is no port 'https' to redirect; set target_ports= (known: http, db)"]),
        ([redirect(target_ports=("http", "http")), tls()], [f"{WHO}port 'http' is redirected already; name it once"]),
        (
            [
                redirect(target_ports=("http-prometheus",)),
                lambda: MetricsAdapter("metrics"),
            ],
            [
                f"{WHO}port 'http-prometheus' is served by MetricsAdapter 'metrics', which follows its ambassadors by itself; "
                "take it out of target_ports="
            ],
        ),
        (
            [redirect(target_ports=(), outbound_port=15001, exclude_uids=(101, 1000))],
            [f"{WHO}exclude_uids has the app's own user id 1000, so that none of its connections would be redirected; take it out"],
        ),
        (
            [redirect(target_ports=(), outbound_port=5432, exclude_uids=(101,))],
            [f"{WHO}outbound_port 5432 is port 'db' of the app itself; set it to the proxy's port"],
        ),
    ],
)
def test_what_does_not_fit_the_pod_is_a_conflict(makers, lines):
    found = refusal(*makers)
    assert [line for line in found if line.startswith(WHO)] == lines


def test_behind_the_ambassador_it_comes_too_late():
    assert refusal(tls(), redirect()) == [
        "port 'http' of the app cannot be moved behind an ambassador, so clients could go round it; "
        "set Port.rebind, which tells the app to listen on 127.0.0.1, or list TrafficRedirectInit before the ambassador",
        f"{WHO}port 'http' has an ambassador in front of it already; list TrafficRedirectInit first",
    ]


def test_an_ambassador_that_listens_on_the_app_s_own_number_is_a_conflict():
    # one that does not know BoundPort.listen
    class Old:
        name = "old"

        def wrap(self, pod):
            proxy = made("old", ports=[{"name": "http", "containerPort": pod.port("http").number}])
            return pod.move("http"), PodPatch(init_containers=(sidecar(proxy),))

    assert refusal(redirect(), Old) == [
        "port 8080 of Old 'old' is already taken by the app; set port=",
        "port name 'http' of Old 'old' is already taken by the app; set port_name=",
    ]


def test_the_ambassador_s_number_is_claimed():
    late = Adds("late", PodPatch(undeclared_ports=(UndeclaredPort(number=15000),)))
    app = App(name="web", image="web:1", ports=(HTTP,))
    assert refusal(redirect(), tls(), lambda: late, app=app) == [
        f"port 15000 of Adds 'late' is already taken by {WHO.removesuffix(': ')}; set port="
    ]
    # a port that is known in time is passed over
    assert "redirect to :15001" in table(
        composed(app, redirect(), tls(), lambda: MetricsAdapter("metrics", MetricsAdapterArgs(port=15000)))
    )
