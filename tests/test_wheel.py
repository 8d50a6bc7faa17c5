"""What `make wheel` builds: the library under the name pod_patterns, whole, fit for a package index, and for who installs it."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from components.cli.main import main
from components.version import VERSION
from tests.test_rooms import FILES, absolute
from tools import dist

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = """
import re, runpy, sys
from pathlib import Path
import pod_patterns, pod_patterns.offline, pod_patterns.testing

reference, example = (Path(argument) for argument in sys.argv[1:])
faces = (pod_patterns, pod_patterns.offline, pod_patterns.testing)
documented = re.findall(r"^### (\\w+)$", reference.read_text(encoding="utf-8"), re.MULTILINE)
print("missing:", [name for name in documented if not any(hasattr(face, name) for face in faces)], "of", len(documented))
recording = pod_patterns.testing.run(lambda: runpy.run_path(str(example), run_name="__main__"))
print("kinds:", *(manifest["kind"] for manifest in pod_patterns.offline.manifests(recording)))
print("from:", pod_patterns.__file__, "components" in sys.modules)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist.copied(tmp_path_factory.mktemp("source") / "source")


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The sdist, and the wheel from it."""
    return dist.build(source, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built: list[Path]) -> Path:
    return next(path for path in built if path.suffix == ".whl")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel; what it depends on comes from this one, since tests need no network."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    command = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    (packages,) = home.glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return home / "bin"


def files(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    names = {name for name in files(wheel) if ".dist-info/" not in name}
    library = PROJECT / "components"
    sources = {p.relative_to(library).as_posix() for p in library.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert names == {f"pod_patterns/{name}" for name in sources}


def test_it_is_the_same_from_the_clone_as_from_the_source_distribution(source: Path, wheel: Path, tmp_path: Path) -> None:
    (direct,) = dist.build(source, tmp_path / "direct", "--wheel")
    assert files(direct) == files(wheel)
    assert direct.read_bytes() == wheel.read_bytes()


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built: list[Path]) -> None:
    (sdist,) = (path for path in built if path.name.endswith(".tar.gz"))
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in names if name.startswith("pod_patterns.egg-info/")}
    library = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "components").rglob("*") if path.is_file()}
    library = {name for name in library if "__pycache__" not in name}
    assert names - made == library | {name for name in dist.SOURCES if name != "components"}


def test_it_passes_the_checks_of_package_indexes(built: list[Path]) -> None:
    dist.check(built)


def test_a_check_that_fails_is_shown(built: list[Path], tmp_path: Path) -> None:
    (sdist,) = (path for path in built if path.name.endswith(".tar.gz"))
    broken = tmp_path / "pod_patterns-0.1.0-py3-none-any.whl"
    with ZipFile(broken, "w") as archive:
        archive.writestr("pod_patterns-0.1.0.dist-info/METADATA", "Metadata-Version: 2.4\nName: pod-patterns\n")
    with pytest.raises(dist.DistError) as error:
        dist.check([broken, sdist])
    what = "InvalidDistribution: Invalid distribution metadata: 'version' is a required field"
    assert re.sub(r"\s+", " ", str(error.value)) == f"twine: Checking {broken}: ERROR {what}"


def test_installed_every_documented_name_is_there_and_an_example_runs(installed: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    command = [installed / "python", program, PROJECT / "docs" / "reference.md", PROJECT / "examples" / "search" / "__main__.py"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    missing, kinds, origin = done.stdout.splitlines()
    assert re.fullmatch(r"missing: \[\] of \d{3}", missing)
    assert {"Deployment", "Service"} <= set(kinds.split())
    assert origin == f"from: {next(installed.parent.glob('lib/python3*'))}/site-packages/pod_patterns/__init__.py False"


def test_installed_the_command_is_there_and_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run([installed / "pod-patterns", "--version"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"pod-patterns {VERSION}\n"), done.stderr


def test_the_version_is_said_in_one_place(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wheel.name == f"pod_patterns-{VERSION}-py3-none-any.whl"
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"pod-patterns {VERSION}\n"
    assert f"\n## {VERSION} — " in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


# what stands in the metadata is what the library is

METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = {"jinja2": "Jinja2", "yaml": "PyYAML", "pulumi_kubernetes": "pulumi-kubernetes", "pulumi_tls": "pulumi-tls"}
# Pulumi's own, in which its messages are and by which they travel
PACKAGES |= {"google": "pulumi", "grpc": "pulumi"}
EXTRAS = {"cli": "cli", "offline": "testing"}
"""The extra that a room's imports may come from."""


def names(requirements: list[str]) -> set[str]:
    return {re.split("[<>=]", requirement)[0] for requirement in requirements}


def test_every_package_that_is_imported_is_a_dependency_or_in_the_extra_of_its_room() -> None:
    needed: dict[str, set[str]] = {"": set()} | {extra: set() for extra in EXTRAS.values()}
    for path in FILES:
        imported = absolute(PROJECT / "components" / path) - sys.stdlib_module_names
        room = EXTRAS.get(path.parts[0], "")
        needed[room] |= {PACKAGES.get(name, name) for name in imported}
    own = names(METADATA["dependencies"])
    assert needed[""] == own
    assert {extra: found - own for extra, found in needed.items() if extra} == {
        extra: names(requirements) for extra, requirements in METADATA["optional-dependencies"].items()
    }


# a release


def test_a_release_has_no_placeholder_and_a_day(wheel: Path, tmp_path: Path) -> None:
    assert dist.unreleasable(wheel, f"## {VERSION} — unreleased") == [
        f"CHANGELOG.md has no dated section for {VERSION}; write the day in place of 'unreleased'",
        "Author-email 'The pod-patterns authors <maintainers@pod-patterns.example>' is a placeholder; set it in pyproject.toml",
        *(
            f"Project-URL '{name}, {url}' is a placeholder; set it in pyproject.toml"
            for name, url in METADATA["urls"].items()
            if name != "Background"
        ),
    ]
    ready = tmp_path / wheel.name
    with ZipFile(ready, "w") as archive:
        for name, content in files(wheel).items():
            archive.writestr(name, content.replace(b"pod-patterns.example", b"pod-patterns.example.org"))
    assert dist.unreleasable(ready, f"# Changelog\n\n## {VERSION} — 2026-12-01\n") == []
