"""Claim: a volume that each pod of a StatefulSet has of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core.rules import Label, ObjectName, Path, Quantity

AccessMode = Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A volume that each pod of a StatefulSet has of its own, and finds again when it is replaced. None of this can be changed later:
    Pulumi would replace the StatefulSet, whose claims stay as they are."""

    name: Label
    """Name of the volume; the claim is called <name>-<pod>."""
    size: Quantity
    """What is asked for, e.g. 10Gi."""
    mount_path: Path
    """Where the app has it. It takes the place of the one of App.empty_dirs that is there."""
    storage_class: ObjectName | None = None
    """Class of the storage. Default: None, the cluster's own default."""
    access_modes: Sequence[AccessMode] = ("ReadWriteOnce",)
    """How it may be mounted. Default: ReadWriteOnce, by one node at a time."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        return [] if self.access_modes else ["access_modes is empty; name one at least, e.g. ReadWriteOnce"]

    def mount(self) -> dict[str, Any]:
        """The mount of the app's container."""
        return {"name": self.name, "mountPath": self.mount_path}

    def template(self, labels: Mapping[str, str]) -> dict[str, Any]:
        """The claim template."""
        return {
            "metadata": {"name": self.name, "labels": dict(labels)},
            "spec": {
                "accessModes": list(self.access_modes),
                **({} if self.storage_class is None else {"storageClassName": self.storage_class}),
                "resources": {"requests": {"storage": self.size}},
            },
        }
