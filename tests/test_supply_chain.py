"""What the library brings: every image has a known licence and origin, every package an allowed licence, and the document says so."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from components.core import checks
from tests.support.rendered import NAMES, rendered
from tools import dependencies, images, sbom

# the apps of the tests, and of stacks/Pulumi.prod.yaml
APPS = {"web:1", "shop:1", "ghcr.io/stefanprodan/podinfo:6.14.1"}


def run_in_pods() -> Iterator[str]:
    for manifest in (manifest for name in NAMES for manifest in rendered(name)):
        spec: Any = manifest.get("spec") or {}
        pod = ((spec.get("jobTemplate", {}).get("spec") or spec).get("template") or {}).get("spec") or {}
        yield from (container["image"] for part in ("initContainers", "containers") for container in pod.get(part) or ())


def test_every_image_that_is_rendered_is_listed() -> None:
    assert set(run_in_pods()) - APPS <= {image.reference for image in images.images()}


def test_every_listed_image_has_a_tag_that_names_a_version() -> None:
    for image in images.images():
        assert checks.image("image", image.reference) == []
        assert image.tag not in ("", "latest")


def test_an_image_without_a_licence_and_a_licence_without_an_image_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert images.unknown() == []
    monkeypatch.setitem(images.ORIGINS, "docker.io/library/envoy", images.ORIGINS.pop("docker.io/library/nginx"))
    try:
        assert images.unknown() == [
            "tools/images.py: docker.io/library/nginx has no licence and no upstream; add it to ORIGINS",
            "tools/images.py: no default image is docker.io/library/envoy any more; remove it",
        ]
    finally:
        images.ORIGINS["docker.io/library/nginx"] = images.ORIGINS["docker.io/library/envoy"]


def test_every_package_has_a_licence_that_asks_nothing_of_a_program_that_imports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dependencies.unwanted() == []
    found = dependencies.dependencies()
    assert {"pulumi", "grpcio", "markupsafe"} <= {package.name for package in found}
    monkeypatch.setattr(dependencies, "dependencies", lambda: [replace(found[0], version="1", licence="AGPL-3.0-only")])
    assert dependencies.unwanted() == [f"{found[0].name} 1 has the licence 'AGPL-3.0-only'"]


def test_the_tables_are_as_in_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    document = sbom.DOCUMENT.read_text(encoding="utf-8")
    assert sbom.filled(document) == document, "docs/supply-chain.md is stale; `make sbom` writes its tables anew"
    monkeypatch.setattr(sbom, "images", lambda: images.images()[1:])
    assert sbom.filled(document) != document


def test_an_image_is_a_component_of_the_sbom() -> None:
    found = {image.reference: sbom._component(image) for image in images.images()}
    assert found["nginx:1.28-alpine"] == {
        "type": "container",
        "bom-ref": "image:nginx:1.28-alpine",
        "name": "docker.io/library/nginx",
        "version": "1.28-alpine",
        "purl": "pkg:docker/library/nginx@1.28-alpine",
        "licenses": [{"expression": "BSD-2-Clause"}],
        "externalReferences": [{"type": "vcs", "url": "https://github.com/nginx/nginx"}],
    }
    assert found["registry.k8s.io/kube-proxy:v1.36.3"]["purl"] == "pkg:docker/kube-proxy@v1.36.3?repository_url=registry.k8s.io"
