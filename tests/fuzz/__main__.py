"""`python -m tests.fuzz`: composes as many generated cases as wanted, and prints those that are wrong, as small as they can be."""

import argparse
import re
import sys
import time
from collections import Counter
from random import SystemRandom

from tests.fuzz.cases import Case, made, smaller
from tests.fuzz.judging import Verdict, judged
from tests.fuzz.programs import refused
from tests.fuzz.whole import run_whole


def first(fault: str) -> str:
    """What tells one fault from another: its first line, without what was generated."""
    return re.sub(r"'.*'|\".*\"|\d+", "_", fault.splitlines()[0])[:90] if fault else ""


def report(case: Case, verdict: Verdict) -> str:
    """The smallest case that fails in the same way, and how."""
    small = smaller(case, lambda candidate: first(judged(candidate).fault) == first(verdict.fault))
    return f"{small}\n  fault: {judged(small).fault}"


def fuzz(seed: int, numbers: range, *, every: int = 0) -> tuple[Counter[str], list[str]]:
    """How many were accepted and refused, and a report of every fault, one of a kind. every: which of the accepted ones the real programs
    look at, too (default: none)."""
    counts: Counter[str] = Counter()
    faults: dict[str, str] = {}
    for number in numbers:
        case = made(seed, number)
        verdict = judged(case)
        counts["refused" if verdict.pod is None else "accepted"] += 1
        if verdict.fault:
            counts["faults"] += 1
            if first(verdict.fault) not in faults:
                faults[first(verdict.fault)] = report(case, verdict)
        elif verdict.pod is not None and every and counts["accepted"] % every == 0:
            counts["real programs"] += 1
            line = refused(verdict.pod)
            if line:
                counts["faults"] += 1
                faults.setdefault(first(line), f"{case}\n  fault: {line}")
    return counts, list(faults.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="number of compositions (default: 10000)")
    parser.add_argument("--seed", type=int, help="default: a random one, which is printed")
    parser.add_argument("--only", type=int, help="this one alone, and what became of it")
    parser.add_argument("--every", type=int, default=20, help="which of the accepted ones nginx and haproxy look at (default: each 20th)")
    parser.add_argument("--whole", type=int, default=300, help="number of whole Workloads, with Outputs (default: 300)")
    options = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if options.seed is None else options.seed
    if options.only is not None:
        case = made(seed, options.only)
        print(case, judged(case), sep="\n")
        return 0
    start = time.monotonic()
    counts, faults = fuzz(seed, range(options.count), every=options.every)
    more, whole_faults = run_whole(seed, options.whole)
    for fault in (*faults, *whole_faults):
        print(fault, end="\n\n")
    print(f"seed {seed}: {options.count} compositions in {time.monotonic() - start:.0f} s: {dict(counts)}; whole Workloads: {dict(more)}")
    return 1 if faults or whole_faults else 0


if __name__ == "__main__":
    sys.exit(main())
