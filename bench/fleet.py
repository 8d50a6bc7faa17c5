"""python -m bench.fleet: what a fleet costs, from the parts of one workload that are measured here; the tables of docs/fleet.md.

By default 10,000 pods of 2,000 workloads in 500 namespaces, each with waiting, secrets, logs, TLS and metrics (bench/rendering/objects.py).
"""

import argparse
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.rendering.objects import patterns, program
from components import TlsAmbassadorArgs
from components.core.quantities import amount
from components.offline import manifests
from components.testing import run

DAYS = 730
"""Two years: every certificate is renewed at least once."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What one workload is made of."""

    resources: int
    """Resources in the state, components too."""
    state_bytes: int
    """Their inputs and outputs as JSON."""
    objects: dict[str, int]
    """Objects in the cluster, by kind."""
    object_bytes: int
    """The same as JSON, without what the API server adds."""
    requested: int
    """Bytes of memory that the containers of the patterns request while the pod runs."""
    limited: int
    """Their limits."""


def measured() -> Workload:
    """One workload with five patterns."""
    recording = run(lambda: program(1))
    made = manifests(recording)
    spec: dict[str, Any] = next(manifest["spec"]["template"]["spec"] for manifest in made if manifest["kind"] == "Deployment")
    sidecars = [container["resources"] for container in spec["initContainers"] if container.get("restartPolicy") == "Always"]
    return Workload(
        resources=len(recording.registrations),
        state_bytes=sum(len(json.dumps([r.urn, r.inputs, r.outputs])) for r in recording.registrations),
        objects=dict(Counter(manifest["kind"] for manifest in made)),
        object_bytes=sum(len(json.dumps(manifest)) for manifest in made),
        requested=sum(int(amount(resources["requests"]["memory"])) for resources in sidecars),
        limited=sum(int(amount(resources["limits"]["memory"])) for resources in sidecars),
    )


def renewals(
    workloads: int, *, validity_hours: int, early_hours: int, deployed_over_days: int, up_every_days: int, seed: int = 1
) -> Counter[int]:
    """How many certificates are renewed on each day, by runs of `pulumi up` at fixed distances.

    A run renews what it finds within `early_hours` of its end. What is not run in time has ended before: counted on day -1.
    """
    chance, found = random.Random(seed), Counter[int]()
    for _ in range(workloads):
        first_run, issued = chance.randrange(up_every_days), chance.randrange(deployed_over_days)
        for day in range(issued, DAYS):
            due, over = issued + (validity_hours - early_hours) / 24, issued + validity_hours / 24
            if day >= due and (day - first_run) % up_every_days == 0:
                found[day] += 1
                if day >= over:
                    found[-1] += 1
                issued = day
    return found


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000, help="default: 10,000")
    parser.add_argument("--workloads", type=int, default=2_000, help="default: 2,000")
    parser.add_argument("--namespaces", type=int, default=500, help="default: 500")
    options = parser.parse_args()
    one, count, pods = measured(), options.workloads, options.pods
    print(f"{pods:,} pods of {count:,} workloads in {options.namespaces:,} namespaces\n")
    print("| | one workload | the fleet | one stack for each namespace |\n|---|---:|---:|---:|")
    each = count / options.namespaces
    for what, value, unit, scale in (
        ("resources in the state", one.resources, "", 1.0),
        ("state, kB", one.state_bytes, "", 1000.0),
        ("objects in the cluster", sum(one.objects.values()), "", 1.0),
        ("objects, kB", one.object_bytes, "", 1000.0),
    ):
        print(f"| {what} | {value / scale:,.0f}{unit} | {value * count / scale:,.0f} | {value * each / scale:,.0f} |")
    sidecars = f"{one.requested / 2**20:,.0f} requested, {one.limited / 2**20:,.0f} at most"
    print(f"\nmemory of the patterns' containers, MiB a pod: {sidecars}; the fleet, GiB: ", end="")
    print(f"{one.requested * pods / 2**30:,.0f} requested, {one.limited * pods / 2**30:,.0f} at most\n")
    defaults = next(pattern for pattern in patterns() if isinstance(pattern, TlsAmbassadorArgs))
    print("| valid for | deployed within | `pulumi up` every | renewals a day, mean | on the worst day | pods replaced then | too late |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for hours, early, within, every in (
        (defaults.validity_hours, defaults.early_renewal_hours, 1, 1),
        (defaults.validity_hours, defaults.early_renewal_hours, 30, 1),
        (defaults.validity_hours, defaults.early_renewal_hours, 300, 1),
        (defaults.validity_hours, defaults.early_renewal_hours, 300, 7),
        (defaults.validity_hours, defaults.early_renewal_hours, 300, 60),
        (2160, 720, 60, 1),
        (168, 72, 4, 1),
        (48, 24, 1, 1),
    ):
        found = renewals(count, validity_hours=hours, early_hours=early, deployed_over_days=within, up_every_days=every)
        ended = found.pop(-1, 0)
        worst = max(found.values(), default=0)
        mean = sum(found.values()) / DAYS
        replaced = worst * pods // count
        print(f"| {hours / 24:g} days | {within} d | {every} d | {mean:,.1f} | {worst:,} | {replaced:,} | {ended:,} |")
    print("\n| all pods replaced within | logins to Vault a second | Secrets and ConfigMaps written a second |\n|---|---:|---:|")
    for hours in (24, 4, 1):
        writes = sum(one.objects.get(kind, 0) for kind in ("Secret", "ConfigMap")) * count
        print(f"| {hours} h | {pods / hours / 3600:,.2f} | {writes / hours / 3600:,.2f} |")


if __name__ == "__main__":
    main()
