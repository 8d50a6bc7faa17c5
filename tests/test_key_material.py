"""Key material stays where it belongs: in the data of Secrets, in files that only their owner reads, and in what Pulumi keeps as secret."""

import json
import os
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.offline import render
from components.testing import Recording, run
from tests.support.carriers import Helm
from tests.support.leaks import LOGS, printed, watch
from tests.support.rendered import NAMES, STACKS, rendered
from tests.support.stack_program import NAME, configuration, run_program
from tests.test_examples import EXAMPLES, name

PROJECT = Path(__file__).parent.parent
pytest_plugins = ["pytester"]


def beside_secrets(manifests: list[dict[str, Any]]) -> Iterator[str]:
    """What is readable for whoever may read objects: all of them, but of a Secret not its data."""
    for manifest in manifests:
        shown = {k: v for k, v in manifest.items() if k not in ("data", "stringData")} if manifest["kind"] == "Secret" else manifest
        yield json.dumps(shown)


def secrets(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] == "Secret"]


@pytest.mark.parametrize("pod", NAMES)
def test_a_rendered_object_other_than_a_secret_holds_none(pod: str) -> None:
    manifests = rendered(pod)
    for manifest in secrets(manifests):
        watch.secret(manifest)
    assert [kind for text in beside_secrets(manifests) for kind in watch.found(text)] == []


def test_the_rendered_objects_put_this_to_the_test() -> None:
    known = [manifest for pod in NAMES for manifest in secrets(rendered(pod))]
    assert len(known) >= 10
    for manifest in known:
        watch.secret(manifest)
        assert watch.found(json.dumps(manifest))
        moved = {"kind": "ConfigMap", "data": manifest["data"]}
        assert [kind for text in beside_secrets([moved]) for kind in watch.found(text)]


def example(path: Path, **settings: Any) -> Recording:
    return run(lambda: runpy.run_path(str(path), run_name="__main__"), mocks=Helm(), **settings)


def visible(recording: Recording) -> Iterator[str]:
    """What Pulumi's state and its outputs show to whoever has no key for its secrets."""
    yield from (json.dumps(registration.public) for registration in recording.registrations)
    yield json.dumps({key: value for key, value in recording.exports.items() if key not in recording.secret_exports}, default=str)


@pytest.mark.usefixtures("pod_patterns")
@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_an_example_shows_no_secret_in_its_objects_its_state_or_its_outputs(path: Path) -> None:
    recording = example(path)
    made = [r.inputs for r in recording.registrations if r.inputs.get("kind") == "Secret"]
    for manifest in made:
        watch.secret(manifest)
    # a chart's Secret is written in the chart
    own = [r.inputs for r in recording.registrations if "kind" in r.inputs]
    assert [kind for text in (*beside_secrets(own), *visible(recording)) for kind in watch.found(text)] == []


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_shows_no_secret_in_its_state_or_its_outputs(stack: str) -> None:
    recording = run(run_program, project=NAME, stack=stack, config=configuration(stack))
    assert recording.all("Secret")
    assert [kind for text in visible(recording) for kind in watch.found(text)] == []


@pytest.mark.parametrize("stack", STACKS)
def test_files_with_secrets_are_for_their_owner_alone(stack: str, tmp_path: Path) -> None:
    # what a umask would take away is not what is tested
    before = os.umask(0)
    try:
        keys = tmp_path / "state" / "keys.json"
        render(run_program, tmp_path / "out", keys=keys, project=NAME, stack=stack, config=configuration(stack))
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    holding = {path for path in modes if watch.found(path.read_text(encoding="utf-8"))}
    assert keys in holding
    assert {path.name.split("-")[1] for path in holding - {keys}} == {"secret"}
    assert {modes[path] for path in holding} == {0o600}


def test_no_file_of_the_project_holds_a_key() -> None:
    places = [p for p in PROJECT.rglob("*") if p.is_file() and p.suffix in (".yaml", ".md", ".json", ".diff", ".tpl", ".j2", ".sh")]
    own = [p for p in places if not any(part.startswith(".") or part in ("build", "out") for part in p.relative_to(PROJECT).parts)]
    assert len(own) > 80
    # tests/golden has the frame of a key, and nothing in it
    texts = {path: path.read_text(encoding="utf-8").replace("PRIVATE KEY-----\n    <random>", "") for path in own}
    assert {path.relative_to(PROJECT).as_posix(): kinds for path, text in texts.items() if (kinds := watch.found(text))} == {}


# the watch over the suite


LEAKING = """
    import logging, sys
    import pulumi
    import pytest
    from components.offline import issuer
    from components.core.errors import refuse
    from components.testing import run
    from components.certificates import SelfSignedCertificate, ServerCertificateArgs

    def key():
        made = run(lambda: SelfSignedCertificate("made", ServerCertificateArgs(service_name="web"))).one("Secret")
        return made.inputs["stringData"]["tls.key"]

    def test_quiet():
        assert key()

    def test_prints():
        print(key())

    def test_prints_a_part():
        print("the key is", key().splitlines()[1])

    def test_logs():
        logging.getLogger("app").warning("token hvs." + 24 * "a1")

    def test_raises():
        with pytest.raises(pulumi.RunError):
            refuse("workload 'web'", [f"env 'KEY' {key().splitlines()[1]!r} is not allowed"])

    def test_contains(tmp_path):
        (tmp_path / "nginx-proxy").mkdir()
        (tmp_path / "nginx-proxy" / "stderr").write_text(key())
"""


def test_a_test_that_shows_a_secret_fails_and_so_does_a_run_whose_container_prints_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider")
    pytester.makepyfile(LEAKING)
    with tempfile.TemporaryDirectory() as directory:
        arguments = ("-p", "tests.support.leaks", "--show-capture=no", f"--basetemp={directory}/inner")
        result = pytester.run(sys.executable, "-m", "pytest", *arguments)
    failed = {line.partition("::")[2].partition(" ")[0] for line in result.outlines if line.startswith("ERROR ")}
    assert failed == {"test_prints", "test_prints_a_part", "test_logs", "test_raises"}
    said = [line.partition(" is in ") for line in result.outlines if line.endswith("/nginx-proxy/stderr")]
    assert [kind for kind, *_ in said] == ["a private key", "a generated secret"]
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_files_of_containers_are_what_the_sandbox_writes() -> None:
    text = (PROJECT / "tests" / "support" / "sandbox.py").read_text(encoding="utf-8")
    assert all(f'directory / "{log}"' in text for log in LOGS)


def test_the_watch_names_the_kind_and_the_place_and_not_the_secret() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhcHAiLCJhdWQiOiJ2In0.c2lnbmF0dXJlLW9mLWl0"
    # the run itself is watched
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "stdout").write_text(f"Authorization: Bearer {token}\n")
        assert printed(Path(directory)) == [f"a JSON web token is in {directory}/stdout"]
