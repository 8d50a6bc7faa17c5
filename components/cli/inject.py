"""pod-patterns inject."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core import checks
from ..declared import injections
from ..injection.injection import Injection
from ..injection.references import references
from ..offline import injected
from ..offline.mocks import Mocks
from ..offline.order import ordered
from ..offline.printing import printed
from . import command, documents
from .difference import difference
from .documents import Document, InputError
from .places import Places
from .terminal import coloured, waiting
from .unsaved import UnsavedMocks

_EXAMPLES = """\
examples:
  pod-patterns inject -f patterns.yaml < manifests.yaml > out.yaml
  pod-patterns inject -f patterns.yaml --diff rendered/*.yaml
  helm upgrade --install shop ./shop -n prod --post-renderer pod-patterns \\
    --post-renderer-args inject --post-renderer-args -f --post-renderer-args patterns.yaml

patterns.yaml:
  injections:
    - name: tls
      target: {name: shop, kind: Deployment, namespace: prod, uid: 1000}
      patterns:
        - kind: TlsAmbassador
          secret_name: shop-tls

exit status:
  0  done
  1  with --diff: there are differences
  2  something is wrong; all of it is on stderr, and nothing on stdout
"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "inject",
        help="put patterns into manifests",
        description="Reads manifests, and prints them with patterns in the workloads that a file names.\n"
        "What is not touched is printed as it came, byte by byte. Certificates that patterns\n"
        "make are printed as Secrets. Hints go to stderr.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("-f", "--file", action="append", required=True, metavar="FILE", help="injections to make; can be repeated")
    parser.add_argument("manifests", nargs="*", metavar="MANIFESTS", help="files to read instead of stdin, - for stdin")
    parser.add_argument("-n", "--namespace", help="namespace of targets that name none")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="where private keys and certificates last from one run to the next, readable by its owner only; one for each set of -f, for "
        "what is no longer used is dropped from it. Needed if patterns make certificates",
    )
    parser.add_argument("--diff", action="store_true", help="print what would change instead, and leave the key file as it is")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    if not arguments.manifests and sys.stdin.isatty():
        arguments.parser.error("there is nothing on stdin; write `< manifests.yaml`, or name files")
    declared = _declared(arguments)
    found = documents.read(("stdin" if name == "-" else name, _content(name)) for name in arguments.manifests or ["-"])
    before = [manifest for document in found for manifest in document.objects()]
    made: list[Injection] = []

    def program() -> list[Injection]:
        made.extend(injections.build(declared, before))
        return made

    mocks = (UnsavedMocks if arguments.diff else Mocks)(keys=arguments.keys, status=False)
    with waiting("Injecting"):
        after = injected(before, program, mocks=mocks, project="pod-patterns", stack="inject")
    _refuse_duplicates(found, after)
    for line in references(before, made):
        print(f"hint: {line}", file=sys.stderr)
    output = "".join(_differences(before, after)) if arguments.diff else documents.joined(_texts(found, after))
    sys.stdout.buffer.write(output.encode())
    sys.stdout.buffer.flush()
    return 1 if arguments.diff and output else 0


def _declared(arguments: argparse.Namespace) -> list[injections.Injections]:
    """What the files say. Raises InputError with everything that is wrong in them."""
    found: list[injections.Injections] = []
    wrong = [] if arguments.namespace is None else checks.label("--namespace", arguments.namespace)
    if wrong:
        raise InputError("arguments", wrong)
    names: dict[str, str] = {}
    for name in arguments.file:
        content = _content(name)
        value, problems = documents.read_one(name, content)
        file, places = None, Places(name, "" if problems else content.decode())
        if not problems:
            file, lines = injections.parse(value, namespace=arguments.namespace, keeps=arguments.keys is not None)
            problems = [f"{name}: {line}" if placed == line else placed for line, placed in zip(lines, places.of(lines), strict=True)]
        for index, item in enumerate(file.items if file else ()):
            if item.name in names:
                problems += places.of([f"injections[{index}].name: there is an injection {item.name!r} in {names[item.name]}; rename one"])
            names.setdefault(item.name, name)
        wrong += problems
        found += [file] if file else []
    if wrong:
        raise InputError("injections", wrong)
    return found


def _content(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(name, [f"cannot be read: {error.strerror}"]) from None


def _parts(found: Sequence[Document], after: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Document, Sequence[Mapping[str, Any]], bool]]:
    """Each document with its objects, as they are now, and whether something in it has changed."""
    start = 0
    for document in found:
        before = document.objects()
        now = after[start : start + len(before)]
        start += len(before)
        yield document, now, any(new != old for new, old in zip(now, before, strict=True))


def _texts(found: Sequence[Document], after: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The documents as they are now; what patterns own stands before the first that was touched, so behind its namespace."""
    own = list(map(ordered, after[sum(len(document.objects()) for document in found) :]))
    for document, now, is_touched in _parts(found, after):
        if not is_touched:
            yield document.text
            continue
        if document.is_resource_list:
            yield document.rewritten(now, own)
        else:
            yield from (f"---\n{printed(manifest)}" for manifest in own)
            yield document.rewritten(now)
        own = []


def _differences(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    colours = coloured(sys.stdout)
    for index, new in enumerate(after):
        old = before[index] if index < len(before) else None
        if new is not old and new != old:
            yield difference(old, new, colours=colours)


def _refuse_duplicates(found: Sequence[Document], after: Sequence[Mapping[str, Any]]) -> None:
    """One of the values would be lost when a document is written again."""
    lost = [line for document, _, is_touched in _parts(found, after) if is_touched for line in document.duplicates]
    if lost:
        raise InputError("manifests", lost)
