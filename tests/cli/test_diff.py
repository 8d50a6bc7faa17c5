"""pod-patterns diff, as people call it before they commit."""

import re
import subprocess
from pathlib import Path

import pytest

from components.cli.main import WRONG, main
from components.cli.steps import steps

STACK = """\
config:
  pod-patterns:app:
    name: api
    image: example/api:1
    uid: 1000
    ports: [{name: http, number: 8080, rebind: {env: {HOST: "{host}"}}}]
  pod-patterns:patterns:
    - kind: WaitForInit
      tcp: [db.prod.svc:5432]
    - kind: TlsAmbassador
"""


CONTENTS = """\
TlsAmbassador
  timeout_seconds: (not set) -> 77
--- a/default/ConfigMap/api-nginx-proxy-config-<hash>
+++ b/default/ConfigMap/api-nginx-proxy-config-<hash>
@@
 apiVersion: v1
 kind: ConfigMap
 metadata:
-  name: api-nginx-proxy-config-<hash>
+  name: api-nginx-proxy-config-<hash>
   namespace: default
   labels:
     app.kubernetes.io/instance: api
@@
         send_timeout 60s;
         reset_timedout_connection on;
         proxy_connect_timeout 5s;
-        proxy_read_timeout 3600s;
-        proxy_send_timeout 3600s;
+        proxy_read_timeout 77s;
+        proxy_send_timeout 77s;
         proxy_set_header Host $outer_host;
         include /etc/nginx-proxy/headers.conf;
         limit_conn_zone "all" zone=requests:64k;
--- a/default/Deployment/api
+++ b/default/Deployment/api
@@
           sizeLimit: "64Mi"
       - name: nginx-proxy-config
         configMap:
-          name: api-nginx-proxy-config-<hash>
+          name: api-nginx-proxy-config-<hash>
"""


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, "-C", str(directory), *arguments], check=True, capture_output=True)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack file that is committed, in a project, in whose directory the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("{name: shop, runtime: python}")
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(STACK)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return path


def test_what_is_committed_changes_nothing(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "dev"]) == 0
    stack.write_text(STACK.replace("  pod-patterns:app", "  # a comment\n  pod-patterns:app"))
    assert main(["diff", "dev"]) == 0
    assert capsys.readouterr().out == ""


