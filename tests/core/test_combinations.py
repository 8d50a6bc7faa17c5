"""Any subset of the patterns, in any order and with any ports carried, is a lawful pod or is refused for a stated reason."""

import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings, strategies as st

from components.core.app import App
from components.core.errors import CompositionError
from components.core.fold import compose
from components.core.pod import Pod
from components.core.pod_security import pod_security_level, privileged_containers
from components.core.view import BoundPort, PodView
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.shared.vault import VaultSecret
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.presets.elasticsearch import elasticsearch
from components.testing import run
from tests.support.rendered import OTHERS


def tls(name: str, **arguments: Any) -> TlsAmbassador:
    return TlsAmbassador(name, TlsAmbassadorArgs(service_name="elasticsearch", secret_name="tls", **arguments))


def vault(name: str, **arguments: Any) -> VaultInit:
    secret = VaultSecret(path="my-secret", file="my-secret.json", format="json")
    return VaultInit(name, VaultInitArgs(address="https://vault:8200", role="es", secrets=(secret,), **arguments))


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
# each pattern in several guises; at most one guise of each is in a pod
GUISES: dict[str, tuple[Callable[[], Any], ...]] = {
    "tls": (
        lambda: tls("tls"),
        lambda: tls("tls", target_ports=("http", "http-prometheus")),
        lambda: tls("tls", mode="tcp", inner_port=9115, health_port=9114),
        lambda: tls("tls", target_ports=("http", "http-prometheus"), client_auth="required", client_ca_pems=(PEM,)),
    ),
    "metrics": (lambda: MetricsAdapter("metrics"), lambda: MetricsAdapter("metrics", MetricsAdapterArgs(port=9201, scrape="none"))),
    "logs": (lambda: LogTailSidecar("logs"), lambda: LogTailSidecar("logs", LogTailSidecarArgs(volume_name="secrets"))),
    "vault": (
        lambda: vault("vault"),
        lambda: vault("vault", container_name="logs", volume_name="vault"),
        lambda: vault("vault", mount_path="/var/log//elasticsearch/", volume_name="vault", service_account="es"),
    ),
    "sysctl": (
        lambda: SysctlInit("sysctl"),
        lambda: SysctlInit("sysctl", SysctlInitArgs(sysctls={"vm.max_map_count": 1, "net.ipv4.tcp_keepalive_time": 60})),
        lambda: SysctlInit("sysctl", SysctlInitArgs(strategy="none")),
    ),
}
FIVE = sorted(GUISES)
GUISES |= {kind: (make,) for kind, make in OTHERS.items()}
# what cannot be in one pod: two patterns in certain guises, and what the error says of the one that comes later
LOGS, VAULT = "LogTailSidecar 'logs'", "VaultInit 'vault'"
CLASHES: list[tuple[tuple[str, int], tuple[str, int], Callable[[str, str], list[str]]]] = [
    (
        ("logs", 1),
        ("vault", 0),
        lambda later, earlier: [
            f"volume {name!r} of {later} is already defined by {earlier}; set volume_name=" for name in ("secrets", "secrets-config")
        ],
    ),
    *(
        (
            ("logs", guise),
            ("vault", 1),
            lambda later, earlier: [f"container name 'logs' of {later} is already taken by {earlier}; set container_name="],
        )
        for guise in (0, 1)
    ),
    *(
        (
            ("logs", guise),
            ("vault", 2),
            lambda later, earlier: [
                f"mount path {'/var/log/elasticsearch' if later == LOGS else '/var/log//elasticsearch/'!r} of {later} "
                f"in container 'elasticsearch' is already taken by {earlier}; set mount_path="
            ],
        )
        for guise in (0, 1)
    ),
]


@cache
def built(kind: str, guise: int) -> Any:
    made: list[Any] = []
    run(lambda: made.append(GUISES[kind][guise]()))
    return made[0]


def reasons(choice: tuple[list[str], dict[str, int]]) -> list[str]:
    """Why these cannot be one pod, said without composing them."""
    kinds, guises = choice
    there = {(kind, guises[kind]) for kind in kinds}
    found = []
    if {("tls", 1), ("tls", 3)} & there and "metrics" not in kinds:
        found.append("TlsAmbassador 'tls': there is no port 'http-prometheus' to stand in front of; set target_ports= (known: http)")
    if "jwt" in kinds and "tls" in kinds and kinds.index("jwt") < kinds.index("tls"):
        found.append(
            "TlsAmbassador 'tls': port 'http' has an ambassador in front of it already; list TlsAmbassador first, and each port once"
        )
    for one, other, lines in CLASHES:
        if {one, other} <= there:
            pair = (LOGS, VAULT) if kinds.index(one[0]) > kinds.index(other[0]) else (VAULT, LOGS)
            found += lines(*pair)
    return found


# mostly large subsets, which have more to quarrel about: of the five, and of all of them
SUBSETS = st.one_of(
    st.tuples(st.permutations(FIVE), st.sampled_from((5, 4, 3, 5, 4, 2, 1, 0))).map(lambda drawn: drawn[0][: drawn[1]]),
    st.tuples(st.permutations(sorted(GUISES)), st.sampled_from((14, 10, 7, 5))).map(lambda drawn: drawn[0][: drawn[1]]),
)
CHOICES = st.tuples(SUBSETS, st.fixed_dictionaries({kind: st.sampled_from(range(len(guises))) for kind, guises in GUISES.items()}))
SIDECARS = st.sampled_from(["native", "classic"])


def chosen(choice: tuple[list[str], dict[str, int]]) -> list[Any]:
    kinds, guises = choice
    return [built(kind, guises[kind]) for kind in kinds]


def unique(values: Sequence[Any]) -> bool:
    return len(set(values)) == len(values)


