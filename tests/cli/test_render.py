"""pod-patterns render, as scripts call it."""

from pathlib import Path

import pytest
import yaml

from components.cli.main import WRONG, main
from components.declared import stack as declared

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


def test_what_the_file_asks_for_is_built_once(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    build = declared.build
    monkeypatch.setattr(declared, "build", lambda settings: built.append(settings) or build(settings))
    assert main(["render", stack.name, "--keys", "keys.json", "-o", "out"]) == 0
    assert len(built) == 1
    assert len(list(Path("out").iterdir())) == 4


def test_nothing_else_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # its Vault has an address that is known later
    path = Path(__file__).parent.parent.parent / "stacks" / "Pulumi.dev.yaml"
    assert main(["render", str(path), "--keys", str(tmp_path / "keys.json")]) == 0
    assert capsys.readouterr().err == ""


PROGRAM = """\
import pulumi
import pulumi_kubernetes as kubernetes
from names import NAME

kubernetes.core.v1.ConfigMap("it", metadata={"name": NAME}, data={"size": pulumi.Config().require("size")})
print("not a manifest", file=__import__("sys").stderr)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a program that imports a module of its own, and its stacks in a directory of theirs; its directory."""
    directory = tmp_path / "project"
    (directory / "stacks").mkdir(parents=True)
    (directory / "code").mkdir()
    (directory / "Pulumi.yaml").write_text(
        "{name: shop, runtime: {name: python}, main: code, stackConfigDir: stacks, config: {shop:size: {default: small}}}"
    )
    (directory / "code" / "__main__.py").write_text(PROGRAM)
    (directory / "code" / "names.py").write_text('NAME = "named"\n')
    (directory / "stacks" / "Pulumi.dev.yaml").write_text("")
    (directory / "stacks" / "Pulumi.big.yaml").write_text("config: {shop:size: large}")
    (directory / "stacks" / "Pulumi.secret.yaml").write_text("config:\n  shop:size:\n    secure: AAAB\n")
    monkeypatch.chdir(directory / "stacks")
    return directory


def sizes(text: str) -> list[str]:
    return [manifest["data"]["size"] for manifest in yaml.safe_load_all(text)]


def test_the_program_of_a_project_is_run_with_the_configuration_of_the_stack(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [main(["render", stack]) for stack in ("dev", "big")] == [0, 0]
    first, second = capsys.readouterr().out.split("---\n")[1:]
    assert sizes(first) + sizes(second) == ["small", "large"]
    monkeypatch.chdir(project.parent)
    assert main(["render", "project"]) == 0
    assert main(["render", "project", "--stack", "big", "-o", "out"]) == 0
    said = capsys.readouterr()
    assert sizes(said.out) == ["small"]
    assert said.err.endswith("wrote out/05-configmap-named.yaml\n")


@pytest.mark.usefixtures("project")
def test_what_only_the_engine_can_decrypt_is_not_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "secret"]) == WRONG
    assert capsys.readouterr().err == (
        "error: Pulumi.secret.yaml: 1 problem\n  - Pulumi.secret.yaml:2: shop:size: is encrypted; only Pulumi's engine can read it\n"
    )


def test_a_program_that_cannot_be_run_here_says_why(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = project / "code" / "__main__.py"
    program.write_text("import a_package_that_is_not_there")
    assert main(["render", "dev"]) == WRONG
    program.unlink()
    assert main(["render", "dev"]) == WRONG
    assert main(["render", "staging"]) == WRONG
    assert capsys.readouterr().err == (
        "error: ../code/__main__.py: No module named 'a_package_that_is_not_there'; install what the program needs beside this command, "
        "e.g. pip install -r requirements.txt\n"
        "error: ../code: is not a program in Python (no __main__.py); only such run without Pulumi's engine\n"
        "error: stack 'staging': 1 problem\n  - there is no Pulumi.staging.yaml; name one of big, dev, secret, or write that file\n"
    )


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
