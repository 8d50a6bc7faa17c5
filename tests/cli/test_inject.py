"""pod-patterns inject, as scripts call it."""

import base64
import json
import os
import pty
import re
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
HELM = Path.home() / ".cache" / "pod-patterns" / "bin" / "helm"

SERVICE = """\
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: shop}   # theirs
spec:
    selector: {app: shop}
    ports: [{port: 80, targetPort: http}]
"""
DEPLOYMENT = """\
---
# Source: shop/templates/deployment.yaml
kind: Deployment
apiVersion: apps/v1
metadata: {name: shop, annotations: {since: 2020-01-01, at: 1:30, script: "a\\nb\\n"}}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: shop:1 # pinned
          ports: [{name: http, containerPort: 8080}]
"""
PATTERNS: dict[str, Any] = {
    "injections": [
        {
            "name": "tls",
            "target": {
                "name": "shop",
                "kind": "Deployment",
                "uid": 1000,
                "ports": [{"name": "http", "number": 8080, "rebind": {"env": {"HOST": "{host}"}}}],
            },
            "patterns": [{"kind": "TlsAmbassador", "secret_name": "shop-tls"}],
        }
    ]
}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, with the library under its installed name and a file of injections."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "pod_patterns").symlink_to(PROJECT / "components")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    write(work, PATTERNS)
    return work


def write(directory: Path, patterns: Any, name: str = "patterns.yaml") -> None:
    (directory / name).write_text(yaml.safe_dump(patterns))


def making() -> dict[str, Any]:
    """The same with a certificate that is made."""
    changed: dict[str, Any] = json.loads(json.dumps(PATTERNS))
    del changed["injections"][0]["patterns"][0]["secret_name"]
    changed["injections"][0]["target"]["namespace"] = "prod"
    return changed


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pod_patterns", *arguments]


