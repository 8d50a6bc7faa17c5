"""The file of injections, read strictly, and built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pulumi

from ..certificates import CertificateAuthority, CertificateAuthorityArgs
from ..core import plug, rules
from ..core.cluster import DEFAULT_KUBERNETES, IpFamily, Version, cluster
from ..core.images import Registries
from ..core.patch import Wire
from ..core.rules import Label
from ..injection.carrier import informed, metadata_of
from ..injection.injection import Injection
from ..injection.target import Target
from ..network.policy import NetworkPolicyArgs
from .parser import Parser
from .pattern_list import Reader, by_kind, checked, patterns
from .stated import Stated


@dataclass(frozen=True, kw_only=True)
class InjectionFile:
    """The keys of a file of injections."""

    injections: Sequence[Any]
    """The injections in order, each with the keys of InjectionItem."""
    authority: CertificateAuthorityArgs | None = None
    """An authority that issues the certificates of all of them, apart from patterns that name a Secret. Default: none, each is
    self-signed."""


@dataclass(frozen=True, kw_only=True)
class InjectionItem:
    """A workload, and the patterns that go into it."""

    name: Label
    """Its name, unique among all."""
    target: Target
    """The workload: fields of Target."""
    patterns: Sequence[Any]
    """The patterns in order; each has a `kind`, its arguments, and a `name` if there are two of the kind."""
    kubernetes_version: Version = DEFAULT_KUBERNETES
    """The oldest cluster it runs on. Default: 1.30."""
    sidecars: Literal["native", "classic"] = "native"
    """`native` (init containers that keep running), or `classic` for clusters before 1.29. Default: native."""
    ip_families: Sequence[IpFamily] = ("IPv4",)
    """Families of the pods' addresses, the preferred one first. Default: IPv4."""
    image_registry: Registries | None = None
    """Registry put in place of every image's own among the patterns', or one for each. Default: none."""
    network_policy: NetworkPolicyArgs | None = None
    """A NetworkPolicy of the pods. Default: none."""


_PLAIN = ("name", "kubernetes_version", "sidecars", "ip_families", "image_registry")


@dataclass(frozen=True, kw_only=True)
class Injections:
    """What a file of injections says, checked."""

    items: tuple[InjectionItem, ...]
    authority: CertificateAuthorityArgs | None


def parse(given: Any, *, namespace: str | None = None, keeps: bool = True) -> tuple[Injections | None, list[str]]:
    """What the file says, None if something is wrong; and what is wrong, each line starting with its path.

    namespace: of targets that name none (default: none). keeps: whether there is a place where certificates that patterns make last.
    """
    if not isinstance(given, Mapping):
        return None, ["must be a mapping with the key injections"]
    parser = Parser({})
    file = parser.instance(InjectionFile, given, "")
    if file is None:
        return None, parser.problems
    if file.authority:
        checked(parser, file.authority, "authority")
    items, makes = listed(parser, file.injections, namespace, Stated(file.authority) if file.authority else None)
    if not keeps:
        parser.problems += [f"{path}: makes a certificate, which must last; set --keys to a file for it, or secret_name" for path in makes]
    if file.authority and not makes and not parser.problems:
        parser.problems.append("authority: no pattern makes a certificate; leave it out")
    return (None if parser.problems else Injections(items=tuple(items), authority=file.authority)), parser.problems


def build(files: Sequence[Injections], manifests: Sequence[Wire] = ()) -> list[Injection]:
    """The injections, and what their patterns own. manifests: those among which their targets are (default: none)."""
    found = []
    known: dict[object, list[Wire]] = {}
    for manifest in manifests:
        known.setdefault(metadata_of(manifest).get("name"), []).append(manifest)
    for file in files:
        authority = CertificateAuthority(f"{file.items[0].name}-ca", file.authority) if file.authority else None
        for item in file.items:
            target, named = item.target, known.get(item.target.name, ())
            manifest = next((m for m in named if target.is_at(m.get("kind"), metadata_of(m))), {})
            found.append(made(replace(item, target=informed(target, manifest)), authority))
    return found


