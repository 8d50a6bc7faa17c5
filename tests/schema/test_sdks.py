"""The SDKs that Pulumi generates from the schema: programs of other languages compile against them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.testing import run
from tests.support.programs import missing, need
from tools.project import PROJECT
from tools.schema import PACKAGE

CODEGEN = PROJECT / "tests" / "support" / "codegen"
PROGRAMS = Path(__file__).with_name("programs")
EXAMPLES = PROJECT / "examples" / "languages"


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with an SDK for each language."""
    found = tmp_path_factory.mktemp("sdks")
    schema = PACKAGE.read_text(encoding="utf-8")
    done = subprocess.run(
        [need("pulumi-codegen"), found, "go", "nodejs", "python"], input=schema, capture_output=True, text=True, timeout=120, check=False
    )
    # of what is not as the binder has it, a line
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    return found


def test_go(sdks: Path) -> None:
    directory = sdks / "go"
    (directory / "program").mkdir()
    shutil.copy(PROGRAMS / "main.go", directory / "program")
    # what a program imports is found in the module that it is in
    shutil.copytree(EXAMPLES / "go", directory / "example", ignore=shutil.ignore_patterns("go.*"))
    # the modules that the generator is built with
    module = (CODEGEN / "go.mod").read_text(encoding="utf-8").partition("\n")[2]
    (directory / "go.mod").write_text(f"module example.com/pulumi-pod-patterns/sdk/go\n{module}", encoding="utf-8")
    shutil.copy(CODEGEN / "go.sum", directory)
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    done = subprocess.run(
        [need("go"), "vet", "./..."], cwd=directory, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if "GOPROXY=off" in done.stderr:
        missing("Pulumi's Go modules are not there; `.ci/run` downloads them")
    assert (done.returncode, done.stderr) == (0, "")


def test_typescript(sdks: Path) -> None:
    tsc = Path(need("tsc"))
    shutil.copy(PROGRAMS / "index.ts", sdks)
    # of Node.js: what a program imports is looked for in the directories above it
    (sdks / "node_modules").symlink_to(tsc.parent.parent)
    options = "--strict --noEmit --module nodenext --moduleResolution nodenext --target es2022 --skipLibCheck --types node".split()
    done = subprocess.run([tsc, *options, "index.ts"], cwd=sdks, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_example_in_typescript(sdks: Path, tmp_path: Path) -> None:
    tsc = Path(need("tsc"))
    shutil.copytree(EXAMPLES / "typescript", tmp_path, dirs_exist_ok=True)
    # an SDK imports what is in the directories above it, too
    shutil.copytree(sdks / "nodejs", tmp_path / "sdk", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "node_modules").symlink_to(tsc.parent.parent)
    options = {"paths": {"pod-patterns": ["./sdk"]}, "types": ["node"]}
    (tmp_path / "check.json").write_text(json.dumps({"extends": "./tsconfig.json", "compilerOptions": options}), encoding="utf-8")
    done = subprocess.run([tsc, "-p", "check.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_python(sdks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = sdks / "python"
    about = directory / "pulumi_pod_patterns-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pulumi_pod_patterns\nVersion: 0.1.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(directory)
    import pulumi_pod_patterns as pods  # type: ignore[import-not-found]  # noqa: PLC0415

    def program() -> None:
        pods.Workload(
            "search",
            app=pods.AppArgs(name="web", image="web:1", ports=[pods.PortArgs(name="http", number=8080)], unset=[pods.AppUnset.UID]),
            patterns=[pods.PatternArgs(tls_ambassador=pods.TlsAmbassadorArgs(validity_hours=4000)), {"sysctlInit": {}}],
            kind=pods.WorkloadKindArgs(daemon_set=pods.DaemonSetArgs()),
            service_type=pods.WorkloadServiceType.NODE_PORT,
        )

    try:
        inputs = run(program).one("pod-patterns:index:Workload").inputs
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pulumi_pod_patterns"]:
            del sys.modules[name]
    assert {key: inputs["app"][key] for key in ("name", "image", "unset")} == {"name": "web", "image": "web:1", "unset": ["uid"]}
    assert inputs["app"]["ports"][0]["number"] == 8080
    assert inputs["patterns"][0]["tlsAmbassador"]["validityHours"] == 4000
    assert list(inputs["patterns"][1]) == ["sysctlInit"]
    assert list(inputs["kind"]) == ["daemonSet"]
    assert inputs["serviceType"] == "NodePort"