def outputs(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, pulumi.Output):
        return [path]
    if isinstance(value, dict):
        return [p for key, inner in value.items() for p in outputs(inner, (*path, key))]
    if isinstance(value, list | tuple):
        return [p for index, inner in enumerate(value) for p in outputs(inner, (*path, index))]
    return []


def known(pod: Pod) -> list[tuple[str, dict[str, str | None]]]:
    """The files of its ConfigMaps, without what is known later: no two Outputs are equal."""
    return [(c.name, {name: text if isinstance(text, str) else None for name, text in c.files.items()}) for c in pod.config_files]


def check(app: App, pod: Pod, patterns: Sequence[Any], sidecars: str) -> None:
    """What holds for every pod, whatever was added to it."""
    init, containers = list(pod.spec.get("initContainers", ())), list(pod.spec["containers"])
    every = [*init, *containers]
    assert unique([c["name"] for c in every])
    declared = [p["containerPort"] for c in every for p in c.get("ports", ())]
    # what a process listens on that another container has taken over is declared by nobody, but it is taken all the same
    inner = [p.number for p in pod.ports if p.frontend]
    assert unique([*declared, *inner])
    assert unique([p["name"] for c in every for p in c.get("ports", ())])
    assert set(declared) >= {p.outer_number for p in pod.ports}
    volumes = [v["name"] for v in pod.spec["volumes"]] + [c.name for c in pod.config_files]
    assert unique(volumes)
    for c in every:
        mounts = c.get("volumeMounts", ())
        assert unique([m["mountPath"].rstrip("/") for m in mounts])
        assert {m["name"] for m in mounts} <= set(volumes)
        assert unique([e["name"] for e in c.get("env", ())])
        assert {"cpu", "memory"} <= set(c["resources"]["requests"])
        assert "memory" in c["resources"]["limits"]
    # nothing is mounted in vain
    assert {m["name"] for c in every for m in c.get("volumeMounts", ())} == set(volumes)
    check_shutdown(app, pod, every)
    check_order(pod, patterns, sidecars)
    # structure is plain: what is known later is the name of a Secret at most
    assert all(path[-1] == "secretName" for path in outputs(dict(pod.spec)))


def check_shutdown(app: App, pod: Pod, every: list[Any]) -> None:
    waits = [c["lifecycle"]["preStop"] for c in every if "lifecycle" in c]
    longest = max(int(w["sleep"]["seconds"]) if "sleep" in w else int(w["exec"]["command"][-1].split()[-1]) for w in waits)
    assert pod.spec["terminationGracePeriodSeconds"] > longest + app.stop_seconds


def check_order(pod: Pod, patterns: Sequence[Any], sidecars: str) -> None:
    """Init containers, and sidecars, are in the order of the patterns that add them."""
    outside = PodView(app=pod.app, ports=tuple(BoundPort(declaration=p.declaration, number=p.declaration.number) for p in pod.ports))
    inside = PodView(app=pod.app, ports=pod.ports, classic=sidecars == "classic")
    patches = {p: p.wrap(outside)[1] if hasattr(p, "wrap") else p.patch(inside) for p in patterns}
    added = {p: [c["name"] for c in patch.init_containers] for p, patch in patches.items()}
    expected = [name for p in patterns for name in added[p]]
    there = [c["name"] for c in (*pod.spec.get("initContainers", ()), *pod.spec["containers"])]
    kept = [name for name in there if name != pod.app.name]
    if sidecars == "native":
        assert kept == expected
        assert [c["name"] for c in pod.spec["containers"]] == [pod.app.name]
    else:
        for plain in (True, False):
            at = {c["name"] for c in pod.spec.get("initContainers", ())}
            assert [n for n in kept if (n in at) == plain] == [n for n in expected if (n in at) == plain]


@settings(max_examples=200)
@given(CHOICES, SIDECARS)
def test_any_patterns_in_any_order_compose_or_are_refused_for_a_stated_reason(
    choice: tuple[list[str], dict[str, int]], sidecars: str
) -> None:
    patterns, app = chosen(choice), elasticsearch()
    if reasons(choice):
        with pytest.raises(CompositionError) as error:
            compose(app, patterns, sidecars=sidecars)
        assert sorted(error.value.problems) == sorted(reasons(choice))
        return
    pod = compose(app, patterns, sidecars=sidecars)
    check(app, pod, patterns, sidecars)
    privileged = "sysctl" in choice[0] and choice[1]["sysctl"] < 2
    assert pod_security_level(pod.spec) == ("privileged" if privileged else "restricted")
    assert privileged_containers(pod.spec) == (["update-sysctl"] if privileged else [])
    again = compose(app, patterns, sidecars=sidecars)
    assert (again.spec, again.annotations, known(again)) == (pod.spec, pod.annotations, known(pod))


@pytest.mark.parametrize("clash", CLASHES, ids=lambda clash: f"{clash[0]}-{clash[1]}")
def test_every_clash_is_one_in_both_orders(clash: Any) -> None:
    one, other, _ = clash
    for kinds in ((one[0], other[0]), (other[0], one[0])):
        choice = (list(kinds), dict([one, other]))
        with pytest.raises(CompositionError) as error:
            compose(elasticsearch(), chosen(choice))
        assert sorted(error.value.problems) == sorted(reasons(choice))


def test_the_order_of_the_list_decides_nothing_but_the_order() -> None:
    patterns = [built(kind, 0) for kind in FIVE]
    first = compose(elasticsearch(), patterns)
    for order in itertools.permutations(patterns):
        pod = compose(elasticsearch(), order)
        assert sorted(pod.spec["initContainers"], key=str) == sorted(first.spec["initContainers"], key=str)
        assert sorted(pod.annotations) == sorted(first.annotations)
        assert pod.app == first.app