def test_each_change_stands_above_what_it_changes(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(
        STACK.replace("api:1", "api:2").replace("- kind: TlsAmbassador", "- kind: RedisCacheSidecar").replace(":5432", ":5433")
    )
    assert main(["diff", "dev"]) == 1
    out = capsys.readouterr().out
    titles = [part.partition("---")[0] for part in out.split("\n\n")]
    assert titles == [
        "app\n  image: example/api:1 -> example/api:2\n",
        "TlsAmbassador removed\n",
        "WaitForInit\n  tcp[0]: db.prod.svc:5432 -> db.prod.svc:5433\n",
        "RedisCacheSidecar added\n",
    ]
    first, second, third, last = out.split("\n\n")
    headers, change = "--- a/default/Deployment/api\n+++ b/default/Deployment/api\n", re.compile("^[-+] .*", re.MULTILINE)
    assert [headers in part for part in (first, second, third, last)] == [True] * 4
    assert change.findall(first) == ["-        image: example/api:1", "+        image: example/api:2"]
    # the Service and the configuration of nginx, too
    assert re.findall("^[+]{3} (.*)", second, re.MULTILINE) == [
        "b/default/Service/api",
        "b/default/Deployment/api",
        "/dev/null",
        "/dev/null",
    ]
    assert [line.strip("+- ") for line in change.findall(third)] == ["tcp db.prod.svc:5432", "tcp db.prod.svc:5433"]
    assert "+      - name: redis-cache" in last


def test_an_object_keeps_its_place_when_its_contents_give_it_another_name(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK + "      timeout_seconds: 77\n")
    assert main(["diff", "dev"]) == 1
    out = re.sub("-[0-9a-f]{8}$", "-<hash>", capsys.readouterr().out, flags=re.MULTILINE)
    assert re.sub("^@@.*", "@@", out, flags=re.MULTILINE) == CONTENTS


def test_no_value_of_a_secret_is_shown(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK + "      validity_hours: 100\n      early_renewal_hours: 10\n")
    assert main(["diff", "dev"]) == 1
    out = capsys.readouterr().out
    (secret,) = re.findall(r"--- a/default/Secret/.*?(?=\n--- |\Z)", out, re.DOTALL)
    assert re.findall(r"^[-+ ]  (?:tls|ca)\..*$", secret, re.MULTILINE) == [
        "-  ca.crt: (not shown)",
        "-  tls.crt: (not shown)",
        "+  ca.crt: (not shown; changed)",
        "+  tls.crt: (not shown; changed)",
        # the key stays when the certificate is renewed
        "   tls.key: (not shown)",
    ]
    assert "LS0t" not in out
    assert "BEGIN" not in out


def test_a_change_that_reaches_no_manifest_says_so(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK + "  pod-patterns:workload: {replicas: 1}\n")
    assert main(["diff", "dev"]) == 0
    assert capsys.readouterr().out == 'workload\n  (not set) -> {"replicas": 1}\n  changes no manifest\n'


def test_changes_that_only_hold_together_are_one(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # the app's new port is the cache's
    changed = STACK.replace("number: 8080", "number: 6379") + "    - kind: RedisCacheSidecar\n      port: 6380\n"
    stack.write_text(STACK + "    - kind: RedisCacheSidecar\n")
    git(stack.parent, "commit", "-am", "second")
    stack.write_text(changed)
    assert main(["diff", "dev"]) == 1
    assert capsys.readouterr().out.startswith("app\n  ports[0].number: 8080 -> 6379\nRedisCacheSidecar\n  port: (not set) -> 6380\n--- a/")


def test_against_a_revision_and_against_a_file(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK.replace("api:1", "api:2"))
    git(stack.parent, "commit", "-am", "second")
    assert main(["diff", "dev"]) == 0
    assert main(["diff", "dev", "--against", "HEAD~1"]) == 1
    by_revision = capsys.readouterr().out
    Path("other.yaml").write_text(STACK)
    assert main(["diff", "Pulumi.dev.yaml", "--against", "other.yaml"]) == 1
    assert capsys.readouterr().out == by_revision


def test_there_is_nothing_to_compare_with(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "dev", "--against", "nowhere"]) == WRONG
    assert capsys.readouterr().err == (
        "error: Pulumi.dev.yaml: 1 problem\n"
        "  - nothing to compare with (fatal: invalid object name 'nowhere'.); set --against to a revision that has the file, or to another "
        "file\n"
    )
    stack.rename("Pulumi.new.yaml")
    assert main(["diff", "new"]) == WRONG
    assert "nothing to compare with (fatal: path 'Pulumi.new.yaml'" in capsys.readouterr().err


def test_mistakes_of_either_version_have_their_places(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.write_text(STACK.replace("kind: WaitForInit", "kind: SysctlInit"))
    git(stack.parent, "commit", "-am", "second")
    stack.write_text(STACK)
    assert main(["diff", "dev"]) == WRONG
    assert capsys.readouterr().err.startswith(
        "error: HEAD:Pulumi.dev.yaml: 1 problem\n  - HEAD:Pulumi.dev.yaml:9: patterns[0].tcp: unknown key"
    )
    git(stack.parent, "reset", "--hard", "HEAD~1")
    # only the composition finds this
    stack.write_text(STACK + "    - kind: TlsAmbassador\n      name: again\n")
    assert main(["diff", "dev"]) == WRONG
    error = capsys.readouterr().err
    assert error.startswith(
        "error: workload 'api': 13 conflicts\n"
        "  - Pulumi.dev.yaml:11: TlsAmbassador 'again': port 'http' has an ambassador in front of it already; list TlsAmbassador "
        "first, and each port once\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "titles"),
    [
        ([{"kind": "A"}], [{"kind": "A"}], []),
        ([{"kind": "A"}, {"kind": "B"}], [{"kind": "B"}, {"kind": "A"}], ["order of patterns|  A, B -> B, A"]),
        ([{"kind": "A"}], [{"kind": "B"}, {"kind": "A", "x": 1}], ["A|  x: (not set) -> 1", "B added"]),
        ([{"kind": "A", "name": "a"}, {"kind": "A"}], [{"kind": "A"}], ["A 'a' removed"]),
        ([{"kind": "A", "x": {"y": [1, 2]}}], [{"kind": "A", "x": {"y": [1, 3]}}], ["A|  x.y[1]: 2 -> 3"]),
        ([{"kind": "A", "x": "long" * 20}], [{"kind": "A", "x": "two\nlines"}], ["A|  x: (80 characters) -> (9 characters)"]),
    ],
)
def test_the_steps_lead_from_one_list_to_the_other(before: list[object], after: list[object], titles: list[str]) -> None:
    found = list(steps({"patterns": before}, {"patterns": after}))
    assert ["|".join(step.titles) for step in found] == titles
    if found:
        assert found[-1].given == {"patterns": after}
