"""Deployment: so many pods, each as good as the other."""

from dataclasses import dataclass

import pulumi_kubernetes as kubernetes

from ..core import rollout
from .carrier import Carrier, Composed, Parts


@dataclass(frozen=True, kw_only=True)
class Deployment(Carrier):
    """So many pods, each as good as the other."""

    def unfit(self, composed: Composed, /) -> list[str]:
        """What of the pod an update could wait for, for ever."""
        return rollout.problems(composed.pod.spec, composed.args.strategy)

    def make(self, parts: Parts) -> None:
        """Makes the Deployment."""
        kubernetes.apps.v1.Deployment(
            parts.name,
            metadata=parts.named(),
            spec={
                **parts.counted(),
                "selector": {"matchLabels": parts.selector},
                "strategy": rollout.manifest(parts.strategy),
                "revisionHistoryLimit": 3,
                "progressDeadlineSeconds": parts.timeout_seconds,
                "template": parts.template,
            },
            opts=parts.opts,
        )
