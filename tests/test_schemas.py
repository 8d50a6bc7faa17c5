"""Every rendered object is one that Kubernetes' own schemas allow, with no field they do not know."""

import kubernetes_validate
import pytest

from tests.support.rendered import NAMES, rendered

NEWEST = ".".join(kubernetes_validate.latest_version().split(".")[:2])


def test_the_newest_version_is_newer_than_the_others() -> None:
    assert tuple(int(part) for part in NEWEST.split(".")) > (1, 33)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", ["1.29", "1.31", "1.33", NEWEST])
def test_the_objects_are_valid(version: str, name: str) -> None:
    for manifest in rendered(name):
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_a_field_that_is_misspelt_is_found() -> None:
    (deployment,) = (m for m in rendered("bare") if m["kind"] == "Deployment")
    spec = {**deployment["spec"]["template"]["spec"], "terminationGracePeriod": 5}
    wrong = {**deployment, "spec": {**deployment["spec"], "template": {**deployment["spec"]["template"], "spec": spec}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(wrong, "1.29", strict=True)
