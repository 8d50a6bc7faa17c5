"""kubernetes-validate: Kubernetes' own schemas, with no field that they do not know, in every version from the one that a pod is for."""

import json
from collections.abc import Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
from kubernetes_validate import utils

from components.core.cluster import version

from .finding import Finding, one_line
from .subject import Subject


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """What no schema allows; of kinds that Kubernetes itself does not know, nothing."""
    places: dict[tuple[str, str], list[str]] = {}
    for subject in subjects:
        for manifest in subject.objects:
            where = subject.where(manifest["kind"], manifest["metadata"]["name"])
            for release in (text for text in releases() if version(text) >= subject.kubernetes):
                # the same object in several subjects is looked at once
                places.setdefault((json.dumps(manifest, sort_keys=True), release), []).append(where)
    for (text, release), found in places.items():
        for message in _invalid(json.loads(text), release):
            yield from (Finding(judge="kubernetes-validate", rule=release, where=where, message=message) for where in found)


def releases() -> list[str]:
    """Every version that it knows, as 1.30."""
    return [utils.major_minor(full) for full in utils.all_versions()]


def _invalid(manifest: Any, release: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(manifest, release, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return
    except kubernetes_validate.ValidationError as error:
        yield one_line(f"{'.'.join(str(part) for part in error.path)}: {error.message}")
