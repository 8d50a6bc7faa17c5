"""Messages with the names that other languages know."""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache

from ..certificates import CertificateAuthorityArgs
from ..declared.injected import InjectedChartArgs, InjectedYamlArgs
from ..schema.naming import camel
from ..schema.reading import records
from ..workload import WorkloadArgs

# quoted, it is what the user wrote
_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|\b[a-z]+(?:_[a-z0-9]+)+\b")


def spelled(line: str) -> str:
    """A line for the user, with the names of arguments as the user writes them."""
    return _WORD.sub(lambda found: _names().get(found[0], found[0]), line)


@cache
def _names() -> Mapping[str, str]:
    """Every argument whose name is another in Python."""
    found = records((WorkloadArgs, CertificateAuthorityArgs, InjectedChartArgs, InjectedYamlArgs))
    names = {field.name for cls in found for field in fields(cls)}
    return {name: camel(name) for name in names if name != camel(name)}
