"""pod-patterns up, preview and down: without a CLI, and against stand-ins for pulumi and kubectl that note how they are called."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pulumi.automation import PulumiCommand

from components.cli import pods, program as programs, project as projects, stack as stacks, up
from components.cli.main import WRONG, main

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory of its own, with the stacks of this one and an empty home."""
    directory = tmp_path / "project"
    shutil.copytree(PROJECT / "stacks", directory / "stacks")
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(PROJECT / name, directory)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def no_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the CLI, and without a network to get it from."""

    def install() -> None:
        raise OSError("no network")

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(PulumiCommand, "install", install)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a stand-in for a program first on PATH: Python with `arguments` at hand; returns where its calls are noted."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, body: str) -> Path:
        calls = tmp_path / f"{name}.calls"
        path = directory / name
        head = f"#!{sys.executable}\nimport json, os, signal, sys, time\narguments = sys.argv[1:]\n"
        note = f"open({str(calls)!r}, 'a').write(json.dumps([arguments, dict(os.environ)]) + '\\n')\n"
        path.write_text(head + note + body)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return calls

    return put


def called(calls: Path) -> list[list[str]]:
    return [json.loads(line)[0] for line in calls.read_text().splitlines()]


def contents(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in directory.iterdir()}


@pytest.mark.usefixtures("no_cli")
def test_without_a_cli_the_render_stack_is_rendered_offline_and_a_second_run_changes_no_byte(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "render"]) == 0
    first = contents(project / "out" / "render")
    assert any(name.endswith("deployment-default_elasticsearch.yaml") for name in first)
    output = capsys.readouterr().out
    assert output.startswith("Rendering offline: the Pulumi CLI is not on PATH and could not be installed (no network).\n")
    assert "9200  https" in output
    assert "Next: kubectl apply" in output
    assert main(["up", "render"]) == 0
    assert contents(project / "out" / "render") == first


@pytest.mark.usefixtures("no_cli")
def test_a_deleted_rendering_comes_back_with_the_same_keys(project: Path) -> None:
    main(["up", "render"])
    first = {name: text for name, (text, _) in contents(project / "out" / "render").items()}
    shutil.rmtree(project / "out")
    main(["up", "render"])
    assert {name: text for name, (text, _) in contents(project / "out" / "render").items()} == first


@pytest.mark.usefixtures("no_cli")
def test_down_removes_the_rendering_and_its_keys(project: Path) -> None:
    main(["up", "render"])
    assert main(["down", "render"]) == 0
    assert not (project / "out" / "render").exists()
    assert not list((project / ".state").glob("*.keys.json"))


@pytest.mark.usefixtures("no_cli", "project")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("up", "stack 'dev' needs the Pulumi CLI: {reason}; install it, or write manifests without it: pod-patterns render dev"),
        ("preview", "a preview needs the Pulumi CLI: {reason}; install it, or try: pod-patterns diff dev"),
        ("down", "stack 'dev' needs the Pulumi CLI: {reason}"),
    ],
)
def test_without_a_cli_a_cluster_stack_ends_with_a_clear_error(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "dev"]) == WRONG
    reason = "the Pulumi CLI is not on PATH and could not be installed (no network)"
    assert capsys.readouterr().err == f"error: {message.format(reason=reason)}\n"


@pytest.mark.usefixtures("no_cli")
def test_a_stack_file_that_pulumi_has_written_to_reads_the_same(project: Path) -> None:
    path = project / "stacks" / "Pulumi.dev.yaml"
    path.write_text(path.read_text().replace("demo_vault: true", 'demo_vault: "true"') + "encryptionsalt: v1:salt\n")
    settings = stacks.of(projects.find(), "dev").settings
    assert settings
    assert settings.file.demo_vault is True


@pytest.mark.usefixtures("project")
def test_an_unknown_stack_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "staging"]) == WRONG
    assert capsys.readouterr().err == (
        "error: stack 'staging': 1 problem\n  - there is no stacks/Pulumi.staging.yaml; name one of dev, prod, render, or write that file\n"
    )


def test_mistakes_in_a_stack_file_end_it_before_anything_is_started(
    project: Path, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    calls = program("pulumi", "")
    text = (
        "config:\n  pod-patterns:app:\n    preset: elasticsearch\n    uid: 0\n  pod-patterns:patterns: [{kind: SysctlInit, strategy: x}]\n"
    )
    (project / "stacks" / "Pulumi.bad.yaml").write_text(text)
    assert main(["up", "bad"]) == WRONG
    assert capsys.readouterr().err == (
        "error: stacks/Pulumi.bad.yaml: 2 problems\n"
        "  - stacks/Pulumi.bad.yaml:4: app.uid 0 is root: use another user id\n"
        "  - stacks/Pulumi.bad.yaml:5: patterns[0].strategy 'x' is not allowed: one of init, none\n"
    )
    assert not calls.exists()


def test_from_a_directory_below_the_project_paths_are_those_of_that_directory(
    project: Path, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program("pulumi", STATE_OF_THE_STACK.replace("RESOURCES", "[]"))
    monkeypatch.chdir(project / "stacks")
    assert main(["up", "dev"]) == 0
    assert capsys.readouterr().out.endswith("curl --cacert ../out/dev-ca.pem https://localhost:9200\n")


def test_outside_of_a_project_there_is_nothing_to_deploy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["up", "dev"]) == WRONG
    assert capsys.readouterr().err == (
        f"error: {tmp_path}: 1 problem\n  - no Pulumi.yaml here, nor in a directory above; change to the directory of a project\n"
    )


def test_a_program_that_makes_everything_itself_needs_no_stack_file_and_shows_its_own_outputs(
    tmp_path: Path, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = program("pulumi", "")
    (tmp_path / "Pulumi.yaml").write_text("{name: shop, runtime: python}")
    monkeypatch.chdir(tmp_path)
    assert main(["up", "dev"]) == 0
    assert [c for c in called(calls) if "up" in c] == [["up", "--yes", "--stack", "dev"]]
    assert capsys.readouterr().out == ""
    # git does not see the passphrase
    assert (tmp_path / ".state" / ".gitignore").read_text() == "*\n"


def test_the_exit_status_is_that_of_pulumi(program: Callable[[str, str], Path], project: Path) -> None:
    assert project
    program("pulumi", "if arguments[0] in ('up', 'preview', 'destroy'): sys.exit(7)")
    assert [main([command, "dev"]) for command in ("up", "preview", "down")] == [7, 7, 7]


def test_what_pulumi_says_of_a_failure_is_the_error(
    program: Callable[[str, str], Path], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project
    program("pulumi", "sys.exit('error: no backend') if 'init' in arguments or 'select' in arguments else None")
    assert main(["up", "dev"]) == WRONG
    assert capsys.readouterr().err == "error: no backend\n"


STATE_OF_THE_STACK = """
if arguments[1:3] == ["stack", "select"] and not os.path.exists("selected"):
    open("selected", "w"); sys.exit(1)
