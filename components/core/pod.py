"""Pod: a composed pod, ready for whatever kind of workload carries it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from .app import App
from .cluster import Release
from .contribution import Contribution
from .patch import ConfigFiles, Connection
from .pod_security import pod_security_level, privileged_containers
from .view import BoundPort


def annotation(volume: str, file: str) -> str:
    """The annotation that holds a file where no ConfigMap can be created."""
    return f"pod-patterns/{volume}.{file}"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A composed pod, ready for whatever kind of workload carries it."""

    app: App
    """The app as it was declared."""
    ports: tuple[BoundPort, ...]
    """The ports of the whole pod, as the ambassadors left them."""
    spec: Mapping[str, Any]
    """PodSpec in manifest form, without the volumes of `config_files`: see `pod_spec`."""
    kubernetes: Release
    """Version of the oldest cluster that it was composed for."""
    annotations: Mapping[str, pulumi.Input[str]]
    """Annotations of the pod."""
    labels: Mapping[str, str]
    """Labels of the pod besides the workload's."""
    config_files: tuple[ConfigFiles, ...]
    """ConfigMaps to create, in the pod's namespace, before it."""
    certificates: tuple[Any, ...]
    """What clients of the pod verify."""
    connects: tuple[Connection, ...]
    """What the patterns' containers connect to."""
    health_ports: Mapping[int, tuple[str, ...]]
    """Ports open on the pod's address for the kubelet, over plain HTTP, and all the paths that each answers, by GET or as gRPC."""
    contributions: tuple[Contribution, ...]
    """What each pattern did, in list order: see `provenance`."""
    declared: Mapping[str, Any]
    """PodSpec in manifest form as it was before its patterns."""

    def port(self, name: str) -> BoundPort | None:
        """The port of that name, or None."""
        return next((port for port in self.ports if port.name == name), None)

    def pod_spec(self, config_maps: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
        """The whole PodSpec; `config_maps` has the metadata.name of each ConfigMap, by `ConfigFiles.name`."""
        configs = [{"name": c.name, "configMap": {"name": config_maps[c.name]}} for c in self.config_files]
        return {**self.spec, "volumes": [*self.spec["volumes"], *configs]}

    def inline(self) -> tuple[dict[str, pulumi.Input[str]], dict[str, Any]]:
        """Its annotations and the whole PodSpec, with the files of `config_files` in annotations: nothing has to be created before it."""
        annotations, volumes = dict(self.annotations), []
        for config in self.config_files:
            keys = {name: annotation(config.name, name) for name in config.files}
            annotations |= {keys[name]: content for name, content in config.files.items()}
            items = [{"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['{key}']"}} for name, key in keys.items()]
            volumes.append({"name": config.name, "downwardAPI": {"items": items}})
        if not volumes:
            return annotations, dict(self.spec)
        return annotations, {**self.spec, "volumes": [*(self.spec.get("volumes") or ()), *volumes]}

    @property
    def security_level(self) -> str:
        """The strictest Pod Security Standard that admits it: restricted, baseline or privileged."""
        return pod_security_level(self.spec, self.kubernetes, self.annotations)

    @property
    def privileged_containers(self) -> list[str]:
        """Names of the containers that the baseline standard rejects by themselves."""
        return privileged_containers(self.spec, self.kubernetes, self.annotations)

    @property
    def plaintext_ports(self) -> list[int]:
        """Ports open on the pod's address that carry application data unencrypted, in ascending order."""
        # the number to which the kernel redirects is open too
        named = [(n, p) for p in self.ports for n in (p.outer_number, p.redirect) if n is not None]
        inner = {p.declaration.number for p in self.ports}
        containers = (*(self.spec.get("initContainers") or ()), *self.spec["containers"])
        undeclared = {int(port["containerPort"]) for c in containers for port in c.get("ports") or ()} - inner
        return sorted({n for n, p in named if not p.is_secure} | (undeclared - {n for n, _ in named}))