def run(directory: Path, *arguments: str, stdin: str | bytes = SERVICE + DEPLOYMENT) -> subprocess.CompletedProcess[str]:
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(command("inject", *arguments), cwd=directory, input=given, capture_output=True, timeout=120, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def refused(directory: Path, *arguments: str, stdin: str | bytes = SERVICE + DEPLOYMENT) -> str:
    done = run(directory, *(arguments or ("-f", "patterns.yaml")), stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_what_is_not_touched_comes_out_byte_by_byte_and_the_rest_as_kubectl_reads_it(directory: Path) -> None:
    rest = "--- # the last\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: 'b'}\r\n---\n# nothing\n"
    done = run(directory, "-f", "patterns.yaml", stdin=SERVICE + DEPLOYMENT + rest)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        SERVICE + "---\n# Source: shop/templates/deployment.yaml\nkind: Deployment\napiVersion: apps/v1\nmetadata:\n"
    )
    assert done.stdout.endswith(rest)
    assert "    since: '2020-01-01'\n    at: '1:30'\n    script: |\n      a\n      b\n" in done.stdout.replace('"', "'")
    _, touched, *_ = yaml.safe_load_all(done.stdout)
    assert [c["name"] for c in touched["spec"]["template"]["spec"]["initContainers"]] == ["nginx-proxy"]


def test_a_second_run_changes_nothing(directory: Path) -> None:
    once = run(directory, "-f", "patterns.yaml").stdout
    again = run(directory, "-f", "patterns.yaml", "--diff", stdin=once)
    assert (again.returncode, again.stdout) == (0, "")
    assert run(directory, "-f", "patterns.yaml", stdin=once).stdout == once


def test_files_are_read_in_order_and_stdin_by_its_sign(directory: Path) -> None:
    (directory / "service.yaml").write_text(SERVICE.rstrip("\n"))
    (directory / "deployment.yaml").write_text(DEPLOYMENT.removeprefix("---\n"))
    joined = run(directory, "-f", "patterns.yaml", "service.yaml", "deployment.yaml")
    assert joined.stdout == run(directory, "-f", "patterns.yaml").stdout
    assert run(directory, "-f", "patterns.yaml", "service.yaml", "-", stdin=DEPLOYMENT).stdout == joined.stdout


def test_several_files_of_injections(directory: Path) -> None:
    logs = {"kind": "LogTailSidecar", "directory": "/var/log/shop", "files": ["shop.log"]}
    write(directory, {"injections": [{**PATTERNS["injections"][0], "name": "logs", "patterns": [logs]}]}, "logs.yaml")
    _, touched = yaml.safe_load_all(run(directory, "-f", "patterns.yaml", "-f", "logs.yaml").stdout)
    assert [c["name"] for c in touched["spec"]["template"]["spec"]["initContainers"]] == ["nginx-proxy", "logs"]


@pytest.mark.parametrize("kind", ["List", "ResourceList"])
def test_a_list_stays_a_list(kind: str, directory: Path) -> None:
    write(directory, making())
    items = [yaml.safe_load(SERVICE), yaml.load(DEPLOYMENT.replace("2020-01-01, at: 1:30", "x"), yaml.SafeLoader)]
    given = {"apiVersion": "config.kubernetes.io/v1", "kind": kind, "functionConfig": {"kind": "X"}, "items": items}
    done = run(directory, "-f", "patterns.yaml", "--keys", "keys.json", stdin=yaml.safe_dump(given))
    assert (done.returncode, done.stderr) == (0, "")
    *secrets, found = yaml.safe_load_all(done.stdout)
    assert [found["kind"], found["functionConfig"], found["items"][0]] == [kind, {"kind": "X"}, items[0]]
    # kustomize takes nothing that is outside of its list
    own = found["items"][2:] if kind == "ResourceList" else secrets
    assert [m["kind"] for m in own] == ["Secret"]
    untouched = yaml.safe_dump({**given, "items": items[:1]})
    other = DEPLOYMENT if kind == "List" else ""
    if other:
        assert run(directory, "-f", "patterns.yaml", "--keys", "keys.json", stdin=f"{untouched}{other}").stdout.startswith(untouched)


def test_certificates_last_in_the_key_file(directory: Path) -> None:
    write(directory, making())
    first = run(directory, "-f", "patterns.yaml", "--keys", "keys.json")
    assert (first.returncode, first.stderr) == (0, "")
    keys = directory / "keys.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    kept = keys.read_bytes()
    assert run(directory, "-f", "patterns.yaml", "--keys", "keys.json").stdout == first.stdout
    assert keys.read_bytes() == kept
    service, secret, touched = yaml.safe_load_all(first.stdout)
    assert [m["kind"] for m in (service, secret, touched)] == ["Service", "Secret", "Deployment"]
    assert secret["metadata"]["namespace"] == "prod"
    volumes = touched["spec"]["template"]["spec"]["volumes"]
    assert secret["metadata"]["name"] in [v["secret"]["secretName"] for v in volumes if "secret" in v]
    # what is there already is not printed twice
    assert run(directory, "-f", "patterns.yaml", "--keys", "keys.json", stdin=first.stdout).stdout == first.stdout
    logs = {"kind": "LogTailSidecar", "directory": "/var/log/shop", "files": ["shop.log"]}
    write(directory, {"injections": [{**PATTERNS["injections"][0], "name": "logs", "patterns": [logs]}]}, "logs.yaml")
    more = run(directory, "-f", "patterns.yaml", "-f", "logs.yaml", "--keys", "keys.json", stdin=first.stdout)
    assert [m["kind"] for m in yaml.safe_load_all(more.stdout)] == ["Service", "Secret", "Deployment"]


def test_one_authority_for_all(directory: Path) -> None:
    write(directory, {**making(), "authority": {"common_name": "shop CA"}})
    done = run(directory, "-f", "patterns.yaml", "--keys", "keys.json")
    assert (done.returncode, done.stderr) == (0, "")
    _, secret, _ = yaml.safe_load_all(done.stdout)
    assert secret["data"]["ca.crt"] != secret["data"]["tls.crt"]


def test_the_namespace_of_a_release(directory: Path) -> None:
    patterns = making()
    del patterns["injections"][0]["target"]["namespace"]
    write(directory, patterns)
    assert refused(directory, "-f", "patterns.yaml", "--keys", "k") == (
        "error: injections: 1 problem\n"
        "  - patterns.yaml:5: injections[0].target.namespace: missing; certificates are made for it, and their Secrets in it\n"
    )
    _, secret, _ = yaml.safe_load_all(run(directory, "-f", "patterns.yaml", "--keys", "k", "-n", "test").stdout)
    assert secret["metadata"]["namespace"] == "test"
    assert refused(directory, "-f", "patterns.yaml", "--keys", "k", "-n", "Test").startswith(
        "error: arguments: 1 problem\n  - --namespace 'Test' is not allowed"
    )


def test_the_difference_shows_what_patterns_say_and_no_key(directory: Path) -> None:
    write(directory, making())
    done = run(directory, "-f", "patterns.yaml", "--keys", "keys.json", "--diff")
    assert (done.returncode, done.stderr) == (1, "")
    assert not (directory / "keys.json").exists()
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith(("---", "+++"))] == [
        "--- a/Deployment/shop",
        "+++ b/Deployment/shop",
        "--- /dev/null",
        f"+++ b/prod/Secret/{done.stdout.rpartition('prod/Secret/')[2].partition(chr(10))[0]}",
    ]
    assert [line for line in lines if line.startswith("-") and not line.startswith("---")] == []
    assert [line for line in lines if "tls.key:" in line] == ["+  tls.key: (not shown)"]
    assert "\033" not in done.stdout


