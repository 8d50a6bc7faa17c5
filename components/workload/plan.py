"""Plan: a workload before anything of it exists."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..carriers.carrier import Composed
from ..core import checks, namespaces, plug, rules, scraping
from ..core.app import App
from ..core.fold import compose
from ..core.plug import Pattern
from ..core.pod import Pod
from ..network import policy
from .arguments import WorkloadArgs
from .metadata import PodMetadata, own_labels

ELSEWHERE = "set namespace= on it, or write its arguments in the list of patterns"
"""The way out for a pattern that is in another namespace than the workload."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Its names, and what it is composed from."""

    name: str
    """Its logical name."""
    args: WorkloadArgs
    """What it is asked to be."""

    @property
    def app_name(self) -> str:
        """The app's name, or the workload's where the app's is not valid, which composing rejects."""
        return self.name if checks.label("", self.args.app.name) else self.args.app.name

    @property
    def service_name(self) -> str:
        """metadata.name of the Service, if there is one."""
        return self.args.service_name or self.app_name

    @property
    def headless_service(self) -> str | None:
        """metadata.name of the Service that gives each pod a name, where the kind has one."""
        return self.args.kind.headless(self.service_name)

    def patterns(self) -> Sequence[Pattern]:
        """The patterns, completed with what the workload knows; those that cannot be used are left to composing, which says why."""
        args = self.args
        facts = {
            "service_name": self.service_name,
            "headless_service": self.headless_service,
            "namespace": args.namespace,
            "app_name": self.app_name,
            "authority": args.authority,
        }
        if plug.misfits(args.patterns):
            return args.patterns
        completed = [p.completed(facts) if isinstance(p, plug.PatternArgs) else p for p in args.patterns]
        if args.pod_labels or args.pod_annotations:
            completed.append(PodMetadata(args.pod_labels, args.pod_annotations))
        return completed if plug.problems(completed) else plug.planned(completed)

    def pod(self, patterns: Sequence[Pattern]) -> Pod:
        """The pod with these patterns. Raises CompositionError."""
        args = self.args
        return compose(
            self._app(),
            patterns,
            workload=self.name,
            hosts=self._hosts(),
            sidecars=args.sidecars,
            kubernetes_version=args.kubernetes_version,
            ip_families=args.ip_families,
            image_registry=args.image_registry,
            fields=args.pod_spec,
            claims=[claim.name for claim in args.kind.volume_claims()],
            problems=[*namespaces.disagreements(args.patterns, args.namespace, ELSEWHERE), *self._too_many()],
        )

    def unfit(self, pod: Pod) -> list[str]:
        """Why the workload cannot have that pod."""
        args = self.args
        return [
            *own_labels("a pattern", pod.labels),
            *args.kind.unfit(Composed(name=self.name, pod=pod, args=args)),
            *args.service.unfit(pod.ports),
            *scraping.unnamed(self.name, pod.ports),
            *(policy.problems(args.network_policy, pod, args.service_type) if args.network_policy else ()),
        ]

    def _app(self) -> App:
        """The app with the volumes that each pod has of its own; one with a problem is left as it is, to composing."""
        app = self.args.app
        mounts = [claim.mount() for claim in self.args.kind.volume_claims()]
        if not mounts or rules.problems(app):
            return app
        paths = [mount["mountPath"] for mount in mounts]
        scratch = {path: size for path, size in app.empty_dirs.items() if path not in paths}
        return replace(app, empty_dirs=scratch, volume_mounts=[*app.volume_mounts, *mounts])

    def _hosts(self) -> list[str]:
        """The names that a certificate must cover; without the namespace's where that is known only later."""
        if not self.args.kind.is_served:
            return []
        headless, namespace = self.headless_service, self.args.namespace
        own = namespaces.service_names(self.service_name, namespace)
        return [*own, *(namespaces.pod_names(headless, namespace) if headless else ())]

    def _too_many(self) -> list[str]:
        """A line for more than one pod of an app of which each is a whole of its own."""
        app, replicas = self.args.app, self.args.replicas
        if app.single is not True or replicas in (0, 1):
            return []
        reason = "replicas is None, which leaves the number to an autoscaler" if replicas is None else f"replicas is {replicas}"
        return [
            f"{reason}, but each pod of {app.name!r} is a whole of its own (App.single), so that clients of the Service would meet now "
            "one, now another; set replicas=1, or App.single=False if its pods know each other"
        ]
