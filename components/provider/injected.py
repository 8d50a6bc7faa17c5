"""A chart, and manifests, with patterns in workloads of theirs, as components: programs in other languages cannot hold a transform."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_kubernetes as kubernetes

from ..core.errors import ProblemsError
from ..declared.injected import InjectedArgs, InjectedChartArgs, InjectedYamlArgs
from ..declared.injections import made
from ..injection.injection import Injection
from ..schema.package import WORKLOADS
from .spelling import spelled


class Injected(pulumi.ComponentResource):
    """What makes workloads, and the patterns that go into them."""

    workloads: pulumi.Output[dict[str, str]]
    """The workload that each injection met, in words, by the injection's name."""
    kind: ClassVar[str]

    def __init__(self, name: str, args: InjectedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"pod-patterns:index:{self.kind}", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.injections: Sequence[Injection] = [made(item, args.authority, child) for item in args.injections]
        for injection in self.injections:
            injection.log = lambda text: pulumi.log.error(spelled(text), self)
        transforms: list[Any] = [injection.transform for injection in self.injections]
        carrier = self.carrier(name, args, pulumi.ResourceOptions(parent=self, transforms=transforms))
        self.workloads = pulumi.Output.all(**{injection.name: injection.expect(carrier) for injection in self.injections})
        self.register_outputs({WORKLOADS: self.workloads})

    def carrier(self, name: str, args: Any, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """What makes the workloads."""
        raise NotImplementedError

    @property
    def failure(self) -> ProblemsError | None:
        """What went wrong in a transform: what the engine hands on from there is hard to read."""
        return next((injection.failure for injection in self.injections if injection.failure), None)


class InjectedChart(Injected):
    """A Helm chart with patterns in workloads of it. Raises ArgumentError."""

    kind = "InjectedChart"

    def carrier(self, name: str, args: InjectedChartArgs, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """The chart."""
        return kubernetes.helm.v4.Chart(
            name,
            chart=args.chart,
            version=args.version,
            namespace=args.namespace,
            repository_opts=None if args.repository is None else {"repo": args.repository},
            values=args.values,
            opts=opts,
        )


class InjectedYaml(Injected):
    """Manifests with patterns in workloads of theirs. Raises ArgumentError."""

    kind = "InjectedYaml"

    def carrier(self, name: str, args: InjectedYamlArgs, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """What makes the manifests."""
        return kubernetes.yaml.v2.ConfigGroup(name, files=list(args.files) or None, yaml=args.yaml, objs=list(args.objs) or None, opts=opts)
