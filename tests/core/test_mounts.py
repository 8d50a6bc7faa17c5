"""Where something can be mounted, and where the container could not start."""

from typing import Any

import pytest

from components.core.app import App
from components.core.errors import CompositionError
from components.core.fold import compose
from components.patterns.config_reload_sidecar import ConfigReloadSidecarArgs
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.migration_init import MigrationInitArgs
from tests.support.pods import web

MODEL = FetchInitArgs(source="https://a.example.com/m", sha256="0" * 64, mount_path="/data")


def live(path: str) -> ConfigReloadSidecarArgs:
    return ConfigReloadSidecarArgs(config_map="a", mount_path=path, reload_path="/reload")


def refused(app: App, *patterns: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        compose(app, patterns)
    return error.value.problems


# kubernetes/kubernetes#121294: "read-only file system"
@pytest.mark.parametrize("patterns", [(MODEL, live("/data/conf")), (live("/data/conf"), MODEL)])
def test_nothing_is_mounted_below_a_read_only_directory_of_the_pod(patterns: tuple[Any, ...]) -> None:
    assert refused(web(), *patterns) == (
        "container 'web': mount path '/data/conf' lies in '/data', a read-only mount of an emptyDir, where no directory can be made for "
        "it; set mount_path= of one of them",
    )


@pytest.mark.parametrize(
    ("app", "patterns"),
    [
        (web(), (MODEL, live("/database"))),
        (web(empty_dirs={"/data/tmp": "1Mi", "/data": "1Mi"}), ()),
        # the kubelet makes directories below these
        (web(), (live("/conf"), FetchInitArgs(source="https://a.example.com/m", sha256="0" * 64, mount_path="/conf/model"))),
        # it may be there
        (web(), (FetchInitArgs(source=MODEL.source, sha256="0" * 64, mount_path="/data", persistent_volume_claim="c"), live("/data/conf"))),
        # the nearest counts
        (web(empty_dirs={"/data/tmp": "1Mi", "/data/tmp/conf": "1Mi"}), ()),
    ],
)
def test_elsewhere_it_is(app: App, patterns: tuple[Any, ...]) -> None:
    compose(app, patterns)


@pytest.mark.parametrize(
    ("app", "patterns", "where"),
    [
        (web(empty_dirs={"/": "1Mi"}), (), "container 'web' of the app"),
        (web(), (live("/"),), "mount of ConfigReloadSidecar in the app's container"),
        (web(), (MigrationInitArgs(image="m", command=["m"], secret_files={"//": "s"}),), "container 'migrate' of MigrationInit"),
    ],
)
def test_nothing_is_mounted_over_the_whole_image(app: App, patterns: tuple[Any, ...], where: str) -> None:
    assert refused(app, *patterns) == (f"{where}: mountPath '/' would hide the whole image; mount a directory below it",)
