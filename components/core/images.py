"""Image references, as container runtimes read them."""

from collections.abc import Mapping
from typing import Annotated

import pulumi

from . import checks

_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
Registry = Annotated[str, checks.shaped(rf"{_HOST}(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*", "a host, with a port and a path at most")]
RegistryHost = Annotated[str, checks.shaped(rf"(?=localhost|.*[.:]){_HOST}", "a registry, e.g. docker.io or quay.io")]
Registries = Registry | Mapping[RegistryHost, Registry]
"""What stands in for every registry, or for each that is named."""

_DOCKER_HUB = "docker.io"


def mirrored(image: pulumi.Input[str], registries: Registries) -> pulumi.Input[str]:
    """The image in the registry that stands in for its own, under the name that runtimes expand it to: `nginx:1` is library/nginx:1 there.

    One that is in that registry already stays where it is.
    """
    if not isinstance(image, str):
        known: pulumi.Output[str] = pulumi.Output.from_input(image)
        return known.apply(lambda plain: mirrored(plain, registries))
    host, path = expanded(image)
    registry = registries if isinstance(registries, str) else registries.get(host)
    return image if registry is None or host == registry.partition("/")[0] else f"{registry}/{path}"


def expanded(image: str) -> tuple[str, str]:
    """The registry, and the rest: name, tag and digest. As splitDockerDomain in github.com/distribution/reference."""
    host, slash, path = image.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
        host, path = _DOCKER_HUB, image
    elif host == "index.docker.io":
        host = _DOCKER_HUB
    return host, f"library/{path}" if host == _DOCKER_HUB and "/" not in path else path
