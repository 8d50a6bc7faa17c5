"""The Python packages that a program with this library runs on, those that they need included, and their licences."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .project import PROJECT

_CLASSIFIER = "License :: OSI Approved :: "

ALLOWED = (
    *("Apache-2.0", "Apache Software License", "Apache License 2.0", "Apache-2.0 OR BSD-3-Clause", "Apache-2.0 OR BSD-2-Clause"),
    *("BSD-2-Clause", "BSD-3-Clause", "BSD License", "3-Clause BSD License", "BSD"),
    *(
        "MIT",
        "MIT License",
        "MIT-0",
        "ISC",
        "ISC License (ISCL)",
        "MPL-2.0",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "PSF-2.0",
        "Python Software Foundation License",
    ),
)
"""Licences as packages write them; none asks anything of a program that only imports them."""


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A package."""

    name: str
    version: str
    licence: str
    """As its metadata says."""
    upstream: str
    """Where its source is, as its metadata says."""
    direct: bool
    """Whether pyproject.toml names it."""


def dependencies() -> list[Dependency]:
    """All of them, as they are installed here, by name. Raises importlib.metadata.PackageNotFoundError for one that is not."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    direct = [Requirement(text) for text in (*project["dependencies"], *extras)]
    found: dict[str, Distribution] = {}
    waiting = list(direct)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found:
            found[name] = distribution(requirement.name)
            waiting += _needs(found[name], requirement.extras)
    named = {canonicalize_name(requirement.name) for requirement in direct}
    return [
        Dependency(name=name, version=d.version, licence=licence(d), upstream=_upstream(d), direct=name in named)
        for name, d in sorted(found.items())
    ]


def _needs(package: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def licence(package: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, a classifier, or a word."""
    classifiers = [c.removeprefix(_CLASSIFIER) for c in _all(package, "Classifier") if c.startswith(_CLASSIFIER)]
    # some have the whole text there
    texts = [text.strip().partition("\n")[0] for text in _all(package, "License")]
    return next(filter(None, [*_all(package, "License-Expression"), " OR ".join(classifiers), *texts]), "not stated")


def _all(package: Distribution, field: str) -> list[str]:
    return [str(value) for value in package.metadata.get_all(field) or ()]


def _upstream(package: Distribution) -> str:
    urls = dict(text.split(", ", 1) for text in _all(package, "Project-URL"))
    names = {name.lower(): url for name, url in urls.items()}
    wanted = ("source", "source code", "repository", "github", "code", "homepage")
    found = [names[name] for name in wanted if name in names]
    return next(iter([*found, *_all(package, "Home-page"), f"https://pypi.org/project/{package.name}"]))


def unwanted() -> list[str]:
    """A line for each package whose licence is none of those that are allowed."""
    return [f"{d.name} {d.version} has the licence {d.licence!r}" for d in dependencies() if d.licence not in ALLOWED]
