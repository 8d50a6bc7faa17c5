"""What the proxy must carry: large bodies, slow answers, slow readers, many idle connections; in little memory."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import WorkloadArgs

from .cluster import Namespace
from .deploy import deploy
from .light import LoadClient, memory, scripts, statuses, web, workload

Figure = Callable[[str], None]
URL = "https://web:8080"
LIMIT = 256 * 2**20
"""The default memory limit of the proxy."""


@dataclass(frozen=True)
class Proxied:
    """The app behind the proxy, and a client."""

    namespace: Namespace
    client: LoadClient
    pod: str

    def memory(self, what: str) -> int:
        """Bytes that the proxy's container uses (`usage`), or has used at most (`peak`)."""
        return memory(self.namespace, self.pod, "nginx-proxy", what)

    def told(self) -> str:
        """The memory, in words."""
        return f"proxy {self.memory('usage') / 2**20:.0f} MiB now, {self.memory('peak') / 2**20:.0f} MiB at most, of 256"


@pytest.fixture(scope="module")
def proxied(module_namespace: Namespace) -> Proxied:
    scripts(module_namespace)
    args = WorkloadArgs(app=web(), namespace=module_namespace.name)
    tls = TlsAmbassadorArgs(service_name="web", namespace=module_namespace.name)
    deployment = deploy(module_namespace, lambda: workload(args, TlsAmbassador("tls", tls)))
    client = LoadClient(module_namespace)
    client.trust(deployment.outputs["ca_pem"])
    return Proxied(module_namespace, client, module_namespace.pod("web"))


@pytest.fixture(autouse=True)
def unharmed(proxied: Proxied) -> Iterator[None]:
    """After each test the containers are those of the beginning, and the proxy has stayed within its limit."""
    yield
    now = statuses(proxied.namespace.get("pod", proxied.pod))
    assert {name: (status["restartCount"], status["lastState"]) for name, status in now.items()} == {"web": (0, {}), "nginx-proxy": (0, {})}
    assert proxied.memory("peak") < LIMIT


@pytest.mark.parametrize("megabytes", [20, 100])
def test_a_large_body_goes_through(proxied: Proxied, figure: Figure, megabytes: int) -> None:
    done = proxied.client.run("post", f"{URL}/echo", "--megabytes", str(megabytes))
    figure(f"{megabytes} MB posted in {done['seconds']} s; {proxied.told()}")
    assert (done["status"], done["answer"]) == (200, str(megabytes * 1_000_000)), str(done)


def test_an_answer_of_ninety_seconds_and_a_slow_reader_are_waited_for(proxied: Proxied, figure: Figure) -> None:
    with ThreadPoolExecutor() as pool:
        # both at once, since both are mostly waiting: the reader takes 40 MB at 1 MB a second
        late = pool.submit(proxied.client.run, "get", f"{URL}/slow?seconds=90", "--timeout", "120")
        slow = pool.submit(proxied.client.run, "get", f"{URL}/big?bytes=40000000", "--bytes-per-second", "1000000")
        time.sleep(20)
        memory = proxied.memory("usage")
        late_answer, slow_answer = late.result(), slow.result()
    figure(f"an answer after {late_answer['seconds']} s; 40 MB read in {slow_answer['seconds']} s; {proxied.told()}")
    assert late_answer["status"] == 200, str(late_answer)
    assert (slow_answer["status"], slow_answer["bytes"]) == (200, 40_000_000), str(slow_answer)
    assert slow_answer["seconds"] >= 39
    # what the reader has not taken yet is neither in memory nor in a file, whose pages would count
    assert memory < 16 * 2**20


def test_a_thousand_idle_connections_are_kept(proxied: Proxied, figure: Figure) -> None:
    before = proxied.memory("usage")
    done = proxied.client.run("idle", URL, "--connections", "1000", "--seconds", "20")
    figure(f"{done}; {proxied.told()}, {before / 2**20:.0f} before")
    assert (done["connections"], done["answered after the pause"], done["failures"]) == (1000, 1000, 0), str(done)
