"""The images that the library runs by default: found in its source, with the licence and the origin of what is in them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from components.core import checks
from components.core.images import expanded

from .project import PROJECT

COMPONENTS = PROJECT / "components"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the program in an image comes from."""

    licence: str
    """SPDX expression of the program's licence, or its name where SPDX has none."""
    upstream: str
    """Where its source is."""


ORIGINS = {
    "docker.elastic.co/elasticsearch/elasticsearch": Origin(
        licence="LicenseRef-Elastic-License-1.0", upstream="https://github.com/elastic/elasticsearch"
    ),
    "docker.io/curlimages/curl": Origin(licence="curl", upstream="https://github.com/curl/curl-container"),
    "docker.io/hashicorp/vault": Origin(licence="BUSL-1.1", upstream="https://github.com/hashicorp/vault"),
    "docker.io/library/busybox": Origin(licence="GPL-2.0-only", upstream="https://git.busybox.net/busybox"),
    "docker.io/library/haproxy": Origin(licence="GPL-2.0-or-later", upstream="https://git.haproxy.org"),
    "docker.io/library/nginx": Origin(licence="BSD-2-Clause", upstream="https://github.com/nginx/nginx"),
    "docker.io/library/redis": Origin(licence="LicenseRef-RSALv2 OR SSPL-1.0", upstream="https://github.com/redis/redis"),
    "docker.io/nginx/nginx-prometheus-exporter": Origin(
        licence="Apache-2.0", upstream="https://github.com/nginx/nginx-prometheus-exporter"
    ),
    "docker.io/oliver006/redis_exporter": Origin(licence="MIT", upstream="https://github.com/oliver006/redis_exporter"),
    "docker.io/otel/opentelemetry-collector-k8s": Origin(
        licence="Apache-2.0", upstream="https://github.com/open-telemetry/opentelemetry-collector-releases"
    ),
    "quay.io/oauth2-proxy/oauth2-proxy": Origin(licence="MIT", upstream="https://github.com/oauth2-proxy/oauth2-proxy"),
    "quay.io/prometheuscommunity/elasticsearch-exporter": Origin(
        licence="Apache-2.0", upstream="https://github.com/prometheus-community/elasticsearch_exporter"
    ),
    "registry.k8s.io/kube-proxy": Origin(licence="Apache-2.0", upstream="https://github.com/kubernetes/kubernetes"),
}
"""By registry and name. Of the program alone: what is below it in the image has licences of its own."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that the library names."""

    reference: str
    """As it stands in a manifest."""
    used_by: tuple[str, ...]
    """Files of the library, without their endings."""

    @property
    def name(self) -> str:
        """Registry and name, without tag and digest."""
        host, path = expanded(self.reference)
        return f"{host}/{path.partition('@')[0].rpartition(':')[0] or path}"

    @property
    def tag(self) -> str:
        """The tag."""
        return expanded(self.reference)[1].partition("@")[0].rpartition(":")[2]


def images() -> list[Image]:
    """All of them, by reference."""
    found: dict[str, set[str]] = {}
    for path in sorted(COMPONENTS.rglob("*.py")):
        for reference in _named(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(reference, set()).add(path.stem)
    return [Image(reference=reference, used_by=tuple(sorted(users))) for reference, users in sorted(found.items())]


def unknown() -> list[str]:
    """A line for each image whose origin is not in the table, and for each origin that no image has."""
    names = {image.name for image in images()}
    lines = [f"tools/images.py: {name} has no licence and no upstream; add it to ORIGINS" for name in sorted(names - ORIGINS.keys())]
    return lines + [f"tools/images.py: no default image is {name} any more; remove it" for name in sorted(ORIGINS.keys() - names)]


def _named(tree: ast.Module) -> Iterator[str]:
    """Every text that a field, a variable, an argument or a key called image, or ending in _image, is given."""
    for node in ast.walk(tree):
        pairs: list[tuple[str, ast.expr | None]] = []
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) | ast.keyword(arg=str(name)):
                pairs.append((name, node.value))
            case ast.Dict():
                pairs += [(_text(key), value) for key, value in zip(node.keys, node.values, strict=True)]
        for name, value in pairs:
            if (name == "image" or name.endswith("_image")) and value is not None:
                texts = [_text(inner) for inner in ast.walk(value)]
                # others are names of something else, or made up of parts
                yield from (text for text in texts if ":" in text and not checks.image("", text))


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
