"""LogShipperSidecar: the rendered container, run by the real OpenTelemetry Collector, and a receiver that counts the lines."""

import json
import os
import signal
import ssl
import subprocess
import time

import pytest

from components.core.app import App, SecretKey
from tests.support.otlp import Receiver
from tests.support.programs import need
from tests.support.servers import free_ports, serving
from tests.support.shipper import shipping
from tests.support.waiting import within

APP = App(name="web", image="web:1")


def numbered(what, count=1000):
    return [json.dumps({"what": what, "line": number}) for number in range(count)]


def arrived(receiver, lines, seconds=30):
    """Waits until every line is there; returns how many arrived more than once."""
    wanted = set(lines)
    within(seconds, lambda: wanted <= set(receiver.lines))
    assert set(receiver.lines) == wanted
    return len(receiver.lines) - len(wanted)


def test_it_opens_no_port(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)), shipping(tmp_path, number) as shipper:
        shipper.start()
        sockets = subprocess.run(["ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout
        assert f"pid={shipper.process.pid}," not in sockets


def test_every_line_arrives_with_what_it_says_of_its_pod(tmp_path):
    number = free_ports(1)
    args = {
        "headers": {"X-Scope-OrgID": "a$b${c}"},
        "secret_headers": {"authorization": SecretKey(name="logs", key="token"), "x-number": SecretKey(name="logs", key="number")},
        "attributes": {"deployment.environment.name": "pro$duction"},
    }
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number, **args) as shipper:
        shipper.write("app.log", [*numbered("before"), "  leading and trailing spaces  ", "Grüße ✓ $HOME ${env:HOME}"])
        shipper.start(HEADER_0="Bearer ab:c{d}: #e", HEADER_1="0123")
        shipper.write("app.log", numbered("after"))
        text = ["leading and trailing spaces", "Grüße ✓ $HOME ${env:HOME}"]
        assert arrived(receiver, [*numbered("before"), *text, *numbered("after")]) == 0
        assert receiver.lines == [*numbered("before"), *text, *numbered("after")]
        path, headers = receiver.requests[0]
        assert path == "/v1/logs"
        assert headers["x-scope-orgid"] == "a$b${c}"
        assert (headers["authorization"], headers["x-number"]) == ("Bearer ab:c{d}: #e", "0123")
        assert receiver.attributes == {
            "service.name": "web",
            "k8s.pod.name": "the pod_name",
            "k8s.namespace.name": "the pod_namespace",
            "deployment.environment.name": "pro$duction",
        }


def test_a_line_that_is_written_in_pieces_stays_whole(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        shipper.start()
        with (shipper.logs / "app.log").open("a") as file:
            file.write("one ")
            file.flush()
            time.sleep(1)
            file.write("line\n")
        arrived(receiver, ["one line"])


def test_no_line_is_lost_however_often_it_is_killed(tmp_path):
    number, written = free_ports(1), []
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        receiver.seconds = 0.02
        for round_ in range(4):
            shipper.start()
            lines = numbered(f"running {round_}", 5000)
            shipper.write("app.log", lines)
            written += lines
            # in the middle of it
            within(20, lambda first=lines[0]: first in receiver.lines)
            shipper.stop(signal.SIGKILL)
            assert not set(lines) <= set(receiver.lines)
            lines = numbered(f"down {round_}")
            shipper.write("app.log", lines)
            written += lines
        shipper.start()
        arrived(receiver, written)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("count", [1, 1000])
def test_what_the_receiver_did_not_take_is_sent_again_by_the_next_one(tmp_path, ending, count):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        receiver.status = 503
        shipper.start()
        shipper.write("app.log", numbered("refused", count))
        within(20, lambda: len(receiver.requests) > 1)
        shipper.stop(ending)
        assert receiver.lines == []
        receiver.status = 200
        shipper.start()
        arrived(receiver, numbered("refused", count))


def test_it_waits_for_a_receiver_that_is_not_there_yet(tmp_path):
    number = free_ports(1)
    with shipping(tmp_path, number) as shipper:
        shipper.start()
        shipper.write("app.log", numbered("early"))
        within(20, lambda: "connection refused" in shipper.said())
        with serving(Receiver(number)) as receiver:
            arrived(receiver, numbered("early"))


def test_a_log_that_is_renamed_loses_no_line_whether_it_runs_or_not(tmp_path):
    number, written = free_ports(1), []
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        shipper.start()
        for index, name in enumerate(("app.log.1", "app-2025-01-01.log", "app.log-2", "app_3.log", "app.4.log")):
            lines = numbered(f"rotation {index}")
            shipper.write("app.log", lines[:500])
            within(20, lambda last=lines[499]: last in receiver.lines)
            running = index % 2 == 0
            if not running:
                shipper.stop()
            shipper.write("app.log", lines[500:])
            os.rename(shipper.logs / "app.log", shipper.logs / name)
            written += lines
            if not running:
                shipper.start()
        arrived(receiver, written)
        # what is not the app's log
        shipper.write("apples.log", ["apples"])
        (shipper.logs / "app.log.5.gz").write_bytes(b"gzip\n")
        shipper.write("app.log", ["last"])
        arrived(receiver, [*written, "last"])


def test_over_tls_the_receiver_is_verified(tmp_path):
    number = free_ports(1)
    for name in ("own", "foreign"):
        arguments = (
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        )
        files = ("-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.crt"))
        subprocess.run([need("openssl"), "req", "-x509", *arguments, *files], check=True, capture_output=True)
    args = {"endpoint": f"https://127.0.0.1:{number}/intake/", "ca_pem": (tmp_path / "own.crt").read_text()}
    for name in ("foreign", "own"):
        receiver = Receiver(number)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        with serving(receiver), shipping(tmp_path, number, **args) as shipper:
            shipper.start()
            shipper.write("app.log", [name])
            if name == "foreign":
                within(20, lambda: "certificate signed by unknown authority" in shipper.said())
                assert receiver.requests == []
            else:
                # the line that the other one did not get waited
                arrived(receiver, ["foreign", "own"])
                assert {path for path, _ in receiver.requests} == {"/intake/v1/logs"}


def test_what_is_refused_for_good_is_dropped_with_a_line_in_its_log(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        receiver.status = 401
        shipper.start()
        shipper.write("app.log", ["refused"])
        within(20, lambda: "Unauthenticated" in shipper.said())
        receiver.status = 200
        shipper.write("app.log", ["taken"])
        arrived(receiver, ["taken"])


def test_without_its_memory_it_begins_anew(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        shipper.write("app.log", numbered("first"))
        shipper.start()
        arrived(receiver, numbered("first"))
        shipper.stop()
        # as after the node was started anew
        (state,) = (tmp_path / "state").iterdir()
        state.unlink()
        shipper.write("app.log", numbered("second"))
        shipper.start()
        assert arrived(receiver, [*numbered("first"), *numbered("second")]) == 1000


def test_lines_that_were_written_while_it_lingers_arrive(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number) as shipper:
        shipper.start()
        shipper.write("app.log", numbered("last"))
        # longer than the pause between two looks, much less than linger_seconds
        time.sleep(1)
        shipper.stop(signal.SIGTERM)
        assert shipper.process.returncode == 0
        assert arrived(receiver, numbered("last")) == 0
