"""Job: pods that run once, to the end."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.patch import Wire
from ..core.rules import NotNegative, Positive
from .batch import Batch, template
from .carrier import Composed, Parts

# Pulumi names it <name>-<8 digits>, and its pods have that in a label of 63
_LONGEST_NAME = 54


@dataclass(frozen=True, kw_only=True)
class Job(Batch):
    """Pods that run once, to the end; native sidecars end with the app. Nothing in a Job can be changed: when its pod changes, Pulumi
    deletes it, and runs a new one. `pulumi up` waits until it is done, WorkloadArgs.rollout_timeout_seconds at most."""

    # two of them could do the same work at a time
    ends_first: ClassVar[bool] = True

    backoff_limit: NotNegative = 6
    """How often the app may fail before the Job has failed. Default: 6."""
    completions: Positive = 1
    """How many pods must succeed. Default: 1."""
    parallelism: Positive = 1
    """How many of them run at a time. Default: 1."""
    active_deadline_seconds: Positive | None = None
    """How long it may run before it has failed. Default: None, as long as it takes."""

    def unfit(self, composed: Composed, /) -> list[str]:
        """What of the pod, and of the name, cannot be."""
        found, name = super().unfit(composed), composed.name
        if len(name) > _LONGEST_NAME:
            found.append(f"name {name!r} has {len(name)} characters, but a Job's may have {_LONGEST_NAME}; shorten it")
        return found

    def manifest(self, parts: Parts) -> Wire:
        """The Job; it is named by the provider, so that a changed one has another name."""
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": parts.awaited(), "spec": self.spec(parts)}

    def spec(self, parts: Parts) -> dict[str, Any]:
        """The JobSpec."""
        deadline = {} if self.active_deadline_seconds is None else {"activeDeadlineSeconds": self.active_deadline_seconds}
        return {
            "backoffLimit": self.backoff_limit,
            "completions": self.completions,
            "parallelism": self.parallelism,
            **deadline,
            "template": template(parts),
        }
