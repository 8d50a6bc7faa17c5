"""Index: manifests at hand, found by what others know of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..core.patch import Wire
from .addresses import Address, addresses, revealed, texts
from .carrier import metadata_of

# schemas, which name examples; and Services, which are no clients
_UNREAD = ("CustomResourceDefinition", "Service")


# where a variable holds a host, and the port is elsewhere
_HOST_OF_ENV = re.compile(r"\.env\[[^\]]*(HOST|ADDR|SERVER|ENDPOINT|UPSTREAM|NODES|PEERS)[^\]]*\]\.value$")


class Index:
    """Manifests by kind, by name, and by the addresses that they write."""

    def __init__(self, manifests: Sequence[Wire]) -> None:
        self._of_kind: dict[Any, list[Wire]] = {}
        self._called: dict[Any, list[Wire]] = {}
        self._manifests = manifests
        for manifest in manifests:
            if not isinstance(manifest.get("spec") or {}, Mapping):
                # its author will hear of it from the cluster
                continue
            self._of_kind.setdefault(manifest.get("kind"), []).append(manifest)
            self._called.setdefault(metadata_of(manifest).get("name"), []).append(manifest)

    def of_kind(self, *kinds: str) -> list[Wire]:
        """Those of these kinds."""
        return [manifest for kind in kinds for manifest in self._of_kind.get(kind, ())]

    def called(self, name: object) -> list[Wire]:
        """Those of that name."""
        return self._called.get(name, [])

    def selecting(self, labels: Mapping[str, Any]) -> list[Wire]:
        """The Services that may select pods with those labels."""
        return [service for pair in labels.items() for service in self._selecting.get(pair, ())]

    def naming(self, service: str) -> list[tuple[Wire, str, Address]]:
        """The addresses without TLS that may be of a Service of that name, each with its manifest and path."""
        return self._naming.get(service, [])

    @cached_property
    def _selecting(self) -> dict[tuple[str, Any], list[Wire]]:
        """The Services, by the first label that each asks for."""
        found: dict[tuple[str, Any], list[Wire]] = {}
        for service in self.of_kind("Service"):
            for pair in list(((service.get("spec") or {}).get("selector") or {}).items())[:1]:
                found.setdefault(pair, []).append(service)
        return found

    @cached_property
    def _naming(self) -> dict[str, list[tuple[Wire, str, Address]]]:
        found: dict[str, list[tuple[Wire, str, Address]]] = {}
        names = {metadata_of(service).get("name") for service in self.of_kind("Service")}
        known = re.compile("|".join(re.escape(name) for name in names if isinstance(name, str)) or "(?!)")
        for manifest, path, text in self._texts():
            # one look is enough for nearly all of them
            if not known.search(text):
                continue
            if ":" in text or _HOST_OF_ENV.search(path):
                alone = Address(None, text, None, False)
                for address in addresses(text) if ":" in text else [alone]:
                    for name in {*address.labels[:2]} & names if address.is_plain else ():
                        found.setdefault(name, []).append((manifest, path, address))
        return found

    def _texts(self) -> Iterator[tuple[Wire, str, str]]:
        for manifest in self._manifests:
            if manifest.get("kind") not in _UNREAD:
                for path, text in texts(revealed(manifest)):
                    yield manifest, path, text
