"""What pods that come to an end have in common, of a Job or of the Jobs of a CronJob."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.view import APP
from .carrier import Asked, Carrier, Composed, Parts
from .service_args import ServiceArgs


@dataclass(frozen=True, kw_only=True)
class Batch(Carrier):
    """Pods that come to an end."""

    is_served: ClassVar[bool] = False

    @property
    def _kind(self) -> str:
        return type(self).__name__

    def refusals(self, args: Asked, /) -> list[str]:
        """What the workload asks for, and pods that end do not have."""
        found, nobody = [], f"but no Service leads to a {self._kind}"
        if args.replicas not in (None, 1):
            found.append(f"replicas is {args.replicas}, but a Job counts its pods itself; leave replicas out, and see its parallelism=")
        if args.strategy is not None:
            found.append(f"strategy is set, but pods of a {self._kind} are not updated; leave strategy out")
        if args.service_name is not None:
            found.append(f"service_name is set, {nobody}; leave service_name out")
        if args.service_type != "ClusterIP":
            found.append(f"service_type is {args.service_type!r}, {nobody}; leave service_type out")
        if args.service != ServiceArgs():
            found.append(f"service is set, {nobody}; leave service out")
        if args.app.readiness_probe is not None:
            found.append(f"app.readiness_probe is set, {nobody}, so that nothing asks whether its pods are ready; leave it out")
        return found

    def unfit(self, composed: Composed, /) -> list[str]:
        """Ambassadors without a client, and sidecars that never end."""
        found = [
            f"port {port.name!r} of {APP} is behind an ambassador, but no Service leads to a {self._kind}, so that no client comes; leave "
            "the ambassador out, or set kind=Deployment()"
            for port in composed.pod.ports
            if port.frontend and port.owner == APP
        ]
        pod = composed.pod
        beside = [str(container["name"]) for container in pod.spec["containers"] if container["name"] != pod.app.name]
        if composed.args.sidecars == "classic" and beside:
            found.append(
                f"classic sidecars never end, and so would no {self._kind} with {', '.join(beside)} in its pod; set sidecars='native' "
                "(Kubernetes 1.29)"
            )
        return found


def template(parts: Parts) -> dict[str, Any]:
    """The pod template, in which a container that fails runs once more, in the same pod."""
    return {**parts.template, "spec": {**parts.template["spec"], "restartPolicy": "OnFailure"}}