@pytest.mark.parametrize("variable", [None, "NO_COLOR"])
def test_colours_are_for_terminals_and_for_those_who_want_them(variable: str | None, directory: Path) -> None:
    (directory / "all.yaml").write_text(SERVICE + DEPLOYMENT)
    master, slave = pty.openpty()
    environment = {**os.environ, **({variable: "1"} if variable else {})}
    process = subprocess.Popen(
        command("inject", "-f", "patterns.yaml", "--diff", "all.yaml"), cwd=directory, stdout=slave, stdin=slave, env=environment
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(master)
    assert process.wait(60) == 1
    assert (b"\033[32m+" in shown) == (variable is None)


def test_everything_wrong_in_the_injections_is_in_one_error(directory: Path) -> None:
    patterns = making()
    item = patterns["injections"][0]
    item["patterns"] += [{"kind": "TlsAmbasador"}, {"kind": "MetricsAdapter", "target_prot": "http"}]
    item["target"]["prots"] = []
    item["sidecars"] = "clasic"
    write(directory, patterns)
    (directory / "broken.yaml").write_text("injections:\n  - name: x\n  name: y\n")
    (directory / "twice.yaml").write_text("injections: []\ninjections: []\n")
    (directory / "empty.yaml").write_text("")
    text = refused(directory, *(part for name in ("patterns", "broken", "twice", "empty") for part in ("-f", f"{name}.yaml")))
    start, *lines = text.splitlines()
    assert start == f"error: injections: {len(lines)} problems"
    assert [line.partition("; known")[0].partition(" known:")[0] for line in lines] == [
        "  - patterns.yaml:19: injections[0].target.prots: unknown key, did you mean 'ports'?",
        "  - patterns.yaml:8: injections[0].sidecars 'clasic' is not allowed: one of native, classic",
        "  - patterns.yaml:5: injections[0].patterns[1].kind: unknown value 'TlsAmbasador', did you mean 'TlsAmbassador'?",
        "  - patterns.yaml:7: injections[0].patterns[2].target_prot: unknown key, did you mean 'target_port'?",
        "  - broken.yaml:3:3: is not YAML: while parsing a block collection: did not find expected '-' indicator",
        "  - twice.yaml:2: key 'injections' is there twice in one mapping; remove one",
        "  - empty.yaml: must be a mapping with the key injections",
    ]


def test_a_certificate_needs_a_place_to_last(directory: Path) -> None:
    write(directory, making())
    assert refused(directory) == (
        "error: injections: 1 problem\n"
        "  - patterns.yaml:4: injections[0].patterns[0]: makes a certificate, which must last; set --keys to a file for it, or "
        "secret_name\n"
    )


def test_an_authority_that_issues_nothing(directory: Path) -> None:
    write(directory, {**PATTERNS, "authority": {}})
    assert refused(directory) == (
        "error: injections: 1 problem\n  - patterns.yaml:1: authority: no pattern makes a certificate; leave it out\n"
    )


def test_a_name_that_is_there_already(directory: Path) -> None:
    write(directory, {"injections": PATTERNS["injections"] * 2})
    assert refused(directory) == (
        "error: injections: 1 problem\n"
        "  - patterns.yaml:3: injections[1].name: there is an injection 'tls' already; give this one a name of its own\n"
    )
    write(directory, PATTERNS)
    write(directory, PATTERNS, "more.yaml")
    assert refused(directory, "-f", "patterns.yaml", "-f", "more.yaml") == (
        "error: injections: 1 problem\n  - more.yaml:2: injections[0].name: there is an injection 'tls' in patterns.yaml; rename one\n"
    )


MAPPING = "a manifest must be a mapping with kind and metadata"


@pytest.mark.parametrize(
    ("stdin", "lines"),
    [
        ("", ["stdin: is empty; it must have at least one manifest"]),
        ("# only this\n---\n", ["stdin: is empty; it must have at least one manifest"]),
        (b"kind: \xff", ["stdin: is not UTF-8 text: 'utf-8' codec can't decode byte 0xff in position 6: invalid start byte"]),
        (
            SERVICE + "---\n- a\n---\na: b\n---\nkind: {\n---\nkind: X\nmetadata: x\n",
            [
                f"stdin:8: the document is a list; {MAPPING}",
                f"stdin:10: the document has no kind; {MAPPING}",
                "stdin:14:1: is not YAML: while parsing a flow node: did not find expected node content",
                "stdin:14: metadata is a text, but must be a mapping",
            ],
        ),
    ],
)
def test_input_that_is_no_manifests(stdin: str | bytes, lines: list[str], directory: Path) -> None:
    text = refused(directory, stdin=stdin)
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    assert text == f"error: manifests: {count}\n" + "".join(f"  - {line}\n" for line in lines)


def test_a_key_that_is_there_twice_would_be_lost_from_what_is_written_again(directory: Path) -> None:
    twice = DEPLOYMENT + "  replicas: 1\n  replicas: 2\n"
    assert refused(directory, stdin=SERVICE + twice) == (
        "error: manifests: 1 problem\n  - stdin:23: key 'replicas' is there twice in one mapping; remove one\n"
    )
    elsewhere = SERVICE + "spec: {}\n"
    assert run(directory, "-f", "patterns.yaml", stdin=elsewhere + DEPLOYMENT).stdout.startswith(elsewhere)


def test_a_conflict_and_a_target_that_is_not_there(directory: Path) -> None:
    assert refused(directory, stdin=SERVICE) == (
        "error: injections: 1 problem\n"
        "  - injection 'tls' meets no workload: there is no Deployment 'shop' (known: none); set name= of the target\n"
    )
    https = DEPLOYMENT.replace("name: http,", "name: web,")
    assert refused(directory, stdin=https) == (
        "error: injection 'tls' into Deployment 'shop': 1 conflict\n"
        "  - port 8080 of container 'shop' is called 'web' there; call it so in ports= of the target\n"
    )


def test_files_that_are_not_there(directory: Path) -> None:
    assert refused(directory, "-f", "nowhere.yaml") == "error: nowhere.yaml: 1 problem\n  - cannot be read: No such file or directory\n"
    assert refused(directory, "-f", "patterns.yaml", "nowhere.yaml") == (
        "error: nowhere.yaml: 1 problem\n  - cannot be read: No such file or directory\n"
    )
    assert "the following arguments are required: -f/--file" in refused(directory, "--diff")


def test_hints_are_on_stderr(directory: Path) -> None:
    client = "---\nkind: ConfigMap\nmetadata: {name: client}\ndata: {url: 'http://shop'}\n"
    done = run(directory, "-f", "patterns.yaml", stdin=SERVICE + DEPLOYMENT + client)
    assert done.returncode == 0
    assert done.stderr == (
        "hint: ConfigMap 'client': data.url names http://shop, port 80 of Service 'shop', which speaks TLS now; have it speak TLS, and "
        "trust the certificate\n"
    )


def test_whoever_closes_the_pipe_early_gets_no_traceback(directory: Path) -> None:
    many = "".join(f"---\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata: {{a: {'x' * 1000}}}\n" for i in range(500))
    (directory / "all.yaml").write_text(SERVICE + DEPLOYMENT + many)
    shell = f"{' '.join(command('inject', '-f', 'patterns.yaml', 'all.yaml'))} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("# Source: shop/templates/service.yaml\n141\n", "")


def test_four_times_the_manifests_take_four_times_as_long_at_most(directory: Path) -> None:
    def seconds(count: int) -> float:
        text = "".join(f"---\n{SERVICE}{DEPLOYMENT}".replace("shop", f"shop-{i}" if i else "shop") for i in range(count // 2))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        assert run(directory, "-f", "patterns.yaml", stdin=text).returncode == 0
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    few, many = (min(seconds(count) for _ in range(2)) for count in (1000, 4000))
    # linear is less than 4, for both have to start; quadratic is up to 16
    assert many < 5 * few


@pytest.mark.skipif(not HELM.is_file(), reason="helm is not installed")
def test_as_a_post_renderer_of_helm(directory: Path) -> None:
    write(directory, making())
    chart = directory / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (chart / "templates" / "service.yaml").write_text(SERVICE.replace("# Source: shop/templates/service.yaml\n141\n", ""))
    (chart / "templates" / "deployment.yaml").write_text(DEPLOYMENT.replace("---\n# Source: shop/templates/deployment.yaml\n", ""))
    script = directory / "pod-patterns"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m pod_patterns "$@"\n')
    script.chmod(0o755)
    arguments = [part for a in ("inject", "-f", "patterns.yaml", "--keys", "keys.json") for part in ("--post-renderer-args", a)]
    helm = [str(HELM), "template", "shop", "chart", "--namespace", "prod"]
    plain = subprocess.run(helm, cwd=directory, capture_output=True, text=True, timeout=60, check=True).stdout
    done = subprocess.run(
        [*helm, "--post-renderer", "./pod-patterns", *arguments], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    manifests = [m for m in yaml.safe_load_all(done.stdout) if m]
    assert sorted(m["kind"] for m in manifests) == ["Deployment", "Secret", "Service"]
    assert [m for m in manifests if m["kind"] == "Service"] == [m for m in yaml.safe_load_all(plain) if m["kind"] == "Service"]
    # what is wrong reaches whoever called Helm
    write(directory, PATTERNS | {"injection": []})
    failed = subprocess.run(
        [*helm, "--post-renderer", "./pod-patterns", *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    assert failed.returncode != 0
    assert re.search(r"patterns\.yaml:\d+: injection: unknown key, did you mean 'injections'\?", failed.stderr)


def test_a_certificate_that_is_made_covers_the_pods_of_a_stateful_set(directory: Path) -> None:
    patterns = making()
    patterns["injections"][0]["target"]["kind"] = "StatefulSet"
    write(directory, patterns)
    given = DEPLOYMENT.replace("kind: Deployment", "kind: StatefulSet").replace(
        "spec:\n  selector", "spec:\n  serviceName: peers\n  selector"
    )
    done = run(directory, "-f", "patterns.yaml", "--keys", "keys.json", stdin=given)
    assert (done.returncode, done.stderr) == (0, "")
    (secret,) = (m for m in yaml.safe_load_all(done.stdout) if m["kind"] == "Secret")
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
        input=base64.b64decode(secret["data"]["tls.crt"]) if "data" in secret else secret["stringData"]["tls.crt"].encode(),
        capture_output=True,
        check=True,
    )
    assert b"DNS:*.peers.prod.svc" in shown.stdout


def test_a_network_policy_is_printed_with_the_workload(directory: Path) -> None:
    patterns = json.loads(json.dumps(PATTERNS))
    patterns["injections"][0]["network_policy"] = {"clients": [{"namespace": "web"}], "connects": ["db:5432"]}
    write(directory, patterns)
    done = run(directory, "-f", "patterns.yaml")
    (policy,) = (m for m in yaml.safe_load_all(done.stdout) if m["kind"] == "NetworkPolicy")
    assert policy["metadata"] == {"name": "tls"}
    assert policy["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    patterns["injections"][0]["network_policy"] = {"clients": [{"namespace": "W"}], "connect": []}
    write(directory, patterns)
    assert refused(directory).splitlines()[1:] == [
        "  - patterns.yaml:6: injections[0].network_policy.connect: unknown key, did you mean 'connects'? known: clients, cluster_cidrs, "
        "connects, dns_namespace, dns_port, node_cidrs, scrapers",
    ]
