"""Rebind by arguments: put behind the app's own, or in place of one; never in place of what the image would have run."""

from typing import Any

import pulumi
import pytest

from components.core.app import App, Port, Rebind
from components.core.base import Base
from components.core.cluster import cluster
from components.core.errors import CompositionError
from components.core.fold import compose, fold
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInitArgs
from components.testing import run
from tests.support.composing import container

TLS = TlsAmbassadorArgs(service_name="web", secret_name="web-tls")
BOTH = TlsAmbassadorArgs(service_name="web", secret_name="web-tls", target_ports=["http", "admin"])
LISTEN = {"--listen=0.0.0.0:8080": "--listen={host}:{port}"}
ITS = "port 'http' of the app: its rebind"
NO_ARGUMENTS = (
    f"{ITS} appends arguments, but the app has none of its own, so that those of its image (CMD) would be lost; set image_args= of the "
    "rebind to them, to () if the image has none, or use env= in the rebind"
)
SCRIPT = (
    f"{ITS} appends arguments to a shell script, which does not see them; use env= or replace= in the rebind, or put a word for $0 behind "
    'the script and use "$@" in it'
)
NAME_ONE = "name one whole argument, e.g. with its flag"


def app(rebind: Rebind, **fields: Any) -> App:
    return App(**{"name": "web", "image": "web:1", "ports": [Port(name="http", number=8080, rebind=rebind)], **fields})


def line(pod: Any) -> tuple[list[str], list[str]]:
    its = container(pod, "web")
    return its.get("command", []), its.get("args", [])


