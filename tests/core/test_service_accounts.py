"""A pod has one service account: patterns that ask for the same one agree, others do not."""

from typing import Any

import pulumi
import pytest

from components.core.base import Base
from components.core.cluster import cluster
from components.core.errors import CompositionError
from components.core.fold import compose, fold
from components.core.patch import PodPatch
from components.patterns.fetch_init import FetchInitArgs
from components.patterns.shared.vault import VaultSecret
from components.patterns.vault_init import VaultInitArgs
from components.testing import run
from tests.support.pods import Adds, web

HINT = "a pod has one: set service_account= on one of them only"


def asking(name: str, account: Any) -> Adds:
    return Adds(name, PodPatch(service_account=(account,)))


def test_the_same_account_twice_is_no_conflict():
    secret = VaultSecret(path="a", file="a", format="json")
    vault = VaultInitArgs(address="https://vault.example.com", role="web", secrets=[secret], service_account="web")
    fetch = FetchInitArgs(source="s3://models/m", sha256="0" * 64, workload_identity=True, service_account="web")
    assert compose(web(), [vault, fetch]).spec["serviceAccountName"] == "web"


def test_two_accounts_are():
    with pytest.raises(CompositionError) as error:
        compose(web(), [asking("a", "one"), asking("b", "one"), asking("c", "other")])
    assert error.value.problems == (f"service account 'other' of Adds 'c' is already set by Adds 'a'; {HINT}",)


def test_one_output_agrees_with_itself_alone():
    found: list[Any] = []

    def program() -> None:
        one: Any = pulumi.Output.from_input("web")
        other: Any = pulumi.Output.from_input("web")
        compose(web(), [asking("a", one), asking("b", one)])
        for account in (other, "web"):
            with pytest.raises(CompositionError) as error:
                compose(web(), [asking("a", one), asking("b", account)])
            found.append(error.value.problems)

    run(program)
    assert found == [
        (f"the service account of Adds 'b' is already set by Adds 'a'; {HINT}",),
        (f"service account 'web' of Adds 'b' is already set by Adds 'a'; {HINT}",),
    ]


def test_somebody_elses_pod_keeps_its_account():
    base = Base(spec={"serviceAccountName": "theirs", "containers": [{"name": "web", "image": "web:1"}]}, app_container="web")
    target, _ = cluster("1.30", "native")
    pod = fold(base, web(ports=()), [asking("a", "theirs")], where="pod 'theirs'", cluster=target)
    assert pod.spec["serviceAccountName"] == "theirs"
    with pytest.raises(CompositionError) as error:
        fold(base, web(ports=()), [asking("a", "ours")], where="pod 'theirs'", cluster=target)
    assert error.value.problems == (f"service account 'ours' of Adds 'a' is already set by the app; {HINT}",)
