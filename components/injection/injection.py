"""Injection: patterns for a workload that somebody else makes."""

import atexit
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi
from pulumi.runtime.settings import get_engine

from ..core import checks, namespaces, plug, rules
from ..core.app import App
from ..core.base import Base
from ..core.cluster import DEFAULT_KUBERNETES, cluster
from ..core.errors import CompositionError, ProblemsError, refuse
from ..core.fold import fold
from ..core.images import Registries
from ..core.patch import Wire
from ..core.plug import Pattern
from ..core.pod import Pod
from ..kubernetes_object import register
from ..network.policy import NetworkPolicyArgs
from . import carrier, lifting, mark, reading, services
from .carrier import metadata_of
from .objects import Injected
from .target import Target


class InjectionError(ProblemsError):
    """An injection does not meet exactly one workload."""


class Injection:
    """Patterns, and the workload that they go into: one that a chart, a manifest or somebody else's component makes.

    `ResourceOptions(transforms=[injection.transform])` on a helm.v4.Chart, yaml.v2.ConfigGroup, ConfigFile, kustomize.v2.Directory or a
    component injects into what those make, and `injection.expect(chart)` fails the run if it did not; without that, a warning says so when
    the program ends. `into(manifest)` does the same to a manifest at hand.

    What is not the patterns' stays as it is. Files of the patterns are in annotations of the pod, for nothing can be created at that
    point. Patterns that own resources (a certificate) own them before: they cannot depend on what they go into, nor can their namespace.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        patterns: Sequence[Pattern],
        *,
        sidecars: str = "native",
        kubernetes_version: str = DEFAULT_KUBERNETES,
        ip_families: Sequence[str] = ("IPv4",),
        image_registry: Registries | None = None,
        authority: Any = None,
        network_policy: NetworkPolicyArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """name: of the injection, unique in one workload. target: the workload. patterns: what goes into its pod; arguments stand for
        their pattern, and are completed with the target's name, Service and namespace. authority: issues the certificates of patterns that
        name none (default: they are self-signed). network_policy: a NetworkPolicy of the pods, in whose
        `connects` stands what the workload itself connects to, for its manifest does not say it (default: there is none). opts: of the
        resources that the patterns own. The others: see `compose`.

        Raises ArgumentError.
        """
        wrong = rules.misplaced(Target, target, "target")
        wrong += rules.of_value(NetworkPolicyArgs | None, "network_policy", network_policy)
        refuse(f"injection {name!r}", wrong or [*checks.label("name", name), *rules.problems(target, "target.")])
        self.name = name
        self.target = target
        self.pod: Pod | None = None
        """The pod of the workload that was injected last; None before."""
        self.objects: list[dict[str, Any]] = []
        """What stands beside the workload that was injected last, in manifest form: monitors and what they verify with, the NetworkPolicy.
        `inject` returns them, `extend` and `expect` make them."""
        self.matched: list[str] = []
        """The workloads that its transform met, in words."""
        self.failure: ProblemsError | None = None
        """What went wrong in its transform."""
        self.log: Callable[[str], None] = pulumi.log.error
        """Prints that at once."""
        self._is_watched = self._is_expected = False
        self._cluster, found = cluster(kubernetes_version, sidecars, ip_families)
        self._image_registry, self._network_policy, self._opts = image_registry, network_policy, opts
        completed: list[Any] = [p.completed(self._facts(authority)) if isinstance(p, plug.PatternArgs) else p for p in _listed(patterns)]
        refuse(f"injection {name!r}", [*found, *(plug.misfits(patterns) or plug.problems(completed))])
        # the headless Service is in the patterns that look at it
        known = replace(target, headless_service=None)
        self.digest = mark.digest([plug.kind(p) for p in completed], completed, known, sidecars, kubernetes_version, ip_families)
        # only now, when every argument is known to be right
        planned: list[Any] = plug.planned(completed)
        self.patterns = [
            p.create(plug.owned_name(p, self.name), opts or pulumi.ResourceOptions()) if plug.is_planned(p) else p for p in planned
        ]

    def is_for(self, manifest: Wire, name: str | None = None) -> bool:
        """Whether that manifest is the target. name: stands in where Pulumi names the object (default: none).

        A chart's tests never are, and its hooks only if the target names their kind. A namespace that is known only later may be any.
        """
        metadata = metadata_of(manifest)
        annotations = metadata.get("annotations")
        hook = str(annotations.get("helm.sh/hook", "")) if isinstance(annotations, Mapping) else ""
        if "test" in hook or (hook and self.target.kind is None):
            return False
        known = {key: value for key, value in metadata.items() if isinstance(value, str)}
        return self.target.is_at(manifest.get("kind"), known, name)

    def into(self, manifest: Wire, *, beside: Sequence[Wire] = ()) -> dict[str, Any]:
        """The manifest with the patterns in its pod. beside: manifests among which its Services are, whose names certificates must cover
        (default: none).

        Raises CompositionError with every conflict. Where contents of the manifest are Outputs, they stay; where its structure is one, that
        becomes an Output, and the error comes when it is known.
        """
        return self._changed(manifest, beside, nullcontext)

    def transform(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """For `ResourceOptions(transforms=[...])` and `pulumi.runtime.register_resource_transform`."""
        self._watch()
        package, *_, kind = args.type_.split(":")
        manifest = {"kind": kind, **args.props}
        # a DeploymentPatch, say, is no Deployment
        if package != "kubernetes" or manifest["kind"] != kind or not self.is_for(manifest, args.name):
            return None
        self.matched.append(self._met(manifest))
        changed = self._changed(manifest, (), self._reported)
        props = {key: value for key, value in changed.items() if key != "kind" or key in args.props}
        # what a transform returns tells the engine no dependencies
        owned = pulumi.ResourceOptions(depends_on=[p for p in self.patterns if isinstance(p, pulumi.Resource)])
        return pulumi.ResourceTransformResult(props=props, opts=pulumi.ResourceOptions.merge(args.opts, owned))

    def expect(self, *carriers: pulumi.Resource) -> pulumi.Output[str]:
        """The workload that was injected, once the carriers have registered all that they make. The run fails if it is not exactly one.

        It makes what stands beside it, monitors and the NetworkPolicy: a transform cannot make anything.
        """
        self._is_watched = self._is_expected = True

        def check(_: object) -> str:
            problems = self.unmet()
            if problems:
                raise InjectionError(f"injection {self.name!r}", problems)
            register(self.objects, self._opts)
            return self.matched[0]

        return pulumi.Output.all(*(carrier.urn for carrier in carriers)).apply(check)

    def unmet(self) -> list[str]:
        """A line if its transform did not meet exactly one workload so far."""
        found = list(dict.fromkeys(self.matched))
        if len(found) == 1:
            return []
        met = f"{len(found)} workloads ({', '.join(found)})" if found else "no workload"
        way_out = "set kind= or namespace= of the target" if found else "name what it makes in target=, and pass its transform to it"
        return [f"meets {met}, but has to meet {self.target.described()} alone; {way_out}"]

    def _watch(self) -> None:
        """Has a warning printed when the program ends, unless the workload was met; `expect` says it sooner."""
        if not self._is_watched:
            self._is_watched = True
            atexit.register(self._warn)

    def _warn(self) -> None:
        # only programs that an engine runs have one still; those of unit tests do not
        if get_engine() is not None:
            for line in self.unmet():
                pulumi.log.warn(f"injection {self.name!r} {line}; write expect(...) to have this fail the run")
            if self.objects and not self._is_expected:
                kind = self.objects[-1]["kind"]
                pulumi.log.warn(f"injection {self.name!r} asks for a {kind}, which a transform cannot make; write expect(...), which does")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Says what is wrong, once, and fails the run with a short error: Pulumi shows what a transform raises with its own frames."""
        try:
            yield
        except ProblemsError as error:
            self.failure = error
            self.log(str(error))
            raise pulumi.RunError(f"injection {self.name!r} failed") from None

    def _changed(self, manifest: Wire, beside: Sequence[Wire], reported: Callable[[], AbstractContextManager[None]]) -> dict[str, Any]:
        """See `into`. reported: what conflicts pass through."""
        kind = manifest.get("kind") or self.target.kind

        def change(template: Any) -> Wire:
            self.objects = []
            with reported():
                return self._into_template(template, {**manifest, "kind": kind}, beside)

        with reported():
            path = self.target.path(kind)
            if path is None:
                reason = f"its kind is not {self.target.described()}; set kind= and template= of the target"
                raise CompositionError(self._where(kind), [reason])
        return dict(lifting.at(manifest, path, change))

    def _into_template(self, template: Wire, manifest: Wire, beside: Sequence[Wire]) -> Wire:
        """The pod template of the manifest with the patterns."""
        kind, namespace = manifest["kind"], metadata_of(manifest).get("namespace")
        if not isinstance(template, Mapping):
            path = ".".join(self.target.path(kind) or ())
            raise CompositionError(self._where(kind), [f"it has no pod template at {path}; set template= of the target"])
        metadata = template.get("metadata") or {}
        try:
            marks = mark.marks(metadata)
            if self.name in marks:
                return self._again(marks[self.name], template, kind)
            base = reading.base(template, self.target, carrier.claims_of(manifest), marks)
            app = reading.app(base, self.target)
        except reading.Unreadable as error:
            raise CompositionError(self._where(kind), error.lines) from None
        except ValueError as error:
            raise CompositionError(self._where(kind), [str(error)]) from None
        base = replace(base, fronted=reading.fronted(app, marks))
        pod = self._folded(base, app, manifest, beside)
        injected = Injected(
            name=self.name,
            where=self._where(kind),
            manifest=manifest,
            namespace=namespace or self.target.namespace,
            labels=base.labels,
            template=template,
            pod=pod,
            policy=self._network_policy,
        )
        unfit = [*carrier.unrenewed(manifest, pod), *injected.problems(beside)]
        if unfit:
            raise CompositionError(self._where(kind), unfit)
        self.pod, self.objects = pod, injected.objects(self._cluster.ip_families)
        before = {c["name"] for c in base.spec.get("initContainers") or ()}
        marks[self.name] = mark.Mark(
            digest=self.digest,
            containers=tuple(c["name"] for c in pod.spec.get("initContainers") or () if c["name"] not in before),
            grace=base.grace_seconds() if base.first_grace is None and _grace(pod.spec) != _grace(base.spec) else None,
            fronted=mark.moved(tuple(p for p in pod.ports if p.declaration in app.ports and p not in base.fronted)),
        )
        annotations, spec = pod.inline()
        labels = {"labels": dict(pod.labels)} if pod.labels else {}
        return {
            **template,
            "metadata": {**metadata, **labels, "annotations": {**annotations, mark.ANNOTATION: mark.written(marks)}},
            "spec": spec,
        }

    def _folded(self, base: Base, app: App, manifest: Wire, beside: Sequence[Wire]) -> Pod:
        """The pod with the patterns."""
        kind, namespace = manifest["kind"], metadata_of(manifest).get("namespace")
        headless = carrier.headless_service_of(manifest)
        problems = namespaces.disagreements(self.patterns, namespace, "set namespace= of the target, or of the pattern")
        if kind in carrier.BATCH and self._cluster.classic:
            problems = [f"sidecars='classic' never end, and so would no {kind}; use native ones", *problems]
        return fold(
            base,
            app,
            self.patterns,
            where=self._where(kind),
            cluster=self._cluster,
            hosts=partial(services.hosts, labels=base.labels, namespace=namespace, beside=beside, headless=headless),
            image_registry=self._image_registry,
            problems=problems,
        )

    def _again(self, earlier: mark.Mark, template: Wire, kind: Any) -> Wire:
        """A template that has the patterns already."""
        if earlier.digest != self.digest:
            raise CompositionError(
                self._where(kind), ["it was injected before, with other arguments; inject into the manifest as it was before that"]
            )
        return template

    def _met(self, manifest: Wire) -> str:
        namespace = metadata_of(manifest).get("namespace")
        return f"{manifest['kind']} {self.target.name!r}" + (f" in namespace {namespace!r}" if isinstance(namespace, str) else "")

    def _where(self, kind: Any) -> str:
        return f"injection {self.name!r} into {kind} {self.target.name!r}"

    def _facts(self, authority: Any) -> dict[str, Any]:
        """What patterns get for arguments that they leave out."""
        target = self.target
        return {
            "service_name": target.service_name or target.name,
            "headless_service": target.headless_service,
            "namespace": target.namespace or "default",
            "app_name": target.container or target.name,
            "authority": authority,
        }


def _grace(spec: Wire) -> Any:
    return spec.get("terminationGracePeriodSeconds")


def _listed(patterns: object) -> Sequence[Any]:
    return () if plug.misfits(patterns) else patterns  # type: ignore[return-value]
