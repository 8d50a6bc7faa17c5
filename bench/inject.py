"""How long injection takes, as a ratio within this run to parsing the manifests and printing the result with PyYAML's C loader.

python -m bench.inject
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from components.core.app import Port, Rebind
from components.injection.injection import Injection
from components.injection.manifests import inject
from components.injection.references import references
from components.injection.target import Target
from components.patterns.tls_ambassador import TlsAmbassadorArgs

LIMIT = 1.2
"""What injection may take, in times of parsing and printing."""

ENVIRONMENT = [{"name": f"SETTING_{index}", "value": f"http://backend-{index}.example.com/path"} for index in range(12)]


def chart(count: int) -> str:
    """So many manifests: Deployments of ordinary size, each with its Service."""
    return yaml.dump_all((m for index in range(count // 2) for m in _pair(f"app-{index}")), Dumper=yaml.CSafeDumper, sort_keys=False)


def injections(count: int) -> list[Injection]:
    """TLS for the first workloads, so many."""
    port = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))
    return [
        Injection(f"tls-{i}", Target(name=f"app-{i}", kind="Deployment", uid=1000, ports=[port]), [TlsAmbassadorArgs(secret_name="tls")])
        for i in range(count)
    ]


def measured(count: int, targets: int, rounds: int) -> tuple[float, float]:
    """Seconds of parsing and printing, and of injecting; the medians of rounds that take turns."""
    text, found = chart(count), []
    for _ in range(rounds):
        parsing, manifests = _seconds(lambda: list(yaml.load_all(text, Loader=yaml.CSafeLoader)))
        made = injections(targets)

        def injected(manifests: Any = manifests, made: Any = made) -> list[dict[str, Any]]:
            result = inject(manifests, made)
            references(manifests, made)
            return result

        injecting, result = _seconds(injected)
        printing, _ = _seconds(lambda result=result: yaml.dump_all(result, Dumper=yaml.CSafeDumper))  # type: ignore[misc]
        found.append((parsing + printing, injecting))
    return statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)


def main() -> None:
    """Prints the table; fails if injection takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.inject", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    rounds = parser.parse_args().rounds
    print(f"{'manifests':>10}  {'injected':>8}  {'parse, print s':>14}  {'inject s':>9}  {'ratio':>6}")
    worst = 0.0
    for count in (10, 100, 1000):
        for targets in (1, count // 10, count // 2):
            both, injecting = measured(count, targets, rounds)
            print(f"{count:>10}  {targets:>8}  {both:>14.3f}  {injecting:>9.3f}  {injecting / both:>6.2f}")
            worst = max(worst, injecting / both if count == 1000 else 0)
    if worst >= LIMIT:
        raise SystemExit(f"injection into 1000 manifests takes {worst:.2f} times what parsing and printing do; the limit is {LIMIT}")


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _pair(name: str) -> Iterator[dict[str, Any]]:
    labels = {"app.kubernetes.io/name": name}
    metadata = {"name": name, "labels": {**labels, "app.kubernetes.io/managed-by": "Helm"}}
    port = {"port": 80, "targetPort": "http", "name": "http"}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": [port]}}
    container = {
        "name": "app",
        "image": "example/app:1.2.3",
        "args": ["--listen=0.0.0.0:8080", "--verbose"],
        "env": ENVIRONMENT,
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    main()
