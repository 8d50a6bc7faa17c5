"""shellcheck on the scripts of pods as they are rendered: put together, with everything in them, and single lines too."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.install import debian, output

from .finding import Finding, one_line
from .subject import BUILT, Subject

SHELLS = ("sh", "bash", "ash", "dash")
_LINE = "-c"

Files = Mapping[str, str]
"""Scripts that lie in one directory, by name."""


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """Whatever it says, down to matters of style. Scripts that several pods have are judged once."""
    places: dict[str, list[str]] = {}
    for subject in subjects:
        for where, files in rendered(subject):
            places.setdefault(json.dumps(files), []).append(where)
    paths: dict[Path, list[str]] = {}
    for number, (text, found) in enumerate(places.items()):
        for path in _written(BUILT / "scripts" / str(number), json.loads(text)):
            paths[path] = found if path.name == f"{_LINE}.sh" else [f"{where}/{path.name}" for where in found]
    options = ["--norc", "--external-sources", "--shell=sh", "--severity=style", "--format=json1"]
    for comment in json.loads(output([debian("shellcheck", "shellcheck"), *options, *paths]))["comments"]:
        # of a library that a script reads, it speaks when its own turn comes
        for where in paths.get(Path(comment["file"]), ()):
            yield Finding(judge="shellcheck", rule=f"SC{comment['code']}", where=where, message=one_line(comment["message"]))


def _written(directory: Path, files: Files) -> Iterator[Path]:
    """The scripts as files, where those that read others find them: the sources name them by their place in the project."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "shared").exists():
        (directory / "shared").symlink_to(".")
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
        yield directory / name


def rendered(subject: Subject) -> Iterator[tuple[str, Files]]:
    """Place and scripts of every ConfigMap that has some, and of every shell of a pod that is given one as an argument."""
    for found in subject.objects:
        data = (found.get("data") or {}) if found["kind"] == "ConfigMap" else {}
        files = {name: text for name, text in data.items() if name.endswith(".sh")}
        if files:
            yield subject.where("ConfigMap", found["metadata"]["name"]), files
    for where, pod in subject.pods():
        for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
            yield from ((f"{where}/{container['name']}", {f"{_LINE}.sh": script}) for script in _given(container))


def _given(value: Any) -> Iterator[str]:
    """Every text that stands behind the -c of a shell, in a container or a part of one."""
    if isinstance(value, Mapping):
        words = [*(value.get("command") or ()), *(value.get("args") or ())]
        if len(words) > 2 and str(words[0]).rpartition("/")[2] in SHELLS and words[1] == _LINE:
            yield str(words[2])
        for inner in value.values():
            yield from _given(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _given(inner)
