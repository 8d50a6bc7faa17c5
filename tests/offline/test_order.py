"""components/offline/order.py: manifests read as people write them."""

from pathlib import Path

import pulumi_kubernetes as kubernetes
from hypothesis import given, strategies as st

from components.offline import render
from components.offline.order import ordered

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "image", "spec", "b", "a"]) | st.text(), inner),
)


def test_a_container_begins_with_its_name_and_ends_with_its_mounts() -> None:
    fields = ["name", "image", "restartPolicy", "command", "args", "workingDir", "env", "ports", "resources", "startupProbe"]
    fields += ["readinessProbe", "livenessProbe", "lifecycle", "securityContext", "volumeMounts", "imagePullPolicy", "stdin"]
    assert list(ordered(dict.fromkeys(sorted(fields)))) == fields


def test_an_object_begins_with_what_it_is() -> None:
    assert list(ordered({"spec": {}, "metadata": {}, "kind": "A", "apiVersion": "v1"})) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(ordered({"data": {}, "immutable": True, "metadata": {}, "type": "a"})) == ["metadata", "type", "data", "immutable"]


def test_it_reaches_into_lists_and_leaves_their_order_alone() -> None:
    (second, first) = ordered({"env": [{"value": "2", "name": "B"}, {"value": "1", "name": "A"}]})["env"]
    assert (list(second.items()), list(first.items())) == ([("name", "B"), ("value", "2")], [("name", "A"), ("value", "1")])


@given(TREES)
def test_it_changes_the_order_of_fields_and_nothing_else(tree: object) -> None:
    assert ordered(tree) == tree


def test_the_files_of_a_rendering_have_that_order(tmp_path: Path) -> None:
    def program() -> None:
        spec = {"volumes": [{"name": "tmp", "emptyDir": {}}], "containers": [{"image": "web:1", "args": ["a"], "name": "web"}]}
        kubernetes.core.v1.Pod("web", spec=spec, metadata={"namespace": "team", "name": "web"})

    (file,) = render(program, tmp_path / "out", keys=tmp_path / "keys.json").files
    assert file.read_text(encoding="utf-8").partition("\n")[2] == (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: team\nspec:\n"
        "  containers:\n  - name: web\n    image: web:1\n    args:\n    - a\n  volumes:\n  - name: tmp\n    emptyDir: {}\n"
    )
