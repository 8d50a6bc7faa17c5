"""The shapes that names, paths and numbers must have."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from . import quantities
from .errors import refuse

# RFC 1123 label: names of containers, volumes and namespaces (k8s.io/apimachinery validation.IsDNS1123Label)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# RFC 1035 label: Service names (validation.IsDNS1035Label)
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# IANA_SVC_NAME: container port names (validation.IsValidPortName), which also need one letter
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
# RFC 1123 subdomain, and a leading wildcard for certificates
_DNS_NAME = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
# what may stand in a path that ends up in nginx.conf, a shell script or a mount: no quotes, spaces, `$`, `;`, globs, control characters
_PATH = re.compile(r"/[A-Za-z0-9._@%+=,/-]*")
_RELATIVE_PATH = re.compile(r"[A-Za-z0-9._@%+=,-][A-Za-z0-9._@%+=,/-]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_@%+=-][A-Za-z0-9._@%+=-]{0,252}")
# C_IDENTIFIER with the dots and dashes that Kubernetes allows in env names (validation.IsEnvVarName)
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def is_plain(value: Any) -> bool:
    """False for an Output (or anything else that Pulumi only knows later)."""
    return not (isinstance(value, pulumi.Output) or hasattr(value, "__await__"))


def when_known(where: str, value: pulumi.Input[str], problems: Callable[[str], Iterable[str]]) -> pulumi.Input[str]:
    """The value; an Output is refused with ArgumentError as soon as it is known. What is plain was looked at before."""
    if isinstance(value, str):
        return value

    def check(known: str) -> str:
        refuse(where, problems(known))
        return known

    output: pulumi.Output[str] = pulumi.Output.from_input(value)
    return output.apply(check)


def shape(what: str, value: Any, pattern: re.Pattern[str], rule: str) -> list[str]:
    """What is wrong with a plain text that must match."""
    if not is_plain(value):
        return [f"{what} must be a plain value, not an Output"]
    if isinstance(value, str) and pattern.fullmatch(value):
        return []
    return [f"{what} {value!r} is not allowed: {rule}"]


def label(what: str, value: Any) -> list[str]:
    return shape(what, value, _LABEL, "a-z, 0-9 and '-', 63 characters at most")


def service_name(what: str, value: Any) -> list[str]:
    return shape(what, value, _SERVICE_NAME, "a-z, 0-9 and '-', starting with a letter, 63 characters at most")


def port_name(what: str, value: Any) -> list[str]:
    return shape(what, value, _PORT_NAME, "a-z, 0-9 and single '-', one letter at least, 15 characters at most")


def dns_name(what: str, value: Any) -> list[str]:
    return shape(what, value, _DNS_NAME, "a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most")


def path(what: str, value: Any) -> list[str]:
    return shape(what, value, _PATH, "an absolute path of letters, digits and ._@%+=,/-") or _upwards(what, value)


def relative_path(what: str, value: Any) -> list[str]:
    return shape(what, value, _RELATIVE_PATH, "a relative path of letters, digits and ._@%+=,/-") or _upwards(what, value)


def _upwards(what: str, path: str) -> list[str]:
    return [f"{what} {path!r} is not allowed: it must not contain '..'"] if ".." in path.split("/") else []


def file_name(what: str, value: Any) -> list[str]:
    return shape(what, value, _FILE_NAME, "a file name of letters, digits and ._@%+=-, not starting with '.'")


def env_name(what: str, value: Any) -> list[str]:
    return shape(what, value, _ENV_NAME, "letters, digits, '.', '_' and '-', not starting with a digit")


def port(what: str, value: Any) -> list[str]:
    if not is_plain(value):
        return [f"{what} must be a plain value, not an Output"]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        return [f"{what} {value!r} is not allowed: a whole number from 1 to 65535"]
    return []


def at_least(what: str, value: Any, minimum: int) -> list[str]:
    if not is_plain(value):
        return [f"{what} must be a plain value, not an Output"]
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        return [f"{what} {value!r} is not allowed: a whole number, {minimum} or more"]
    return []


def one_of(what: str, value: Any, allowed: Iterable[str]) -> list[str]:
    known = tuple(allowed)
    return [] if value in known else [f"{what} {value!r} is not allowed: one of {', '.join(known)}"]


def quantity(what: str, value: Any) -> list[str]:
    return shape(what, value, quantities.SHAPE, "a Kubernetes quantity such as 100m, 64Mi or 1.5")


def resources(what: str, value: Any) -> list[str]:
    """`{"requests": {"cpu", "memory"}, "limits": {"memory"}}`; a memory limit and both requests are required."""
    if not isinstance(value, Mapping):
        return [f"{what} must be a mapping with requests and limits"]
    found = [f"{what}.{key}: unknown key; known: limits, requests" for key in value if key not in ("requests", "limits")]
    given = {key: value.get(key) or {} for key in ("requests", "limits")}
    wrong = [f"{what}.{key} must be a mapping of quantities" for key, amounts in given.items() if not isinstance(amounts, Mapping)]
    if wrong:
        return found + wrong
    for key, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if name not in given[key]:
            found.append(f"{what}.{key}.{name} is missing")
    for key, amounts in given.items():
        for name, number in amounts.items():
            # a bool is an int
            found += quantity(f"{what}.{key}.{name}", str(number) if type(number) is int else number)
    return found
