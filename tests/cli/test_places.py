"""Where a problem stands in the file."""

import pytest

from components.cli.places import Places
from components.core.errors import ArgumentError, CompositionError

TEXT = """\
config:
  aws:region: eu-west-1
  pod-patterns:app:
    name: api
    env: {A: "1", A.B: "2"}
    ports:
      - name: http
        number: 8080
  pod-patterns:patterns:
    - kind: TlsAmbassador
    - kind: EgressTlsTunnel
      name: first
    - kind: EgressTlsTunnel
      name: second
    - {kind: acme.Tunnel}
"""


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("app.name 'x y' is not allowed", 4),
        ("app.nam: unknown key", 3),
        ("app.image: missing", 3),
        ("app.env.A is wrong", 5),
        ("app.ports[0].number 0 is not allowed", 8),
        ("app.ports[0].numbers: unknown key", 7),
        ("app.ports[7].number: missing", 6),
        ("patterns[1].targets: missing", 11),
        ("patterns[3]: wrong", 15),
        # of the composition
        ("port 9 of EgressTlsTunnel 'second' is already taken by TlsAmbassador; set port=", 13),
        ("port 9 of TlsAmbassador is already taken by EgressTlsTunnel 'second'", 10),
        ("volume 'x' of Tunnel is already defined", 15),
        # of nothing in the file
        ("workload.replicas: missing", None),
        ("application: unknown", None),
        ("TlsAmbassadors are many", None),
    ],
)
def test_a_problem_gets_the_line_that_its_path_leads_to(problem: str, line: int | None) -> None:
    expected = problem if line is None else f"Pulumi.dev.yaml:{line}: {problem}"
    assert Places("Pulumi.dev.yaml", TEXT, "pod-patterns:").of([problem]) == [expected]


def test_without_a_prefix_paths_start_at_the_top() -> None:
    assert Places("p.yaml", "injections:\n  - name: a\n").of(["injections[0].nam: unknown key"]) == [
        "p.yaml:2: injections[0].nam: unknown key"
    ]


@pytest.mark.parametrize("text", ["", "config", "config: 1", "{", "- a", "config: {pod-patterns:patterns: {a: b}}", "? {a: b}\n: c"])
def test_of_a_file_without_such_keys_the_problem_stays_as_it_is(text: str) -> None:
    assert Places("p.yaml", text, "pod-patterns:").of(["app.name: missing"]) == ["app.name: missing"]


def test_an_error_keeps_its_kind_and_gets_every_place() -> None:
    with (
        pytest.raises(CompositionError) as error,
        Places("p.yaml", TEXT, "pod-patterns:").located(),
    ):
        raise CompositionError("workload 'api'", ["port 1 of TlsAmbassador is taken", "app.name is wrong", "else"])
    assert str(error.value) == (
        "workload 'api': 3 conflicts\n  - p.yaml:10: port 1 of TlsAmbassador is taken\n  - p.yaml:4: app.name is wrong\n  - else"
    )
    with pytest.raises(ArgumentError), Places("p.yaml", TEXT, "pod-patterns:").located():
        raise ArgumentError("x", ["y"])
