"""What `make mutants` showed that no other test of the core would notice: single rules, asked directly."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.core import checks, environment, plug, rollout
from components.core.app import App, Port
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.patch import Connection, PodPatch, UndeclaredPort, sidecar
from components.core.view import PodView, view
from components.patterns.wait_for_init import WaitForInitArgs
from components.testing import run
from tests.support.pods import Adds, container, web

URL = "https://host, with a port and a path at most"


@pytest.mark.parametrize(
    ("value", "options", "lines"),
    [
        ("https://a.example.com:8200/v1", {}, []),
        ("https://a/", {"bare": True}, []),
        ("https://a", {"bare": True}, []),
        ("https://a/b", {"bare": True}, ["url 'https://a/b' is not allowed: https://host, with a port at most"]),
        ("ftp://a", {}, [f"url 'ftp://a' is not allowed: {URL}"]),
        ("http://127.0.0.1/a", {}, []),
        ("http://[::1]", {}, []),
        ("http://localhost:80", {}, []),
        ("http://a", {"plaintext": True}, []),
        ("http://a", {}, ["url 'http://a' is not encrypted, so that all read it; use https://, or set allow_plaintext=True"]),
    ],
)
def test_addresses(value: str, options: Mapping[str, bool], lines: list[str]) -> None:
    assert checks.url("url", value, **{"plaintext": False, "risk": "all read it", **options}) == lines


def test_a_pem_holds_certificates_and_no_key() -> None:
    good, wrong = "-----BEGIN CERTIFICATE-----\n", ["x is not allowed: certificates in PEM, and nothing else"]
    assert checks.pem("x", good) == []
    assert checks.pem("x", "") == checks.pem("x", f"{good}-----BEGIN PRIVATE KEY-----") == checks.pem("x", f"{good}\0") == wrong


def test_a_rule_is_made_of_an_expression() -> None:
    # made here: those of the module are made before a mutant is chosen
    rule = checks.shaped("a+", "letters a")
    assert rule("x", "aa") == []
    assert rule("x", "ab") == ["x 'ab' is not allowed: letters a"]
    assert rule("x", 3) == ["x 3 is not allowed: letters a"]
    assert run(lambda: rule("x", pulumi.Output.from_input("aa"))).value == ["x must be a plain value, not an Output"]
    below = checks._downwards(checks.shaped("[a./]*", "a path"))
    assert below("x", "a/..a") == []
    assert below("x", "a/../a") == ["x 'a/../a' is not allowed: it must not contain '..'"]
    assert below("x", "b") == ["x 'b' is not allowed: a path"]


def test_a_scope_is_no_part_of_an_address() -> None:
    assert checks.address("x", "fe80::1%eth0") == ["x 'fe80::1%eth0' is not allowed: an IPv4 or IPv6 address"]


def probed(probe: dict[str, Any]) -> dict[str, Any]:
    port = Port(name="http", number=80, probe_paths=("/more",))
    pod = view(App(name="a", image="a", ports=(port,), readiness_probe=probe))
    return pod.probed(pod.ports[0])


def test_the_paths_that_the_kubelet_asks_for() -> None:
    more = {"probe_paths of port 'http'": "/more"}
    assert probed({"httpGet": {"port": "http", "path": "/up"}}) == {**more, "readinessProbe of the app": "/up"}
    assert probed({"httpGet": {"port": 80}}) == {**more, "readinessProbe of the app": "/"}
    assert probed({"httpGet": {"port": 81}}) == probed({"exec": {"command": ["a"]}}) == more


def test_what_has_create_is_planned() -> None:
    class Planned:
        def create(self) -> None: ...

    assert plug.is_planned(Planned())
    assert not plug.is_planned(object())


def test_a_text_that_is_known_later_is_literal_too() -> None:
    assert run(lambda: environment.literal(pulumi.Output.from_input("$(A)"))).value == "$$(A)"


def test_a_device_of_an_init_container_is_scarce_too() -> None:
    device = {"name": "a", "resources": {"limits": {"example.com/gpu": 1}}}
    (line,) = rollout.problems({"initContainers": [device], "containers": []}, None)
    assert line.startswith("container 'a' needs example.com/gpu: where no node has one to spare,")


def refused(*patterns: Any, **options: Any) -> list[str]:
    with pytest.raises(CompositionError) as error:
        compose(web(), patterns, **options)
    return list(error.value.problems)


@pytest.mark.parametrize("host", ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"])
def test_nobody_waits_for_the_own_service(host: str) -> None:
    line = f"WaitForInit: {host}:80 is the workload's own Service, which has no pod until this one is ready; do not wait for it"
    assert refused(WaitForInitArgs(tcp=[f"{host}:80"]), hosts=["web", "web.shop", "web.shop.svc"]) == [line]


def test_somebody_else_may_be_waited_for() -> None:
    compose(web(), [WaitForInitArgs(tcp=["webs:80", "web.shops:80"])], hosts=["web", "web.shop", "web.shop.svc"])


def serving(name: str, *, is_sidecar: bool = True, forwards_to: str | None = None) -> Adds:
    made = container(name)
    connects = () if forwards_to is None else (Connection(address=forwards_to, local_port=6000),)
    containers = {"init_containers": (sidecar(made),)} if is_sidecar else {"containers": (made,)}
    ports = (UndeclaredPort(number=6000),)
    return Adds(name, PodPatch(undeclared_ports=ports, connects=connects, **containers))  # type: ignore[arg-type]


WAITS = WaitForInitArgs(tcp=["127.0.0.1:6000"])


def test_what_is_waited_for_in_the_pod_stands_before() -> None:
    compose(web(), [serving("a"), WAITS])
    later = "WaitForInit: 127.0.0.1:6000 is served by Adds 'a', which starts later; "
    assert refused(WAITS, serving("a")) == [f"{later}list that first"]
    assert refused(WAITS, serving("a", is_sidecar=False)) == [f"{later}make it a sidecar(), and list that first"]
    assert refused(serving("a"), WAITS, sidecars="classic") == [f"{later}use sidecars='native', and list that first"]
    behind = "answered by Adds 'a' even while db:5432 is down; wait for db:5432 itself"
    assert refused(serving("a", forwards_to="db:5432"), WAITS) == [f"WaitForInit: 127.0.0.1:6000 is {behind}"]
    own = "WaitForInit: 127.0.0.1:8080 is served by the app, which starts later; do not wait for it"
    assert refused(WaitForInitArgs(tcp=["127.0.0.1:8080"])) == [own]


def test_what_asks_the_server_itself_may_go_through_a_tunnel() -> None:
    asks = Adds("b", PodPatch(init_containers=(container("b"),), connects=(Connection(address="127.0.0.1:6000", awaited="answer"),)))
    compose(web(), [serving("a", forwards_to="db:5432"), asks])


def test_a_pattern_may_wait_for_its_own_sidecar() -> None:
    own = PodPatch(init_containers=(sidecar(container("a")), container("b")), undeclared_ports=(UndeclaredPort(number=6000),))
    compose(web(), [Adds("a", own + PodPatch(connects=(Connection(address="127.0.0.1:6000", awaited="answer"),)))])


def test_a_port_that_is_not_there_is_named_in_the_error() -> None:
    pod: PodView = view(web())
    for ask in (pod.inner_number, pod.move):
        with pytest.raises(KeyError, match=r"^'nothing'$"):
            ask("nothing")


def test_the_kubelet_speaks_plain_http_through_an_ambassador_without_tls() -> None:
    port = view(web()).move("http").port("http")
    assert port is not None
    assert port.frontend is not None
    assert port.frontend.probe_scheme == "HTTP"


def test_arguments_are_completed_where_they_say_nothing() -> None:
    args = WaitForInitArgs(dns=["a"])
    assert args.completed({"name": "b", "another": "c"}) == WaitForInitArgs(name="b", dns=["a"])
    assert WaitForInitArgs(name="b", dns=["a"]).completed({"name": "c"}) == WaitForInitArgs(name="b", dns=["a"])


def test_the_names_of_several_ports_are_listed() -> None:
    ports = (Port(name="a", number=80), Port(name="b", number=81), Port(name="c", number=82))
    assert view(App(name="a", image="a", ports=ports)).known_ports(without="b") == "a, c"


def test_a_service_account_is_in_nobodys_way_but_anothers() -> None:
    one, other = (Adds(name, PodPatch(service_account=(name,))) for name in "ab")
    line = "service account 'b' of Adds 'b' is already set by Adds 'a'; a pod has one: set service_account= on one of them only"
    assert refused(one, other) == [line]
