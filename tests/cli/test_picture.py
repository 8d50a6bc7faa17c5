"""pod-patterns picture and explain, as a terminal calls them."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from components.cli.main import WRONG, main

STACK = """\
config:
  pod-patterns:app:
    name: api
    image: example/api:1
    ports: [{name: http, number: 8080, rebind: {env: {HOST: "{host}:{port}"}}}]
  pod-patterns:patterns: [{kind: TlsAmbassador}]
"""


@pytest.fixture(autouse=True)
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack file, in the directory where the command runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "stacks" / "Pulumi.dev.yaml"
    path.parent.mkdir()
    path.write_text(STACK)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nstackConfigDir: stacks\n")
    return path


@pytest.mark.parametrize("name", ["dev", "stacks/Pulumi.dev.yaml"])
def test_text_by_the_name_of_the_stack_or_of_its_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["picture", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["api", "Pod Security Standard: restricted", "Service api: 8080 https (http)"]
    assert lines[5] == "clients ══ 8080 https ══▶│  1  nginx-proxy  sidecar · TlsAmbassador"


def test_svg_to_a_file_and_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["picture", "dev", "-o", "out/pod.svg"]) == 0
    assert capsys.readouterr() == ("", "wrote out/pod.svg\n")
    assert main(["picture", "dev", "-o", "-"]) == 0
    assert capsys.readouterr().out == Path("out/pod.svg").read_text()
    assert ET.parse("out/pod.svg").getroot().get("aria-label") == "The pod of api"


def test_a_time_line_is_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["picture", "dev", "--timeline", "-o", "-"]) == 0
    assert ET.fromstring(capsys.readouterr().out).get("aria-label") == "How the pod of api starts and stops"
    with pytest.raises(SystemExit) as error:
        main(["picture", "dev", "--timeline"])
    assert error.value.code == WRONG
    assert "--timeline is drawn as SVG; set -o to a file for it, - for stdout" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["picture", "dev", "-o", "stacks"]) == WRONG
    assert capsys.readouterr().err == "error: stacks: 1 problem\n  - cannot be written: Is a directory\n"


def test_a_stack_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("picture", "explain"):
        assert main([command, "prod"]) == WRONG
        assert capsys.readouterr().err == (
            "error: stack 'prod': 1 problem\n  - there is no stacks/Pulumi.prod.yaml; name one of dev, or write that file\n"
        )


def test_explain_says_who_added_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dev", "volume/nginx-proxy-tmp"]) == 0
    assert capsys.readouterr().out == (
        "volume/nginx-proxy-tmp in the pod of api\n"
        "  volume nginx-proxy-tmp  TlsAmbassador 'api-tls-ambassador'\n"
        "\n"
        "TlsAmbassador 'api-tls-ambassador': TLS in front of an app that speaks none, mutual if asked for.\n"
        "  service_name: 'api'\n"
        "  namespace: 'default'\n"
    )
    assert main(["explain", "dev"]) == 0
    assert capsys.readouterr().out.startswith("Pod of api\nContainers, in start order\n  nginx-proxy  TlsAmbassador 'api-tls-ambassador'")


def test_explain_of_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dev", "proxy"]) == WRONG
    assert capsys.readouterr().err == (
        "error: pod of 'api': 1 problem\n  - there is no container, volume or port 'proxy'; use one of these (known: containers "
        "nginx-proxy, api; volumes nginx-proxy-certificate, nginx-proxy-tmp, nginx-proxy-config; ports 8082, http)\n"
    )
