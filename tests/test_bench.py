"""The benchmarks, in short: that they measure what they say. How long something takes is nothing to test."""

import json
from pathlib import Path

import pytest

from bench import fleet, logs
from bench.results import Results, Sample, interval, long, table, wide
from tests.support.programs import need

PROJECT = Path(__file__).parent.parent
YEAR = {"validity_hours": 8760, "early_hours": 720}


def sample(candidate: str, number: int, value: float) -> Sample:
    return Sample(row="0.5 kB", candidate=candidate, round=number, values={"cpu": value})


def test_a_table_has_medians_and_quartiles() -> None:
    results = Results(title="x", command="y", samples=[*(sample("a", n, n + 1) for n in range(5)), sample("b", 0, 0.25)])
    assert table(results, "cpu", unit="CPU s", scale=10).splitlines() == [
        "**0.5 kB** (CPU s)",
        "",
        "| | median | quartiles |",
        "|---|---:|---:|",
        "| a | 30 | 20–40 |",
        "| b | 2.5 | 2.5–2.5 |",
    ]
    assert interval([3]) == (3, 3, 3)


def test_the_best_and_what_ties_with_it_is_bold() -> None:
    figures = {"a": (10, 11, 12), "b": (11, 12, 13), "c": (20, 21, 22)}
    samples = [sample(name, number, value) for name, values in figures.items() for number, value in enumerate(values)]
    results = Results(title="x", command="y", samples=samples, notes={"groups": {"a": "http", "b": "http", "c": "tcp"}})
    assert wide(results, "cpu").splitlines()[2:] == ["| 0.5 kB | **11** | **12** | 21 |"]
    assert wide(results.group("tcp"), "cpu").splitlines() == ["| | c |", "|---|---:|", "| 0.5 kB | **21** |"]
    assert long(results, "cpu").splitlines()[-1] == "| 0.5 kB | c | 21 | 20.5–21.5 |"


@pytest.mark.parametrize("kept", sorted((PROJECT / "bench" / "results").glob("*.json")), ids=lambda path: path.stem)
def test_every_kept_result_has_rounds_a_chart_and_a_table_in_the_docs(kept: Path) -> None:
    results = Results.load(kept)
    assert max(sample.round for sample in results.samples) >= 1
    assert not [sample for sample in results.samples if sample.values.get("errors")]
    assert (PROJECT / "docs" / "charts" / f"{kept.stem}.svg").is_file()
    page = (PROJECT / "docs" / "benchmarks.md").read_text()
    assert f"<!-- bench: {kept.stem} " in page
    assert f"charts/{kept.stem}.svg" in page


def test_results_are_kept_whole(tmp_path: Path) -> None:
    results = Results(title="x", command="y", samples=[sample("a", 0, 1.5)], notes={"lines": 3})
    results.save(tmp_path / "kept" / "x.json")
    kept = Results.load(tmp_path / "kept" / "x.json")
    assert kept.samples == results.samples
    assert kept.notes["lines"] == 3
    assert json.loads((tmp_path / "kept" / "x.json").read_text())["command"] == "y"


def test_certificates_of_one_day_come_due_on_one_day() -> None:
    found = fleet.renewals(100, **YEAR, deployed_over_days=1, up_every_days=1)
    assert dict(found) == {335: 100, 670: 100}


def test_certificates_are_late_where_nobody_looks_in_time() -> None:
    spread = fleet.renewals(100, **YEAR, deployed_over_days=30, up_every_days=7)
    assert (spread.pop(-1, 0), max(spread.values()) < 20) == (0, True)
    assert fleet.renewals(100, **YEAR, deployed_over_days=30, up_every_days=90)[-1] > 0


def test_the_parts_of_a_workload_are_counted() -> None:
    one = fleet.measured()
    assert one.objects == {"ConfigMap": 2, "Secret": 1, "Service": 1, "Deployment": 1}
    assert one.resources > sum(one.objects.values())
    assert 0 < one.requested < one.limited


@pytest.mark.parametrize("way", ["rename", "copytruncate"])
def test_lines_are_counted(way: str, tmp_path: Path) -> None:
    for folder in ("logs", "bin"):
        (tmp_path / folder).mkdir()
    for program in ("sh", "tail", "sleep"):
        (tmp_path / "bin" / program).symlink_to(need("busybox"))
    ours, *_ = logs.readers(tmp_path / "logs" / "app.log")
    found = logs.measured(ours, tmp_path, 20_000, rate=5_000, interval=2.5, way=way)
    assert found["rotations"] == 1
    assert found["others"] == 0
    # copytruncate loses by itself what is written between its two steps
    assert found["lost"] == 0 or way == "copytruncate"


def test_torn_and_repeated_lines_are_counted(tmp_path: Path) -> None:
    line = b"%012d " + b"x" * 86 + b"\n"
    (tmp_path / "output").write_bytes(line % 0 + line % 2 + line % 2 + (line % 1)[:50] + b"\n")
    assert logs.counted(tmp_path / "output", 3) == (2, 2)
