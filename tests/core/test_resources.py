"""Requests and limits: what the API accepts is accepted, as it is written in manuals; what it refuses is refused."""

from typing import Any

import pytest

from components.core import checks
from components.core.fold import compose
from tests.support.composing import container
from tests.support.pods import web


def resources(requests: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "requests": {"cpu": "100m", "memory": "64Mi", **(requests or {})},
        "limits": {"memory": "128Mi", **(limits or {})},
        **more,
    }


ACCEPTED: dict[str, dict[str, Any]] = {
    "a device, as every manual writes it": resources(limits={"nvidia.com/gpu": 1}),
    "the same in both": resources({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": 1}),
    "a number of CPUs": resources({"cpu": 0.5}, {"cpu": 2}),
    "exponents": resources({"memory": "1e3", "ephemeral-storage": "1E6"}),
    "small and large": resources({"cpu": "5u"}, {"ephemeral-storage": "1Ei"}),
    "huge pages": resources({"hugepages-2Mi": "4Mi"}, {"hugepages-2Mi": "4096Ki"}),
    "no limit of the CPU": resources({"cpu": "64"}),
}


@pytest.mark.parametrize("given", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_api_accepts_is_accepted_as_it_is(given: dict[str, Any]) -> None:
    assert container(compose(web(resources=given)), "web")["resources"] == given


def test_a_device_by_a_claim_of_the_pod_is_accepted() -> None:
    given = resources(claims=[{"name": "gpu"}])
    fields = {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]}
    assert container(compose(web(resources=given), fields=fields), "web")["resources"] == given


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a request above its limit": (
        resources({"memory": "1Gi"}),
        ["resources.requests.memory 1Gi is more than its limit 128Mi; raise limits.memory"],
    ),
    "a device without its limit": (
        resources({"nvidia.com/gpu": 1}),
        ["resources.requests.nvidia.com/gpu 1 needs a limit of the same amount; set limits.nvidia.com/gpu, and leave the request out"],
    ),
    "fewer huge pages than the limit": (
        resources({"hugepages-2Mi": "2Mi"}, {"hugepages-2Mi": "4Mi"}),
        ["resources.requests.hugepages-2Mi 2Mi needs a limit of the same amount; set limits.hugepages-2Mi, and leave the request out"],
    ),
    "true": (
        resources(limits={"cpu": True}),
        ["resources.limits.cpu True is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"],
    ),
    "not a number": (
        resources(limits={"cpu": float("nan")}),
        ["resources.limits.cpu 'nan' is not allowed: a Kubernetes quantity such as 100m, 64Mi or 1.5"],
    ),
    "an unknown key": (resources(limit={}), ["resources.limit: unknown key; known: limits, requests, claims"]),
}


@pytest.mark.parametrize(("given", "lines"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_api_refuses_is_refused(given: dict[str, Any], lines: list[str]) -> None:
    assert checks.resources("resources", given) == lines
