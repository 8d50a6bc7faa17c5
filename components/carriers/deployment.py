"""Deployment: so many pods, each as good as the other."""

from dataclasses import dataclass

from ..core import rollout
from ..core.patch import Wire
from ..core.rules import NotNegative
from .carrier import Asked, Carrier, Composed, Parts


@dataclass(frozen=True, kw_only=True)
class Deployment(Carrier):
    """So many pods, each as good as the other."""

    min_ready_seconds: NotNegative = 0
    """How long a new pod must have been ready before an update goes on; less than WorkloadArgs.rollout_timeout_seconds. Default: 0."""

    def refusals(self, args: Asked, /) -> list[str]:
        """An update that fails before its pods count."""
        if not 0 < args.rollout_timeout_seconds <= self.min_ready_seconds:
            return []
        limit = f"rollout_timeout_seconds {args.rollout_timeout_seconds}"
        return [f"min_ready_seconds {self.min_ready_seconds} is not less than {limit}, when an update fails; raise that"]

    def unfit(self, composed: Composed, /) -> list[str]:
        """What of the pod an update could wait for without end."""
        return rollout.problems(composed.pod.spec, composed.args.strategy)

    def manifest(self, parts: Parts) -> Wire:
        """The Deployment."""
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": parts.named(),
            "spec": {
                **parts.counted(),
                "selector": {"matchLabels": parts.selector},
                "strategy": rollout.manifest(parts.strategy),
                **parts.rolled_out(self.min_ready_seconds),
                "progressDeadlineSeconds": parts.timeout_seconds,
                "template": parts.template,
            },
        }
