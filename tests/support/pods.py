"""An app and patterns for the tests of the composition: plain classes, as a user would write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.app import App, Port, Rebind
from components.core.patch import PodPatch, UndeclaredPort, sidecar
from components.core.view import ALL_ADDRESSES, PodView

RESOURCES = {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
"""What looks like a certificate."""

HTTP = Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}, args=("--port={port}",)))


def web(**changes: Any) -> App:
    return App(**{"name": "web", "image": "web:1", "command": ("web",), "ports": (HTTP,), **changes})


def web_stack(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a stack file with such an app, an authority, and one pattern."""
    port = {"name": "http", "number": 8080, "rebind": {"env": {"LISTEN": "{host}:{port}"}}}
    return {"app": {"name": "web", "image": "web:1", "ports": [port]}, "authority": {}, "patterns": [pattern]}


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "tool:1", "resources": RESOURCES, **fields}


@dataclass(frozen=True)
class Adds:
    """A pattern that adds what it is given."""

    name: str
    added: PodPatch

    def patch(self, _pod: PodView) -> PodPatch:
        return self.added


@dataclass(frozen=True)
class Proxy:
    """An ambassador whose arguments say what it listens on and where it proxies to."""

    name: str
    port: str = "http"
    scheme: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def wrap(self, app: App) -> tuple[App, PodPatch]:
        here = app.port(self.port)
        assert here
        app = app.move(self.port, scheme=self.scheme, **self.options)
        there = app.port(self.port)
        assert there
        outermost = here.host == ALL_ADDRESSES
        proxy = container(self.name, args=[f"{here.host}:{here.number}", there.url])
        return app, PodPatch(init_containers=(sidecar(proxy),), undeclared_ports=() if outermost else (UndeclaredPort(number=here.number),))
