"""pod-patterns render, as scripts call it."""

from pathlib import Path

import pytest
import yaml

from components.cli.main import WRONG, main

STACK = """\
config:
  pod-patterns:app:
    name: api
    image: example/api:1
    uid: 1000
    ports: [{name: http, number: 8080, rebind: {env: {HOST: "{host}"}}}]
  pod-patterns:patterns: [{kind: TlsAmbassador}]
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack file, in the directory where the command runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(STACK)
    return path


def test_to_stdout_in_the_order_in_which_it_must_be_applied(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", stack.name, "--keys", "keys.json"]) == 0
    first = capsys.readouterr().out
    assert [m["kind"] for m in yaml.safe_load_all(first)] == ["Secret", "ConfigMap", "Service", "Deployment"]
    assert main(["render", stack.name, "--keys", "keys.json"]) == 0
    assert capsys.readouterr().out == first


def test_to_a_directory(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK.replace("kind: TlsAmbassador", "kind: TlsAmbassador, secret_name: tls"))
    assert main(["render", stack.name, "-o", "out"]) == 0
    names = sorted(path.name for path in Path("out").iterdir())
    assert [name.split("-")[1] for name in names] == ["configmap", "service", "deployment"]
    assert capsys.readouterr().err == "".join(f"wrote out/{name}\n" for name in names)
    assert main(["render", stack.name, "-o", "out"]) == 0
    assert capsys.readouterr().err == "".join(f"kept  out/{name}\n" for name in names)


def test_certificates_need_a_place_to_last(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", stack.name, "-o", "out"]) == WRONG
    assert capsys.readouterr().err == (
        "error: Pulumi.dev.yaml: 1 problem\n"
        "  - it makes keys and certificates, which must last (api-tls-ambassador-key, api-tls-ambassador-certificate); set --keys to a "
        "file for them\n"
    )
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            STACK.replace("uid:", "udi:"),
            "Pulumi.dev.yaml: 1 problem\n  - Pulumi.dev.yaml:5: app.udi: unknown key, did you mean 'uid'? known:",
        ),
        ("a: b", "stack file: 1 problem\n  - Pulumi.dev.yaml: has no mapping `config`; a stack file has it, with keys pod-patterns:...\n"),
        ("a: {", "stack file: 1 problem\n  - Pulumi.dev.yaml:2:1: is not YAML: while parsing a flow node: did not find expected"),
    ],
)
def test_mistakes_in_the_file(text: str, message: str, stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(text)
    assert main(["render", stack.name]) == WRONG
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_a_file_that_is_not_there(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.unlink()
    assert main(["render", stack.name]) == WRONG
    assert capsys.readouterr().err == "error: Pulumi.dev.yaml: 1 problem\n  - cannot be read: No such file or directory\n"
