"""Whole Workloads, with Outputs in their arguments: every object that they would apply is one that Kubernetes allows."""

import traceback
from collections import Counter
from typing import Any

import kubernetes_validate
import yaml

from components import CertificateAuthority, Workload, WorkloadArgs
from components.core.errors import ProblemsError
from components.offline import manifests, rendering
from tests.fuzz.cases import made
from tests.fuzz.judging import unclear

# what users write in manifest form is passed on as it is
_GIVEN = {"startupProbe", "readinessProbe", "livenessProbe", "volumeMounts", "volumes"}


def _workload(seed: int, number: int, labels: list[str]) -> None:
    objects = {CertificateAuthority: CertificateAuthority("ca")} if number % 2 else {}
    case = made(seed, number, late=True, objects=objects)
    labels[:] = [str(case)]
    names = {"fields": "pod_spec"}
    options = {names.get(name, name): value for name, value in case.options.items()}
    Workload("w", WorkloadArgs(app=case.app, patterns=case.patterns, namespace="prod", **options))


def judged(seed: int, number: int) -> tuple[str, str]:
    """What became of it, and what is wrong."""
    labels: list[str] = []
    try:
        found = manifests(lambda: _workload(seed, number, labels))
    except ProblemsError as error:
        fault = unclear(error)
        return "refused", f"{labels[0]}\n  fault: {fault}" if fault else ""
    except Exception as error:
        return "refused", f"{labels[0]}\n  fault: {type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"
    return "accepted", "\n".join(f"{labels[0]}\n  fault: {line}" for line in map(_wrong, found) if line)


def _wrong(manifest: dict[str, Any]) -> str:
    if manifest["kind"] in ("PodMonitor", "ServiceMonitor"):
        return ""
    if yaml.load(rendering._text(manifest), Loader=yaml.CSafeLoader) != manifest:
        return f"{manifest['kind']}: YAML does not read back as it is"
    try:
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    except kubernetes_validate.ValidationError as error:
        if _GIVEN & set(error.path):
            return ""
        return f"{manifest['kind']}: {list(error.path)}: {error.message[:300]}"
    return ""


def run_whole(seed: int, count: int) -> tuple[Counter[str], list[str]]:
    """How many were accepted and refused, and what was wrong."""
    counts: Counter[str] = Counter()
    faults = []
    for number in range(count):
        kind, fault = judged(seed, number)
        counts[kind] += 1
        if fault:
            counts["faults"] += 1
            faults.append(f"whole Workload {fault}")
    return counts, faults
