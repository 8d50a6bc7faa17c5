"""What else names a port that speaks TLS now: found in the manifests at hand, and reported; nothing of it is rewritten."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.patch import Wire
from .addresses import Address, addresses, revealed, texts
from .carrier import is_recreated, makes_certificate
from .index import Index
from .injection import Injection
from .monitors import monitors, scrapes
from .policies import closed
from .reached import Change, Reached, changes

_LOOPBACK = ("localhost", "127.0.0.1")


def references(before: Sequence[Wire], injections: Sequence[Injection]) -> list[str]:
    """A line for everything in the manifests that has to be told of what the injections changed: where it is, what, the way out.

    before: the manifests without what was injected. injections: after `inject`.
    """
    found: list[str] = []
    around = Index(before)
    for change in changes(around, injections):
        found += [*_ingresses(change, around), *_services(change), *monitors(change, around), *scrapes(change)]
        found += [*closed(change, around), *_addresses(change, around), *_scalers(change, around), *_interrupted(change)]
    return list(dict.fromkeys(found))


def cut_off(before: Sequence[Wire], injections: Sequence[Injection]) -> dict[str, list[str]]:
    """By injection, in words, a line for everything by which replicas of its workload call each other, and could no longer."""
    found: dict[str, list[str]] = {}
    around = Index(before)
    for change in changes(around, injections):
        for place, address, reached in _own(change, around):
            if address.scheme is not None:
                found.setdefault(change.where, []).append(
                    f"{place} names {address}, which is {reached} of the workload itself, and speaks TLS now: its replicas could not reach "
                    f"each other; write https:// there, or leave port {reached.port.name!r} out of the ambassador"
                )
    return {where: list(dict.fromkeys(lines)) for where, lines in found.items()}


def _described(manifest: Wire) -> str:
    return f"{manifest.get('kind')} {(manifest.get('metadata') or {}).get('name')!r}"


def _ingresses(change: Change, before: Index) -> Iterator[str]:
    for manifest in before.of_kind("Ingress"):
        if not change.is_here(manifest):
            continue
        spec = manifest.get("spec") or {}
        annotations = (manifest.get("metadata") or {}).get("annotations") or {}
        if str(annotations.get("nginx.ingress.kubernetes.io/backend-protocol", "HTTP")).upper() in ("HTTPS", "GRPCS"):
            continue
        backends = [("defaultBackend", spec.get("defaultBackend"))]
        for index, rule in enumerate(spec.get("rules") or ()):
            for place, path in enumerate((rule.get("http") or {}).get("paths") or ()):
                backends.append((f"rules[{index}].http.paths[{place}]", path.get("backend")))
        for where, backend in backends:
            service = (backend or {}).get("service") or {}
            port = service.get("port") or {}
            for reached in change.reached:
                if service.get("name") == reached.service and _is(reached, port.get("number"), port.get("name")):
                    yield (
                        f"{_described(manifest)}: {where} sends plain HTTP to {reached}, which speaks TLS now; tell its controller, "
                        "ingress-nginx by annotation nginx.ingress.kubernetes.io/backend-protocol: HTTPS"
                    )


def _is(reached: Reached, number: Any, name: Any) -> bool:
    return (name is not None and name == reached.name) or (number is not None and int(number) in _numbers(reached))


def _numbers(reached: Reached) -> set[int]:
    """The numbers by which a Service's port is named."""
    written = [e["port"] for e in reached.wire["spec"]["ports"] if e.get("name") == reached.name]
    return {reached.number, *map(int, written)}


def _services(change: Change) -> Iterator[str]:
    for reached in change.reached:
        entry = next(e for e in reached.wire["spec"]["ports"] if e.get("name") == reached.name)
        if entry.get("appProtocol") not in (None, "https", "tls"):
            yield (
                f"Service {reached.service!r}: appProtocol {entry['appProtocol']} of port {entry['port']} is not what is spoken there now; "
                f"set it to {reached.port.outer_scheme}"
            )


def _addresses(change: Change, before: Index) -> Iterator[str]:
    """Texts that name the Service without TLS: of others, and of its own where it is not said to be HTTP."""
    for place, address, reached in _own(change, before):
        if address.scheme is None:
            yield f"{place} names {address}, {reached} of the workload itself, which speaks TLS now; whoever calls it has to speak TLS"
    own = _configs(change, before)
    read = [id(manifest) for manifest in (change.manifest, *own)]
    for service in dict.fromkeys(reached.service for reached in change.reached):
        for manifest, path, address in before.naming(service):
            for reached in _met(change, address, here=change.is_here(manifest)):
                if id(manifest) not in read and (address.port in _numbers(reached) or _is_host(address)):
                    yield (
                        f"{_described(manifest)}: {path} names {address}, {reached}, which speaks TLS now; "
                        "have it speak TLS, and trust the certificate"
                    )
    yield from _by_loopback(change, own)