if "export" in arguments:
    print(json.dumps({"deployment": {"resources": RESOURCES}}))
if "output" in arguments:
    print(json.dumps({"summary": "Pod of x", "endpoints": {"http": "https://x.default.svc:9200"}, "service_name": "x", "ca_pem": "PEM"}))
"""


def resource(kind: str, name: str, version: str = "v1") -> dict[str, object]:
    outputs = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}}
    return {
        "urn": f"urn:pulumi:render::pod-patterns::kubernetes:{version}:{kind}::{name}",
        "type": f"kubernetes:{version}:{kind}",
        "outputs": outputs,
    }


def test_a_new_stack_is_made_in_a_local_backend_with_a_passphrase_of_its_own(
    project: Path, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    calls = program("pulumi", STATE_OF_THE_STACK.replace("RESOURCES", "[]"))
    assert main(["up", "dev"]) == 0
    assert capsys.readouterr().out.endswith(
        "\nNext: kubectl -n default port-forward service/x 9200 & sleep 2; curl --cacert out/dev-ca.pem https://localhost:9200\n"
    )
    assert (project / "out" / "dev-ca.pem").read_text() == "PEM"
    assert [c for c in called(calls) if "up" in c] == [["up", "--yes", "--stack", "dev", "--suppress-outputs"]]
    assert ["--non-interactive", "stack", "init", "--stack", "dev"] in called(calls)
    environment = json.loads(calls.read_text().splitlines()[-1])[1]
    assert environment["PULUMI_BACKEND_URL"] == f"file://{project}/.state"
    passphrase = Path(environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text()) == 64


@pytest.mark.parametrize("login", ["variable", "credentials"])
@pytest.mark.usefixtures("project")
def test_whoever_is_logged_in_elsewhere_stays_there(
    login: str, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = program("pulumi", STATE_OF_THE_STACK.replace("RESOURCES", "[]"))
    if login == "variable":
        monkeypatch.setenv("PULUMI_BACKEND_URL", "https://pulumi.example.com")
    else:
        (tmp_path / "home" / ".pulumi").mkdir(parents=True)
        (tmp_path / "home" / ".pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.com"}')
    assert main(["up", "dev"]) == 0
    environment = json.loads(calls.read_text().splitlines()[-1])[1]
    assert environment.get("PULUMI_BACKEND_URL") == ("https://pulumi.example.com" if login == "variable" else None)
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment


def test_rendered_files_that_were_deleted_by_hand_are_written_again(project: Path, program: Callable[[str, str], Path]) -> None:
    objects = [resource("Service", "x"), resource("Deployment", "x", "apps/v1")]
    key = {"urn": "urn:key", "type": "tls:index/privateKey:PrivateKey", "outputs": {}}
    provider = {"urn": "urn:provider", "type": "pulumi:providers:kubernetes", "outputs": {}}
    note = "if '--config-file' in arguments: open('config', 'w').write(open(arguments[-1]).read())\n"
    calls = program("pulumi", note + STATE_OF_THE_STACK.replace("RESOURCES", repr([*objects, key, provider])))
    folder = project / "out" / "render" / "1-manifest"
    folder.mkdir(parents=True)
    (folder / "v1-service-default-x.yaml").touch()
    before = (project / "stacks" / "Pulumi.render.yaml").read_text()
    assert main(["up", "render"]) == 0
    again, plain = [c for c in called(calls) if "up" in c]
    assert again[:-1] == ["--non-interactive", "up", "--yes", "--skip-preview", "--stack", "render", "--config-file"]
    assert plain == ["up", "--yes", "--stack", "render", "--suppress-outputs"]
    assert yaml.safe_load((project / "config").read_text())["config"] == {
        **yaml.safe_load(before)["config"],
        "pod-patterns:always_render": True,
    }
    assert (project / "stacks" / "Pulumi.render.yaml").read_text() == before

    calls.unlink()
    (folder / "apps_v1-deployment-default-x.yaml").touch()
    assert main(["up", "render"]) == 0
    assert [c for c in called(calls) if "up" in c] == [["up", "--yes", "--stack", "render", "--suppress-outputs"]]


def test_what_was_rendered_offline_gives_way_to_the_engine(project: Path, program: Callable[[str, str], Path]) -> None:
    programs.rendered(stacks.of(projects.find(), "render"), project / "out" / "render")
    (project / "out" / "render" / "notes.txt").write_text("mine")
    program("pulumi", STATE_OF_THE_STACK.replace("RESOURCES", "[]"))
    assert main(["up", "render"]) == 0
    assert [p.name for p in (project / "out" / "render").iterdir()] == ["notes.txt"]


STUCK = {
    "replicasets": [
        {"metadata": {"uid": "old", "annotations": {"deployment.kubernetes.io/revision": "1"}}},
        {"metadata": {"uid": "new", "annotations": {"deployment.kubernetes.io/revision": "2"}}},
    ],
    "pods": [
        {
            "metadata": {"name": "x-1", "ownerReferences": [{"uid": "new"}]},
            "status": {
                "initContainerStatuses": [
                    {"name": "get-secret", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}
                ]
            },
        }
    ],
    "events": [{"reason": "BackOff", "message": "Back-off restarting failed container"}],
}
KUBECTL = f"""
if arguments[0] == "get":
    kind = arguments[1]
    items = {STUCK!r}[kind]
    if kind == "replicasets" and not os.path.exists("rolling"):
        items = items[:1]
    print(json.dumps({{"items": items}}))
