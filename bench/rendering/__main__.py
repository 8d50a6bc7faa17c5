"""python -m bench.rendering: CPU that rendering many workloads takes, beside the usual tools.

All write the same objects: those of a workload with five patterns, ours with composition and real certificates, flat Pulumi with real
certificates, the others with one made before. Needs node with cdk8s, helm, kustomize and jsonnet (`make bench-tools`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.results import Results, Sample, table

from .objects import objects
from .tools import Tool, tools

COUNTS = (1, 10, 100, 500, 1000)
SLOW = {"jsonnet": 100, "kustomize": 500}
"""Up to how many workloads a tool is asked."""


def measured(tool: Tool, count: int, directory: Path, number: int) -> Sample:
    """One rendering; its output is counted and thrown away."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(directory.parent / "cache"), "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(tool.command(count, directory), stdout=subprocess.PIPE, env=environment) as started:
        assert started.stdout is not None
        documents = sum(line.startswith((b"kind: ", b'"kind": ')) for line in started.stdout)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise RuntimeError(f"{tool.name} ended with {started.returncode}")
    values = {"cpu": usage.ru_utime + usage.ru_stime, "objects": float(documents)}
    return Sample(row=f"{count:,} workload{'s' * (count > 1)}", candidate=tool.name, round=number, values=values)


def main() -> None:
    """Measures, prints tables, and keeps the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.rendering", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="numbers of workloads")
    parser.add_argument("--json", type=Path, default=Path("build/bench/rendering.json"), help="default: build/bench/rendering.json")
    parser.add_argument("--node-modules", type=Path, default=Path.home() / ".cache/pod-patterns/bench/node_modules", help="where cdk8s is")
    options = parser.parse_args()
    results = Results.begun("Rendering")
    made = objects()
    for count in options.counts:
        with tempfile.TemporaryDirectory() as name:
            known = tools(sys.executable, options.node_modules)
            for index, tool in enumerate(known):
                directory = Path(name) / str(index)
                directory.mkdir()
                (directory / "objects.json").write_text(json.dumps(made))
                tool.prepare(count, directory, made)
            # of the first, modules are compiled
            for number in range(-1, options.rounds):
                for index, tool in enumerate(known):
                    if count > SLOW.get(tool.name, count):
                        continue
                    sample = measured(tool, count, Path(name) / str(index), number)
                    if number >= 0:
                        results.samples.append(sample)
                        assert sample.values["objects"] == count * len(made), sample
        print(f"{count} workloads done", file=sys.stderr)
    results.save(options.json)
    print(table(results, "cpu", unit="CPU s"))


if __name__ == "__main__":
    main()