def refused(*arguments: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        compose(*arguments)
    return error.value.problems


BEHIND = Rebind(args=["--listen={host}:{port}"])


@pytest.mark.parametrize(
    ("fields", "command", "args"),
    [
        ({"args": ["serve"]}, [], ["serve", "--listen=127.0.0.1:8081"]),
        ({"command": ["/web"]}, ["/web"], ["--listen=127.0.0.1:8081"]),
        ({"command": ["/web"], "args": ["serve"]}, ["/web"], ["serve", "--listen=127.0.0.1:8081"]),
        ({"command": ["sh", "-c", 'exec web "$@"', "sh"]}, ["sh", "-c", 'exec web "$@"', "sh"], ["--listen=127.0.0.1:8081"]),
    ],
)
def test_arguments_go_behind_the_apps_own(fields: dict[str, Any], command: list[str], args: list[str]) -> None:
    assert line(compose(app(BEHIND, **fields), [TLS])) == (command, args)


def test_the_arguments_of_the_image_are_not_lost():
    assert refused(app(BEHIND), [TLS]) == (NO_ARGUMENTS,)
    # nothing moves
    assert line(compose(app(BEHIND))) == ([], [])
    assert line(compose(app(BEHIND), [TrafficRedirectInitArgs(), TLS])) == ([], [])


@pytest.mark.parametrize("fields", [{"command": ["/bin/sh", "-c", "exec web"]}, {"args": ["bash", "-ec", "exec web"]}])
def test_a_script_that_does_not_see_them_is_refused(fields: dict[str, Any]) -> None:
    assert refused(app(BEHIND, **fields), [TLS]) == (SCRIPT,)


@pytest.mark.parametrize(
    ("fields", "command", "args"),
    [
        ({"args": ["serve", "--listen=0.0.0.0:8080", "-v"]}, [], ["serve", "--listen=127.0.0.1:8081", "-v"]),
        ({"command": ["/web", "--listen=0.0.0.0:8080"], "args": ["-v"]}, ["/web", "--listen=127.0.0.1:8081"], ["-v"]),
    ],
)
def test_an_argument_is_replaced_where_it_stands(fields: dict[str, Any], command: list[str], args: list[str]) -> None:
    assert line(compose(app(Rebind(replace=LISTEN), **fields), [TLS])) == (command, args)
    # nothing moves
    assert line(compose(app(Rebind(replace=LISTEN), **fields))) == (
        list(fields.get("command", [])),
        list(fields.get("args", [])),
    )


def test_a_script_is_an_argument_like_any_other():
    script = "exec web --listen=0.0.0.0:8080 --home=${HOME}"
    moved = "exec web --listen={host}:{port} --home=${{HOME}}"
    pod = compose(app(Rebind(replace={script: moved}), command=["sh", "-c", script]), [TLS])
    assert line(pod) == (["sh", "-c", "exec web --listen=127.0.0.1:8081 --home=${HOME}"], [])


def test_an_app_that_is_only_told_the_address_keeps_its_number():
    rebind = Rebind(replace={"0.0.0.0": "{host}"})
    pod = compose(app(rebind, args=["--bind", "0.0.0.0", "--port", "8080"]), [TLS])
    assert line(pod)[1] == ["--bind", "127.0.0.1", "--port", "8080"]
    assert pod.port("http").number == 8080


@pytest.mark.parametrize(
    ("replace", "args", "lines"),
    [
        (
            LISTEN,
            ["serve"],
            [f"{ITS} replaces '--listen=0.0.0.0:8080', which is not in the app's command and args; {NAME_ONE}"],
        ),
        (
            {"0.0.0.0:8080": "{host}:{port}"},
            ["--listen", "0.0.0.0:8080", "--admin", "0.0.0.0:8080"],
            [f"{ITS} replaces '0.0.0.0:8080', which is 2 times in the app's command and args; {NAME_ONE}"],
        ),
        (
            {"--listen=0.0.0.0:8080": "--port={port}"},
            ["--listen=0.0.0.0:8080"],
            [
                f"{ITS} does not say the address, so that the app could stay open on every address, past the ambassador; use {{host}} "
                "in it, or set binds_loopback=True if the app listens on 127.0.0.1 by itself, or list TrafficRedirectInit before the "
                "ambassador"
            ],
        ),
    ],
)
def test_what_cannot_be_replaced_is_refused(replace: dict[str, str], args: list[str], lines: list[str]) -> None:
    assert refused(app(Rebind(replace=replace), args=args), [TLS]) == tuple(lines)


def test_a_placeholder_that_is_unknown_is_refused():
    assert refused(app(Rebind(replace={"-p": "{prot}"}), args=["-p"])) == (
        "app.ports[0].rebind: replace['-p'] has an unknown placeholder {prot}; known: host, port; write {{prot}} for the text itself",
    )


def test_a_rebind_that_says_nothing_is_refused():
    assert refused(app(Rebind())) == (
        "app.ports[0].rebind: it is empty; say in env=, args= or replace= how the app gets its address and port",
    )


def two_ports(first: dict[str, str], second: dict[str, str], args: list[str]) -> App:
    ports = [Port(name="http", number=8080, rebind=Rebind(replace=first)), Port(name="admin", number=9000, rebind=Rebind(replace=second))]
    return app(Rebind(), ports=ports, args=args)


def test_two_ports_have_arguments_of_their_own():
    pod = compose(two_ports({"-p=8080": "-p={host}:{port}"}, {"-a=9000": "-a={host}:{port}"}, ["-p=8080", "-a=9000"]), [BOTH])
    assert line(pod)[1] == ["-p=127.0.0.1:8081", "-a=127.0.0.1:9001"]
    # one address for both
    pod = compose(two_ports({"-h=0.0.0.0": "-h={host}"}, {"-h=0.0.0.0": "-h={host}"}, ["-h=0.0.0.0"]), [BOTH])
    assert line(pod)[1] == ["-h=127.0.0.1"]


def test_one_argument_cannot_move_two_ports():
    both = {"-p=8080,9000": "-p={host}:{port}"}
    assert refused(two_ports(both, both, ["-p=8080,9000"]), [BOTH]) == (
        "port 'admin' of the app: the argument '-p=8080,9000' of its rebind is replaced for another port already; write a word for each",
    )


def test_words_that_are_known_later_stay_as_they_are():
    pods: list[Any] = []

    def program() -> None:
        late: Any = pulumi.Output.from_input("-v")
        pods.append(compose(app(Rebind(replace=LISTEN), args=[late, "--listen=0.0.0.0:8080"]), [TLS]))

    run(program)
    late, listen = line(pods[0])[1]
    assert isinstance(late, pulumi.Output)
    assert listen == "--listen=127.0.0.1:8081"


@pytest.mark.parametrize("field", ["command", "args"])
def test_somebody_elses_command_line_is_treated_alike(field: str) -> None:
    base = Base(spec={"containers": [{"name": "web", "image": "web:1", field: ["--listen=0.0.0.0:8080"]}]}, app_container="web")
    target, _ = cluster("1.30", "native")
    pod = fold(base, app(Rebind(replace=LISTEN)), [TLS], where="pod 'theirs'", cluster=target)
    assert container(pod, "web")[field] == ["--listen=127.0.0.1:8081"]
    bare = Base(spec={"containers": [{"name": "web", "image": "web:1", "command": None}]}, app_container="web")
    with pytest.raises(CompositionError) as error:
        fold(bare, app(BEHIND), [TLS], where="pod 'theirs'", cluster=target)
    assert error.value.problems == (NO_ARGUMENTS,)


@pytest.mark.parametrize(
    ("image_args", "fields", "command", "args"),
    [
        ((), {}, [], ["--listen=127.0.0.1:8081"]),
        (["redis-server"], {}, [], ["redis-server", "--listen=127.0.0.1:8081"]),
        # the image's are not used then
        (["redis-server"], {"args": ["serve"]}, [], ["serve", "--listen=127.0.0.1:8081"]),
        (["redis-server"], {"command": ["/web"]}, ["/web"], ["--listen=127.0.0.1:8081"]),
    ],
)
def test_the_image_s_arguments_are_written_out(image_args: Any, fields: dict[str, Any], command: list[str], args: list[str]) -> None:
    rebind = Rebind(args=BEHIND.args, image_args=image_args)
    assert line(compose(app(rebind, **fields), [TLS])) == (command, args)
    # nothing is written where nothing is moved
    assert line(compose(app(rebind, **fields), [])) == (list(fields.get("command", ())), list(fields.get("args", ())))


def test_the_image_s_arguments_are_the_same_for_every_port() -> None:
    def two(*image_args: Any) -> App:
        ports = [
            Port(name=name, number=number, rebind=Rebind(args=[f"--{name}={{host}}:{{port}}"], image_args=given))
            for name, number, given in zip(("http", "admin"), (8080, 9000), image_args, strict=True)
        ]
        return App(name="web", image="web:1", ports=ports)

    assert line(compose(two(["serve"], ["serve"]), [BOTH])) == ([], ["serve", "--http=127.0.0.1:8081", "--admin=127.0.0.1:9001"])
    assert refused(two(["serve"], ["run"]), [BOTH]) == (
        "the rebinds of the app's ports have different image_args, but they are those of one image; write the same ones",
    )
    assert refused(two(["serve"], None), [BOTH]) == (NO_ARGUMENTS.replace("'http'", "'admin'"),)
    assert refused(app(Rebind(args=BEHIND.args, image_args=["sh", "-c", "exec web"])), [TLS]) == (SCRIPT,)
    assert refused(app(Rebind(env={"A": "{host}"}, image_args=["web"])), [TLS]) == (
        "app.ports[0].rebind: image_args is set, but there are no args to stand behind them; leave it out",
    )
