"""LogShipperSidecar, by the real collector: records of several lines, and dated names."""

import pytest

from components.patterns.log_shipper_sidecar import LogShipperSidecarArgs
from tests.behaviour.test_log_shipper import arrived, numbered
from tests.support.otlp import Receiver
from tests.support.servers import free_ports, serving
from tests.support.shipper import shipping
from tests.support.waiting import within

TRACE = """\
2025-01-01 12:00:00 ERROR at 2025-01-01 something failed
java.lang.IllegalStateException: no
\tat a.b.C.d(C.java:1)

\tat a.b.C.e(C.java:2)"""
STAMP = r"\d{4}-\d{2}-\d{2} "


def test_a_stack_trace_is_one_record(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number, line_start_pattern=STAMP) as shipper:
        shipper.start()
        records = ["2025-01-01 11:59:59 INFO begun", TRACE, "2025-01-01 12:00:01 INFO on 2025-01-01 on", TRACE.replace("failed", "else")]
        shipper.write("app.log", records)
        arrived(receiver, records)
        assert receiver.lines == records


def test_records_survive_a_crash(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number, line_start_pattern=STAMP) as shipper:
        receiver.seconds = 0.02
        records = [f"2025-01-01 12:00:00 ERROR {index}\n\tat a.b.C" for index in range(3000)]
        shipper.start()
        shipper.write("app.log", records)
        within(20, lambda: records[0] in receiver.lines)
        shipper.stop()
        assert not set(records) <= set(receiver.lines)
        shipper.start()
        arrived(receiver, records)


@pytest.mark.parametrize("pattern", [r"\pL{2}", r"\p{Greek}", "[[:digit:]]{4}-", "(?i)error", r"(?P<year>\d{4})-", r"a\\1", "^2025"])
def test_the_collector_knows_what_is_accepted(tmp_path, pattern):
    number = free_ports(1)
    with serving(Receiver(number)), shipping(tmp_path, number, line_start_pattern=pattern) as shipper:
        shipper.start()


@pytest.mark.parametrize("pattern", [r"(?=a)", r"(a)\1", "(?>a)"])
def test_it_does_not_know_what_is_refused(tmp_path, monkeypatch, pattern):
    monkeypatch.setattr(LogShipperSidecarArgs, "problems", lambda _: [])
    monkeypatch.setattr("components.core.rules.problems", lambda *_: [])
    number = free_ports(1)
    with shipping(tmp_path, number, line_start_pattern=pattern) as shipper, pytest.raises(AssertionError, match="error parsing regexp"):
        shipper.start()


def test_dated_files_are_found_as_they_appear(tmp_path):
    number = free_ports(1)
    with serving(Receiver(number)) as receiver, shipping(tmp_path, number, files=("web-*.log",)) as shipper:
        shipper.start()
        written = []
        for day in range(3):
            written += numbered(f"day {day}", 500)
            shipper.write(f"web-2025-01-0{day}.log", numbered(f"day {day}", 500))
            shipper.write("other.log", ["not meant"])
            arrived(receiver, written)
        assert sorted(receiver.lines) == sorted(written)
