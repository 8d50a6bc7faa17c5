"""The grace period of a pod that several injections went into."""

import pytest

from components import FetchInitArgs, MetricsAdapterArgs, inject
from tests.injection.test_inject import LOGS, TLS, deployment, injection, spec_of

INIT = FetchInitArgs(source="https://models.example.com/model", sha256="0" * 64, path="model")


@pytest.mark.parametrize(("given", "found"), [(None, 40), (10, 20), (1800, 1810)])
def test_further_injections_ask_for_no_more_time(given: int | None, found: int) -> None:
    fields = {} if given is None else {"terminationGracePeriodSeconds": given}
    patterns = [TLS, LOGS, MetricsAdapterArgs(exporter="nginx")]
    manifests, together = [deployment(**fields)], spec_of(inject([deployment(**fields)], [injection(*patterns)])[0])
    for index, pattern in enumerate(patterns):
        manifests = inject(manifests, [injection(pattern, name=f"no-{index}")])
        assert spec_of(manifests[0])["terminationGracePeriodSeconds"] == found
    assert together["terminationGracePeriodSeconds"] == found
    # what adds nothing that has to end asks for none, before them and behind them
    for patterns in ([INIT], [INIT, LOGS], [LOGS, INIT]):
        manifests = [deployment(**fields)]
        for index, pattern in enumerate(patterns):
            manifests = inject(manifests, [injection(pattern, name=f"no-{index}")])
        assert spec_of(manifests[0]).get("terminationGracePeriodSeconds") == (given if patterns == [INIT] else found)
