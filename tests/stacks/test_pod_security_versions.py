"""A stack says the Pod Security level of its workload's Kubernetes version, and creates no namespace that would refuse the pods there."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from components.core.patch import PodPatch
from components.core.plug import PatternArgs
from components.core.view import PodView
from components.declared import stack, stack_file
from components.declared.stack_file import SettingsError
from components.testing import Recording, run


@dataclass(frozen=True, kw_only=True)
class BuffersArgs(PatternArgs):
    """A pattern of one's own, with a sysctl that is safe since 1.32."""

    def patch(self, _pod: PodView) -> PodPatch:
        return PodPatch(sysctls=(("net.ipv4.tcp_wmem", "4096 65536 1048576"),))


@pytest.fixture(autouse=True)
def my_package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_package")
    vars(module).update(BuffersArgs=BuffersArgs)
    monkeypatch.setitem(sys.modules, "my_package", module)


def built(kubernetes_version: str, **keys: Any) -> Recording:
    given = {
        "app": {"name": "web", "image": "web:1"},
        "patterns": [{"kind": "my_package.Buffers"}],
        "workload": {"namespace": "shop", "kubernetes_version": kubernetes_version},
        **keys,
    }
    return run(lambda: stack.build(stack_file.parse(given, "stacks/Pulumi.test.yaml")))


@pytest.mark.parametrize(("kubernetes_version", "level"), [("1.31", "privileged"), ("1.32", "restricted"), ("1.37", "restricted")])
def test_the_level_is_that_of_the_version(kubernetes_version: str, level: str) -> None:
    outputs = built(kubernetes_version).one("Workload").outputs
    assert (outputs["pod_security_level"], outputs["privileged_containers"]) == (level, [])
    assert outputs["summary"].splitlines()[0] == f"Pod of web: Pod Security Standard {level}"


def test_a_namespace_that_refuses_the_pods_on_that_version_is_refused() -> None:
    with pytest.raises(SettingsError) as error:
        built("1.31", create_namespace="restricted")
    assert str(error.value) == (
        "workload 'web': 1 problem\n"
        "  - create_namespace: restricted admits none of its pods, which are privileged; set that, or leave out what is not"
    )
    namespace = built("1.32", create_namespace="restricted").one("Namespace")
    assert namespace.inputs["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
