"""Images: which references are valid, what they expand to, and where they are in a mirror: as container runtimes read them."""

from typing import Any

import pulumi
import pytest

from components.core import checks
from components.core.errors import ArgumentError
from components.core.fold import compose
from components.core.images import expanded, mirrored
from components.core.patch import PodPatch
from components.testing import run
from components.workload import Workload, WorkloadArgs
from tests.support.composing import container
from tests.support.pods import Adds, container as other, web

DIGEST = f"@sha256:{'0123456789abcdef' * 4}"
LONG_DIGEST = f"@sha512:{'0123456789abcdef' * 8}"
# what ParseNormalizedNamed of github.com/distribution/reference v0.6.0 makes of them
EXPANDED = {
    "nginx": "docker.io/library/nginx",
    "nginx:1": "docker.io/library/nginx:1",
    f"nginx{DIGEST}": f"docker.io/library/nginx{DIGEST}",
    f"nginx:1{DIGEST}": f"docker.io/library/nginx:1{DIGEST}",
    f"nginx{LONG_DIGEST}": f"docker.io/library/nginx{LONG_DIGEST}",
    "a.b:1": "docker.io/library/a.b:1",
    "grafana/loki:3": "docker.io/grafana/loki:3",
    "my_org/my__app:1": "docker.io/my_org/my__app:1",
    "docker.io/nginx:1": "docker.io/library/nginx:1",
    "docker.io/grafana/loki": "docker.io/grafana/loki",
    "index.docker.io/nginx:1": "docker.io/library/nginx:1",
    "index.docker.io/grafana/loki": "docker.io/grafana/loki",
    "quay.io/a/b:1": "quay.io/a/b:1",
    "quay.io/a": "quay.io/a",
    "localhost/app": "localhost/app",
    "localhost:5000/app:1": "localhost:5000/app:1",
    "registry:5000/team/app": "registry:5000/team/app",
    "Registry/team/app": "Registry/team/app",
    f"registry.example.com:5000/team/app:1.2{DIGEST}": f"registry.example.com:5000/team/app:1.2{DIGEST}",
}
INVALID = (
    "",
    "Nginx",
    "Nginx:1",
    "a/B",
    "-a",
    "a:",
    "a:b:c",
    "a:é",
    "a/",
    "/a",
    "a//b",
    "a@sha256:0",
    f"a{DIGEST}0",
    "https://quay.io/a",
    "a b",
    "a___b",
)


@pytest.mark.parametrize("image", EXPANDED)
def test_a_name_is_expanded_as_runtimes_do(image: str) -> None:
    assert checks.image("image", image) == []
    assert "/".join(expanded(image)) == EXPANDED[image]


@pytest.mark.parametrize("image", INVALID)
def test_what_runtimes_cannot_read_is_refused(image: str) -> None:
    assert checks.image("image", image) == [f"image {image!r} is not allowed: an image reference such as registry.example.com/app:1.2"]


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("nginx:1", "mirror.example.com/x/library/nginx:1"),
        ("docker.io/nginx:1", "mirror.example.com/x/library/nginx:1"),
        ("grafana/loki:3", "mirror.example.com/x/grafana/loki:3"),
        (f"quay.io/a/b:1{DIGEST}", f"mirror.example.com/x/a/b:1{DIGEST}"),
        ("localhost:5000/app", "mirror.example.com/x/app"),
        # it is there already
        ("mirror.example.com/x/library/nginx:1", "mirror.example.com/x/library/nginx:1"),
        ("mirror.example.com/team/app:1", "mirror.example.com/team/app:1"),
    ],
)
def test_one_mirror_stands_in_for_every_registry(image: str, there: str) -> None:
    assert mirrored(image, "mirror.example.com/x") == there


def test_a_mirror_can_keep_the_registries_apart():
    mirrors = {"docker.io": "harbor.example.com/hub", "quay.io": "harbor.example.com/quay"}
    assert mirrored("nginx:1", mirrors) == "harbor.example.com/hub/library/nginx:1"
    assert mirrored("index.docker.io/grafana/loki", mirrors) == "harbor.example.com/hub/grafana/loki"
    assert mirrored(f"quay.io/a/b{DIGEST}", mirrors) == f"harbor.example.com/quay/a/b{DIGEST}"
    assert mirrored("ghcr.io/a/b:1", mirrors) == "ghcr.io/a/b:1"
    assert mirrored("harbor.example.com/hub/library/nginx:1", mirrors) == "harbor.example.com/hub/library/nginx:1"


def test_every_container_of_ours_comes_from_the_mirror():
    side = Adds("side", PodPatch(containers=({**other("side"), "image": "quay.io/a/b:1"},)))
    pod = compose(web(image="nginx:1"), [side], image_registry="mirror.example.com")
    assert container(pod, "web")["image"] == "mirror.example.com/library/nginx:1"
    assert container(pod, "side")["image"] == "mirror.example.com/a/b:1"


def test_an_image_that_is_known_later_too():
    found: list[str] = []

    def program() -> None:
        image: Any = pulumi.Output.from_input("nginx:1")
        Workload("web", WorkloadArgs(app=web(image=image), image_registry={"docker.io": "mirror.example.com/hub"}))

    (deployment,) = run(program).all("Deployment")
    found += [c["image"] for c in deployment.inputs["spec"]["template"]["spec"]["containers"]]
    assert found == ["mirror.example.com/hub/library/nginx:1"]


@pytest.mark.parametrize(
    ("registries", "line"),
    [
        (
            "https://mirror.example.com",
            "image_registry 'https://mirror.example.com' is not allowed: a host, with a port and a path at most",
        ),
        ({"hub": "a.b"}, "image_registry key 'hub' is not allowed: a registry, e.g. docker.io or quay.io"),
        ({"quay.io": "a/"}, "image_registry['quay.io'] 'a/' is not allowed: a host, with a port and a path at most"),
        (5, "image_registry must be a text or a mapping, but is the number 5; put it in quotes"),
    ],
)
def test_what_is_no_registry_is_refused(registries: Any, line: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        run(lambda: Workload("web", WorkloadArgs(app=web(), image_registry=registries)))
    assert refused.value.problems == (line,)
