"""CertificateExpiryRule: an alert before a certificate ends, though nobody runs `pulumi up`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pulumi

from ..core import checks, rules
from ..core.errors import ArgumentError, refuse
from ..core.rules import Label, Positive, SomeText, Text
from ..kubernetes_object import KubernetesObject


@dataclass(frozen=True, kw_only=True)
class CertificateExpiryRuleArgs:
    """Arguments of CertificateExpiryRule."""

    expires_at: pulumi.Input[Text]
    """When the certificate ends, RFC 3339: `Workload.certificate_expires_at`, or `expires_at` of a certificate or an authority."""
    subject: SomeText
    """Whose certificate it is, for the text of the alert."""
    warning_hours: Positive = 336
    """Hours before the end from which the alert fires; less than `early_renewal_hours` of the certificate, so that it fires only if nobody
    renewed it. Default: 336, 14 days."""
    severity: SomeText = "warning"
    """Label `severity` of the alert. Default: warning."""
    namespace: pulumi.Input[Label] = "default"
    """Namespace of the PrometheusRule. Default: default."""
    labels: Mapping[Text, Text] = field(default_factory=dict)
    """Labels of the PrometheusRule, by which a Prometheus selects it, e.g. `{"release": "kube-prometheus-stack"}`. Default: none."""


class CertificateExpiryRule(pulumi.ComponentResource):
    """A PrometheusRule (monitoring.coreos.com/v1) that compares the clock with the end of a certificate, which is written into it.

    It needs no exporter. `pulumi up` renews a certificate from `early_renewal_hours` before its end on, and this rule with it; without an
    up nothing renews it, and the alert fires.

    Raises ArgumentError; where the end is known only later, when it is known.
    """

    def __init__(self, name: str, args: CertificateExpiryRuleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        where = f"CertificateExpiryRule {name!r}"
        wrong = rules.misplaced(CertificateExpiryRuleArgs, args)
        refuse(where, wrong or [*checks.label("name", name), *rules.problems(args)])
        if isinstance(args.expires_at, str):
            _epoch(where, args.expires_at)
        super().__init__("pod-patterns:index:CertificateExpiryRule", name, {}, opts)
        end = pulumi.Output.from_input(args.expires_at)
        rule = {
            "alert": "CertificateExpiresSoon",
            "expr": end.apply(lambda text: f"vector({_epoch(where, text)}) - time() < {args.warning_hours * 3600}"),
            "labels": {"severity": args.severity},
            "annotations": {
                "summary": f"The certificate of {_quoted(args.subject)} ends in {{{{ $value | humanizeDuration }}}}",
                "description": end.apply(lambda text: f"It ends at {text}. Run `pulumi up` for its stack, which renews it."),
            },
        }
        KubernetesObject(
            f"{name}-rule",
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "PrometheusRule",
                "metadata": {"namespace": args.namespace, "labels": dict(args.labels)},
                "spec": {"groups": [{"name": f"{name}-certificate", "rules": [rule]}]},
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _quoted(text: str) -> str:
    """The text as Prometheus' templates print it."""
    return text.replace("{{", '{{ "{{" }}')


def _epoch(where: str, text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        line = f"expires_at {text!r} is not a time as in RFC 3339" if text else "expires_at is empty: there is no certificate that ends"
        raise ArgumentError(where, [line]) from None
