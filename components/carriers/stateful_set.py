"""StatefulSet: pods with names, and volumes, of their own."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core import checks
from ..core.patch import Wire
from ..core.rules import NotNegative, ServiceName
from .carrier import Asked, Carrier, Composed, Parts, is_older
from .claim import Claim

# its revisions are called <name>-<hash of 10>, in a label of 63
_LONGEST_NAME = 52


@dataclass(frozen=True, kw_only=True)
class StatefulSet(Carrier):
    """Pods with names (<app>-0, <app>-1 ...) and volumes of their own. An update ends each pod before its successor starts, the last one
    first. Besides the Service, a headless one gives each pod a DNS name, <pod>.<headless_service>, even before it is ready; certificates
    that the workload makes cover those names."""

    claims: Sequence[Claim] = ()
    """Volumes that each pod has of its own. Default: none."""
    headless_service: ServiceName | None = None
    """Name of the headless Service, which the workload makes. Default: None, the Service's with `-headless`."""
    pod_management: Literal["OrderedReady", "Parallel"] = "OrderedReady"
    """`OrderedReady`: at the start a pod waits until the one before it is ready, and one that an update has broken must be deleted by hand
    before the next update reaches it; `Parallel`: they all start at once. Default: OrderedReady."""
    update: Literal["RollingUpdate", "OnDelete"] = "RollingUpdate"
    """`RollingUpdate`: one pod after another is replaced; `OnDelete`: a pod is replaced when somebody deletes it. Default:
    RollingUpdate."""
    partition: NotNegative = 0
    """An update leaves the pods below this number as they are, and `pulumi up` does not wait for it. Default: 0, it replaces all."""
    min_ready_seconds: NotNegative = 0
    """How long a pod must have been ready before an update goes on to the next. Default: 0."""
    when_deleted: Literal["Retain", "Delete"] = "Retain"
    """What happens to the claims when the StatefulSet is deleted or replaced. Default: Retain."""
    when_scaled: Literal["Retain", "Delete"] = "Retain"
    """What happens to the claims of pods that go because there are fewer replicas. Default: Retain."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = [f"partition is {self.partition}, but update='OnDelete' has none; leave partition out"] if self._is_odd() else []
        for field in ("name", "mount_path"):
            twice = [value for value, count in Counter(getattr(claim, field) for claim in self.claims).items() if count > 1]
            found += [f"claims: there are two with {field} {value!r}; change one" for value in twice]
        return found

    def _is_odd(self) -> bool:
        return self.update == "OnDelete" and self.partition > 0

    def refusals(self, args: Asked, /) -> list[str]:
        """What the workload asks for, and a StatefulSet does not have."""
        return list(self._refusals(args))

    def _refusals(self, args: Asked) -> Iterator[str]:
        name, keeps = args.app.name, (self.when_deleted, self.when_scaled)
        if args.strategy is not None:
            yield (
                "strategy is set, but a StatefulSet always ends a pod before its successor starts; leave strategy out, and see its "
                "update= and partition="
            )
        if isinstance(name, str) and len(name) > _LONGEST_NAME:
            yield f"app.name has {len(name)} characters, but a StatefulSet's may have {_LONGEST_NAME}; shorten it"
        if keeps != ("Retain", "Retain") and is_older(args, (1, 27)):
            yield (
                f"when_deleted and when_scaled need Kubernetes 1.27, but kubernetes_version is {args.kubernetes_version}; leave them out, "
                "which retains the claims"
            )
        service = args.service_name or name
        headless = self.headless(str(service))
        if headless == service:
            yield f"headless_service {headless!r} is the name of the Service already; change one of them"
        elif isinstance(name, str) and self.headless_service is None:
            yield from checks.service_name("headless_service", headless)

    def unfit(self, composed: Composed, /) -> list[str]:
        """What an update would leave behind in pods that it does not replace."""
        made = [certificate for certificate in composed.pod.certificates if getattr(certificate, "is_made", False)]
        found = []
        if self.update == "OnDelete" and made:
            found.append(
                "update='OnDelete' replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; set "
                "update='RollingUpdate', or let TlsAmbassador take an existing Secret (secret_name=, reload=True)"
            )
        files = [config.name for config in composed.pod.config_files]
        if self.partition and (made or files):
            what = " and ".join([*(["their certificate"] if made else []), *([f"their files of {', '.join(files)}"] if files else [])])
            found.append(
                f"partition {self.partition} keeps pods of the former version, which could not start again: an update removes {what}; "
                "set partition=0"
            )
        return found

    def volume_claims(self) -> tuple[Claim, ...]:
        """Volumes that each pod has of its own."""
        return tuple(self.claims)

    def headless(self, service_name: str, /) -> str:
        """The name of the headless Service."""
        return self.headless_service or f"{service_name}-headless"

    def manifest(self, parts: Parts) -> Wire:
        """The StatefulSet."""
        metadata = parts.named()
        if self.partition:
            # Pulumi waits for the revision of the StatefulSet to be that of the update: with a partition it never is
            metadata["annotations"] = {**parts.annotations, "pulumi.com/skipAwait": "true"}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": self._spec(parts)}

    def _spec(self, parts: Parts) -> dict[str, Any]:
        update = {"type": self.update, **({"rollingUpdate": {"partition": self.partition}} if self.partition else {})}
        keeps = {"whenDeleted": self.when_deleted, "whenScaled": self.when_scaled}
        return {
            **parts.counted(),
            "selector": {"matchLabels": parts.selector},
            "serviceName": parts.headless_service,
            "podManagementPolicy": self.pod_management,
            "updateStrategy": update,
            **parts.rolled_out(self.min_ready_seconds),
            # Retain is the default, and clusters before 1.27 have nothing else
            **({"persistentVolumeClaimRetentionPolicy": keeps} if "Delete" in keeps.values() else {}),
            "template": parts.template,
            # labels that never change: nothing in a claim template can
            **({"volumeClaimTemplates": [claim.template(parts.selector) for claim in self.claims]} if self.claims else {}),
        }
