"""WaitForInit: the app starts when what it needs is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from ..core import checks
from ..core.errors import refuse
from ..core.identity import as_app
from ..core.patch import PodPatch
from ..core.plug import PatternArgs, describe
from ..core.view import PodView
from .shared.waiting import target_problems, wait_container


@dataclass(frozen=True, kw_only=True)
class WaitForInitArgs(PatternArgs):
    """Arguments of WaitForInit. At least one target; each must have been there once, not all of them at the same moment."""

    tcp: tuple[pulumi.Input[str], ...] = ()
    """host:port that accept a connection, e.g. `db.prod.svc:5432`. Default: none."""
    http: tuple[pulumi.Input[str], ...] = ()
    """URLs that answer with a status of 2xx, redirections followed. The certificate behind https:// is not verified: this
    waits for a server, it does not trust it. Default: none."""
    dns: tuple[pulumi.Input[str], ...] = ()
    """Names that resolve, as the app would resolve them: of a headless Service without ready pods, for instance. Default: none."""
    timeout_seconds: int = 120
    """Seconds for all of it, before the container fails (and the kubelet starts it again). Default: 120."""
    interval_seconds: int = 2
    """Seconds from one look at what is missing to the next. Default: 2."""
    image: pulumi.Input[str] | None = None
    """Image with BusyBox and, for https://, curl. Default: busybox:1.37; curlimages/curl:8.12.1 if a URL is https:// or an Output."""
    container_name: str = "wait-for"
    """Default: wait-for."""
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
    )
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def targets(self) -> list[tuple[str, pulumi.Input[str]]]:
        """Every target with its kind."""
        return [(kind, target) for kind in ("tcp", "http", "dns") for target in getattr(self, kind)]

    def problems(self) -> list[str]:
        """What is wrong with the arguments; a target that is an Output is looked at when it is known."""
        targets = self.targets()
        found = [line for kind, target in targets if checks.is_plain(target) for line in target_problems(kind, target)]
        if not targets:
            found.append("nothing to wait for; set tcp=, http= or dns=")
        found += checks.at_least("timeout_seconds", self.timeout_seconds, 1)
        found += checks.at_least("interval_seconds", self.interval_seconds, 1)
        found += checks.label("container_name", self.container_name)
        return found + checks.resources("resources", self.resources)

    def patch(self, pod: PodView) -> PodPatch:
        """The init container."""
        plain = all(isinstance(url, str) and url.startswith("http://") for url in self.http)
        image = "busybox:1.37" if plain else "curlimages/curl:8.12.1"
        container = wait_container(
            describe(self),
            self.container_name,
            self.targets(),
            image=image if self.image is None else self.image,
            timeout_seconds=self.timeout_seconds,
            interval_seconds=self.interval_seconds,
            resources=self.resources,
            security=as_app(pod),
        )
        return PodPatch(init_containers=(container,))


class WaitForInit(pulumi.ComponentResource):
    """An init container that ends when other systems are there, or fails with one line that names what is missing.

    The list order of the patterns is the start order: it belongs in front of those that need what it waits for.

    Raises ArgumentError.
    """

    def __init__(self, name: str, args: WaitForInitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.args = replace(args, name=name)
        refuse(f"WaitForInit {name!r}", self.args.problems())
        super().__init__("pod-patterns:index:WaitForInit", name, {}, opts)
        self.register_outputs({})

    def patch(self, pod: PodView) -> PodPatch:
        """See its arguments."""
        return self.args.patch(pod)
