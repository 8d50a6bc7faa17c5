"""What programs and messages on the pages say is what happens."""

import re
from typing import Any

import pytest

from components import (
    CompositionError,
    LogTailSidecar,
    LogTailSidecarArgs,
    MetricsAdapter,
    Port,
    VaultInit,
    VaultInitArgs,
    VaultSecret,
    Workload,
    WorkloadArgs,
    elasticsearch,
)
from components.testing import run
from tests.support.documents import DOCS, PROJECT, Block, blocks

PROGRAM = blocks((DOCS / "how-to" / "program.md").read_text(encoding="utf-8"))


def of(section: str, language: str = "python") -> Block:
    """The block of that section of the page about programs."""
    return next(block for block in PROGRAM if (block.section, block.language) == (section, language))


@pytest.mark.usefixtures("pod_patterns")
def test_the_first_program_is_that_of_the_readme_and_exports_what_its_comments_say() -> None:
    program = of("Use it in a Pulumi program").text
    assert program in (PROJECT / "README.md").read_text(encoding="utf-8")
    recording = run(lambda: exec(program, {}))
    said = dict(re.findall(r'^pulumi\.export\("(\w+)".*#\s*(.*)$', program, re.MULTILINE))
    assert said == {"url": "https://elasticsearch.default.svc:9200"}
    assert recording.exports["url"] == said["url"]
    assert recording.exports["ca"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.usefixtures("pod_patterns")
def test_the_app_of_your_own_moves_behind_an_ambassador_and_its_probe_goes_through_that() -> None:
    recording = run(lambda: exec(of("An app of your own").text, {}))
    (app,) = recording.one("Deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "HOST", "value": "127.0.0.1"} in app["env"]
    assert {"name": "PORT", "value": "8081"} in app["env"]
    assert app["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8080, "scheme": "HTTPS"}


def conflict() -> str:
    """What a program prints in which an app has a port of its own at 9114, and VaultInit and LogTailSidecar want the same volume."""

    def program() -> None:
        app = elasticsearch(ports=(Port(name="http", number=9200), Port(name="metrics", number=9114)))
        secret = VaultSecret(path="my-secret", format="json", file="my-secret.json")
        vault = VaultInitArgs(address="https://vault:8200", role="elasticsearch", secrets=(secret,), volume_name="logs")
        # a directory of its own: the preset's logging configuration would want a second volume of the same name
        logs = LogTailSidecarArgs(directory="/var/log/elasticsearch", files=("docker-cluster_server.json",))
        patterns: list[Any] = [MetricsAdapter("metrics"), VaultInit("vault", vault), LogTailSidecar("logs", logs)]
        Workload("elasticsearch", WorkloadArgs(app=app, patterns=patterns))

    with pytest.raises(CompositionError) as error:
        run(program, preview=True)
    return str(error.value)


def test_the_conflict_on_the_page_is_what_the_library_prints() -> None:
    assert of("When two patterns disagree", "text").text == conflict() + "\n"


def test_the_pattern_on_the_page_is_the_example_and_has_under_thirty_lines() -> None:
    page = (DOCS / "how-to" / "own-pattern.md").read_text(encoding="utf-8")
    example = (PROJECT / "examples" / "own_pattern" / "__main__.py").read_text(encoding="utf-8").replace("  # noqa: ARG002", "")
    own = example[example.index("@dataclass(frozen=True, kw_only=True)\nclass RedisTunnelArgs") : example.index("\n\n\nshop")]
    assert own in page
    assert len(own.splitlines()) < 30
