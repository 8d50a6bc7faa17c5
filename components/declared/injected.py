"""What carries workloads of others that patterns go into, and the injections: arguments, as a program of another language writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from ..certificates import CertificateAuthority
from ..core.rules import Label, SomeText, Text
from .injections import InjectionItem


@dataclass(frozen=True, kw_only=True)
class InjectedArgs:
    """Which patterns go into which workloads."""

    injections: Sequence[InjectionItem]
    """The injections in order, each with its workload and the patterns for it; each must meet exactly one workload."""
    authority: CertificateAuthority | None = None
    """Issues the certificates of patterns that name none. Default: None, they are self-signed."""


@dataclass(frozen=True, kw_only=True)
class InjectedChartArgs(InjectedArgs):
    """Arguments of InjectedChart: those of a kubernetes:helm.sh/v4:Chart, and the injections."""

    chart: pulumi.Input[SomeText]
    """Name, path or URL of the chart; with oci:// in front, of one in a registry."""
    version: pulumi.Input[SomeText] | None = None
    """Version of the chart. Default: None, the newest."""
    repository: pulumi.Input[SomeText] | None = None
    """URL of the repository that has the chart. Default: None, the chart's name says where it is."""
    namespace: pulumi.Input[Label] | None = None
    """Namespace of the release. Default: None, the provider's."""
    values: pulumi.Input[Mapping[str, Any]] | None = None
    """Values of the chart, as in its values.yaml. Default: None, the chart's own."""


@dataclass(frozen=True, kw_only=True)
class InjectedYamlArgs(InjectedArgs):
    """Arguments of InjectedYaml: manifests, as files, as text or as objects, and the injections."""

    files: Sequence[pulumi.Input[SomeText]] = ()
    """Paths or URLs of files with manifests; `*` and `?` stand for other characters. Default: none."""
    yaml: pulumi.Input[Text] | None = None
    """Manifests as text in YAML, a `---` between two. Default: None."""
    objs: Sequence[Any] = ()
    """Manifests as objects. Default: none."""