def made(item: InjectionItem, authority: CertificateAuthority | None, opts: pulumi.ResourceOptions | None = None) -> Injection:
    """The injection, and what its patterns own."""
    return Injection(
        item.name,
        item.target,
        item.patterns,
        sidecars=item.sidecars,
        kubernetes_version=item.kubernetes_version,
        ip_families=item.ip_families,
        image_registry=item.image_registry,
        authority=authority,
        network_policy=item.network_policy,
        opts=opts,
    )


def listed(
    parser: Parser, given: Any, namespace: str | None, authority: CertificateAuthority | None, *, read: Reader = by_kind
) -> tuple[list[InjectionItem], list[str]]:
    """The injections that could be read, and the paths of their patterns that make certificates.

    namespace, authority: of targets, and of patterns, that name none. read: how a pattern is written (default: with a `kind`).
    """
    items: list[InjectionItem] = []
    makes: list[str] = []
    if not isinstance(given, list):
        parser.wrong("injections", "a list", given)
    elif not given:
        parser.problems.append("injections: empty; write at least one, with name, target and patterns")
    for index, item in enumerate(given if isinstance(given, list) else ()):
        path = f"injections[{index}]"
        found, making = _item(parser, item, path, namespace, authority, read)
        makes += making
        if found and any(found.name == other.name for other in items):
            parser.problems.append(f"{path}.name: there is an injection {found.name!r} already; give this one a name of its own")
        items += [found] if found else []
    return items, makes


def _item(
    parser: Parser, given: Any, path: str, namespace: str | None, authority: CertificateAuthority | None, read: Reader
) -> tuple[InjectionItem | None, list[str]]:
    """The injection, None if something is wrong with it; and the paths of its patterns that make certificates."""
    before = len(parser.problems)
    item: InjectionItem | None = parser.instance(InjectionItem, given, path)
    target = checked(parser, item.target, f"{path}.target") if item else None
    if target and target.namespace is None:
        target = replace(target, namespace=namespace)
    keys = {name: parser.key(name) for name in _PLAIN}
    plain = {name: given[key] for name, key in keys.items() if key in given} if isinstance(given, Mapping) else {}
    wrong = rules.of_values(InjectionItem, plain, f"{path}.")
    # of another type is what the parser has noted
    parser.problems += [line for line in wrong if not isinstance(line, rules.Misfit)]
    if item and item.network_policy is not None:
        checked(parser, item.network_policy, f"{path}.network_policy")
    if item and not wrong:
        between = cluster(item.kubernetes_version, item.sidecars, item.ip_families)[1]
        parser.problems += [f"{path}: {line}" for line in between]
    facts = _facts(target, authority)
    wanted = given.get("patterns") if isinstance(given, Mapping) else None
    if item and not isinstance(wanted, list):
        parser.wrong(f"{path}.patterns", "a list", wanted)
    found = patterns(parser, wanted, facts, at=f"{path}.patterns", read=read)
    if item is None or target is None or len(parser.problems) > before:
        return None, []
    makes = [f"{path}.patterns[{index}]" for index, pattern in enumerate(found) if _owns(pattern, facts)]
    if makes and target.namespace is None:
        parser.problems.append(f"{path}.target.namespace: missing; certificates are made for it, and their Secrets in it")
    return replace(item, target=target, patterns=found), makes


def _owns(pattern: Any, facts: Mapping[str, Any]) -> bool:
    """Whether it makes something that must last."""
    completed = pattern.completed(facts) if isinstance(pattern, plug.PatternArgs) else pattern
    return plug.plans(completed) and plug.is_planned(completed.plan())


def _facts(target: Target | None, authority: CertificateAuthority | None) -> dict[str, Any]:
    """What the injection will tell its patterns; where the target has a problem, something stands for it, so that they are looked at."""
    name = target.name if target else "app"
    return {
        "service_name": (target.service_name if target else None) or name,
        "headless_service": target.headless_service if target else None,
        "namespace": (target.namespace if target else None) or "default",
        "app_name": (target.container if target else None) or name,
        "authority": authority,
    }
