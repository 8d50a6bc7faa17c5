"""Rules about one pod template."""

from collections.abc import Iterator

from pod_patterns.core import checks, cluster
from pod_patterns.core.images import expanded
from pod_patterns.core.pod_security import baseline_violations, restricted_violations

from .manifests import UNKNOWN, Object, Wire, is_known


def security(found: Object, settings: Wire) -> Iterator[str]:
    """What a Pod Security Standard does not admit. settings: `level`, `kubernetesVersion`, `exempt`: names of containers."""
    level, exempt = settings.get("level", "restricted"), settings.get("exempt", ())
    version = cluster.version(settings.get("kubernetesVersion", cluster.DEFAULT_KUBERNETES))
    judged = {
        kind: [c for c in given or () if c != UNKNOWN and c.get("name") not in exempt] if kind.endswith("ontainers") else given
        for kind, given in found.pod.items()
    }
    context = [
        judged.get("securityContext"),
        *(c.get("securityContext") for kind in ("initContainers", "containers") for c in judged.get(kind, ())),
    ]
    if not is_known([part for part in context if part]):
        # the update looks again
        return
    annotations = (found.template.get("metadata") or {}).get("annotations") or {}
    violations = baseline_violations if level == "baseline" else restricted_violations
    for line in violations(judged, version, annotations):
        way_out = ", or name the container in exempt" if line.startswith("container") else ""
        yield f"{found}: {line}, which the {level} Pod Security Standard does not admit; change it{way_out}"


def resources(found: Object, _: Wire) -> Iterator[str]:
    """Containers without a memory limit, and what else is wrong with their resources."""
    of_pod = (found.pod.get("resources") or {}).get("limits") or {}
    for where, container in found.containers:
        given = container.get("resources") or {}
        if "memory" in of_pod or not is_known(given):
            continue
        for line in checks.resources("resources", given):
            yield f"{where}: {line}{'; set it' if line.endswith(' is missing') else ''}"


def images(found: Object, _: Wire) -> Iterator[str]:
    """Images that are another one tomorrow."""
    for where, container in found.containers:
        image = str(container.get("image", ""))
        if image == UNKNOWN:
            continue
        wrong = checks.image("image", image)
        yield from (f"{where}: {line}" for line in wrong)
        name, _at, digest = expanded(image)[1].partition("@") if not wrong else ("", "", "-")
        if not digest and name.partition(":")[2] in ("", "latest"):
            yield f"{where}: image {image!r} is another one after every release of it; name a version or a digest"


def selectors(found: Object, _: Wire) -> Iterator[str]:
    """A selector that does not select the pods of its own workload; the API refuses that after everything else was made."""
    chosen = found.spec.get("selector")
    wanted = (chosen or {}).get("matchLabels") or {} if isinstance(chosen, dict) else {}
    for key, value in wanted.items():
        if found.knows_labels and is_known(value) and found.labels.get(key) != value:
            yield (
                f"{found}: spec.selector asks for {key}={value}, but the pod template has {key}={found.labels.get(key, '')}; "
                "write the same in both"
            )
