"""Charts and YAML under the mocks: what the Kubernetes provider would make of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from components.testing import Mocks
from tests.support.chart import template


class Carriers(Mocks):
    """Registers the children of remote components as the Kubernetes provider does: those of ConfigGroups from `objs` and `yaml`, those of
    a carrier that it is given manifests for from these. Secrets in manifests are wrapped in `secret()`."""

    def __init__(self, manifests: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.manifests = manifests or {}
        self.made: list[str] = []
        """Types of what was registered, in that order."""

    def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
        """As the provider answers."""
        self.made.append(args.typ)
        return super().new_resource(args)

    def children(self, args: Any) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """Every object, named after the carrier, its namespace and itself."""
        given = self.manifests.get(args.name)
        if given is None:
            given = [*args.inputs.get("objs", ()), *yaml.safe_load_all(args.inputs.get("yaml", ""))]
        for manifest in given:
            metadata = {"namespace": "default", **manifest["metadata"]}
            name = f"{args.name}:{metadata['namespace']}/{metadata['name']}"
            group = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
            yield f"kubernetes:{group}:{manifest['kind']}", name, {**manifest, "metadata": metadata}


class Helm(Carriers):
    """Makes of a helm.v4.Chart of this project what Helm makes of it; without hooks, as the provider does."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.rendered: list[dict[str, Any]] = []
        """The chart's objects, before any transform."""

    def children(self, args: Any) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """Every object of the chart."""
        values = [f"--set-json={key}={json.dumps(value)}" for key, value in args.inputs["values"].items()]
        own = [m for m in template(*values, release=args.name) if "helm.sh/hook" not in m["metadata"].get("annotations", {})]
        self.manifests = {args.name: [{**m, "metadata": {"namespace": args.inputs["namespace"], **m["metadata"]}} for m in own]}
        for child in super().children(args):
            self.rendered.append(child[-1])
            yield child
