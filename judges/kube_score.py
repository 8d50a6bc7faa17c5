"""kube-score: the practice of running things on Kubernetes, object by object and between the objects of a subject."""

import json
from collections.abc import Iterator

from tools.install import go_tool, output

from .finding import Finding, one_line
from .subject import Subject

PACKAGE, VERSION = "github.com/zegl/kube-score/cmd/kube-score", "v1.20.0"
OPTIONAL = ("container-ports-check", "container-seccomp-profile", "environment-variable-key-duplication")
"""Those of its optional rules that are not a policy of their own, as equal requests and limits are."""
_GOOD = 10


def judge(subjects: tuple[Subject, ...]) -> Iterator[Finding]:
    """Whatever is not perfect."""
    program = go_tool(PACKAGE, VERSION)
    options = [word for rule in OPTIONAL for word in ("--enable-optional-test", rule)]
    for subject in subjects:
        release = "v" + ".".join(map(str, subject.kubernetes))
        words = [program, "score", "--output-format", "json", "--kubernetes-version", release, *options, subject.file]
        for scored in json.loads(output(words)) or ():
            kind, name = scored["type_meta"]["kind"], scored["object_meta"]["name"]
            for check in scored["checks"]:
                for comment in (check["comments"] or ()) if check["grade"] < _GOOD and not check["skipped"] else ():
                    where = subject.where(kind, name, *filter(None, [comment["path"]]))
                    # one rule is about several things
                    rule = f"{check['check']['id']}: {comment['summary']}"
                    yield Finding(judge="kube-score", rule=rule, where=where, message=one_line(comment["description"]))
