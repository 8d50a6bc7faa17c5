"""What an editor does with the schemas: the YAML language server itself is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.language_server import LanguageServer, language_server
from tools.project import PROJECT

STACK = "# yaml-language-server: $schema=../schemas/stack.schema.json\nconfig:\n"
INJECTIONS = "# yaml-language-server: $schema=../schemas/injections.schema.json\n"
WEB = "  pod-patterns:app:\n    name: web\n    image: web:1\n"


@pytest.fixture(scope="module")
def editor() -> Iterator[LanguageServer]:
    with language_server(PROJECT / "stacks") as server:
        yield server


@pytest.mark.parametrize("path", sorted(PROJECT.glob("stacks/*.yaml")), ids=lambda path: path.name)
def test_nothing_is_marked_in_the_stack_files(editor: LanguageServer, path: Path) -> None:
    assert editor.marks(path.read_text(encoding="utf-8")) == []


def test_what_is_wrong_is_marked_where_it_stands(editor: LanguageServer) -> None:
    text = f"""{STACK}  pod-patterns:demo_vaut: true
  pod-patterns:app:
    name: Web
    image: web:1
    uid: "1000"
    imgae: x
    startup_probe:
      httpGet: {{ prot: 1 }}
  pod-patterns:workload:
    kubernetes_version: 1.30
    kind: {{ kind: StatefulSet, claims: [{{ name: a, size: 1Gi }}] }}
  pod-patterns:patterns:
    - kind: TlsAmbassador
      sysctls: {{}}
      validity_hours: 0
    - kind: VaultInit
      role: a
    - {{}}
"""
    assert editor.marks(text) == [
        (3, "Property pod-patterns:demo_vaut is not allowed."),
        (5, "not allowed: a-z, 0-9 and '-', 63 characters at most"),
        (7, "Incorrect type. Expected one of integer, null."),
        (8, "Property imgae is not allowed."),
        (10, "Property prot is not allowed."),
        (12, 'Incorrect type. Expected "string".'),
        (13, 'Missing property "mount_path".'),
        (16, "Property sysctls is not allowed."),
        (17, "Value is below the minimum of 1."),
        (18, 'Missing property "address".'),
        (20, 'Missing property "kind".'),
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (f"{STACK}  pod-patterns:app:\n    |\n", ["preset", "name", "image", "ports"]),
        (f"{STACK}{WEB}    log_files:\n      |\n", ["directory"]),
        (f"{STACK}{WEB}    startup_probe:\n      |\n", ["exec", "failureThreshold", "grpc", "httpGet"]),
        (f"{STACK}{WEB}  pod-patterns:workload:\n    service_type: |\n", ["ClusterIP", "NodePort", "LoadBalancer"]),
        (f"{STACK}{WEB}  pod-patterns:workload:\n    kind:\n      kind: StatefulSet\n      |\n", ["claims", "headless_service"]),
        (f"{STACK}{WEB}  pod-patterns:patterns:\n    - kind: |\n", ["ConfigReloadSidecar", "EgressTlsTunnel", "FetchInit"]),
        (f"{STACK}{WEB}  pod-patterns:patterns:\n    - kind: SysctlInit\n      |\n", ["name", "sysctls", "strategy", "image"]),
        (f"{INJECTIONS}injections:\n  - name: tls\n    |\n", ["target", "Injection", "patterns"]),
    ],
    ids=["app", "an object in it", "a probe", "an enum", "a kind of workload", "kinds of patterns", "a pattern", "an injection"],
)
def test_what_there_is_is_offered(editor: LanguageServer, text: str, first: list[str]) -> None:
    assert editor.completions(text)[: len(first)] == first


def test_every_key_is_offered_once(editor: LanguageServer) -> None:
    found = [label for label in editor.completions(f"{STACK}  |\n") if label.startswith("pod-patterns:")]
    assert len(found) == len(set(found)) == 9


def test_the_docstring_is_shown(editor: LanguageServer) -> None:
    text = f"{STACK}{WEB}  pod-patterns:patterns:\n    - kind: TlsAmbassador\n      validity_h|ours: 3\n"
    assert "Hours from issue to expiry. Default: 8760, a year." in editor.hover(text)
