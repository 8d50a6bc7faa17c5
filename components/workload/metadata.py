"""Labels and annotations of a workload's objects."""

from collections.abc import Mapping

import pulumi

from ..core.patch import PodPatch
from ..core.view import PodView

OWN_LABELS = tuple(f"app.kubernetes.io/{part}" for part in ("name", "instance", "managed-by"))
"""Labels of every object that only the workload sets; the first two select the pods."""


def own_labels(whose: str, labels: Mapping[str, str]) -> list[str]:
    """A line for each label that only the workload sets."""
    return [f"label {key!r} of {whose} is set by the workload itself; remove it" for key in labels if key in OWN_LABELS]


class PodMetadata:
    """What the arguments of a workload add to its pods: a pattern, so that it collides with nothing unnoticed."""

    kind = "the workload's arguments"

    def __init__(self, labels: Mapping[str, str], annotations: Mapping[str, pulumi.Input[str]]) -> None:
        self._added = PodPatch(labels=tuple(labels.items()), annotations=tuple(annotations.items()))

    def patch(self, _pod: PodView) -> PodPatch:
        """Its labels and annotations."""
        return self._added
