"""WaitForInit: the app starts when what it needs is there."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from ..core.component import PatternComponent
from ..core.identity import as_app
from ..core.patch import PodPatch
from ..core.plug import PatternArgs, describe
from ..core.quantities import sized
from ..core.rules import Image, Label, Positive, Resources
from ..core.view import PodView
from .shared.waiting import HostName, HostPort, Url, connections, wait_container


@dataclass(frozen=True, kw_only=True)
class WaitForInitArgs(PatternArgs):
    """Arguments of WaitForInit. At least one target; each must have been there once, not all of them at the same moment."""

    tcp: Sequence[pulumi.Input[HostPort]] = ()
    """host:port that accept a connection, e.g. `db.prod.svc:5432`. Default: none."""
    http: Sequence[pulumi.Input[Url]] = ()
    """URLs that answer with a status of 2xx, redirections followed. The certificate behind https:// is not verified: this
    waits for a server, it does not trust it. Default: none."""
    dns: Sequence[pulumi.Input[HostName]] = ()
    """Names that resolve, as the app would resolve them: of a headless Service without ready pods, for instance. Default: none."""
    timeout_seconds: Positive = 120
    """Seconds for all of it, before the container fails (and the kubelet starts it again). Default: 120."""
    interval_seconds: Positive = 2
    """Seconds from one look at what is missing to the next. Default: 2."""
    image: pulumi.Input[Image] | None = None
    """Image with BusyBox and, for https://, curl. Default: busybox:1.37; curlimages/curl:8.12.1 if a URL is https:// or an Output."""
    container_name: Label = "wait-for"
    """Default: wait-for."""
    resources: Resources = sized("10m", "8Mi", "32Mi")
    """Requests and limits. Default: 10m, 8Mi to 32Mi."""

    def targets(self) -> list[tuple[str, pulumi.Input[str]]]:
        """Every target with its kind."""
        return [(kind, target) for kind in ("tcp", "http", "dns") for target in getattr(self, kind)]

    def problems(self) -> list[str]:
        """What is wrong between the fields; a target that is an Output is looked at when it is known."""
        return [] if self.targets() else ["nothing to wait for; set tcp=, http= or dns="]

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
        return PodPatch(init_containers=(container,), connects=connections(self.targets()))


class WaitForInit(PatternComponent[WaitForInitArgs]):
    """An init container that waits until other systems are available, or fails with one line that names what is missing.

    The list order of the patterns is the start order: it belongs in front of those that need what it waits for. What the pod itself serves
    cannot be waited for, unless a sidecar that is listed before serves it.

    Raises ArgumentError.
    """