def _by_loopback(change: Change, own: Sequence[Wire]) -> Iterator[str]:
    """What the workload's configuration asks on loopback, where the ambassador answers now."""
    moved = {p.outer_number: p for p in change.pod.ports if p.has_moved and not p.keeps_number and p.is_secure}
    for manifest in own:
        for path, text in texts(_content(manifest)):
            for address in addresses(text):
                if address.host in _LOOPBACK and address.is_plain and address.is_written and address.port in moved:
                    port = moved[address.port]
                    yield (
                        f"{_described(manifest)}: {path} names {address}, where the ambassador of port {port.name!r} answers with "
                        f"{port.outer_scheme} now; if it is asked, use a rebind without {{port}}, so that the app keeps its number there"
                    )


def _own(change: Change, before: Index) -> Iterator[tuple[str, Address, Reached]]:
    """Where the workload, or configuration that it reads, names its own Service without TLS."""
    sources = [(_described(change.manifest), change.template.get("spec"))]
    sources += [(_described(config), _content(config)) for config in _configs(change, before)]
    names = {reached.service for reached in change.reached}
    for what, value in sources:
        for path, text in texts(value):
            found = addresses(text) if any(name in text for name in names) else ()
            for address in found:
                for reached in _met(change, address, here=True) if address.is_plain else ():
                    numbers = _numbers(reached)
                    others = {int(e["port"]) for e in reached.wire["spec"]["ports"]} - numbers
                    # a program may have the number from elsewhere
                    if address.port in numbers or (not address.is_written and address.port not in others):
                        yield f"{what}: {path}", address, reached


def _is_host(address: Address) -> bool:
    """Whether it is a host alone, whose port stands elsewhere."""
    return address.scheme is None and address.port is None


def _met(change: Change, address: Address, *, here: bool) -> list[Reached]:
    """The Service's ports that an address may be of. here: whether it stands in the workload's namespace."""
    return [reached for reached in change.reached if address.names(reached.service, change.namespace, here=here)]


def _configs(change: Change, before: Index) -> list[Wire]:
    """The ConfigMaps and Secrets that the workload reads."""
    named = set(_read(change.template.get("spec")))
    return [m for kind, name in sorted(named) for m in before.called(name) if m.get("kind") == kind and change.is_here(m)]


def _content(config: Wire) -> dict[str, Any]:
    return {key: value for key, value in revealed(config).items() if key in ("data", "stringData")}


def _read(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str | int):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, Mapping):
                if key in ("configMap", "configMapRef", "configMapKeyRef"):
                    yield "ConfigMap", str(inner.get("name"))
                if key in ("secret", "secretRef", "secretKeyRef"):
                    yield "Secret", str(inner.get("secretName") or inner.get("name"))
            yield from _read(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _read(inner)


def _interrupted(change: Change) -> Iterator[str]:
    """A line for a workload that is away each time its certificate is renewed."""
    if is_recreated(change.manifest) and makes_certificate(change.pod):
        yield (
            f"{_described(change.manifest)}: strategy Recreate ends its pods before new ones start, each time the certificate is renewed, "
            "too; let TlsAmbassador take an existing Secret (secret_name=), which nginx reloads, where it has to serve meanwhile"
        )


def _scalers(change: Change, before: Index) -> Iterator[str]:
    theirs = {c.get("name") for c in (change.template.get("spec") or {}).get("initContainers") or ()}
    theirs |= {c.get("name") for c in (change.template.get("spec") or {}).get("containers") or ()}
    beside = [c["name"] for c in change.pod.spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    added = [name for name in (*beside, *(c["name"] for c in change.pod.spec["containers"])) if name not in theirs]
    for manifest in before.of_kind("HorizontalPodAutoscaler"):
        spec = manifest.get("spec") or {}
        if not change.is_here(manifest) or not added:
            continue
        target = spec.get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) != (change.manifest.get("kind"), change.injection.target.name):
            continue
        shares = [m["resource"] for m in spec.get("metrics") or () if m.get("type") == "Resource" and m.get("resource")]
        resources = [r.get("name") for r in shares if (r.get("target") or {}).get("type") == "Utilization"]
        resources += ["cpu"] if spec.get("targetCPUUtilizationPercentage") is not None else []
        for resource in resources:
            yield (
                f"{_described(manifest)}: scales by the {resource} utilisation of the pod, in which {', '.join(added)} count now; use a "
                f"ContainerResource metric of container {change.pod.app.name!r}, or look at the percentage again"
            )
