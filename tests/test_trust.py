"""What clients and their operators need of certificates: a bundle in their namespaces, and an alert before the end."""

from typing import Any

import pulumi
import pytest

from components import (
    ArgumentError,
    CertificateAuthority,
    CertificateExpiryRule,
    CertificateExpiryRuleArgs,
    TrustBundle,
    TrustBundleArgs,
)
from components.testing import Recording, run
from tests.support.composing import PEM


def bundled(**changes: Any) -> Recording:
    fields: dict[str, Any] = {"ca_pem": PEM, "namespaces": ["shop", "billing"], "config_map_name": "search-ca", **changes}
    return run(lambda: pulumi.export("name", TrustBundle("trust", TrustBundleArgs(**fields)).config_map_name))


def test_a_bundle_is_in_every_namespace_under_one_name() -> None:
    recording = bundled()
    made = [r.inputs for r in recording.all("ConfigMap")]
    assert [m["metadata"] for m in made] == [{"name": "search-ca", "namespace": "shop"}, {"name": "search-ca", "namespace": "billing"}]
    assert [m["data"] for m in made] == [{"ca.crt": PEM}] * 2
    assert recording.exports["name"] == "search-ca"


def test_it_is_what_an_authority_has_signed_with() -> None:
    recording = run(
        lambda: TrustBundle(
            "trust", TrustBundleArgs(ca_pem=CertificateAuthority("ca").trust_bundle_pem, namespaces=["shop"], config_map_name="search-ca")
        )
    )
    assert recording.one("ConfigMap").inputs["data"]["ca.crt"] == recording.one("SelfSignedCert").outputs["certPem"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"namespaces": []}, "namespaces is empty; name the namespaces of the clients"),
        ({"namespaces": ["shop", "shop"]}, "namespaces has 'shop' more than once; write each once"),
        ({"ca_pem": "x"}, "ca_pem is not allowed: certificates in PEM, and nothing else"),
    ],
)
def test_a_bundle_for_nobody_is_rejected(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError) as error:
        bundled(**changes)
    assert str(error.value) == f"TrustBundle 'trust': 1 problem\n  - {problem}"


def ruled(**changes: Any) -> Recording:
    fields: dict[str, Any] = {"expires_at": "2027-11-29T00:00:00Z", "subject": "search", **changes}
    return run(lambda: CertificateExpiryRule("search", CertificateExpiryRuleArgs(**fields)))


def test_the_alert_fires_before_the_end() -> None:
    made = ruled(labels={"release": "prometheus"}, namespace="monitoring", warning_hours=24).one("PrometheusRule").inputs
    assert made["metadata"] == {"namespace": "monitoring", "labels": {"release": "prometheus"}}
    (rule,) = made["spec"]["groups"][0]["rules"]
    # date --date 2027-11-29T00:00:00Z +%s
    assert rule["expr"] == "vector(1827446400) - time() < 86400"
    assert rule["annotations"]["summary"] == "The certificate of search ends in {{ $value | humanizeDuration }}"


def test_a_name_is_not_a_template() -> None:
    (rule,) = ruled(subject="{{ x }}").one("PrometheusRule").inputs["spec"]["groups"][0]["rules"]
    assert rule["annotations"]["summary"].startswith('The certificate of {{ "{{" }} x }} ends')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expires_at is empty: there is no certificate that ends"),
        ("soon", "expires_at 'soon' is not a time as in RFC 3339"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_an_end_that_is_none_is_rejected(text: str, problem: str, later: bool) -> None:
    with pytest.raises(ArgumentError) as error:
        run(
            lambda: CertificateExpiryRule(
                "search",
                CertificateExpiryRuleArgs(expires_at=pulumi.Output.from_input(text) if later else text, subject="search"),
            )
        )
    assert str(error.value) == f"CertificateExpiryRule 'search': 1 problem\n  - {problem}"
