"""DaemonSet: a pod on every node."""

from dataclasses import dataclass

from ..core import rollout
from ..core.patch import Wire
from ..core.rules import NotNegative
from .carrier import Asked, Carrier, Composed, Parts

_ONE_BY_ONE = "RollingUpdate(max_surge=0, max_unavailable=1)"


@dataclass(frozen=True, kw_only=True)
class DaemonSet(Carrier):
    """A pod on every node that `pod_spec` (nodeSelector, tolerations) admits. An update starts the new pod of a node, and then ends the old
    one, unless WorkloadArgs.strategy says otherwise."""

    min_ready_seconds: NotNegative = 0
    """How long a new pod must have been ready before an update goes on. Default: 0."""

    def refusals(self, args: Asked, /) -> list[str]:
        """What the workload asks for, and a DaemonSet does not have."""
        found, strategy = [], args.strategy
        if args.replicas not in (None, 1):
            found.append(f"replicas is {args.replicas}, but a DaemonSet has one pod on every node; leave replicas out")
        if strategy == "Recreate":
            found.append(f"strategy 'Recreate' is none of a DaemonSet; set strategy={_ONE_BY_ONE}, which ends the old pod of a node first")
        elif isinstance(strategy, rollout.RollingUpdate) and all(
            str(value).strip("%0") for value in (strategy.max_surge, strategy.max_unavailable)
        ):
            found.append(
                "strategy has both max_surge and max_unavailable, but a DaemonSet takes one of them: a node has the new pod first, or is "
                "without one for a moment; set the other to 0"
            )
        if args.app.single is True:
            found.append(
                f"a DaemonSet has a pod on every node, but each pod of {args.app.name!r} is a whole of its own (App.single), so that "
                "clients of the Service would meet now one, now another; set kind=StatefulSet(), or App.single=False if its pods know "
                "each other"
            )
        return found

    def unfit(self, composed: Composed, /) -> list[str]:
        """What of the pod an update could wait for without end."""
        return rollout.problems(composed.pod.spec, composed.args.strategy, way_out=f"strategy={_ONE_BY_ONE}")

    def manifest(self, parts: Parts) -> Wire:
        """The DaemonSet."""
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": parts.named(),
            "spec": {
                "selector": {"matchLabels": parts.selector},
                "updateStrategy": rollout.manifest(parts.strategy),
                **parts.rolled_out(self.min_ready_seconds),
                "template": parts.template,
            },
        }