if arguments[0] == "logs":
    print("vault is sealed")
"""
WAITING = """
if "up" in arguments:
    open("rolling", "w")
    def interrupted(*_):
        open("interrupted", "w"); sys.exit(1)
    signal.signal(signal.SIGINT, interrupted)
    time.sleep(60)
"""


def test_pods_that_cannot_start_end_the_wait_with_their_events_and_last_log_lines(
    project: Path, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program("pulumi", WAITING)
    program("kubectl", f"os.chdir({str(project)!r})\n{KUBECTL}")
    monkeypatch.setattr(up, "POLL_SECONDS", 0.2)
    assert main(["up", "dev"]) == 1
    assert capsys.readouterr().err == (
        "\nThe pods cannot start; gave up waiting.\n"
        "pod x-1, container get-secret: CrashLoopBackOff: back-off\n"
        "  log: vault is sealed\n"
        "  event: BackOff: Back-off restarting failed container\n"
    )
    assert (project / "interrupted").exists()


def test_what_an_earlier_rollout_left_behind_ends_nothing(project: Path, program: Callable[[str, str], Path]) -> None:
    program("kubectl", f"os.chdir({str(project)!r})\n{KUBECTL}")
    (project / "rolling").touch()
    assert pods.diagnosis("default", "a=b", later_than=2) is None
    assert pods.diagnosis("default", "a=b", later_than=1) is not None


def test_pods_that_may_not_be_created_end_the_wait_too(program: Callable[[str, str], Path]) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": 'violates PodSecurity "baseline:latest"'}
    sets = [{"metadata": {"uid": "u", "annotations": {"deployment.kubernetes.io/revision": "1"}}, "status": {"conditions": [condition]}}]
    program("kubectl", f"items = {{'replicasets': {sets!r}}}\nprint(json.dumps({{'items': items.get(arguments[1], [])}}))")
    assert pods.diagnosis("default", "a=b") == 'no pod could be created: violates PodSecurity "baseline:latest"'
