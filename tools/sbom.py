"""`make sbom`: writes build/sbom.json (CycloneDX), the packages and images that the library brings, and the tables of docs/supply-chain.md.

`--check` writes nothing, and fails if the tables are stale, an image has no licence in the table, or a package has one that is not allowed.
"""

import json
import sys
from typing import Any

from components.core.images import expanded

from .dependencies import dependencies, unwanted
from .images import ORIGINS, Image, images, unknown
from .install import MissingError, output, python_environment, python_tool
from .project import PROJECT

DOCUMENT = PROJECT / "docs" / "supply-chain.md"
SBOM = PROJECT / "build" / "sbom.json"
# pip is in every virtual environment, and in no program
_TOOLS = ("pip", "setuptools")


def tables() -> dict[str, str]:
    """The tables of the document, by name."""
    rows = [
        f"| `{image.reference}` | {', '.join(f'`{user}`' for user in image.used_by)} "
        f"| {ORIGINS[image.name].licence.removeprefix('LicenseRef-')} | {ORIGINS[image.name].upstream} |\n"
        for image in images()
    ]
    packages = [f"| `{d.name}` | {d.licence} | {d.upstream} |\n" for d in dependencies() if d.direct]
    return {
        "images": "| image | used by | licence | upstream |\n| --- | --- | --- | --- |\n" + "".join(rows),
        "packages": "| package | licence | upstream |\n| --- | --- | --- |\n" + "".join(packages),
    }


def filled(document: str) -> str:
    """The document with the tables of now between their marks."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = document.partition(begin)
        document = f"{before}{begin}{table}{end}{rest.partition(end)[2]}"
    return document


def sbom() -> dict[str, Any]:
    """What cyclonedx-py finds in an environment with requirements.txt alone, and the images."""
    python = python_environment(PROJECT / "requirements.txt") / "bin" / "python"
    options = ["--pyproject", PROJECT / "pyproject.toml", "--mc-type", "library", "--output-reproducible", "--output-format", "JSON"]
    found: dict[str, Any] = json.loads(output([python_tool("cyclonedx-bom", "cyclonedx-py"), "environment", *options, python]))
    packages = [component for component in found["components"] if component["name"] not in _TOOLS]
    refs = {component["bom-ref"] for component in found["components"]} - {component["bom-ref"] for component in packages}
    depends = [entry for entry in found.get("dependencies", []) if entry["ref"] not in refs]
    return {**found, "components": [*packages, *map(_component, images())], "dependencies": depends}


def _component(image: Image) -> dict[str, Any]:
    host, path = expanded(image.reference)
    name, _, tag = path.rpartition(":")
    where = "" if host == "docker.io" else f"?repository_url={host}"
    origin = ORIGINS[image.name]
    return {
        "type": "container",
        "bom-ref": f"image:{image.reference}",
        "name": image.name,
        "version": tag,
        "purl": f"pkg:docker/{name}@{tag}{where}",
        "licenses": [{"expression": origin.licence}],
        "externalReferences": [{"type": "vcs", "url": origin.upstream}],
    }


def main() -> int:
    """Writes both, or looks whether they are right; returns the exit code."""
    problems = unknown() + unwanted()
    before = DOCUMENT.read_text(encoding="utf-8")
    after = before if problems else filled(before)
    if "--check" in sys.argv[1:]:
        problems += ["docs/supply-chain.md is stale; `make sbom` writes its tables anew"] if after != before else []
    elif not problems:
        DOCUMENT.write_text(after, encoding="utf-8")
        SBOM.parent.mkdir(exist_ok=True)
        made = sbom()
        SBOM.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        print(f"{SBOM.relative_to(PROJECT)}: {len(made['components'])} components")
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MissingError as error:
        sys.exit(f"error: {error}")
